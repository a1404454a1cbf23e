package activities_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/activities"
	"tasksync/task"
)

// place is where a batch is: its page and its number there.
type place struct{ page, no int }

// batchStore keeps batches, and loses those of the first page's that lost names
// at the first flush, as a server does that dies before they are on disk.
type batchStore struct {
	*store
	mu       sync.Mutex
	batches  map[place]task.Batch
	saved    []int
	lost     []int
	flushes  int
	rowReads int
	matches  map[string]task.Match
}

func (s *batchStore) PageHeads(ctx context.Context, recordID int64, from, to int) ([]task.ClaimHead, error) {
	heads, err := s.store.PageHeads(ctx, recordID, from, to)
	for i := range heads {
		heads[i].Searched = s.matches != nil
	}
	return heads, err
}

func (s *batchStore) SaveMatches(_ context.Context, _ int64, _ int, matches map[string]task.Match, _ int64) error {
	s.matches = matches
	return nil
}

func (s *batchStore) PageRows(_ context.Context, _ int64, seq int) (task.ClaimRows, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rowReads++
	for _, c := range s.claims {
		if c.Seq == seq {
			return task.ClaimRows{FetchedAt: c.FetchedAt, ClaimedRows: c.ClaimedRows, Matches: s.matches, MatchesVersion: s.version}, nil
		}
	}
	return task.ClaimRows{}, nil
}

func (s *batchStore) SaveBatch(_ context.Context, b task.Batch) (task.BatchOutcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches[place{b.PageSeq, b.No}] = b
	s.saved = append(s.saved, b.No)
	return task.BatchOutcome{PageSeq: b.PageSeq, No: b.No, Tasks: len(b.Rows)}, nil
}

func (s *batchStore) BatchOutcomes(context.Context, int64, int, int) (out []task.BatchOutcome, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		out = append(out, task.BatchOutcome{PageSeq: b.PageSeq, No: b.No, Tasks: len(b.Rows)})
	}
	return out, nil
}

func (s *batchStore) Flush(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flushes++; s.flushes == 1 {
		for _, no := range s.lost {
			delete(s.batches, place{0, no})
		}
	}
	return nil
}

func setupBatches(t *testing.T) (*fixture, *batchStore, func() *activities.Activities) {
	f := setup(t)
	f.source.pages = []task.Page{page(5, 1, 2, 3, 4, 5)}
	s := &batchStore{store: f.store, batches: map[place]task.Batch{}}
	return f, s, func() *activities.Activities {
		return activities.New(f.config(), s, f.source, f.temporal)
	}
}

var chunkOfOne = activities.ChunkInput{RecordID: 7, FromSeq: 0, ToSeq: 1}

func TestUpsertChunkStoresAgainWhatADyingServerForgot(t *testing.T) {
	f, s, worker := setupBatches(t)
	s.lost = []int{1}
	a := worker()
	f.fetch(a, activities.FetchInput{})
	out, err := execute[activities.UpsertResult](f, a.UpsertChunk, chunkOfOne)
	require.NoError(t, err)
	require.Equal(t, activities.UpsertResult{Batches: 3, Tasks: 5}, out)
	require.Len(t, s.saved, 4, "one batch twice")
	require.Equal(t, 1, s.saved[3])
	require.Equal(t, 2, s.flushes, "what is stored again is flushed again")
	require.Zero(t, s.rowReads, "the rows are still known to the worker that fetched them")
}

func TestUpsertChunkFlushesWhatAnEarlierAttemptStored(t *testing.T) {
	f, s, worker := setupBatches(t)
	f.fetch(worker(), activities.FetchInput{})
	killed := worker()
	_, err := execute[activities.UpsertResult](f, killed.UpsertChunk, chunkOfOne)
	require.NoError(t, err)
	s.flushes, s.lost = 0, []int{0, 2} // It was killed before its flush, and the server with it.
	out, err := execute[activities.UpsertResult](f, worker().UpsertChunk, chunkOfOne)
	require.NoError(t, err)
	require.Equal(t, activities.UpsertResult{Batches: 3, Tasks: 5}, out)
	require.Len(t, s.saved, 5)
	require.Positive(t, s.rowReads, "another worker reads the rows from the store")
}

// The worker that fetched a page has its rows at hand, but not what the search
// of another worker decided.
func TestUpsertChunkStoresWhatAnotherWorkerSearched(t *testing.T) {
	f, s, worker := setupBatches(t)
	a, b := worker(), worker()
	f.fetch(a, activities.FetchInput{})
	_, err := execute[activities.MatchResult](f, b.MatchChunk, chunkOfOne)
	require.NoError(t, err)
	require.NotEmpty(t, s.matches)
	_, err = execute[activities.UpsertResult](f, a.UpsertChunk, chunkOfOne)
	require.NoError(t, err)
	for _, batch := range s.batches {
		for _, row := range batch.Rows {
			require.Equal(t, int64(1), row.SearchedVersion, "task %s was searched", row.Task.ID)
		}
	}
}
