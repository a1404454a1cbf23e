package guanke_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"tasksync/task"
)

// requireStorable fails unless PostgreSQL takes the task as it is.
func requireStorable(t *testing.T, x task.Task) {
	t.Helper()
	require.NotEmpty(t, strings.TrimSpace(x.ID))
	require.NotEmpty(t, strings.TrimSpace(x.Name))
	requireText(t, x.ID, task.MaxIDLength)
	requireText(t, x.Name, task.MaxNameLength)
	requireText(t, x.PackageRef, task.MaxNameLength)
	requireText(t, x.State, task.MaxNameLength)
	for _, n := range [...]int64{x.Total, x.Called, x.Connected, x.Succeeded} {
		require.GreaterOrEqual(t, n, int64(0))
	}
	require.False(t, x.CreatedAt.Before(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), x.CreatedAt)
	require.True(t, x.CreatedAt.Before(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)), x.CreatedAt)
	if x.Attributes != nil {
		requireJSONB(t, x.Attributes)
	}
}

// requireRecordable fails unless the reject can be stored and shown.
func requireRecordable(t *testing.T, r task.Reject) {
	t.Helper()
	require.NotEmpty(t, r.Reason)
	requireText(t, r.Reason, 500)
	requireText(t, r.TaskID, task.MaxIDLength)
	requireText(t, r.TaskName, task.MaxNameLength)
	require.LessOrEqual(t, len(r.Payload), 64<<10)
}

func requireText(t *testing.T, s string, limit int) {
	t.Helper()
	require.True(t, utf8.ValidString(s), "%q", s)
	require.NotContains(t, s, "\x00")
	require.LessOrEqual(t, utf8.RuneCountInString(s), limit)
}

// requireJSONB fails unless text is an object that PostgreSQL's jsonb takes: no
// NUL, no half of a surrogate pair, numbers within numeric, nesting within the
// server's stack.
func requireJSONB(t *testing.T, text []byte) {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	require.Equal(t, jsontext.Kind('{'), d.PeekKind())
	for {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		require.LessOrEqual(t, d.StackDepth(), 1000)
		switch token.Kind() {
		case '"':
			require.NotContains(t, token.String(), "\x00")
		case '0':
			requireNumeric(t, token.String())
		}
	}
}

// requireNumeric fails unless the number has at most 131,072 digits before the
// decimal point and 16,383 after it, which are numeric's limits.
func requireNumeric(t *testing.T, number string) {
	t.Helper()
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(number, "-")), "e")
	e := 0
	if exponent != "" {
		var err error
		e, err = strconv.Atoi(exponent)
		require.NoError(t, err)
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	require.LessOrEqual(t, len(whole)+e, 131_072)
	require.LessOrEqual(t, len(fraction)-e, 16_383)
}
