package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
	"tasksync/match"
	"tasksync/task"
)

// inWindow is how many tasks the source has in the historical window.
const inWindow = 84

// cleanSeed chooses a data set in which no task of these days names a package
// that does not exist, so that a run without a fault is a success whatever the
// day of the test.
var cleanSeed = sync.OnceValue(func() int64 {
	now := time.Now().In(shanghai)
	for seed := int64(1); ; seed++ {
		cfg := sim.Config{Seed: seed, Zone: shanghai}
		index := match.NewIndex(1, sim.Packages(cfg, now.AddDate(0, 0, -10), now.AddDate(0, 0, 2)))
		fails := func(name string) bool {
			m, decided := index.Lookup(name, "")
			if !decided {
				m = index.Search(name)
			}
			return m.State == task.MatchFailed
		}
		if !slices.ContainsFunc(historicalTruth(must(sim.New(cfg))), func(e sourceTask) bool { return fails(e.TaskName) }) {
			return seed
		}
	}
})

// faulty is what a fault makes of a run of the historical window.
type faulty struct {
	faults sim.Faults
	// again runs once without faults before.
	again bool
	// pageSize is 1,000, retries is 1 and timeout is the client's own where they
	// are 0.
	pageSize, retries int
	timeout           time.Duration
	// lockTimeout is 30 minutes where it is 0.
	lockTimeout time.Duration

	status task.Status
	code   task.Code
	// says are parts of the record's message; none is no message at all.
	says []string
	// The record's counts, from which its total follows.
	fetched, duplicate, rejected, unprocessed int
	// told is the source's total, -1 for none.
	told     int
	attempts []string
}

func TestFaultsOfTheSource(t *testing.T) {
	t.Parallel()
	const (
		unavailable = task.CodeSourceUnavailable
		contract    = task.CodeSourceContract
		auth        = task.CodeSourceAuth
		drift       = task.CodeSourceDrift
		whole       = inWindow
	)
	success := func(f faulty) faulty {
		f.status, f.fetched, f.told = task.Success, max(f.fetched, whole), whole
		return f
	}
	// heals is a fault that a first retry after 2 s mends.
	heals := func(f faulty, kind string) faulty {
		if f.attempts == nil {
			f.attempts = []string{"fetch:0 #1 source source_unavailable retried 2s " + kind}
		}
		return success(f)
	}
	// fails is a fault for which the first answer ends the run.
	fails := func(f faulty, code task.Code, says ...string) faulty {
		if f.attempts == nil {
			f.attempts = []string{fmt.Sprintf("fetch:0 #1 permanent %s gave_up 0s", code)}
		}
		f.status, f.code, f.says = task.Failed, code, says
		if f.fetched == 0 {
			f.told = -1
		}
		return f
	}
	drifts := func(f faulty, says string) faulty {
		f.status, f.code, f.says = task.Partial, drift, []string{says}
		return f
	}
	for name, tc := range map[string]faulty{
		// Passing faults that heal.
		"503 twice": success(faulty{faults: sim.Faults{Status: 503, Times: 2}, retries: 3, attempts: []string{
			"fetch:0 #1 source source_unavailable retried 2s 冠客接口返回 503，请稍后再试",
			"fetch:0 #2 source source_unavailable retried 4s 冠客接口返回 503，请稍后再试",
		}}),
		"429":                    heals(faulty{faults: sim.Faults{Status: 429, Times: 1}}, "冠客接口返回 429"),
		"429 with Retry-After":   success(faulty{faults: sim.Faults{Status: 429, RetryAfter: 3, Times: 1}, attempts: []string{"fetch:0 #1 source source_unavailable retried 3s 冠客接口返回 429"}}),
		"code 500 in HTTP 200":   heals(faulty{faults: sim.Faults{Code: 500, Message: "繁忙", Times: 1}}, "冠客接口返回 错误码 500，请稍后再试（冠客：繁忙）"),
		"token endpoint is away": heals(faulty{faults: sim.Faults{Status: 502, Scope: sim.ScopeToken, Times: 1}}, "冠客接口返回 502"),
		"late answer":            heals(faulty{faults: sim.Faults{Latency: time.Minute, Times: 1}, timeout: time.Second}, "冠客接口在 1s 内没有答复完"),
		"stalled answer":         heals(faulty{faults: sim.Faults{Body: sim.BodyStall, Times: 1}, timeout: time.Second}, "冠客接口在 1s 内没有答复完"),
		"slow answer":            success(faulty{faults: sim.Faults{Body: sim.BodyTrickle}}),
		"cut answer":             heals(faulty{faults: sim.Faults{Body: sim.BodyCut, Times: 1}}, "冠客接口的答复不完整"),
		"truncated answer":       heals(faulty{faults: sim.Faults{Body: sim.BodyTruncated, Times: 1}}, "冠客接口的答复不完整"),
		"no answer":              heals(faulty{faults: sim.Faults{Body: sim.BodyEmpty, Times: 1}}, "冠客接口的答复不完整"),
		"cut in the middle": success(faulty{faults: sim.Faults{Body: sim.BodyCut, Pages: []int{5}, Times: 1}, pageSize: 20, attempts: []string{
			"fetch:2 #1 source source_unavailable retried 2s 冠客接口的答复不完整",
		}}),
		"expired token":           success(faulty{faults: sim.Faults{ExpiredToken: true, Times: 1}}),
		"expired in the middle":   success(faulty{faults: sim.Faults{ExpiredToken: true, Pages: []int{3}, Times: 1}, pageSize: 20}),
		"401 in the middle":       success(faulty{faults: sim.Faults{Status: 401, Pages: []int{3}, Times: 1}, pageSize: 20}),
		"expired again and again": heals(faulty{faults: sim.Faults{ExpiredToken: true, Times: 2}}, "冠客不接受刚取得的令牌（连续两次提示令牌失效）"),

		// Passing faults that last.
		"503 for ever": fails(faulty{faults: sim.Faults{Status: 503}, retries: 3, attempts: []string{
			"fetch:0 #1 source source_unavailable retried 2s", "fetch:0 #2 source source_unavailable retried 4s",
			"fetch:0 #3 source source_unavailable retried 8s", "fetch:0 #4 source source_unavailable gave_up 0s",
		}}, unavailable, "冠客接口返回 503，请稍后再试"),
		"503 for ever in the middle": fails(faulty{
			faults: sim.Faults{Status: 503, Pages: []int{4}}, pageSize: 20, fetched: 60, told: whole,
			attempts: []string{"fetch:2 #1 source source_unavailable retried 2s", "fetch:2 #2 source source_unavailable gave_up 0s"},
		}, unavailable, "冠客接口返回 503"),
		"truncated for ever": fails(faulty{
			faults:   sim.Faults{Body: sim.BodyTruncated},
			attempts: []string{"fetch:0 #1 source source_unavailable retried 2s", "fetch:0 #2 source source_unavailable gave_up 0s"},
		}, unavailable, "冠客接口的答复不完整"),
		"no token lasts": fails(faulty{
			faults:   sim.Faults{ExpiredToken: true},
			attempts: []string{"fetch:0 #1 source source_unavailable retried 2s", "fetch:0 #2 source source_unavailable gave_up 0s"},
		}, unavailable, "连续两次提示令牌失效"),
		"429 beyond the deadline": fails(faulty{
			faults: sim.Faults{Status: 429, RetryAfter: 3600}, retries: 3,
			attempts: []string{"fetch:0 #1 source source_unavailable gave_up 0s"},
		}, unavailable, "冠客接口返回 429", "冠客要求等 1h0m0s，超出锁超时 30m0s 所剩的时间，不再重试"),

		"slower than the lock": fails(faulty{
			faults: sim.Faults{Latency: time.Minute, Pages: []int{4}}, pageSize: 20, lockTimeout: 20 * time.Second, fetched: 60, unprocessed: 20, told: whole, attempts: []string{},
		}, task.CodeDeadline, "超过锁超时 20s，已停止；已提交的批次保留"),

		// Faults that a retry cannot mend.
		"wrong secret":           fails(faulty{faults: sim.Faults{Code: 401, Message: "secret 错误", Scope: sim.ScopeToken}}, auth, "冠客拒绝了凭据，请检查 GUANKE_API_SECRET（冠客：secret 错误）"),
		"secret withdrawn":       fails(faulty{faults: sim.Faults{Code: 401, Message: "secret 错误", Scope: sim.ScopeAll, After: 1}}, auth, "冠客拒绝了凭据"),
		"403":                    fails(faulty{faults: sim.Faults{Status: 403}}, auth, "冠客拒绝了访问（403），请检查账号的权限"),
		"403 in the middle":      fails(faulty{faults: sim.Faults{Status: 403, Pages: []int{4}}, pageSize: 20, fetched: 60, told: whole, attempts: []string{"fetch:2 #1 permanent source_auth gave_up 0s"}}, auth, "403"),
		"404":                    fails(faulty{faults: sim.Faults{Status: 404}}, contract, "冠客接口返回 404，请检查 GUANKE_BASE_URL"),
		"error code":             fails(faulty{faults: sim.Faults{Code: 1234, Message: "参数错误"}}, contract, "冠客接口返回错误码 1234，请核对接口约定（冠客：参数错误）"),
		"span refused":           fails(faulty{faults: sim.Faults{Code: 400, Message: "查询时间跨度不能超过1天"}}, contract, "400", "查询时间跨度不能超过1天"),
		"malformed JSON":         fails(faulty{faults: sim.Faults{Body: sim.BodyMalformed}}, contract, "不是有效的 JSON"),
		"login page":             fails(faulty{faults: sim.Faults{Body: sim.BodyHTML}}, contract, "不是有效的 JSON", "DOCTYPE html", "GUANKE_BASE_URL"),
		"login page for a token": fails(faulty{faults: sim.Faults{Body: sim.BodyHTML, Scope: sim.ScopeToken}}, contract, "不是有效的 JSON", "GUANKE_BASE_URL"),
		"endless answer":         fails(faulty{faults: sim.Faults{Body: sim.BodyEndless}}, contract, "冠客接口的答复超过上限"),
		"gzip bomb":              fails(faulty{faults: sim.Faults{Body: sim.BodyBomb}}, contract, "冠客接口的答复超过上限"),
		"page of 1,001":          fails(faulty{faults: sim.Faults{Entries: sim.EntriesOversize}}, contract, "冠客一页返回了 1001 条，超过所要的 1000 条"),
		"malformed in the middle": fails(faulty{
			faults: sim.Faults{Body: sim.BodyMalformed, Pages: []int{3}}, pageSize: 20, fetched: 40, told: whole,
			attempts: []string{"fetch:2 #1 permanent source_contract gave_up 0s"},
		}, contract, "不是有效的 JSON"),

		// Lists that lie.
		"nothing at first":         {faults: sim.Faults{Entries: sim.EntriesNone, Total: sim.TotalZero}, status: task.Success},
		"nothing any more":         {faults: sim.Faults{Entries: sim.EntriesNone, Total: sim.TotalZero}, again: true, status: task.Success, says: []string{"警告：冠客这次只给出 0 个任务，而这个时间窗口此前有 84 个"}},
		"nothing, without a total": {faults: sim.Faults{Entries: sim.EntriesNone, Total: sim.TotalNone}, again: true, status: task.Success, told: -1, says: []string{"只给出 0 个任务"}},
		"no total":                 {faults: sim.Faults{Total: sim.TotalNone}, status: task.Success, fetched: whole, told: -1},
		"no total, pages":          {faults: sim.Faults{Total: sim.TotalNone}, pageSize: 20, status: task.Success, fetched: whole, told: -1},
		"total without tasks":      drifts(faulty{faults: sim.Faults{Entries: sim.EntriesNone}, told: whole}, "冠客说有 84 个任务，读到 0 个不同的任务（读了 2 遍）"),
		"tasks without a total":    drifts(faulty{faults: sim.Faults{Total: sim.TotalZero}, fetched: 2 * whole, duplicate: whole}, "冠客说有 0 个任务，读到 84 个"),
		"total too high":           drifts(faulty{faults: sim.Faults{Total: sim.TotalHigh}, fetched: 2 * whole, duplicate: whole, told: 92}, "冠客说有 92 个任务，读到 84 个不同的任务（读了 2 遍）"),
		"total too low":            drifts(faulty{faults: sim.Faults{Total: sim.TotalLow}, fetched: 2 * whole, duplicate: whole, told: 76}, "冠客说有 76 个任务，读到 84 个"),
		"total too low, pages":     drifts(faulty{faults: sim.Faults{Total: sim.TotalLow}, pageSize: 20, fetched: 2 * whole, duplicate: whole, told: 76}, "冠客说有 76 个任务，读到 84 个"),
		"total that changes":       drifts(faulty{faults: sim.Faults{Total: sim.TotalChanging}, fetched: 4 * whole, duplicate: 3 * whole, told: 92}, "读取时冠客的任务一直在增减（读了 4 遍，最后说有 92 个，读到 84 个不同的任务）"),
		"total that changes once":  success(faulty{faults: sim.Faults{Total: sim.TotalHigh, Times: 1}, fetched: 2 * whole, duplicate: whole}),
		"wrong types":              {faults: sim.Faults{Entries: sim.EntriesMistyped}, status: task.Partial, fetched: whole, rejected: 8, told: whole},
		"duplicates":               success(faulty{faults: sim.Faults{Entries: sim.EntriesDuplicates}, fetched: 92, duplicate: 8}),
		"duplicates across pages":  success(faulty{faults: sim.Faults{Entries: sim.EntriesDuplicates}, pageSize: 10, fetched: 92, duplicate: 8}),
		"same page, no total": fails(faulty{
			faults: sim.Faults{Entries: sim.EntriesRepeat, Total: sim.TotalNone, Pages: []int{1, 2}}, pageSize: 20, fetched: 20, told: -1,
		}, contract, "冠客的第 2 页和前一页一样，请检查接口的分页参数"),
		"same page twice, once":   success(faulty{faults: sim.Faults{Entries: sim.EntriesRepeat, Pages: []int{2}, Times: 1}, pageSize: 20, fetched: 2 * whole, duplicate: whole}),
		"same page twice, always": drifts(faulty{faults: sim.Faults{Entries: sim.EntriesRepeat, Pages: []int{2}}, pageSize: 20, fetched: 2 * whole, duplicate: 2*whole - 64, told: whole}, "冠客说有 84 个任务，读到 64 个不同的任务（读了 2 遍）"),
	} {
		t.Run(name, func(t *testing.T) { tc.test(t) })
	}
}

func (tc faulty) test(t *testing.T) {
	s := setup(t, func(o *options) {
		o.sim.Seed = cleanSeed()
		o.maxRetries = max(tc.retries, 1)
		o.source.Timeout = tc.timeout
		if tc.lockTimeout > 0 {
			o.lockTimeout = tc.lockTimeout
		}
		o.source.MaxBody = 1 << 20
		if tc.pageSize > 0 {
			o.source.PageSize = tc.pageSize
		}
	})
	s.sim.Freeze(time.Now())
	if tc.again {
		require.Equal(t, task.Success, s.sync(task.Historical).Status)
	}
	require.NoError(t, s.sim.SetFaults(tc.faults))
	rec := s.sync(task.Historical)

	require.Equal(t, tc.status, rec.Status, rec.ErrorMessage)
	require.Equal(t, tc.code, rec.ErrorType)
	for _, part := range tc.says {
		require.Contains(t, rec.ErrorMessage, part)
	}
	if tc.says == nil {
		require.Empty(t, rec.ErrorMessage)
	}
	if tc.told < 0 {
		require.Nil(t, rec.SourceTotal)
	} else {
		require.NotNil(t, rec.SourceTotal)
		require.Equal(t, tc.told, *rec.SourceTotal)
	}
	requireCounts(t, rec, tc)
	requireAttempts(s, rec, tc)

	valid := rec.Counts.Total - rec.Counts.Rejected
	if tc.again {
		valid = inWindow
	}
	require.Equal(t, valid, value[int](s, "SELECT count(*) FROM tasks WHERE missing_at IS NULL"), "nothing is marked missing")
	require.NotContains(t, fmt.Sprint(rec), sim.DefaultSecret)
}

func requireCounts(t *testing.T, rec task.Record, tc faulty) {
	t.Helper()
	c := rec.Counts
	total := tc.fetched - tc.duplicate - tc.unprocessed
	require.Equal(t, task.Counts{
		Total: total, New: total - tc.rejected, Fetched: tc.fetched, Duplicate: tc.duplicate, Rejected: tc.rejected, Failed: tc.rejected,
		Unprocessed: tc.unprocessed,
		// Which package fits is not the source's fault.
		Matched: c.Matched, Pending: c.Pending,
	}, c)
	require.Equal(t, total-tc.rejected, c.Matched+c.Pending)
	require.Len(t, rec.ErrorDetails, tc.rejected)
	for _, d := range rec.ErrorDetails {
		require.NotEmpty(t, d.Error)
	}
}

// requireAttempts compares what the source is to blame for: on a machine that is
// busy a worker may miss its heartbeat, which does not count.
func requireAttempts(s *system, rec task.Record, tc faulty) {
	s.t.Helper()
	attempts, err := s.store.Attempts(s.ctx, rec.ID)
	require.NoError(s.t, err)
	require.NotContains(s.t, fmt.Sprint(attempts), sim.DefaultSecret)
	attempts = slices.DeleteFunc(attempts, func(a task.Attempt) bool { return a.Kind == task.AttemptInfrastructure })
	require.Len(s.t, attempts, len(tc.attempts), "%+v", attempts)
	retried := 0
	for i, a := range attempts {
		require.GreaterOrEqual(s.t, a.Attempt, i+1)
		line := fmt.Sprintf("%s #%d %s %s %s %s %s", a.Step, i+1, a.Kind, a.Code, a.Outcome, a.Wait, a.Error)
		require.True(s.t, strings.HasPrefix(line, tc.attempts[i]), "%s\nis not\n%s", line, tc.attempts[i])
		if a.Outcome == task.OutcomeRetried {
			retried++
		}
	}
	require.Equal(s.t, retried, rec.RetryCount, "only one step met a fault")
}
