package activities

import (
	"context"
	"sync"

	"tasksync/task"
)

type packageStore interface {
	PackagesVersion(ctx context.Context) (int64, error)
	Packages(ctx context.Context) ([]task.Package, int64, error)
}

// matchers keeps the newest snapshot of the packages.
type matchers struct {
	store packageStore
	make  func(version int64, packages []task.Package) Matcher

	mu     sync.Mutex
	newest Matcher
}

// current answers a snapshot that is as new as the database's packages. It is
// asked before each chunk.
func (m *matchers) current(ctx context.Context) (Matcher, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newest != nil {
		version, err := m.store.PackagesVersion(ctx)
		if err != nil {
			return nil, err
		}
		if version == m.newest.Version() {
			return m.newest, nil
		}
	}
	packages, version, err := m.store.Packages(ctx)
	if err != nil {
		return nil, err
	}
	m.newest = m.make(version, packages)
	return m.newest, nil
}
