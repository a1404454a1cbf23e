package doctor

import (
	"context"
	"fmt"
	"strings"

	"tasksync/task"
)

// wedgedAttempt is the attempt of a workflow task from which on the code fails
// again and again.
const wedgedAttempt = 3

func (p *Parts) temporal(ctx context.Context) ([]Finding, error) {
	down := Finding{
		Severity: Error, Why: "没有 Temporal 不能启动同步，定时任务也不会执行", How: "检查 TEMPORAL_ADDRESS、网络，以及 Temporal 是否在运行",
	}
	if p.Options.NoTemporal != nil {
		down.What = explain(p.Options.NoTemporal)
		return only(down)
	}
	err := p.Runs.Namespace(ctx, p.Options.Namespace)
	if err != nil {
		down.What = explain(err)
		if task.CodeOf(err) == task.CodeNotFound {
			down.How = "先建立：temporal operator namespace create --namespace " + p.Options.Namespace + "；或检查 TEMPORAL_NAMESPACE"
		}
		return only(down)
	}
	return nil, nil
}

func (p *Parts) attributes(ctx context.Context) ([]Finding, error) {
	missing, wrong, err := p.Runs.SearchAttributes(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if len(missing) > 0 {
		found = append(found, Finding{
			Severity: Error, What: "没有登记 search attribute " + strings.Join(missing, "、"), Why: "Temporal 会拒绝启动同步",
			How: "启动 worker 会登记它们，或加上 --fix", fix: p.Runs.EnsureSearchAttributes,
		})
	}
	if len(wrong) > 0 {
		found = append(found, Finding{
			Severity: Error, What: "search attribute " + strings.Join(wrong, "；"), Why: "同步写不进这些属性，工作流会停住",
			How: "请管理员删除它（temporal operator search-attribute remove）再重新登记，或用 TEMPORAL_NAMESPACE 换一个命名空间",
		})
	}
	return found, nil
}

func (p *Parts) workers(ctx context.Context) ([]Finding, error) {
	pollers, err := p.Runs.Pollers(ctx)
	if err != nil || len(pollers) > 0 {
		return nil, err
	}
	return only(Finding{
		Severity: Error, What: "没有 worker 在运行", Why: "手动同步会被拒绝，定时同步会等到有 worker 为止", How: "启动 tasksync worker，并查看它的日志",
	})
}

func (p *Parts) wedged(ctx context.Context) ([]Finding, error) {
	open, err := p.Runs.OpenRuns(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, run := range open {
		if run.TaskAttempt < wedgedAttempt {
			continue
		}
		cause := run.Cause
		if cause == "" {
			cause = "没有 worker 接手，或 worker 一再没有答复"
		}
		found = append(found, Finding{
			Severity: Error, What: fmt.Sprintf("工作流 %s 停住了，它的代码已失败 %d 次：%s", run.WorkflowID, run.TaskAttempt-1, cause),
			Why: "这次同步不会前进，锁也一直占着", How: "部署修好的 worker 后它会自动继续；等不及时在 Temporal Web UI 终止它（Terminate）",
		})
	}
	return found, nil
}
