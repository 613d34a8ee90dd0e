package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

// The pauses between attempts begin with the first and double up to the second.
const (
	firstPause = time.Millisecond
	maxPause   = 20 * time.Millisecond
)

// caller makes the calls of a pool.
type caller struct {
	db          *sql.DB
	dialect     *dialect
	busyTimeout time.Duration
	writer      chan struct{} // holds the writer, where there can be only one
	calls       chan struct{} // holds the calls that run, where their number is bounded
}

func newCaller(db *sql.DB, d *dialect, o Options) caller {
	c := caller{db: db, dialect: d, busyTimeout: o.BusyTimeout}
	if d.oneWriter {
		c.writer = make(chan struct{}, 1)
	}
	if o.MaxCalls > 0 {
		c.calls = make(chan struct{}, o.MaxCalls)
	}
	return c
}

// call runs f until it succeeds or fails for good. An error that only says that others were in the way
// has changed nothing, so f is repeated as long as ctx, or without a deadline BusyTimeout, allows.
func (c *caller) call(ctx context.Context, op string, f func() error) error {
	if _, ok := ctx.Deadline(); !ok {
		waiting, cancel := context.WithTimeout(ctx, c.busyTimeout)
		defer cancel()
		return c.repeat(ctx, waiting, op, f)
	}
	return c.repeat(ctx, ctx, op, f)
}

func (c *caller) repeat(ctx, waiting context.Context, op string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return c.dialect.failed(ctx, op, err)
	}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := c.limited(ctx, f)
		if err == nil {
			return nil
		}
		if !c.dialect.transient(err) || !sleep(waiting, pause/2+rand.N(pause)) {
			return c.dialect.failed(ctx, op, err)
		}
	}
}

// limited runs f as one of at most Options.MaxCalls.
func (c *caller) limited(ctx context.Context, f func() error) error {
	if c.calls != nil {
		select {
		case c.calls <- struct{}{}:
			defer func() { <-c.calls }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f()
}

// opening is call for what New does: its errors may say more.
func (c *caller) opening(ctx context.Context, step func(context.Context) error) error {
	var stepErr error
	err := c.call(ctx, "open", func() error { stepErr = step(ctx); return stepErr })
	if err == nil || stepErr == nil { // done, or ctx had ended before
		return err
	}
	if schema := (*SchemaError)(nil); errors.As(stepErr, &schema) || errors.Is(stepErr, ErrFoundRows) || errors.Is(stepErr, ErrKeysTable) {
		return stepErr
	}
	return &openError{c.dialect.name, stepErr, ended(ctx)}
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
func (c *caller) exec(ctx context.Context, op string, stmt *sql.Stmt, args ...any) (rows int, err error) {
	return c.rows(ctx, op, func() (sql.Result, error) { return stmt.ExecContext(ctx, args...) })
}

func (c *caller) rows(ctx context.Context, op string, f func() (sql.Result, error)) (rows int, err error) {
	err = c.write(ctx, op, func() error {
		result, err := f()
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
func (c *caller) write(ctx context.Context, op string, f func() error) error {
	if c.writer != nil {
		select {
		case c.writer <- struct{}{}:
			defer func() { <-c.writer }()
		case <-ctx.Done():
			return c.dialect.failed(ctx, op, ctx.Err())
		}
	}
	return c.call(ctx, op, f)
}
