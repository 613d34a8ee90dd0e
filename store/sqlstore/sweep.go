package sqlstore

import (
	"context"
	"database/sql"
	"math"
	"math/rand/v2"
	"time"
)

// maxSweepPause bounds the pause between two batches.
const maxSweepPause = 50 * time.Millisecond

// Sweep implements hardtack.Sweeper. It removes Options.SweepBatch rows at a time and pauses after each batch as long as
// that took, at most 50 ms, so that it takes no more than half of the database.
// The Store also sweeps by itself, see Options.SweepEvery.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	now := s.now()
	for _, stmt := range s.sweeps {
		for from := int64(math.MinInt64); ; {
			began := time.Now()
			rows, err := s.sweepBatch(ctx, stmt, &from, now)
			removed += rows
			if err != nil {
				return removed, err
			}
			if rows < s.options.SweepBatch {
				break // none is left, or another server is at them
			}
			if !sleep(ctx, min(time.Since(began), maxSweepPause)) {
				return removed, s.dialect.failed(ctx, "sweep", ctx.Err())
			}
		}
	}
	return removed, nil
}

// sweepBatch removes one batch of what expired between from and now, and moves from on.
func (s *Store) sweepBatch(ctx context.Context, stmt *sql.Stmt, from *int64, now int64) (rows int, err error) {
	if !s.dialect.sweepGoesOn {
		return s.exec(ctx, "sweep", stmt, now, s.options.SweepBatch)
	}
	err = s.write(ctx, "sweep", func() error {
		return stmt.QueryRowContext(ctx, *from, now, s.options.SweepBatch).Scan(&rows, from)
	})
	return rows, err
}

// startSweeper sweeps from time to time until Close. A sweep that fails is as good as
// made up for by the next; whoever wants to know of it calls Sweep or Ping.
func (s *Store) startSweeper() {
	ctx, stop := context.WithCancel(context.Background())
	s.stopSweeper = stop
	if s.options.SweepEvery < 0 {
		return
	}
	s.sweeper.Go(func() {
		// Servers that were started together should not sweep together.
		for sleep(ctx, s.options.SweepEvery/2+rand.N(s.options.SweepEvery)) {
			within, cancel := context.WithTimeout(ctx, max(s.options.SweepEvery, time.Minute))
			_, _ = s.Sweep(within)
			cancel()
		}
	})
}
