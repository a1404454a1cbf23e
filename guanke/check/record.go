package check

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/guanke/recording"
	"tasksync/task"
)

// RecordConfig is what Record needs.
type RecordConfig struct {
	Config
	// Dir is where the recording goes.
	Dir string
	// Pages bounds how many pages are read.
	Pages int
	// MappingText is the text of the mapping's file; "" for the embedded one.
	MappingText string
}

// Recorded says what Record kept.
type Recorded struct {
	// Answers, Pages and Tasks count what was kept, Entries the bad ones too.
	Answers, Pages, Tasks, Entries int
	// Ended is why the reading ended early; nil if it did not.
	Ended error
	// More is true if there were more pages than were to be read.
	More bool
}

// Record tries the source as Run does, reads the window's pages, and keeps all
// answers without what is secret. A source that fails is recorded as it fails:
// that is no error.
func Record(ctx context.Context, cfg RecordConfig) (Recorded, error) {
	var out Recorded
	m := cfg.Source.Mapping
	if m == nil {
		m = mapping.Default()
	}
	var next http.RoundTripper
	if cfg.Source.HTTP != nil {
		next = cfg.Source.HTTP.Transport
	}
	recorder, err := recording.New(recording.Config{
		Dir: cfg.Dir, BaseURL: cfg.Source.BaseURL, Secrets: []string{cfg.Source.Secret, cfg.Source.Password}, Names: secretNames(m), Fixed: fixed(m), Next: next,
	})
	if err != nil {
		return out, err
	}
	defer recorder.Idle()
	cfg.Source.HTTP = &http.Client{Transport: recorder}
	client, err := guanke.New(cfg.Source)
	if err != nil {
		return out, err
	}
	defer client.Close()
	Run(ctx, cfg.Config)
	for p, err := range client.Pages(ctx, cfg.Window, "") {
		if err != nil {
			out.Ended = err
			break
		}
		out.Pages++
		out.Tasks += len(p.Tasks)
		out.Entries += len(p.Tasks) + len(p.Rejects)
		if out.Pages >= cfg.Pages {
			out.More = p.Next != ""
			break
		}
	}
	size := cfg.Source.PageSize
	if size == 0 {
		size = guanke.MaxPageSize
	}
	out.Answers, err = recorder.Close(recording.Info{
		RecordedAt: time.Now().UTC(), From: cfg.Window.From, To: cfg.Window.To, PageSize: size,
	}, cfg.MappingText)
	if err == nil && ctx.Err() != nil {
		return out, ctx.Err()
	}
	if err == nil && out.Answers == 0 && out.Ended != nil {
		err = task.Wrap(task.CodeOf(out.Ended), out.Ended, "%s；没有任何答复可以录制", task.MessageOf(out.Ended))
	}
	return out, err
}

// fixed are the parameters and headers that the mapping itself has, by name,
// without those that the credentials go into.
func fixed(m *mapping.Mapping) map[string]string {
	out := map[string]string{}
	params := slices.Clone(m.Headers)
	for _, r := range append(slices.Clone(m.Auth.Requests), m.List.Request) {
		params = slices.Concat(params, r.Headers, r.Query)
		texts(out, r.Body)
	}
	for _, p := range params {
		out[p.Name] = p.Value
	}
	maps.DeleteFunc(out, func(_, value string) bool { return strings.Contains(value, "${") })
	return out
}

// texts adds the texts in a body by their names.
func texts(out map[string]string, body map[string]any) {
	for name, v := range body {
		switch v := v.(type) {
		case string:
			out[name] = v
		case map[string]any:
			texts(out, v)
		}
	}
}

// secretNames are what the mapping calls the token.
func secretNames(m *mapping.Mapping) []string {
	var out []string
	if m.Auth.Name != "" {
		out = append(out, m.Auth.Name)
	}
	if m.Auth.Token != nil {
		for _, p := range m.Auth.Token.Paths {
			if len(p) > 0 {
				out = append(out, p[len(p)-1])
			}
		}
	}
	return out
}
