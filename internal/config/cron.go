package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// cronFields are the limits of a cron's fields; names go with the last two.
var cronFields = []struct {
	name        string
	least, most int
	names       []string
}{
	{"分", 0, 59, nil},
	{"时", 0, 23, nil},
	{"日", 1, 31, nil},
	{"月", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{"周", 0, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

// checkCron accepts five fields of lists, ranges and steps.
func checkCron(cron string) error {
	fields := strings.Fields(cron)
	if len(fields) != len(cronFields) {
		return errors.New("应为五段 cron（分 时 日 月 周），例如 0 9-23 * * *")
	}
	for i, f := range cronFields {
		number := func(s string) (int, bool) {
			for n, name := range f.names {
				if strings.EqualFold(s, name) {
					return n + f.least, true
				}
			}
			n, err := strconv.Atoi(s)
			return n, err == nil && n >= f.least && n <= f.most
		}
		for part := range strings.SplitSeq(fields[i], ",") {
			span, step, stepped := strings.Cut(part, "/")
			if stepped {
				if n, err := strconv.Atoi(step); err != nil || n < 1 {
					return cronError(f.name, part, f.least, f.most)
				}
			}
			if span == "*" {
				continue
			}
			from, to, ranged := strings.Cut(span, "-")
			a, ok := number(from)
			if ok && ranged {
				var b int
				b, ok = number(to)
				ok = ok && a <= b
			}
			if !ok {
				return cronError(f.name, part, f.least, f.most)
			}
		}
	}
	return nil
}

func cronError(field, part string, least, most int) error {
	return fmt.Errorf("“%s”一段的 %s 不对，应为 %d 到 %d 的数字、范围 a-b、列表 a,b 或步长 */n", field, part, least, most)
}
