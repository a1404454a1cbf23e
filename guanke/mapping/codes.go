package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Codes is a set of codes: numbers, ranges of numbers, and words.
type Codes struct {
	ranges [][2]int64
	words  []string
}

// Has reports whether code is in the set. A code that is written as a number
// is compared as one.
func (c Codes) Has(code string) bool {
	if n, err := strconv.ParseInt(code, 10, 64); err == nil {
		for _, r := range c.ranges {
			if r[0] <= n && n <= r[1] {
				return true
			}
		}
	}
	return slices.Contains(c.words, code)
}

// HasInt is Has for a number.
func (c Codes) HasInt(code int) bool { return c.Has(strconv.Itoa(code)) }

// Empty reports whether nothing is in the set.
func (c Codes) Empty() bool { return len(c.ranges) == 0 && len(c.words) == 0 }

// Numbers reports whether the set has only numbers.
func (c Codes) Numbers() bool { return len(c.words) == 0 }

// add takes 200, 500-599 or a word.
func (c *Codes) add(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return fmt.Errorf("代码不能为空")
	}
	low, high, isRange := strings.Cut(text, "-")
	from, err := strconv.ParseInt(low, 10, 64)
	if err == nil && !isRange {
		c.ranges = append(c.ranges, [2]int64{from, from})
		// 0200 is a word as well.
		if strconv.FormatInt(from, 10) != text {
			c.words = append(c.words, text)
		}
		return nil
	}
	if err == nil && low != "" {
		to, err := strconv.ParseInt(high, 10, 64)
		if err == nil {
			if to < from {
				return fmt.Errorf("范围 %s 的终点小于起点", quoted(text))
			}
			c.ranges = append(c.ranges, [2]int64{from, to})
			return nil
		}
	}
	c.words = append(c.words, text)
	return nil
}

func codes(texts ...string) Codes {
	var c Codes
	for _, t := range texts {
		if err := c.add(t); err != nil {
			panic(err)
		}
	}
	return c
}
