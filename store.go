package hardtack

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Store keeps sealed records of sessions that have outgrown their cookies. Its
// methods use standard types only, so that an implementation need not import this
// package; storetest checks every clause of what follows, and docs/stores.md says how to use it.
//
// An ID is 43 characters of base64url, as ValidRecordID has it; upper and lower case differ.
// No Jar gives any other. A Store may refuse others with an error, but must not take one for
// another record by cutting, folding or padding it.
//
// Data is opaque, and at most Budget.Record bytes. Empty data is a record like
// any other; nil is empty. A Store that cannot take as much returns a *SizeError and changes nothing.
// It must not keep or change the slices it is given once it has returned. What Find
// returns may be the Store's own memory, which it does not change any more: the caller only reads it.
//
// Expiry is exact to the millisecond, by the clock of the Store. What has expired
// counts as missing everywhere, and a record committed with an expiry that has passed counts so at once.
//
// Every write is atomic: a Find sees all of it or nothing, and once it has returned nil, every later Find sees
// it, on every server. After an error it may have taken effect or not. An error means that the Store is away: the
// Jar's caller gets one that matches ErrStoreUnavailable and wraps it. It must name neither ID nor data: errors are logged.
//
// A Store must be safe for concurrent use and should obey ctx: return soon after it ends, with an error
// that matches its cause. The Jar's ctx ends with Config.StoreTimeout and carries the request's values, but
// does not end when the client hangs up. A call that does not obey is abandoned.
type Store interface {
	// Find returns what is stored under id. A record that is missing or has
	// expired is no error: found is false.
	Find(ctx context.Context, id string) (data []byte, found bool, err error)

	// Commit stores data under id until expires, whatever was there. In a
	// CompareAndSwapper the record has no version then: no CompareAndSwap
	// matches it until it is deleted or has expired.
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
	// one old, and each with data of its own, exactly one does. Versions are at least 1; new is greater than old.
	//
	// A client that repeats a command whose answer was lost, and then finds that the record has changed, must not
	// make false of it: Update would apply its change twice. Return an error instead.
	CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (swapped bool, err error)
}

// SubjectIndexer is a Store that can find the records of one subject, which
// EndAll needs. A subject is opaque too: 43 characters of base64url, a hash of
// the session's Subject under a key of the ring.
//
// The index stands beside the records: an entry is made before its record is, and
// stays when the record is deleted. Neither needs the other.
type SubjectIndexer interface {
	Store

	// Index files id under subject until expires, and no longer under the
	// subject where it was. An empty subject only takes it away. Meanwhile, or if it fails halfway, id
	// may be found under both, but not under neither. Of concurrent calls for one id, one is the last.
	Index(ctx context.Context, id, subject string, expires time.Time) error

	// FindSubjects returns the IDs that are filed under any of the subjects
	// and have not expired, each with its expiry. None is no error. Of more than a thousand it may
	// return only some, a thousand at least.
	FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error)
}

// Sweeper is a Store that has expired records removed. A Jar does not call it: the Store itself or
// the application does, such as once a minute.
type Sweeper interface {
	Store

	// Sweep removes the records, and the entries of the index, that have expired when it is called,
	// in batches so small that nobody waits long for it, and returns how many it removed. When ctx ends it stops
	// with the number so far and an error that matches the cause. Several servers may sweep at once.
	Sweep(ctx context.Context) (removed int, err error)
}

// Pinger is a Store that can say whether it is there, for the application's check at start
// or by an orchestrator.
type Pinger interface {
	Store

	// Ping returns nil if the Store could be used now.
	Ping(ctx context.Context) error
}

// ValidRecordID reports whether id has the form of the IDs that a Jar gives to
// its Store, and of the subjects: 43 characters of base64url.
func ValidRecordID(id string) bool {
	if len(id) != seal.LocatorSize {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// maxAbandoned is the number of calls to a store still running after their
// deadline from which on the store counts as away and is not called. Those begun before run on.
const maxAbandoned = 128

// storeCaller calls a Store within a deadline, whether or not it obeys contexts.
type storeCaller struct {
	store     Store
	swapper   CompareAndSwapper // nil if the store is none
	indexer   SubjectIndexer    // likewise
	timeout   time.Duration
	inMemory  bool
	onError   func(ctx context.Context, op string, err error)
	abandoned atomic.Int32
}

func newStoreCaller(s Store, timeout time.Duration, onError func(context.Context, string, error)) *storeCaller {
	c := &storeCaller{store: s, timeout: timeout, onError: onError}
	c.swapper, _ = s.(CompareAndSwapper)
	c.indexer, _ = s.(SubjectIndexer)
	_, c.inMemory = s.(*MemoryStore)
	return c
}

var (
	errAbandoned = errors.New("too many calls still hang")
	errPanic     = errors.New("store panicked")
	errSize      = errors.New("store reports a size that it was not given")
)

type storeResult struct {
	data []byte
	ids  map[string]time.Time
	ok   bool
	err  error
}

func (c *storeCaller) call(ctx context.Context, op string, f func(context.Context) storeResult) storeResult {
	r := c.within(ctx, f)
	if r.err != nil {
		if size := (*SizeError)(nil); errors.As(r.err, &size) {
			if size != nil && (op == "commit" || op == "swap") {
				own := *size // it may be shared, and the Jar adds to it
				r.err = &own
				return r
			}
			r.err = errSize // whoever looks for a *SizeError must not find this one
		}
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
				r = storeResult{err: fmt.Errorf("%w: a %T", errPanic, p)} // its words may quote an ID
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

func (c *storeCaller) index(ctx context.Context, id, subject string, expires time.Time) error {
	return c.call(ctx, "index", func(ctx context.Context) storeResult {
		return storeResult{err: c.indexer.Index(ctx, id, subject, expires)}
	}).err
}

func (c *storeCaller) findSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	r := c.call(ctx, "find subjects", func(ctx context.Context) (r storeResult) {
		r.ids, r.err = c.indexer.FindSubjects(ctx, subjects)
		return r
	})
	return r.ids, r.err
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
