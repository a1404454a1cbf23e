package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tasksync/task"
)

// opening is how long an execution may take to open its record before somebody
// is told.
const opening = time.Minute

// lost are running records whose execution is gone.
func (p *Parts) lost(ctx context.Context) ([]Finding, error) {
	running, err := p.Store.RunningRecords(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, rec := range running {
		fate, err := p.Runs.Fate(ctx, rec)
		if err != nil {
			return found, err
		}
		if fate.Alive {
			continue
		}
		// A run closes its record before it ends: it may just have done both.
		now, err := p.Store.RecordOf(ctx, rec.WorkflowID, rec.FirstRunID)
		if err != nil {
			return found, err
		}
		if now.Status != task.Running {
			continue
		}
		found = append(found, Finding{
			Severity: Error, What: fmt.Sprintf("记录 %d（%s，%s 开始）显示进行中，但 %s 没有在执行它：%s",
				rec.ID, rec.Type.Label(), p.shown(rec.StartTime), rec.WorkflowID, fate.Ending.Message),
			Why: "它的结果一直看不到，红点也不会提示", How: "worker 的 housekeeping 会定时关闭它，或加上 --fix",
			fix: func(ctx context.Context) error { return p.Runs.CloseLost(ctx, rec, fate.Ending) },
		})
	}
	return found, nil
}

// unrecorded are open executions of runs without a running record.
func (p *Parts) unrecorded(ctx context.Context) ([]Finding, error) {
	open, err := p.Runs.OpenRuns(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, run := range open {
		if run.Workflow != "SyncWorkflow" || p.now().Sub(run.Start) < opening {
			continue
		}
		rec, err := p.Store.RecordOf(ctx, run.WorkflowID, run.FirstRunID)
		switch {
		case task.CodeOf(err) == task.CodeNotFound:
			found = append(found, Finding{
				Severity: Warning, What: fmt.Sprintf("工作流 %s 从 %s 起在执行，但没有同步记录", run.WorkflowID, p.shown(run.Start)),
				Why: "它占着锁，别的同步不能开始：可能没有 worker、数据库不可用，或数据库恢复到了更早的备份",
				How: "启动 worker 后它会建立记录；不想等就在 Temporal Web UI 取消它（Cancel）。--fix 不会结束仍可能在工作的运行",
			})
		case err != nil:
			return found, err
		case rec.Status != task.Running:
			found = append(found, Finding{
				Severity: Warning, What: fmt.Sprintf("记录 %d 已结束（%s），但工作流 %s 仍在执行", rec.ID, rec.Status.Label(), run.WorkflowID),
				Why: "重置（Reset）后的短时间内这是正常的，运行会重新打开它的记录；一直如此则有人改过记录",
				How: "过几分钟再检查；仍然如此就在 Temporal Web UI 取消它（Cancel）",
			})
		}
	}
	return found, nil
}

// traces compares what Temporal's index says of finished runs with their
// records.
func (p *Parts) traces(ctx context.Context) ([]Finding, error) {
	traces, err := p.Runs.Traces(ctx, 0)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, t := range traces {
		ids = append(ids, t.RecordID)
	}
	statuses, err := p.Store.Statuses(ctx, ids)
	if err != nil {
		return nil, err
	}
	sequence, err := p.Store.RecordIDs(ctx)
	if err != nil {
		return nil, err
	}
	var gone, contrary []string
	var largest int64
	for _, t := range traces {
		rec, there := statuses[t.RecordID]
		largest = max(largest, t.RecordID)
		switch {
		case !there && t.RecordID > sequence.Largest:
			// Cleaning deletes the oldest records, never the newest.
			gone = append(gone, fmt.Sprint(t.RecordID))
		case there && contradicts(t, rec) && !resetLater(t, traces):
			contrary = append(contrary, fmt.Sprintf("记录 %d 是%s，Temporal 是%s", t.RecordID, rec.Status.Label(), t.Status.Label()))
		}
	}
	var found []Finding
	if len(gone) > 0 {
		found = append(found, Finding{
			Severity: Warning, What: fmt.Sprintf("Temporal 有 %d 次同步的记录编号数据库里没有：%s", len(gone), some(gone)),
			Why: "数据库可能恢复到了更早的备份：这些同步的记录和它们写入的任务已不在", How: "手动同步历史数据和今日数据，把任务补回来；更早的日子需要补数",
		})
	}
	if len(contrary) > 0 {
		found = append(found, Finding{
			Severity: Warning, What: some(contrary), Why: "已结束的执行的 search attribute 不能再改，以记录为准；有人改过记录时也会这样",
			How: "在 Temporal Web UI 按 SyncStatus 查找时请以记录为准",
		})
	}
	if largest >= sequence.Next {
		found = append(found, behind(sequence.Next, largest, "Temporal 里", p.Store))
	}
	return found, nil
}

// contradicts reports that a run's own last word is not what its record says. A
// run that was ended from outside had no last word, and a record that was closed
// for it says so.
func contradicts(t task.RunTrace, rec task.Ending) bool {
	return t.Closed && t.Status != "" && t.Status != task.Running && rec.Status != task.Running && rec.Status != t.Status &&
		rec.Code != task.CodeTerminated
}

// resetLater reports that a later execution has the same record: its word
// counts.
func resetLater(t task.RunTrace, traces []task.RunTrace) bool {
	return slices.ContainsFunc(traces, func(o task.RunTrace) bool { return o.RecordID == t.RecordID && o.Start.After(t.Start) })
}

func (p *Parts) sums(ctx context.Context) ([]Finding, error) {
	wrong, err := p.Store.WrongSums(ctx)
	if err != nil {
		return nil, err
	}
	var sums, parts, green []string
	for _, w := range wrong {
		id := fmt.Sprint(w.RecordID)
		if w.Sums {
			sums = append(sums, id)
		}
		if w.Parts {
			parts = append(parts, id)
		}
		if w.Green {
			green = append(green, id)
		}
	}
	var found []Finding
	bad := func(ids []string, what string) {
		if len(ids) > 0 {
			found = append(found, Finding{
				Severity: Error, What: "记录 " + some(ids) + what, Why: "数据库的约束本不允许：有人改过表或约束",
				How: "查明谁改了这些记录；任务数据不受影响，重新同步一次会得到正确的数字",
			})
		}
	}
	bad(sums, " 的数字加不起来（总数、匹配、新增等）")
	bad(parts, " 的数字与它的页和批次不一致")
	bad(green, " 显示成功，但有失败、未处理的任务或与冠客的总数不符")
	return found, nil
}

func (p *Parts) sequence(ctx context.Context) ([]Finding, error) {
	s, err := p.Store.RecordIDs(ctx)
	if err != nil || s.Largest < s.Next {
		return nil, err
	}
	return only(behind(s.Next, s.Largest, "已有的", p.Store))
}

// behind is a sequence that would hand out an id that was used.
func behind(next, largest int64, where string, store Store) Finding {
	return Finding{
		Severity: Error, What: fmt.Sprintf("下一个记录编号是 %d，而%s最大编号是 %d", next, where, largest),
		Why: "新的同步会用到旧的编号：建立记录会失败，或与从前的同步混淆。数据库可能恢复自更早的备份", How: "加上 --fix，把编号移到它之后",
		fix: func(ctx context.Context) error { return store.SkipRecordIDs(ctx, largest) },
	}
}

// claims are rows that finished records still have to hand on. Those of a run
// that could not go to its end are kept while Temporal could reset it.
func (p *Parts) claims(ctx context.Context) ([]Finding, error) {
	left, err := p.Store.LeftClaims(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	var drop []int64
	var bytes int64
	for _, c := range left {
		if c.Unprocessed > 0 {
			if p.Runs == nil {
				continue
			}
			known, err := p.Runs.Known(ctx, c.WorkflowID, c.FirstRunID)
			if err != nil || known {
				// Nothing is dropped that may still be needed.
				continue
			}
		}
		ids, drop, bytes = append(ids, fmt.Sprint(c.RecordID)), append(drop, c.RecordID), bytes+c.Bytes
	}
	if len(drop) == 0 {
		return nil, nil
	}
	return only(Finding{
		Severity: Warning, What: fmt.Sprintf("已结束的记录 %s 还留着 %d 字节的中间数据", some(ids), bytes), Why: "只占空间，不影响结果",
		How: "随记录到期删除，或加上 --fix",
		fix: func(ctx context.Context) error {
			for _, id := range drop {
				if err := p.Store.DropClaims(ctx, id); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (p *Parts) packages(ctx context.Context) ([]Finding, error) {
	v, err := p.Store.PackagesVersions(ctx)
	if err != nil || v.Version > 0 && v.Version >= v.Seen {
		return nil, err
	}
	return only(Finding{
		Severity: Error, What: fmt.Sprintf("数据包的版本号是 %d，而匹配已用到第 %d 版", v.Version, v.Seen),
		Why: "之后改动数据包时，任务可能不会重新匹配。数据库可能只恢复了一部分", How: "加上 --fix，把版本号移到它之后",
		fix: func(ctx context.Context) error { return p.Store.RaisePackagesVersion(ctx, v.Seen+1) },
	})
}

// some joins the first five of many.
func some(texts []string) string {
	const most = 5
	if len(texts) <= most {
		return strings.Join(texts, "、")
	}
	return strings.Join(texts[:most], "、") + fmt.Sprintf(" 等 %d 个", len(texts))
}
