package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// everyTenth is how many tasks lie between those that EntriesDuplicates and
// EntriesMistyped spoil.
const everyTenth = 10

// list answers one page of tasks in the order of their creation.
func (s *Server) list(w http.ResponseWriter, r *http.Request, h hit) {
	if !s.good(r.Header.Get("Authorization")) {
		refuse(w, http.StatusOK, codeUnauthorized, messageExpired)
		return
	}
	q := r.URL.Query()
	first, last, err := s.span(q)
	var page, size int
	if err == nil {
		page, err = positive(q, "page", 1)
	}
	if err == nil {
		size, err = positive(q, "pageSize", 10)
	}
	if err == nil && last.After(first.AddDate(0, 0, maxSpanDays)) {
		err = fmt.Errorf("查询时间跨度不能超过7天")
	}
	if err != nil {
		refuse(w, http.StatusOK, codeBadRequest, err.Error())
		return
	}
	out := append(make([]byte, 0, 512+240*min(size, maxPageSize)), `{"code":200,"message":"OK","data":{"data":[`...)
	out, total := s.look(true).appendPage(out, first, last, page, size, h.Entries)
	if size > maxPageSize {
		total = 0
	}
	out = fmt.Appendf(out, `],"totalCount":%s,"page":%d,"start":%q,"end":%q}}`,
		h.total(total), page, first.Format(time.DateTime), last.Format(time.DateTime))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	// A caller that has gone needs no answer.
	_, _ = w.Write(out)
}

// appendPage appends the entries of a page, with what the Entries constant says
// is wrong with them, and answers how many tasks there are in all.
func (v view) appendPage(out []byte, first, last time.Time, page, size int, wrong string) (_ []byte, total int) {
	// Rows, from low up to, but not including, high, are what the page shows of
	// the list.
	low, high := (page-1)*size, page*size
	switch {
	case wrong == EntriesNone, size > maxPageSize:
		high = low
	case wrong == EntriesRepeat && page > 1:
		low, high = low-size, high-size
	case wrong == EntriesOversize:
		high++
	}
	entries := 0
	add := func(d day, index int, mistyped bool) {
		if entries > 0 {
			out = append(out, ',')
		}
		entries++
		if mistyped {
			out = v.appendMistyped(out, d, index, entries/everyTenth)
		} else {
			out = v.appendTask(out, d, index)
		}
	}
	if wrong != EntriesDuplicates {
		total = v.walk(first, last, low, high-low, func(d day, index int) bool {
			add(d, index, wrong == EntriesMistyped && entries%everyTenth == everyTenth-1)
			return true
		})
		if wrong == EntriesOversize {
			out = v.fill(out, first, last, entries, size+1)
		}
		return out, total
	}
	// Ten tasks are eleven rows: the tenth has two.
	task := func(row int) int { return row/(everyTenth+1)*everyTenth + min(row%(everyTenth+1), everyTenth-1) }
	row := low
	total = v.walk(first, last, task(low), task(high-1)+1-task(low), func(d day, index int) bool {
		for at := task(row); row < high && task(row) == at; row++ {
			add(d, index, false)
		}
		return true
	})
	return out, total
}

// fill appends the first tasks again until there are as many entries as wanted.
func (v view) fill(out []byte, first, last time.Time, entries, wanted int) []byte {
	for entries > 0 && entries < wanted {
		v.walk(first, last, 0, wanted-entries, func(d day, index int) bool {
			out = v.appendTask(append(out, ','), d, index)
			entries++
			return true
		})
	}
	return out
}

// appendMistyped is a task of which no can say what it is: by turns a name that
// is a number, an id that is a list, a time that is a word, counts that are
// objects and an entry that is no object at all.
func (v view) appendMistyped(out []byte, d day, index, turn int) []byte {
	id := strconv.FormatInt(v.id(d, index), 10)
	switch turn % 5 {
	case 0:
		return append(out, `"`+id+`"`...)
	case 1:
		return append(out, `{"id":`+id+`,"taskName":`+id+`,"createTime":`+strconv.FormatInt(v.created(d, index), 10)+`}`...)
	case 2:
		return append(out, `{"id":[`+id+`],"taskName":"列表编号","createTime":`+strconv.FormatInt(v.created(d, index), 10)+`}`...)
	case 3:
		return append(out, `{"id":`+id+`,"taskName":"文字时间","createTime":"昨天"}`...)
	}
	return append(out, `{"id":`+id+`,"taskName":"对象计数","totalNumber":{},"createTime":`+strconv.FormatInt(v.created(d, index), 10)+`}`...)
}

// total is what a list says of n tasks.
func (h hit) total(n int) string {
	off := max(1, n/10)
	switch h.Total {
	case TotalHigh:
		n += off
	case TotalLow:
		n = max(0, n-off)
	case TotalChanging:
		n += h.no
	case TotalZero:
		n = 0
	case TotalNone:
		return "null"
	}
	return strconv.Itoa(n)
}

// span reads startTime and endTime in the source's zone.
func (s *Server) span(q url.Values) (first, last time.Time, err error) {
	for _, p := range [...]struct {
		name string
		into *time.Time
	}{{"startTime", &first}, {"endTime", &last}} {
		v := q.Get(p.name)
		if v == "" {
			return first, last, fmt.Errorf("%s 不能为空", p.name)
		}
		if *p.into, err = time.ParseInLocation(time.DateTime, v, s.cfg.Zone); err != nil {
			return first, last, fmt.Errorf("%s 格式错误，应为 2006-01-02 15:04:05", p.name)
		}
	}
	return first, last, nil
}

func positive(q url.Values, name string, fallback int) (int, error) {
	v := q.Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s 应为大于 0 的整数", name)
	}
	return int(n), nil
}
