package db

import (
	"context"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

// PackagesVersion counts the changes of packages and aliases.
func (s *Store) PackagesVersion(ctx context.Context) (int64, error) {
	v, err := s.q.PackagesVersion(ctx)
	return v, translate(ctx, err)
}

// Packages are all packages by code, and the version that they belong to.
func (s *Store) Packages(ctx context.Context) ([]task.Package, int64, error) {
	var (
		packages []task.Package
		version  int64
	)
	err := s.inTx(ctx, func(q *dbsqlc.Queries) error {
		var err error
		// The version first: a change in between makes the packages newer than
		// their version, never older.
		if version, err = q.PackagesVersion(ctx); err != nil {
			return err
		}
		rows, err := q.Packages(ctx)
		packages = make([]task.Package, len(rows))
		for i, r := range rows {
			packages[i] = task.Package{ID: r.ID, Code: r.Code, Name: r.Name, Enabled: r.Enabled, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
			if r.ExternalID != nil {
				packages[i].ExternalID = *r.ExternalID
			}
		}
		return err
	})
	return packages, version, err
}

// SavePackages inserts or changes packages by code, all or none, and answers
// how many were made and how many changed. Codes must not repeat.
func (s *Store) SavePackages(ctx context.Context, packages []task.Package) (created, changed int, err error) {
	p := dbsqlc.UpsertPackagesParams{Codes: []string{}, Names: []string{}, ExternalIds: []string{}, Enabled: []bool{}}
	for _, pkg := range packages {
		p.Codes = append(p.Codes, pkg.Code)
		p.Names = append(p.Names, pkg.Name)
		p.ExternalIds = append(p.ExternalIds, pkg.ExternalID)
		p.Enabled = append(p.Enabled, pkg.Enabled)
	}
	row, err := s.q.UpsertPackages(ctx, p)
	return int(row.Created), int(row.Updated), translate(ctx, err)
}
