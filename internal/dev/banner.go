package dev

import (
	"net/url"
	"path/filepath"
	"strings"
)

// banner tells every address.
func (r *run) banner() {
	var b strings.Builder
	b.WriteString("\n")
	if r.StartupLines != nil {
		for _, line := range r.StartupLines() {
			b.WriteString(line + "\n")
		}
	}
	b.WriteString("\n🚀 tasksync 已就绪\n")
	row := func(name, value string) {
		if value != "" {
			// A Chinese letter takes two columns.
			width := 0
			for _, c := range name {
				if width++; c > 0x2e80 {
					width++
				}
			}
			b.WriteString("   " + name + strings.Repeat(" ", max(1, 18-width)) + value + "\n")
		}
	}
	s := r.services
	row("API", s.APIURL)
	row("Temporal", s.TemporalAddress)
	row("Temporal Web UI", s.TemporalUIURL)
	if s.Simulated {
		row("模拟冠客", s.SourceURL+"（开关：/_sim/faults、/_sim/clock）")
	} else {
		row("冠客", s.SourceURL)
	}
	row("PostgreSQL", withoutPassword(s.DatabaseURL))
	if r.Config.DatabaseURL == "" {
		row("", "密码在 "+r.passwordFile()+"，完整地址在 "+r.Config.DatabaseFile())
	}
	row("", r.postgres)
	row("日志", filepath.Join(r.Config.DataDir, "logs"))
	b.WriteString("\n   手动同步：curl -X POST " + s.APIURL + "/api/sync/today/manual\n   结束：Ctrl-C\n")
	r.term.say(b.String())
}

// withoutPassword is the address as it may be shown.
func withoutPassword(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "（DATABASE_URL）"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	u.RawQuery = q.Encode()
	return u.String()
}
