package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	// Zones are known on hosts without a database of zones too.
	_ "time/tzdata"

	"github.com/caarlos0/env/v11"
)

// Config holds every setting. The tag zh is what .env.example says about it,
// and group opens a new part of that file.
type Config struct {
	// DatabaseURL is PostgreSQL's address; see Database for what an empty one
	// means.
	DatabaseURL Secret `env:"DATABASE_URL" group:"外部服务（生产环境必填；tasksync dev 会自己启动它们）" zh:"PostgreSQL 地址，形如 postgres://用户:密码@主机:5432/库名。留空时使用正在运行的 tasksync dev 的数据库"`
	// GuankeBaseURL is the root of Guanke's API; an empty one makes `dev` run
	// the simulator.
	GuankeBaseURL string `env:"GUANKE_BASE_URL" zh:"冠客接口地址，例如 https://open-api.gooki.com。留空时 tasksync dev 使用模拟冠客"`
	// GuankeAPISecret, or GuankeUsername and GuankePassword, buy a token.
	GuankeAPISecret Secret `env:"GUANKE_API_SECRET" zh:"冠客接口密钥（推荐）；也可以改用下面的用户名和密码"`
	GuankeUsername  string `env:"GUANKE_USERNAME" zh:"冠客用户名"`
	GuankePassword  Secret `env:"GUANKE_PASSWORD" zh:"冠客密码"`
	// SourceMapping is the path of the file that describes the source; empty is
	// the embedded one of Guanke's own API.
	SourceMapping string `env:"TASKSYNC_SOURCE_MAPPING" zh:"数据源映射文件（YAML）的路径：接口与内置的冠客接口不同时，用它说明怎样登录、翻页和取字段。留空时使用内置的映射"`
	// GuankeRate bounds the requests per second; 0 is unlimited.
	GuankeRate float64 `env:"TASKSYNC_GUANKE_RATE" envDefault:"0" zh:"每秒最多向冠客发出的请求数，可以是小数；0 表示不限"`

	// HTTPAddr is where the API and the console listen.
	HTTPAddr string `env:"TASKSYNC_HTTP_ADDR" envDefault:"127.0.0.1:8080" group:"地址与端口" zh:"API 与控制台的监听地址"`
	// TemporalPort is the port of the development server, and the one that
	// every command uses while TEMPORAL_ADDRESS is unset.
	TemporalPort int `env:"TASKSYNC_TEMPORAL_PORT" envDefault:"7233" zh:"Temporal 端口；设置了 TEMPORAL_ADDRESS 时不用"`
	// TemporalUIPort is the port of the development server's Web UI.
	TemporalUIPort int `env:"TASKSYNC_TEMPORAL_UI_PORT" envDefault:"8233" zh:"Temporal Web UI 端口"`
	// SimAddr is where the simulator listens.
	SimAddr string `env:"TASKSYNC_SIM_ADDR" envDefault:"127.0.0.1:9090" zh:"模拟冠客的监听地址"`
	// PGPort is the port of the PostgreSQL that `dev` runs.
	PGPort int `env:"TASKSYNC_PG_PORT" envDefault:"5433" zh:"tasksync dev 启动的 PostgreSQL 的端口"`
	// AllowedHosts are names, beside the loopback ones, under which a browser
	// may call the API.
	AllowedHosts []string `env:"TASKSYNC_ALLOWED_HOSTS" zh:"除本机名称外，允许用来访问 API 的主机名，逗号分隔，不带协议和端口"`
	// CORSOrigins are the origins of other sites that may call the API.
	CORSOrigins []string `env:"TASKSYNC_CORS_ORIGINS" zh:"允许跨域调用 API 的来源，逗号分隔，例如 https://console.example.com；不能用 *"`

	// Zone is the business time zone.
	Zone *time.Location `env:"TASKSYNC_TIMEZONE" envDefault:"Asia/Shanghai" group:"同步" zh:"业务时区：时间窗口、定时任务和显示的时间都按它计算"`
	// ScheduleHistorical and ScheduleToday are crons of five fields.
	ScheduleHistorical string `env:"TASKSYNC_SCHEDULE_HISTORICAL" envDefault:"0 1,10,15,21 * * *" zh:"历史数据同步的时间（五段 cron）"`
	ScheduleToday      string `env:"TASKSYNC_SCHEDULE_TODAY" envDefault:"0 9-23 * * *" zh:"今日数据同步的时间（五段 cron）"`
	// BatchSize is how many tasks are committed together.
	BatchSize int `env:"TASKSYNC_BATCH_SIZE" envDefault:"50" zh:"批次大小：每批独立提交的任务数，1 到 1000"`
	// PageSize is how many tasks are fetched together.
	PageSize int `env:"TASKSYNC_PAGE_SIZE" envDefault:"1000" zh:"每页从冠客拉取的任务数，1 到 1000"`
	// MaxRetries bounds the retries of each step against the source.
	MaxRetries int `env:"TASKSYNC_MAX_RETRIES" envDefault:"3" zh:"冠客出错时每一步最多重试的次数，0 到 10；间隔 2 秒、4 秒、8 秒，逐次加倍"`
	// LockTimeout is the soft deadline of a run.
	LockTimeout time.Duration `env:"TASKSYNC_LOCK_TIMEOUT" envDefault:"30m" zh:"锁超时时间：一次同步最长执行多久，1s 到 24h"`
	// ManualWait is how long a manual call waits for the result.
	ManualWait time.Duration `env:"TASKSYNC_MANUAL_WAIT" envDefault:"50s" zh:"手动同步的请求最多等待结果多久，超过后先返回 record_id，0s 到 10m"`
	// Housekeeping is how often records of lost runs are looked for.
	Housekeeping time.Duration `env:"TASKSYNC_HOUSEKEEPING" envDefault:"5m" zh:"多久检查一次异常中断的同步，1s 到 24h"`
	// Retention is how long finished records are kept.
	Retention time.Duration `env:"TASKSYNC_RETENTION" envDefault:"720h" zh:"同步记录保留多久，24h 以上（720h 即 30 天）"`
	// UpsertConnections is how many batches are written at once.
	UpsertConnections int `env:"TASKSYNC_UPSERT_CONNECTIONS" envDefault:"8" zh:"同时写入的批次数，每个占用一个数据库连接，1 到 64"`

	// LogLevel is the least level that is logged.
	LogLevel slog.Level `env:"TASKSYNC_LOG_LEVEL" envDefault:"info" group:"日志与数据" zh:"日志级别：debug、info、warn 或 error"`
	// LogFormat is "text" or "json".
	LogFormat string `env:"TASKSYNC_LOG_FORMAT" envDefault:"text" zh:"日志格式：text 或 json"`
	// PprofAddr is where the API and the worker serve the Go profiler; empty is
	// nowhere.
	PprofAddr string `env:"TASKSYNC_PPROF_ADDR" zh:"Go 性能分析（/debug/pprof/）的监听地址，只能是本机地址，例如 127.0.0.1:6060；留空则不开。API 与 worker 在同一台机器时要用不同的端口，或用端口 0"`
	// DataDir is where `dev` keeps its data and logs; Parse makes it absolute.
	DataDir string `env:"TASKSYNC_DATA_DIR" envDefault:"./.tasksync" zh:"tasksync dev 存放数据和日志的目录"`

	// SimTasksPerDay is how many tasks a day of the simulator has.
	SimTasksPerDay int `env:"TASKSYNC_SIM_TASKS_PER_DAY" envDefault:"28" group:"模拟冠客" zh:"每天的任务数，1 到 10000000"`
	// SimSeed chooses the simulator's data set.
	SimSeed int64 `env:"TASKSYNC_SIM_SEED" envDefault:"1" zh:"随机种子：相同的种子产生相同的数据"`
	// SimFaults are the simulator's faults from the start, as JSON.
	SimFaults string `env:"TASKSYNC_SIM_FAULTS" zh:"启动时就生效的故障（JSON），例如 {\"latency\":\"5s\"}"`

	// temporal are the variables of Temporal's own settings.
	temporal map[string]string
}

// Load reads the environment of this process.
func Load() (Config, error) {
	return Parse(env.ToMap(os.Environ()))
}

// Parse reads the settings from environ and checks them. The error joins all
// that is wrong.
func Parse(environ map[string]string) (Config, error) {
	clean := make(map[string]string, len(environ))
	temporal := map[string]string{}
	for name, value := range environ {
		clean[name] = strings.TrimSpace(value)
		if strings.HasPrefix(name, "TEMPORAL_") && clean[name] != "" {
			temporal[name] = clean[name]
		}
	}
	cfg := Config{temporal: temporal}
	problems := parseProblems(env.ParseWithOptions(&cfg, env.Options{
		Environment: clean, FuncMap: parsers,
	}), clean)
	problems = append(problems, cfg.problems(problems)...)
	if len(problems) > 0 {
		return Config{}, &Error{Problems: problems}
	}
	// A process that `dev` starts works in another folder.
	for _, path := range []*string{&cfg.SourceMapping, &cfg.DataDir} {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return Config{}, err
		}
		*path = full
	}
	return cfg, nil
}
