package guanke

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// MaxPageSize is the largest page that is asked for.
const MaxPageSize = mapping.MaxPageSize

// Config is what a Client needs. Zero values mean the defaults.
type Config struct {
	// BaseURL is the root of the API, such as https://open-api.gooki.com. A
	// path is kept as a prefix; a query, a fragment and credentials in it are
	// refused.
	BaseURL string
	// Mapping describes the source; nil is mapping.Default, Guanke's own API.
	Mapping *mapping.Mapping
	// Secret, Username and Password are the credentials. Which of them are
	// required, and which are preferred, is the mapping's.
	Secret             string
	Username, Password string
	// PageSize is how many tasks a page has, 1 to MaxPageSize; 0 is
	// MaxPageSize. The mapping may have a lower limit.
	PageSize int
	// Zone replaces the mapping's zone of times; nil does not.
	Zone *time.Location
	// Timeout bounds one request with its answer; 0 is 30 s.
	Timeout time.Duration
	// MaxBody bounds one answer, unpacked, in bytes; 0 is 16 MiB.
	MaxBody int64
	// RatePerSecond bounds the requests per second; 0 is unlimited.
	RatePerSecond float64
	// Concurrency is how many pages are fetched ahead of the one that is
	// being read; 0 is 2.
	Concurrency int
	// HTTP replaces the client's own connections, for tests. Its redirect
	// policy is not used.
	HTTP *http.Client
}

func (cfg *Config) setDefaults() {
	if cfg.PageSize == 0 {
		cfg.PageSize = MaxPageSize
	}
	if cfg.Mapping == nil {
		cfg.Mapping = mapping.Default()
	}
	if cfg.Zone == nil {
		cfg.Zone = cfg.Mapping.Zone
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 16 << 20
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = 2
	}
}

// validate checks cfg and parses its base URL, without a slash at its end.
func (cfg *Config) validate() (*url.URL, error) {
	invalid := func(format string, args ...any) error {
		return task.Errorf(task.CodeInvalidArgument, format, args...)
	}
	switch {
	case cfg.BaseURL == "":
		return nil, invalid("没有设置冠客接口地址，请设置 GUANKE_BASE_URL，例如 https://open-api.gooki.com")
	case cfg.PageSize < 1 || cfg.PageSize > MaxPageSize:
		return nil, invalid("每页条数 %d 无效，应在 1 到 %d 之间", cfg.PageSize, MaxPageSize)
	case cfg.Timeout < 0:
		return nil, invalid("请求超时 %s 无效，应大于 0", cfg.Timeout)
	case cfg.MaxBody < 0:
		return nil, invalid("答复大小上限 %d 无效，应大于 0", cfg.MaxBody)
	case !(cfg.RatePerSecond >= 0):
		return nil, invalid("每秒请求数 %v 无效，应大于 0；0 表示不限", cfg.RatePerSecond)
	case cfg.Concurrency < 0:
		return nil, invalid("预取页数 %d 无效，应大于 0", cfg.Concurrency)
	}
	base, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Hostname() == "" {
		return nil, invalid("冠客接口地址无效，GUANKE_BASE_URL 应形如 https://open-api.gooki.com")
	}
	if base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "" {
		return nil, invalid("GUANKE_BASE_URL 只能有主机和路径，不能带账号、查询参数或 #")
	}
	return base, nil
}
