package sqlstore

import (
	"context"
	"database/sql"
	"math"
	"slices"
)

// NewNewer is New of a program that has one migration more.
func NewNewer(ctx context.Context, db *sql.DB, d Dialect, o Options, migration ...string) (*Store, error) {
	newer := *d.d
	newer.migrations = append(slices.Clone(newer.migrations), migration)
	return newStore(ctx, db, &newer, o)
}

// SweepBatches runs one statement of a sweep on each table.
func (s *Store) SweepBatches(ctx context.Context) (rows []int, err error) {
	for _, stmt := range s.sweeps {
		from := int64(math.MinInt64)
		n, err := s.sweepBatch(ctx, stmt, &from, s.now())
		if err != nil {
			return nil, err
		}
		rows = append(rows, n)
	}
	return rows, nil
}

// Code returns the server's code of an error of the driver.
func (d Dialect) Code(err error) string { return d.d.code(err) }
