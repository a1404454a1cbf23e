package config

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// problems checks what a type alone cannot say. Settings that could not be
// read are not checked again.
func (c *Config) problems(unread []Problem) []Problem {
	v := checker{skip: map[string]bool{}}
	for _, p := range unread {
		v.skip[p.Name] = true
	}
	v.ports(c)
	v.between("TASKSYNC_BATCH_SIZE", c.BatchSize, 1, 1000)
	v.between("TASKSYNC_PAGE_SIZE", c.PageSize, 1, 1000)
	v.between("TASKSYNC_MAX_RETRIES", c.MaxRetries, 0, 10)
	v.between("TASKSYNC_UPSERT_CONNECTIONS", c.UpsertConnections, 1, 64)
	v.between("TASKSYNC_SIM_TASKS_PER_DAY", c.SimTasksPerDay, 1, 10_000_000)
	v.duration("TASKSYNC_LOCK_TIMEOUT", c.LockTimeout, time.Second, 24*time.Hour)
	v.duration("TASKSYNC_MANUAL_WAIT", c.ManualWait, 0, 10*time.Minute)
	v.duration("TASKSYNC_HOUSEKEEPING", c.Housekeeping, time.Second, 24*time.Hour)
	v.duration("TASKSYNC_RETENTION", c.Retention, 24*time.Hour, 100*365*24*time.Hour)
	if !(c.GuankeRate >= 0 && c.GuankeRate <= 1e6) {
		v.add(wrong("TASKSYNC_GUANKE_RATE", c.GuankeRate, "应为 0（不限）或正数"))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		v.add(wrong("TASKSYNC_LOG_FORMAT", c.LogFormat, "应为 text 或 json"))
	}
	for name, cron := range map[string]string{
		"TASKSYNC_SCHEDULE_HISTORICAL": c.ScheduleHistorical, "TASKSYNC_SCHEDULE_TODAY": c.ScheduleToday,
	} {
		if err := checkCron(cron); err != nil {
			v.add(wrong(name, cron, err.Error()))
		}
	}
	for _, host := range c.AllowedHosts {
		if strings.ContainsAny(host, "/*@ ") || (strings.Contains(host, ":") && net.ParseIP(host) == nil) {
			v.add(wrong("TASKSYNC_ALLOWED_HOSTS", host, "应为主机名，不带协议、端口和通配符，例如 sync.example.com"))
		}
	}
	for _, origin := range c.CORSOrigins {
		if !isOrigin(origin) {
			v.add(wrong("TASKSYNC_CORS_ORIGINS", origin, "应为 协议://主机[:端口]，例如 https://console.example.com，不能用 *"))
		}
	}
	if c.SimFaults != "" && json.Unmarshal([]byte(c.SimFaults), &map[string]any{}) != nil {
		v.add(wrong("TASKSYNC_SIM_FAULTS", c.SimFaults, `应为 JSON 对象，例如 {"latency":"5s"}`))
	}
	v.external(c)
	slices.SortStableFunc(v.found, func(a, b Problem) int { return strings.Compare(a.Name, b.Name) })
	return v.found
}

type checker struct {
	skip  map[string]bool
	found []Problem
}

func (v *checker) add(p Problem) {
	if !v.skip[p.Name] {
		v.found = append(v.found, p)
	}
}

func (v *checker) between(name string, value, least, most int) {
	if value < least || value > most {
		v.add(wrong(name, value, fmt.Sprintf("应在 %d 到 %d 之间", least, most)))
	}
}

func (v *checker) duration(name string, value, least, most time.Duration) {
	if value < least || value > most {
		v.add(wrong(name, value, fmt.Sprintf("应在 %s 到 %s 之间", short(least), short(most))))
	}
}

// short writes 24h, not 24h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if d >= time.Minute {
		s = strings.TrimSuffix(s, "0s")
	}
	if d >= time.Hour {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ports checks the addresses, and that no two share a port. Port 0 of an
// address is any free port.
func (v *checker) ports(c *Config) {
	owner := map[int]string{}
	claim := func(name string, port int) {
		if port == 0 || v.skip[name] {
			return
		}
		if other, taken := owner[port]; taken {
			v.add(wrong(name, port, "与 "+other+" 的端口重复"))
			return
		}
		owner[port] = name
	}
	for _, a := range []struct{ name, addr string }{
		{"TASKSYNC_HTTP_ADDR", c.HTTPAddr}, {"TASKSYNC_SIM_ADDR", c.SimAddr},
	} {
		_, port, err := net.SplitHostPort(a.addr)
		n, portErr := strconv.Atoi(port)
		if err != nil || portErr != nil || n < 0 || n > 65535 {
			v.add(wrong(a.name, a.addr, "应为 主机:端口，例如 127.0.0.1:8080"))
			continue
		}
		claim(a.name, n)
	}
	for _, p := range []struct {
		name string
		port int
	}{
		{"TASKSYNC_TEMPORAL_PORT", c.TemporalPort},
		{"TASKSYNC_TEMPORAL_UI_PORT", c.TemporalUIPort},
		{"TASKSYNC_PG_PORT", c.PGPort},
	} {
		v.between(p.name, p.port, 1, 65535)
		claim(p.name, p.port)
	}
}

// external checks the addresses of services that we do not run. A secret's
// value is not repeated.
func (v *checker) external(c *Config) {
	if u := c.DatabaseURL.Reveal(); u != "" && !isDatabaseURL(u) {
		v.add(Problem{"DATABASE_URL", "不正确：应形如 postgres://用户:密码@主机:5432/库名（密码中的特殊字符要用 %XX 编码）"})
	}
	if c.GuankeBaseURL != "" {
		u, err := url.Parse(c.GuankeBaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			v.add(Problem{"GUANKE_BASE_URL", "不正确：应形如 https://open-api.gooki.com，不能带账号、查询参数或 #"})
		}
	}
	if (c.GuankeUsername == "") != (c.GuankePassword == "") {
		missing := "GUANKE_PASSWORD"
		if c.GuankeUsername == "" {
			missing = "GUANKE_USERNAME"
		}
		v.add(Problem{missing, "没有设置：GUANKE_USERNAME 和 GUANKE_PASSWORD 要一起设置"})
	}
	for _, old := range renamedTemporal {
		if c.temporal[old[0]] != "" {
			v.add(Problem{old[0], "是旧名称，Temporal 会忽略它：请改用 " + old[1]})
		}
	}
}

func isDatabaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		!strings.Contains(s, "*") && s == u.Scheme+"://"+u.Host
}
