package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (f Faults) validate() error {
	kinds := 0
	for _, on := range [...]bool{f.Status != 0, f.Code != 0, f.ExpiredToken, f.Reset, f.Body != ""} {
		if on {
			kinds++
		}
	}
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("故障设置无效："+format, args...)
	}
	for _, field := range [...]struct {
		name, value string
		kinds       []string
	}{{"body", f.Body, bodyKinds}, {"entries", f.Entries, entriesKinds}, {"total", f.Total, totalKinds}} {
		if field.value != "" && !slices.Contains(field.kinds, field.value) {
			return invalid("%s %q 应为 %s 之一", field.name, field.value, strings.Join(field.kinds, "、"))
		}
	}
	lies := f.Entries != "" || f.Total != ""
	onlyList := f.Scope == "" || f.Scope == ScopeList
	switch {
	case f.Latency < 0 || f.Latency > 10*time.Minute:
		return invalid("latency %s 应在 0 到 10m 之间", f.Latency)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return invalid("status %d 应在 400 到 599 之间", f.Status)
	case f.Code == http.StatusOK:
		return invalid("code 200 表示成功，应为错误码")
	case kinds > 1:
		return invalid("status、code、expired_token、reset、body 只能设置一个")
	case lies && kinds > 0 && f.Body == "":
		return invalid("entries 和 total 不能与 status、code、expired_token、reset 一起设置")
	case f.RetryAfter < 0:
		return invalid("retry_after %d 应大于 0（秒）", f.RetryAfter)
	case (f.RetryAfter != 0 || f.Message != "") && f.Status == 0 && f.Code == 0:
		return invalid("retry_after 和 message 要与 status 或 code 一起设置")
	case f.Times < 0:
		return invalid("times %d 应大于 0；0 表示一直有效", f.Times)
	case f.After < 0:
		return invalid("after %d 应大于 0；0 表示从第一次请求起", f.After)
	case !(f.Probability >= 0 && f.Probability <= 1):
		return invalid("probability %v 应在 0 到 1 之间；0 表示每次", f.Probability)
	case f.Scope != "" && f.Scope != ScopeList && f.Scope != ScopeToken && f.Scope != ScopeAll:
		return invalid("scope %q 应为 list、token 或 all", f.Scope)
	case slices.ContainsFunc(f.Pages, func(page int) bool { return page < 1 }):
		return invalid("pages %v 应为从 1 起的页码", f.Pages)
	case f.ExpiredToken && !onlyList:
		return invalid("expired_token 只用于 scope list")
	case (lies || len(f.Pages) > 0) && !onlyList:
		return invalid("entries、total 和 pages 只用于 scope list")
	}
	return nil
}

// active reports whether anything is wrong at all.
func (f Faults) active() bool {
	return f.Latency != 0 || f.Status != 0 || f.Code != 0 || f.ExpiredToken || f.Reset ||
		f.Body != "" || f.Entries != "" || f.Total != ""
}

func (f Faults) hits(scope string, query url.Values) bool {
	if !f.active() || f.Scope != scope && f.Scope != ScopeAll && (f.Scope != "" || scope != ScopeList) {
		return false
	}
	if len(f.Pages) == 0 {
		return true
	}
	page, err := positive(query, "page", 1)
	return err == nil && slices.Contains(f.Pages, page)
}

// hit is the faults that a request meets.
type hit struct {
	Faults
	// no numbers the requests that were hit, from 1.
	no int
}

// meet counts a request and takes the faults that it meets.
func (s *Server) meet(scope string, r *http.Request) hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[r.URL.Path]++
	f := s.faults
	if !f.hits(scope, r.URL.Query()) {
		return hit{}
	}
	if f.After > 0 {
		s.faults.After--
		return hit{}
	}
	if f.Probability > 0 {
		s.draws++
		if draw := newRandom(f.Seed, aboutFault, s.draws); draw.unit() >= f.Probability {
			return hit{}
		}
	}
	s.faulted++
	if f.Times > 0 {
		if s.faults.Times--; s.faults.Times == 0 {
			s.faults = Faults{}
		}
	}
	return hit{Faults: f, no: s.faulted}
}
