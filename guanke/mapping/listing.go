package mapping

import (
	"time"
)

func (o *object) listRequest(m *Mapping) {
	c := o.object(o.required("list", "任务列表的请求"), "list")
	if c == nil {
		return
	}
	defer c.done()
	l := &m.List
	l.Request = c.request(false)
	l.Items = c.requiredExpr("items", "任务在答复的什么地方，例如 .data.list；答复本身就是列表时写 .")
	c.paging(l)
	if w := c.child("window"); w != nil {
		l.Window = w.window(m.Zone)
		w.done()
	}
	inBody := l.Paging.In == InBody && l.Paging.Param+l.Paging.Size != "" ||
		l.Window != nil && l.Window.In == InBody || m.Auth.In == InBody
	if inBody && l.Encoding == "" {
		l.Encoding = "json"
	}
	c.checkBody(&l.Request)
}

func (o *object) paging(l *List) {
	n := o.required("paging", "怎样翻页；一次答复就有全部任务时写 paging: {style: none}")
	if o = o.object(n, "list.paging"); o == nil {
		return
	}
	defer o.done()
	p := &l.Paging
	if o.get("style") == nil {
		o.wrong(n, "缺少 list.paging.style：可以是 page、offset、cursor、link、none")
		return
	}
	p.Style = PagingStyle(o.choice("style", string(PagingPage), string(PagingOffset), string(PagingCursor), string(PagingLink), string(PagingNone)))
	p.Total = o.expr("total")
	p.TotalHeader = o.paramName("total_header", InHeader)
	if p.Total != nil && p.TotalHeader != "" {
		o.wrong(o.values["total_header"], "%s 和 %s 只能写一个", o.at("total"), o.at("total_header"))
	}
	if p.Style == PagingNone {
		return
	}
	p.In = Place(o.choice("in", string(InQuery), string(InBody)))
	p.Size = o.text("size")
	p.Largest = o.integer("largest", 0, 1, MaxPageSize)
	if p.Size != "" && p.Largest == 0 {
		p.Largest = MaxPageSize
	}
	if p.Style == PagingLink {
		p.Next = o.expr("next")
	} else {
		o.required("param", "参数的名称，例如 page、offset、cursor")
		p.Param = o.text("param")
		p.HasMore = o.expr("has_more")
	}
	if p.Param != "" && p.Param == p.Size {
		o.wrong(o.values["size"], "%s 和 %s 不能是同一个参数", o.at("param"), o.at("size"))
	}
	switch p.Style {
	case PagingPage:
		p.First = o.integer("first", 1, 0, 1)
		if p.Largest == 0 {
			o.wrong(n, "没有 list.paging.size（每页条数的参数）时，请用 list.paging.largest 写明服务端每页有多少条")
		}
	case PagingOffset:
		o.required("size", "每页条数的参数，例如 limit")
	case PagingCursor:
		p.Next = o.requiredExpr("next", "下一页的游标在答复的什么地方，例如 .next_cursor")
	}
}

func (o *object) window(zone *time.Location) *Window {
	w := &Window{
		In: Place(o.choice("in", string(InQuery), string(InBody))),
	}
	o.required("start", "开始时间的参数，例如 startTime")
	o.required("end", "结束时间的参数，例如 endTime")
	if w.Start, w.End = o.text("start"), o.text("end"); w.Start != "" && w.Start == w.End {
		o.wrong(o.values["end"], "%s 和 %s 不能是同一个参数", o.at("start"), o.at("end"))
	}
	o.required("format", timeFormats)
	w.Format = o.timeFormat("format")
	w.Inclusive = o.boolean("inclusive")
	w.StartOpen = o.get("start_inclusive") != nil && !o.boolean("start_inclusive")
	if w.Granularity = o.period("granularity"); w.Granularity.IsZero() {
		w.Granularity = Period{Duration: time.Second}
		if w.Format.Kind == TimeUnixMS {
			w.Granularity.Duration = time.Millisecond
		}
	}
	if d := w.Granularity.Duration; w.Granularity.Days > 1 || d > 0 && 24*time.Hour%d != 0 {
		o.wrong(o.values["granularity"], "%s 不对，应为能整除一天的时长，例如 1ms、1s、1m、1h、1d", o.at("granularity"))
		return w
	}
	w.Longest = o.period("longest")
	if d := w.Longest.Duration; d > 0 && (d < time.Minute || d < w.Granularity.Duration || w.Granularity.Days > 0) {
		o.wrong(o.values["longest"], "%s 太短：至少 1m，且不短于 granularity（按天时请写几天，例如 7d）", o.at("longest"))
	}
	if n := o.values["format"]; n != nil && w.Format.Kind != "" && !w.expresses(zone) {
		o.wrong(n, "%s 的值 %s 写不出精确到 granularity 的时间，请换一种格式，或把 granularity 写大一些（例如 1d）", o.at("format"), quoted(n.Value))
	}
	return w
}

// expresses reports whether the format tells all steps of the parameters
// apart.
func (w *Window) expresses(zone *time.Location) bool {
	t := w.Granularity.Floor(time.Date(2026, 11, 23, 17, 45, 38, 987_000_000, zone))
	back, ok := w.Format.Parse(w.Format.Write(t), zone)
	return ok && back.Equal(t)
}

const timeFormats = "时间的写法：unix（秒）、unix_ms（毫秒）、rfc3339，或 Go 的时间格式，例如 \"2006-01-02 15:04:05\""

func (o *object) timeFormat(key string) TimeFormat {
	n := o.get(key)
	if n == nil {
		return TimeFormat{}
	}
	s, ok := o.scalar(n, o.at(key))
	if !ok {
		return TimeFormat{}
	}
	switch s {
	case TimeUnix, TimeUnixMS, TimeRFC3339:
		return TimeFormat{Kind: s}
	}
	f := TimeFormat{Kind: TimeLayout, Layout: s}
	t := time.Date(2017, 9, 18, 0, 0, 0, 0, time.UTC)
	if back, err := time.Parse(s, t.Format(s)); err != nil || !back.Truncate(24*time.Hour).Equal(t) {
		o.wrong(n, "%s 的值 %s 不认识，应为%s", o.at(key), quoted(s), timeFormats)
		return TimeFormat{}
	}
	return f
}

// fields reads the expressions of a task's fields.
func (o *object) fields(m *Mapping) {
	c := o.object(o.required("fields", "任务的各个字段在一条任务的什么地方"), "fields")
	if c == nil {
		return
	}
	defer c.done()
	why := map[Field]string{
		FieldID: "任务编号，例如 .id", FieldName: "任务名称，例如 .name", FieldCreatedAt: "创建时间，例如 {path: .created_at, format: unix}",
	}
	for f, key := range FieldKeys {
		n := c.get(key)
		if n == nil {
			if text := why[Field(f)]; text != "" {
				c.required(key, text)
			}
			continue
		}
		if Field(f) != FieldCreatedAt && Field(f) != FieldState {
			m.Fields[f] = c.compile(n, c.at(key))
			continue
		}
		if s, isText := c.scalarOrNot(n); isText && Field(f) == FieldState {
			m.Fields[f] = c.compile(n, c.at(key))
			continue
		} else if isText {
			c.wrong(n, "fields.created_at 还要写明时间的写法，例如 {path: %s, format: unix}", s)
			continue
		}
		v := c.object(n, c.at(key))
		m.Fields[f] = v.requiredExpr("path", "在一条任务的什么地方")
		if Field(f) == FieldCreatedAt {
			v.required("format", timeFormats)
			m.Created = v.timeFormat("format")
		} else {
			m.States = v.words("values")
		}
		v.done()
	}
}

// words reads an object of texts.
func (o *object) words(key string) map[string]string {
	c := o.child(key)
	if c == nil {
		return nil
	}
	out := make(map[string]string, len(c.keys))
	for _, k := range c.keys {
		out[k.Value] = c.text(k.Value)
	}
	return out
}
