package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Write writes t, which is in the zone of the source.
func (f TimeFormat) Write(t time.Time) string {
	switch f.Kind {
	case TimeUnix:
		return strconv.FormatInt(t.Unix(), 10)
	case TimeUnixMS:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case TimeRFC3339:
		return t.Format(time.RFC3339Nano)
	}
	return t.Format(f.Layout)
}

// Number reports whether Write gives a number.
func (f TimeFormat) Number() bool { return f.Kind == TimeUnix || f.Kind == TimeUnixMS }

// Parse reads what the source wrote, to the microsecond. A time without a
// zone is in zone.
func (f TimeFormat) Parse(s string, zone *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	switch f.Kind {
	case TimeUnix, TimeUnixMS:
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case err != nil || n > math.MaxInt64/1_000_000 || n < math.MinInt64/1_000_000:
			return time.Time{}, false
		case f.Kind == TimeUnix:
			return time.Unix(n, 0).In(zone), true
		}
		return time.UnixMilli(n).In(zone), true
	case TimeRFC3339:
		t, err := time.Parse(time.RFC3339Nano, s)
		return t.Truncate(time.Microsecond).In(zone), err == nil
	}
	t, err := time.ParseInLocation(f.Layout, s, zone)
	return t.Truncate(time.Microsecond).In(zone), err == nil
}

// String describes the format for people.
func (f TimeFormat) String() string {
	switch f.Kind {
	case TimeUnix:
		return "1970 年以来的秒数"
	case TimeUnixMS:
		return "1970 年以来的毫秒数"
	case TimeRFC3339:
		return "RFC 3339 时间，例如 2026-11-23T14:00:00+08:00"
	}
	return "形如 " + f.Layout + " 的时间"
}

// Floor is the last step of p that is not after t, by the clock of t's zone.
func (p Period) Floor(t time.Time) time.Time {
	midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	if p.Days > 0 {
		return midnight
	}
	return midnight.Add(t.Sub(midnight).Truncate(p.Duration))
}

// Ceil is the first step of p that is not before t.
func (p Period) Ceil(t time.Time) time.Time {
	if f := p.Floor(t); f.Before(t) {
		return p.Floor(p.After(f))
	}
	return t
}

// After is one p after t.
func (p Period) After(t time.Time) time.Time {
	if p.Days > 0 {
		return t.AddDate(0, 0, p.Days)
	}
	return t.Add(p.Duration)
}

// Before is one p before t.
func (p Period) Before(t time.Time) time.Time {
	if p.Days > 0 {
		return t.AddDate(0, 0, -p.Days)
	}
	return t.Add(-p.Duration)
}
