package hybridtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

// ErrBroken is what a store behind Faults fails with.
var ErrBroken = errors.New("the store is broken")

// Call is one call of a store, with what it was given.
type Call struct {
	Op       string // "find", "commit", "swap", "delete", "index" or "find subjects"
	ID       string
	Subjects []string
	Data     []byte
}

// Faults makes the store Inner fail on demand, and writes down each call. It is
// safe for concurrent use, but for the setting of Inner.
type Faults struct {
	Inner hardtack.CompareAndSwapper

	mu            sync.Mutex
	before, after func(op string) error
	calls         []Call
}

// Store returns the store that fails. It is a SubjectIndexer if Inner is one.
func (f *Faults) Store() hardtack.CompareAndSwapper {
	if _, ok := f.Inner.(hardtack.SubjectIndexer); ok {
		return faultyIndexer{faulty{f}}
	}
	return faulty{f}
}

// Fail makes the operations in ops fail without effect, all of them if there are none.
func (f *Faults) Fail(ops ...string) { f.Set(Failing(ops...), nil) }

// FailAfter lets the operations in ops take effect, and then fail.
func (f *Faults) FailAfter(ops ...string) { f.Set(nil, Failing(ops...)) }

// Heal ends all failing.
func (f *Faults) Heal() { f.Set(nil, nil) }

// Set says what is called with the name of each operation, before it is carried
// out and after. An error from before is returned in place of the operation.
func (f *Faults) Set(before, after func(op string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

// Failing returns a function for Set that fails the operations in ops, all if there are none.
func Failing(ops ...string) func(op string) error {
	return func(op string) error {
		if len(ops) == 0 || slices.Contains(ops, op) {
			return ErrBroken
		}
		return nil
	}
}

// Calls returns the calls so far, the failed ones too.
func (f *Faults) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Ops returns the names of the calls so far.
func (f *Faults) Ops() []string {
	var ops []string
	for _, c := range f.Calls() {
		ops = append(ops, c.Op)
	}
	return ops
}

// Forget empties the list of calls.
func (f *Faults) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}

func (f *Faults) do(c Call, carryOut func() error) error {
	c.Data, c.Subjects = bytes.Clone(c.Data), slices.Clone(c.Subjects)
	f.mu.Lock()
	before, after := f.before, f.after
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if before != nil {
		if err := before(c.Op); err != nil {
			return err
		}
	}
	if err := carryOut(); err != nil {
		return err
	}
	if after != nil {
		return after(c.Op)
	}
	return nil
}

type faulty struct{ f *Faults }

func (s faulty) Find(ctx context.Context, id string) (data []byte, found bool, err error) {
	err = s.f.do(Call{Op: "find", ID: id}, func() error {
		data, found, err = s.f.Inner.Find(ctx, id)
		return err
	})
	return data, found, err
}

func (s faulty) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	return s.f.do(Call{Op: "commit", ID: id, Data: data}, func() error {
		return s.f.Inner.Commit(ctx, id, data, expires)
	})
}

func (s faulty) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (swapped bool, err error) {
	err = s.f.do(Call{Op: "swap", ID: id, Data: data}, func() error {
		swapped, err = s.f.Inner.CompareAndSwap(ctx, id, old, new, data, expires)
		return err
	})
	return swapped, err
}

func (s faulty) Delete(ctx context.Context, id string) error {
	return s.f.do(Call{Op: "delete", ID: id}, func() error { return s.f.Inner.Delete(ctx, id) })
}

// faultyIndexer is faulty with an Inner that is a SubjectIndexer.
type faultyIndexer struct{ faulty }

func (s faultyIndexer) inner() hardtack.SubjectIndexer { return s.f.Inner.(hardtack.SubjectIndexer) }

func (s faultyIndexer) Index(ctx context.Context, id, subject string, expires time.Time) error {
	return s.f.do(Call{Op: "index", ID: id, Subjects: []string{subject}}, func() error {
		return s.inner().Index(ctx, id, subject, expires)
	})
}

func (s faultyIndexer) FindSubjects(ctx context.Context, subjects []string) (found map[string]time.Time, err error) {
	err = s.f.do(Call{Op: "find subjects", Subjects: subjects}, func() error {
		found, err = s.inner().FindSubjects(ctx, subjects)
		return err
	})
	return found, err
}
