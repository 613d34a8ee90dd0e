package hardtack

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Store keeps sealed records of sessions that have outgrown their cookies. IDs
// are 43 characters of base64url; data is opaque and at most Budget.Record
// bytes. A Store must be safe for concurrent use, must not keep or change the slices it
// is given after it has returned, and should obey ctx, which ends with Config.StoreTimeout
// and carries the request's values, but does not end when the client hangs up. Find's data may be the Store's own memory: the caller
// only reads it.
//
// Its methods use standard types only, so that an implementation need not import this package.
type Store interface {
	// Find returns what is stored under id and has not expired. A record that
	// is missing or has expired is no error: found is false.
	Find(ctx context.Context, id string) (data []byte, found bool, err error)

	// Commit stores data under id until expires, whatever was there. In a
	// CompareAndSwapper the record has no version then: no CompareAndSwap
	// matches it until it is committed again, deleted or has expired.
	Commit(ctx context.Context, id string, data []byte, expires time.Time) error

	// Delete removes the record. A missing record is no error.
	Delete(ctx context.Context, id string) error
}

// CompareAndSwapper is a Store that can tell whether a record has changed. Without
// it the last write wins: concurrent saves of one stored session can be lost,
// a save in flight can outlive a Delete, and a restored backup is not noticed.
type CompareAndSwapper interface {
	Store

	// CompareAndSwap stores data under id until expires, with the version
	// new, if the record there has the version old; old 0 asks that there be no
	// record, or only an expired one. It reports whether it did. Of several concurrent calls with
	// one old, exactly one does. Versions are at least 1.
	CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (swapped bool, err error)
}

// maxAbandoned bounds the calls to a store that are still running after their
// deadline; beyond it, the store counts as away and is not called.
const maxAbandoned = 128

// storeCaller calls a Store within a deadline, whether or not it obeys contexts.
type storeCaller struct {
	store     Store
	swapper   CompareAndSwapper // nil if the store is none
	timeout   time.Duration
	inMemory  bool
	onError   func(ctx context.Context, op string, err error)
	abandoned atomic.Int32
}

func newStoreCaller(s Store, timeout time.Duration, onError func(context.Context, string, error)) *storeCaller {
	c := &storeCaller{store: s, timeout: timeout, onError: onError}
	c.swapper, _ = s.(CompareAndSwapper)
	_, c.inMemory = s.(*MemoryStore)
	return c
}

var (
	errAbandoned = errors.New("too many calls still hang")
	errPanic     = errors.New("store panicked")
)

type storeResult struct {
	data []byte
	ok   bool
	err  error
}

func (c *storeCaller) call(ctx context.Context, op string, f func(context.Context) storeResult) storeResult {
	r := c.within(ctx, f)
	if r.err != nil {
		c.onError(ctx, op, r.err)
		r.err = &storeError{op, r.err}
	}
	return r
}

func (c *storeCaller) within(ctx context.Context, f func(context.Context) storeResult) storeResult {
	// A client that hangs up must neither look like a failing store nor leave
	// a write half known: the deadline alone bounds the call.
	ctx = context.WithoutCancel(ctx)
	if c.inMemory {
		return f(ctx) // never blocks
	}
	if c.abandoned.Load() >= maxAbandoned {
		return storeResult{err: errAbandoned}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	done := make(chan storeResult, 1)
	var settled atomic.Bool
	go func() {
		var r storeResult
		defer func() {
			if p := recover(); p != nil {
				r = storeResult{err: fmt.Errorf("%w: %v", errPanic, p)}
			}
			done <- r
			if !settled.CompareAndSwap(false, true) {
				c.abandoned.Add(-1)
			}
		}()
		r = f(ctx)
	}()
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
	}
	c.abandoned.Add(1)
	if !settled.CompareAndSwap(false, true) {
		c.abandoned.Add(-1) // it was just in time
		return <-done
	}
	return storeResult{err: context.Cause(ctx)}
}

func (c *storeCaller) find(ctx context.Context, id string) ([]byte, bool, error) {
	r := c.call(ctx, "find", func(ctx context.Context) (r storeResult) {
		r.data, r.ok, r.err = c.store.Find(ctx, id)
		return r
	})
	return r.data, r.ok, r.err
}

func (c *storeCaller) commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	return c.call(ctx, "commit", func(ctx context.Context) storeResult {
		return storeResult{err: c.store.Commit(ctx, id, data, expires)}
	}).err
}

func (c *storeCaller) delete(ctx context.Context, id string) error {
	return c.call(ctx, "delete", func(ctx context.Context) storeResult {
		return storeResult{err: c.store.Delete(ctx, id)}
	}).err
}

// swap is CompareAndSwap, or for a store without it the nearest thing: it
// looks before it writes, and somebody may come in between.
func (c *storeCaller) swap(ctx context.Context, id string, old, new uint64, data []byte, expires time.Time) (bool, error) {
	r := c.call(ctx, "swap", func(ctx context.Context) (r storeResult) {
		if c.swapper != nil {
			r.ok, r.err = c.swapper.CompareAndSwap(ctx, id, int64(old), int64(new), data, expires)
			return r
		}
		present, found, err := c.store.Find(ctx, id)
		if err != nil {
			return storeResult{err: err}
		}
		if found && seal.RecordRevision(present) != old || !found && old != 0 {
			return storeResult{}
		}
		return storeResult{ok: true, err: c.store.Commit(ctx, id, data, expires)}
	})
	return r.ok && r.err == nil, r.err
}
