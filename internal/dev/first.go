package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"tasksync/task"
)

// first is what is done once for each database: seeding it, and the first
// syncs, so that nobody meets an empty screen. What did not come to its end is
// done again at the next start.
type first struct {
	r *run
	// Database tells the database from any other.
	Database string `json:"database"`
	Seeded   bool   `json:"seeded"`
	Synced   bool   `json:"synced"`
}

func (r *run) firstRun(ctx context.Context) (*first, error) {
	id, err := databaseIdentity(ctx, r.services.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("查询数据库：%w", err)
	}
	f := &first{r: r}
	text, err := os.ReadFile(r.markerFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// A marker that cannot be read, or of another database, is none.
	if json.Unmarshal(text, f) != nil || f.Database != id {
		*f = first{r: r, Database: id}
	}
	return f, nil
}

func (r *run) markerFile() string { return filepath.Join(r.Config.DataDir, "first_run") }

func (f *first) save() error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return writeSecret(f.r.markerFile(), string(text))
}

func (f *first) seed(ctx context.Context) error {
	if f.Seeded || f.r.Seed == nil || !f.r.services.Simulated {
		return nil
	}
	if err := f.r.Seed(ctx, f.r.services); err != nil {
		return fmt.Errorf("导入模拟数据包：%w", err)
	}
	f.Seeded = true
	return f.save()
}

// sync runs both syncs. One that fails is told and does not end the rest.
func (f *first) sync(ctx context.Context) error {
	if f.Synced {
		return nil
	}
	f.r.term.say("首次启动，先同步一次：")
	well := true
	for _, t := range task.SyncTypes {
		line, err := f.r.syncOnce(ctx, t)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			well = false
			f.r.term.say(fmt.Sprintf("  ⚠️  %s同步没有成功：%s（可以稍后重试：curl -X POST %s）",
				t.Label(), err, f.r.syncURL(t)))
		default:
			f.r.term.say("  ✅ " + line)
		}
	}
	if !well {
		return nil
	}
	f.Synced = true
	return f.save()
}

func (r *run) syncURL(t task.SyncType) string {
	return r.services.APIURL + "/api/sync/" + string(t) + "/manual"
}

// syncOnce starts a sync by the API and says its result in one line.
func (r *run) syncOnce(ctx context.Context, t task.SyncType) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Config.ManualWait+time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.syncURL(t), nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var answer struct {
		RecordID int64  `json:"record_id"`
		Error    string `json:"error"`
		Summary  struct {
			Total, New, Updated, Matched, Pending, Failed, Duration int
		} `json:"summary"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("API 返回 %s", res.Status)
	}
	s := answer.Summary
	switch res.StatusCode {
	case http.StatusOK:
		return fmt.Sprintf("%s同步: 共 %d，新增 %d，更新 %d，匹配 %d，待匹配 %d，失败 %d（%d 秒）",
			t.Label(), s.Total, s.New, s.Updated, s.Matched, s.Pending, s.Failed, s.Duration), nil
	case http.StatusAccepted:
		return fmt.Sprintf("%s同步: 正在后台进行，记录编号 %d", t.Label(), answer.RecordID), nil
	case http.StatusConflict:
		return fmt.Sprintf("%s同步: 已有一次在进行", t.Label()), nil
	default:
		return "", errors.New(answer.Error)
	}
}

// databaseIdentity is of the server's data and the database's number, so that
// a database that was made anew is another one.
func databaseIdentity(ctx context.Context, url string) (string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var id string
	err = conn.QueryRow(ctx, `SELECT system_identifier::text || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
		FROM pg_control_system()`).Scan(&id)
	return id, err
}
