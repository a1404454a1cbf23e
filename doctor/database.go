package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	// smallSkew is not worth a word, largeSkew makes windows and orders wrong. The
	// source tells its time in whole seconds.
	smallSkew = 2 * time.Second
	largeSkew = time.Minute
	// processes is how many processes with a pool there are at least: a worker and
	// an API.
	processes = 2
)

func (p *Parts) database(ctx context.Context) ([]Finding, error) {
	down := Finding{
		Severity: Error, Why: "没有数据库不能同步，也不能查看记录", How: "检查 DATABASE_URL、网络，以及 PostgreSQL 是否在运行",
	}
	if p.Options.NoDatabase != nil {
		down.What = explain(p.Options.NoDatabase)
		return only(down)
	}
	server, err := p.Store.Server(ctx, p.Options.Zone)
	if err != nil {
		down.What = explain(err)
		return only(down)
	}
	if server.ReadOnly {
		return only(Finding{
			Severity: Error, What: "数据库只读", Why: "同步不能写入；这常是主备切换后连到了备库", How: "把 DATABASE_URL 指向主库",
		})
	}
	return nil, nil
}

func (p *Parts) server(ctx context.Context) ([]Finding, error) {
	server, err := p.Store.Server(ctx, p.Options.Zone)
	if err != nil {
		return nil, err
	}
	found := skew("数据库", server.ClockAhead)
	if server.ZoneNow != server.OurZoneNow {
		found = append(found, Finding{
			Severity: Warning, What: fmt.Sprintf("时区 %s：数据库算出 %s 时，本程序算出 %s 时", p.Options.Zone, server.ZoneNow, server.OurZoneNow),
			Why: "有一方的时区数据过时，用 SQL 按天统计会与系统显示的不同", How: "更新数据库所在机器的 tzdata",
		})
	}
	if len(server.Risky) > 0 {
		found = append(found, Finding{
			Severity: Warning, What: "数据库设置了 " + strings.Join(server.Risky, "、"), Why: "断电或崩溃会丢失已提交的数据", How: "生产环境请改为 on",
		})
	}
	if need := processes * p.Options.Connections; server.MaxConnections < need {
		found = append(found, Finding{
			Severity: Error, What: fmt.Sprintf("数据库最多 %d 个连接，一个 worker 和一个 API 就要 %d 个", server.MaxConnections, need),
			Why: "连接用完时同步会停顿、接口会报错", How: "调大 max_connections，或调小 TASKSYNC_UPSERT_CONNECTIONS",
		})
	} else if left := server.MaxConnections - server.InUse; left < p.Options.Connections {
		found = append(found, Finding{
			Severity: Warning, What: fmt.Sprintf("数据库还剩 %d 个连接（共 %d 个），不够再启动一个进程（%d 个）", left, server.MaxConnections, p.Options.Connections),
			Why: "连接用完时同步会停顿、接口会报错", How: "调大 max_connections，或看看谁占用了连接（pg_stat_activity）",
		})
	}
	return found, nil
}

// skew judges how far another clock is ahead of ours.
func skew(whose string, ahead time.Duration) []Finding {
	if ahead.Abs() < smallSkew {
		return nil
	}
	word := "快"
	if ahead < 0 {
		word = "慢"
	}
	f := Finding{
		Severity: Warning, What: fmt.Sprintf("%s的时钟比本机%s %s", whose, word, ahead.Abs().Round(time.Second)),
		Why: "记录的时间会对不上", How: "让各机器与同一个时间服务器同步（NTP）",
	}
	if ahead.Abs() >= largeSkew {
		f.Severity, f.Why = Error, "“今日”的时间窗口会漏掉或多出任务，先后顺序也会判断错"
	}
	return []Finding{f}
}

func (p *Parts) schema(ctx context.Context) ([]Finding, error) {
	have, want, err := p.Store.Schema(ctx)
	switch {
	case err != nil:
		return nil, err
	case have < want:
		return only(Finding{
			Severity: Error, What: fmt.Sprintf("数据库结构是第 %d 版，需要第 %d 版", have, want), Why: "在此之前不能同步，也不能查看记录",
			How: "运行 tasksync migrate", fix: p.Store.Migrate,
		})
	case have > want:
		return only(Finding{
			Severity: Warning, What: fmt.Sprintf("数据库结构是第 %d 版，比本程序的第 %d 版新", have, want),
			Why: "别处已部署了更新的版本，本程序可能不认识新的内容", How: "更新本机的 tasksync",
		})
	}
	return nil, nil
}
