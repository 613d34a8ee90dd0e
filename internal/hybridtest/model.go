// Package hybridtest checks what hybrid mode promises: a model of it that is run
// against any store, at random and with faults, and the rig that this takes.
package hybridtest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
)

// Counts is what a run of the model has done. What is lost or mixed up fails the test at once.
type Counts struct {
	Steps    int // of clients: a request's begin, a request's end, an old response's arrival, the passing of time
	Sessions int // that were written at least once
	Saves    int // that were acknowledged
	Reads    int // that gave a session, with just what the model says it has
	Lost     int // sessions or changes that were acknowledged and are not there
	MixedUp  int // sessions that were given to another client
}

// String returns the counts for a test's log.
func (c Counts) String() string {
	return fmt.Sprintf("%d steps, %d sessions, %d saves acknowledged, %d reads checked, %d lost, %d mixed up",
		c.Steps, c.Sessions, c.Saves, c.Reads, c.Lost, c.MixedUp)
}

// Model runs at least so many steps of the model against store, as one rapid.Check
// after the other, and returns what was done. All checks share the store: each has
// sessions and keys of its own. The store's clock must be the real one; the
// model's begins there and runs ahead, so that it never misses what the store has expired.
//
// rapid's flags apply; on a failure rapid says how to repeat it.
func Model(t *testing.T, store hardtack.CompareAndSwapper, steps int) Counts {
	t.Helper()
	return run(t, func(func() time.Time) hardtack.CompareAndSwapper { return store }, steps)
}

// ModelOfEach is Model with a store for each check, that has the model's clock.
func ModelOfEach(t *testing.T, open func(now func() time.Time) hardtack.CompareAndSwapper, steps int) Counts {
	t.Helper()
	return run(t, open, steps)
}

// patient keeps a slow machine from looking like a store that is away.
func patient(c *hardtack.Config) { c.StoreTimeout = time.Minute }

func run(t *testing.T, open func(now func() time.Time) hardtack.CompareAndSwapper, steps int) (counts Counts) {
	t.Helper()
	for counts.Steps < steps {
		rapid.Check(t, func(t *rapid.T) {
			clock := NewClock(realTime())
			m := &model{
				t:       t,
				rig:     NewRig(t, clock, open(clock.Now), patient),
				counts:  &counts,
				cookies: make(map[string]*cookie),
				clients: []*client{{name: "ann"}, {name: "bob"}},
			}
			t.Repeat(m.actions())
			m.t = t
			m.readAll()
		})
	}
	t.Log(counts)
	return counts
}
