package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack"
)

// storeError is a failure of the database. It does not wrap the driver's error, whose text or fields can quote an ID or
// data, and which tools that walk a chain of errors would print.
type storeError struct {
	op    string
	text  string
	code  string // the server's, if the error is one of the server
	ended []error
}

func (e *storeError) Error() string        { return "sqlstore: " + e.op + ": " + e.text }
func (e *storeError) Is(target error) bool { return target == hardtack.ErrStoreUnavailable }
func (e *storeError) Unwrap() []error      { return e.ended }

// failed makes the error of a call that got err from the driver.
func (d *dialect) failed(ctx context.Context, op string, err error) error {
	e := &storeError{op: op, code: d.code(err), ended: ended(ctx)}
	switch {
	case len(e.ended) > 0:
		e.text = e.ended[0].Error()
	case e.code != "" && d.quotes:
		e.text = "server error " + e.code
	default:
		e.text = err.Error()
	}
	return e
}

// ended returns why ctx has ended, nil if it has not. A driver that sets a deadline of
// its own can be a moment ahead of the context.
func ended(ctx context.Context) []error {
	err := ctx.Err()
	if err == nil {
		if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
			return []error{context.DeadlineExceeded}
		}
		return nil
	}
	if cause := context.Cause(ctx); cause != err {
		return []error{cause, err}
	}
	return []error{err}
}

// openError is a failure of New. No call of it carries an ID or data, so the driver's error
// stays: it says which right is missing, or why the server cannot be reached.
type openError struct {
	dialect string
	err     error
	ended   []error
}

func (e *openError) Error() string        { return "sqlstore: open " + e.dialect + ": " + e.err.Error() }
func (e *openError) Is(target error) bool { return target == hardtack.ErrStoreUnavailable }
func (e *openError) Unwrap() []error      { return append([]error{e.err}, e.ended...) }

// code returns the server's code of an error that came through call.
func code(err error) string {
	if e := (*storeError)(nil); errors.As(err, &e) {
		return e.code
	}
	return ""
}
