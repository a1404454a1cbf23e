package guanke_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

// An error of HTTP may come with a body that looks like a good answer.
func TestErrorStatusWithAList(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]task.Code{
		http.StatusInternalServerError: task.CodeSourceUnavailable,
		http.StatusTooManyRequests:     task.CodeSourceUnavailable,
		http.StatusForbidden:           task.CodeSourceAuth,
		http.StatusNotFound:            task.CodeSourceContract,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				list(fields(`"state":1`), 1)(w, r)
			})), nil)
			_, err := read(t.Context(), c, today)
			require.Equal(t, code, task.CodeOf(err))
			require.Contains(t, task.MessageOf(err), "OK")
		})
	}
}
