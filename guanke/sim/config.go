package sim

import (
	"fmt"
	"time"
)

// TokenPrefix begins every token, so that one that leaks is recognized.
const TokenPrefix = "sim-token-"

// DefaultSecret is the secret that buys a token where Config names no
// credentials.
const DefaultSecret = "sim-secret"

const (
	defaultTasksPerDay = 28
	maxTasksPerDay     = 10_000_000
)

// Config is what a Server needs. Zero values mean the defaults.
type Config struct {
	// Seed chooses the data set.
	Seed int64
	// TasksPerDay is how many tasks a day has, at most 10,000,000; 0 is 28.
	// The packages of a smaller number are among those of a larger one.
	TasksPerDay int
	// Zone is the zone of the source's times; nil is Asia/Shanghai.
	Zone *time.Location
	// Secret buys a token at /token/secret, Username and Password at /token.
	// An empty one refuses its way; without any, Secret is DefaultSecret.
	Secret             string
	Username, Password string
	// TokenTTL is how long a token is good; 0 is 30 days.
	TokenTTL time.Duration
	// Clock is the time while it is not frozen; nil is time.Now.
	Clock func() time.Time
	// Faults are in force from the start.
	Faults Faults
	// AllowedHosts may reach /_sim/ beside the loopback names.
	AllowedHosts []string
}

func (cfg *Config) setDefaults() {
	if cfg.TasksPerDay == 0 {
		cfg.TasksPerDay = defaultTasksPerDay
	}
	if cfg.Zone == nil {
		// Not every machine has a database of zones; this one has no summer
		// time.
		zone, err := time.LoadLocation("Asia/Shanghai")
		if err != nil {
			zone = time.FixedZone("Asia/Shanghai", 8*60*60)
		}
		cfg.Zone = zone
	}
	if cfg.Secret == "" && cfg.Username == "" {
		cfg.Secret = DefaultSecret
	}
	if cfg.TokenTTL == 0 {
		cfg.TokenTTL = 30 * 24 * time.Hour
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
}

func (cfg *Config) validate() error {
	switch {
	case cfg.TasksPerDay < 0 || cfg.TasksPerDay > maxTasksPerDay:
		return fmt.Errorf("模拟源每天的任务数 %d 无效，应在 1 到 %d 之间", cfg.TasksPerDay, maxTasksPerDay)
	case cfg.TokenTTL < 0:
		return fmt.Errorf("模拟源的令牌有效期 %s 无效，应大于 0", cfg.TokenTTL)
	case cfg.Username != "" && cfg.Password == "":
		return fmt.Errorf("模拟源设置了用户名，但没有密码")
	}
	return cfg.Faults.validate()
}
