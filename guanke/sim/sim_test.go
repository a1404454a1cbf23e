package sim_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tasksync/guanke/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	shanghai = func() *time.Location {
		zone, err := time.LoadLocation("Asia/Shanghai")
		if err != nil {
			panic(err)
		}
		return zone
	}()
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, shanghai)
)

func setup(t *testing.T, cfg sim.Config) *sim.Server {
	t.Helper()
	s, err := sim.New(cfg)
	require.NoError(t, err)
	s.Freeze(noon)
	return s
}

// ask sends a request straight to the handler.
func ask(s *sim.Server, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:9090"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func token(t *testing.T, s *sim.Server) string {
	t.Helper()
	var out struct{ Data struct{ Token string } }
	w := ask(s, "GET", "/token/secret?secret="+sim.DefaultSecret, "")
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out), w.Body)
	require.NotEmpty(t, out.Data.Token)
	return out.Data.Token
}

type entry struct {
	ID            int64
	TaskName      string
	State         int
	TotalNumber   int
	CallNumber    int
	ConnectNumber int
	SuccessNumber int
	CreateTime    int64
}

type listed struct {
	Code    int
	Message string
	Data    struct {
		Data       []entry
		TotalCount int
		Page       int
		Start, End string
	}
}

func list(t *testing.T, s *sim.Server, token, first, last string, more ...string) listed {
	t.Helper()
	q := url.Values{"startTime": {first}, "endTime": {last}, "pageSize": {"1000"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	w := ask(s, "GET", "/task/list/v2?"+q.Encode(), "", "Authorization", token)
	require.Equal(t, http.StatusOK, w.Code)
	var out listed
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out), w.Body)
	return out
}

func truth(t *testing.T, s *sim.Server, first, last string) (string, []entry) {
	t.Helper()
	w := ask(s, "GET", "/_sim/truth?"+url.Values{"startTime": {first}, "endTime": {last}}.Encode(), "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	text := w.Body.String()
	var out []entry
	for d := json.NewDecoder(strings.NewReader(text)); ; {
		var e entry
		err := d.Decode(&e)
		if err == io.EOF {
			return text, out
		}
		require.NoError(t, err)
		out = append(out, e)
	}
}

func TestContractOfTheList(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{})
	tok := token(t, s)
	got := list(t, s, tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59")
	require.Equal(t, 200, got.Code)
	require.Equal(t, "OK", got.Message)
	require.Len(t, got.Data.Data, 84)
	require.Equal(t, 84, got.Data.TotalCount)
	require.Equal(t, 1, got.Data.Page)
	require.Equal(t, "2026-11-20 00:00:00", got.Data.Start)
	require.Equal(t, "2026-11-22 23:59:59", got.Data.End)
	for _, e := range got.Data.Data {
		require.Len(t, strconv.FormatInt(e.ID, 10), 7)
	}

	require.Len(t, list(t, s, tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59", "pageSize", "").Data.Data, 10)
	require.Empty(t, list(t, s, tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59", "pageSize", "1001").Data.Data)
	require.Empty(t, list(t, s, tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59", "page", "2").Data.Data)
	require.Empty(t, list(t, s, tok, "2026-11-22 00:00:00", "2026-11-20 23:59:59").Data.Data)
	require.Len(t, list(t, s, tok, "2026-11-22 00:00:00", "2026-11-22 00:00:00").Data.Data, 1)
	require.Len(t, list(t, s, tok, "2026-11-22 23:59:59", "2026-11-22 23:59:59").Data.Data, 1)
	require.Equal(t, 200, list(t, s, tok, "2026-11-15 00:00:00", "2026-11-22 00:00:00").Code)
	require.Equal(t, 400, list(t, s, tok, "2026-11-15 00:00:00", "2026-11-22 00:00:01").Code)
	require.Equal(t, 400, list(t, s, tok, "", "2026-11-22 00:00:01").Code)
	require.Equal(t, 400, list(t, s, tok, "2026-11-22", "2026-11-22 00:00:01").Code)
	require.Equal(t, 400, list(t, s, tok, "2026-11-22 00:00:00", "2026-11-22 00:00:01", "page", "0").Code)
	for _, bad := range []string{"", "x", "Bearer " + tok} {
		require.Equal(t, 401, list(t, s, bad, "2026-11-22 00:00:00", "2026-11-22 00:00:01").Code)
	}
	require.Contains(t, ask(s, "GET", "/task/list?startTime=2026-11-22+00:00:00&endTime=2026-11-22+00:00:00", "", "Authorization", tok).Body.String(), `"totalCount":1`)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{TokenTTL: time.Hour})
	tok := token(t, s)
	code := func() int { return list(t, s, tok, "2026-11-22 00:00:00", "2026-11-22 00:00:01").Code }
	s.Freeze(noon.Add(59 * time.Minute))
	require.Equal(t, 200, code())
	s.Freeze(noon.Add(time.Hour))
	require.Equal(t, 401, code())
	require.Contains(t, ask(s, "GET", "/token/secret?secret=", "").Body.String(), `"code":401`)
	require.Contains(t, ask(s, "GET", "/token?username=&password=", "").Body.String(), `"code":401`)
	require.Equal(t, http.StatusMethodNotAllowed, ask(s, "POST", "/token", "").Code)

	byPassword := setup(t, sim.Config{Username: "u", Password: "p"})
	require.Contains(t, ask(byPassword, "GET", "/token?username=u&password=p", "").Body.String(), `"token"`)
	require.Contains(t, ask(byPassword, "GET", "/token?username=u&password=q", "").Body.String(), `"code":401`)
	require.Contains(t, ask(byPassword, "GET", "/token/secret?secret="+sim.DefaultSecret, "").Body.String(), `"code":401`)
}

func TestDeterminism(t *testing.T) {
	t.Parallel()
	const first, last = "2026-11-20 00:00:00", "2026-11-23 23:59:59"
	a, _ := truth(t, setup(t, sim.Config{Seed: 7, TasksPerDay: 500}), first, last)
	b, _ := truth(t, setup(t, sim.Config{Seed: 7, TasksPerDay: 500}), first, last)
	require.Equal(t, a, b)
	c, _ := truth(t, setup(t, sim.Config{Seed: 8, TasksPerDay: 500}), first, last)
	require.NotEqual(t, a, c)
	require.True(t, json.Valid([]byte(strings.Split(a, "\n")[0])))
}

func TestOrderAndIDs(t *testing.T) {
	t.Parallel()
	for _, perDay := range []int{1, 2, 28, 1001, 5_000} {
		s := setup(t, sim.Config{TasksPerDay: perDay})
		_, all := truth(t, s, "2026-11-20 00:00:00", "2026-11-22 23:59:59")
		require.Len(t, all, 3*perDay)
		require.True(t, slices.IsSortedFunc(all, func(a, b entry) int { return cmp.Compare(a.CreateTime, b.CreateTime) }))
		for i, e := range all[1:] {
			if e.ID <= all[i].ID {
				t.Fatalf("id %d comes after %d", e.ID, all[i].ID)
			}
		}
	}
}

func TestSomethingIsThereAtAnyTimeOfTheDay(t *testing.T) {
	t.Parallel()
	for seed := range int64(10) {
		s := setup(t, sim.Config{Seed: seed})
		before := 0
		for _, clock := range []string{"00:00:00", "00:30:00", "09:00:00", "12:00:00", "18:00:00", "23:59:59"} {
			now, err := time.ParseInLocation(time.DateTime, "2026-11-23 "+clock, shanghai)
			require.NoError(t, err)
			s.Freeze(now)
			_, all := truth(t, s, "2026-11-23 00:00:00", "2026-11-23 23:59:59")
			require.Greater(t, len(all), before, clock)
			before = len(all)
			for _, e := range all {
				require.LessOrEqual(t, e.CreateTime, now.Unix())
			}
		}
		require.Equal(t, 28, before)
	}
}

func TestCountsGrow(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{TasksPerDay: 300})
	states := make(map[int]int)
	grown := 0
	shrunk := func(before, e entry) bool {
		return e.CallNumber < before.CallNumber || e.ConnectNumber < before.ConnectNumber || e.SuccessNumber < before.SuccessNumber
	}
	var before []entry
	for hour := range 26 {
		s.Freeze(time.Date(2026, 11, 23, hour, 0, 0, 0, shanghai))
		_, all := truth(t, s, "2026-11-23 00:00:00", "2026-11-23 23:59:59")
		for i, e := range all {
			states[e.State]++
			if e.CallNumber > e.TotalNumber || e.ConnectNumber > e.CallNumber || e.SuccessNumber > e.ConnectNumber {
				t.Fatalf("counts do not fit: %+v", e)
			}
			if i >= len(before) {
				continue
			}
			if shrunk(before[i], e) {
				t.Fatalf("%+v became %+v", before[i], e)
			}
			if e.CallNumber > before[i].CallNumber {
				grown++
			}
		}
		before = all
	}
	require.Greater(t, grown, 300)
	require.Len(t, states, 5)
	s.Freeze(noon.AddDate(0, 1, 0))
	_, later := truth(t, s, "2026-11-23 00:00:00", "2026-11-23 23:59:59")
	require.Equal(t, before, later) // Complete since midnight.
}

var wellFormed = regexp.MustCompile(`^(.+-\d{4}[AB]?-[^-]+-\d+)-(?:N|O\d+|P\d+)-(?:(?:A|A\+|A-|B|C)-L\d+|L\d+-(?:A|A\+|A-|B|C))-(\d{4})$`)

var packageForm = regexp.MustCompile(`^\S+-\d{4}[AB]?-\S+-\d+ \w+-\d{8}-\S+\.csv \d{6}$`)

func TestNamesMatchPackages(t *testing.T) {
	t.Parallel()
	for _, perDay := range []int{28, 200} {
		cfg := sim.Config{Seed: 3, TasksPerDay: perDay}
		s := setup(t, cfg)
		from := time.Date(2026, 9, 1, 0, 0, 0, 0, shanghai)
		to := from.AddDate(0, 0, 60)
		enabled := make(map[string]bool)
		ids := make(map[string]bool)
		for _, p := range sim.Packages(cfg, from, to) {
			_, twice := enabled[p.Code]
			if twice || ids[p.ExternalID] || !packageForm.MatchString(p.Code+" "+p.Name+" "+p.ExternalID) {
				t.Fatalf("package %+v", p)
			}
			enabled[p.Code] = p.Enabled
			ids[p.ExternalID] = true
		}
		_, all := truth(t, s, from.Format(time.DateTime), to.Add(-time.Second).Format(time.DateTime))
		require.Len(t, all, 60*perDay)
		exact, levels := 0, make(map[string]map[string]bool)
		for _, e := range all {
			m := wellFormed.FindStringSubmatch(e.TaskName)
			if m == nil {
				continue
			}
			on, registered := enabled[m[1]]
			if !registered {
				continue
			}
			if !on || time.Unix(e.CreateTime, 0).In(shanghai).Format("0102") != m[2] {
				t.Fatalf("task %+v", e)
			}
			exact++
			if levels[m[1]] == nil {
				levels[m[1]] = make(map[string]bool)
			}
			levels[m[1]][strings.TrimPrefix(e.TaskName, m[1])[1:3]] = true
		}
		require.InDelta(t, 0.8, float64(exact)/float64(len(all)), 0.03)
		rising := 0
		for _, l := range levels {
			if len(l) > 2 {
				rising++
			}
		}
		require.Greater(t, rising, len(levels)/2)
		names := fmt.Sprint(all)
		for _, noise := range []string{"-A--L", "测试任务-P1", "－", "　", " - ", "海外", "加购"} {
			require.Contains(t, names, noise)
		}
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	few := sim.Packages(sim.Config{Zone: shanghai}, noon.AddDate(0, 0, -30), noon.AddDate(0, 0, 60))
	require.Len(t, few, 4*(90+8))
	many := make(map[string]bool)
	for _, p := range sim.Packages(sim.Config{TasksPerDay: 200_000}, noon.AddDate(0, 0, -30), noon.AddDate(0, 0, 60)) {
		many[p.Code] = true
	}
	require.Len(t, many, 52*(90+8))
	off := 0
	for _, p := range few {
		require.True(t, many[p.Code])
		if !p.Enabled {
			off++
		}
	}
	require.Less(t, off, len(few)/20)
	require.Empty(t, sim.Packages(sim.Config{TasksPerDay: -1}, noon, noon.AddDate(0, 0, 1)))
	require.Empty(t, sim.Packages(sim.Config{}, noon, noon))
}
