package sqlstore

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"
)

// The pauses between attempts begin with the first and double up to the second.
const (
	firstPause = time.Millisecond
	maxPause   = 20 * time.Millisecond
)

// call runs f until it succeeds or fails for good. An error that only says that others were in the way
// has changed nothing, so f is repeated as long as ctx, or without a deadline BusyTimeout, allows.
func (s *Store) call(ctx context.Context, op string, f func() error) error {
	if _, ok := ctx.Deadline(); !ok {
		waiting, cancel := context.WithTimeout(ctx, s.options.BusyTimeout)
		defer cancel()
		return s.repeat(ctx, waiting, op, f)
	}
	return s.repeat(ctx, ctx, op, f)
}

func (s *Store) repeat(ctx, waiting context.Context, op string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return s.dialect.failed(ctx, op, err)
	}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := s.limited(ctx, f)
		if err == nil {
			return nil
		}
		if !s.dialect.transient(err) || !sleep(waiting, pause/2+rand.N(pause)) {
			return s.dialect.failed(ctx, op, err)
		}
	}
}

// limited runs f as one of at most Options.MaxCalls.
func (s *Store) limited(ctx context.Context, f func() error) error {
	if s.calls != nil {
		select {
		case s.calls <- struct{}{}:
			defer func() { <-s.calls }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f()
}

// sleep reports whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// exec runs a statement that writes and returns how many rows it matched.
func (s *Store) exec(ctx context.Context, op string, stmt *sql.Stmt, args ...any) (rows int, err error) {
	err = s.write(ctx, op, func() error {
		result, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		rows = int(n)
		return err
	})
	return rows, err
}

// write is call, one at a time where the database takes one writer only: whoever waits in Go is woken in turn and at
// the end of its context, whoever waits in SQLite is not.
func (s *Store) write(ctx context.Context, op string, f func() error) error {
	if s.writer != nil {
		select {
		case s.writer <- struct{}{}:
			defer func() { <-s.writer }()
		case <-ctx.Done():
			return s.dialect.failed(ctx, op, ctx.Err())
		}
	}
	return s.call(ctx, op, f)
}
