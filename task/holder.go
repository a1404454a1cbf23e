package task

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxHolderLength is how many characters a holder's name may have.
const MaxHolderLength = 100

// Holder names a process as host-pid, the guide's 锁定者. A host that is too
// long is cut, the pid never is; a host without a name is "unknown".
func Holder(host string, pid int) string {
	host = strings.ToValidUTF8(strings.TrimSpace(host), "")
	if host == "" {
		host = "unknown"
	}
	suffix := "-" + strconv.Itoa(pid)
	room := MaxHolderLength - len(suffix)
	if utf8.RuneCountInString(host) > room {
		host = string([]rune(host)[:room])
	}
	return host + suffix
}
