package doctor

import (
	"context"
	"fmt"
	"strings"

	"tasksync/task"
)

func (p *Parts) settings(context.Context) ([]Finding, error) {
	var found []Finding
	for _, problem := range p.Options.Problems {
		found = append(found, Finding{
			Severity: Error, What: problem, Why: "所有进程都拒绝用错误的设置启动，其余检查也无从进行", How: "改正这个环境变量；.env.example 列出了全部设置",
		})
	}
	if len(p.Options.Unknown) > 0 {
		found = append(found, Finding{
			Severity: Warning, What: "不认识的设置：" + strings.Join(p.Options.Unknown, "、"), Why: "名称可能写错了，这些值不起作用", How: "对照 .env.example 改名或删除",
		})
	}
	return found, nil
}

// contradictions are settings that are right each by itself.
func (p *Parts) contradictions(context.Context) ([]Finding, error) {
	o := p.Options
	var found []Finding
	warn := func(what, why, how string) {
		found = append(found, Finding{Severity: Warning, What: what, Why: why, How: how})
	}
	if o.ManualWait > o.LockTimeout {
		warn(fmt.Sprintf("TASKSYNC_MANUAL_WAIT（%s）比 TASKSYNC_LOCK_TIMEOUT（%s）长", o.ManualWait, o.LockTimeout),
			"同步在等待结束之前就会超时", "把 TASKSYNC_MANUAL_WAIT 改短")
	}
	if o.Housekeeping > o.LockTimeout {
		warn(fmt.Sprintf("TASKSYNC_HOUSEKEEPING（%s）比 TASKSYNC_LOCK_TIMEOUT（%s）长", o.Housekeeping, o.LockTimeout),
			"被终止的同步会很久才显示为失败", "把 TASKSYNC_HOUSEKEEPING 改短，默认 5m")
	}
	if o.TwoCredentials {
		warn("同时设置了 GUANKE_API_SECRET 和 GUANKE_USERNAME", "只有密钥起作用，用户名和密码不会使用", "删除其中一种")
	}
	if o.HTTPAddr != nil {
		found = append(found, Finding{Severity: Error, What: explain(o.HTTPAddr), Why: "API 会拒绝启动", How: "改正 TASKSYNC_HTTP_ADDR"})
	}
	return found, nil
}

func (p *Parts) mapping(context.Context) ([]Finding, error) {
	if p.Options.Mapping == nil {
		return nil, nil
	}
	return only(Finding{
		Severity: Error, What: "冠客映射文件不能用：" + explain(p.Options.Mapping), Why: "worker 会拒绝启动",
		How: "按行号改正 TASKSYNC_SOURCE_MAPPING 指向的文件，再用 tasksync source check 试用",
	})
}

func (p *Parts) source(ctx context.Context) ([]Finding, error) {
	if p.Options.NoSource != nil {
		return only(Finding{
			Severity: Warning, What: explain(p.Options.NoSource), Why: "没有它 worker 不能启动",
			How: "在 worker 的环境里设置后再检查；make run 会自己启动模拟冠客",
		})
	}
	if err := p.Source.Check(ctx); err != nil {
		f := Finding{
			Severity: Error, What: explain(err), Why: "同步会失败",
			How: "检查 GUANKE_BASE_URL、网络和凭据；tasksync source check 会逐步说明",
		}
		if task.CodeOf(err) == task.CodeSourceUnavailable {
			f.Why = "冠客恢复之前同步会失败；已有的数据不受影响"
		}
		return only(f)
	}
	ahead, told, err := p.Source.ClockAhead(ctx)
	if err != nil || !told {
		// The token has come: a source without a clock is well all the same.
		return nil, nil //nolint:nilerr // see above
	}
	return skew("冠客", ahead), nil
}
