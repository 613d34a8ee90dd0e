package storetest

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// event is a call that took effect on a record: a write, a deletion, or a look at it.
type event struct {
	begun, done time.Time
	data        string // what it wrote or saw; "" if it deleted or found nothing
	old, new    int64  // if it swapped
}

// history is what happened to one record.
type history struct {
	id     string
	mu     sync.Mutex
	writes []event
	looks  []event
	last   int64 // the highest version that was tried, so that none is used twice
	known  int64 // a version that somebody has swapped in
}

func (h *history) wrote(e event) {
	e.done = time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes = append(h.writes, e)
	if e.new > 0 {
		h.known = e.new
	}
}

func (h *history) saw(e event) {
	e.done = time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks = append(h.looks, e)
}

// versions proposes what to swap for what.
func (h *history) versions(insert bool) (old, new int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	if insert {
		return 0, h.last
	}
	return h.known, h.last
}

// explains reports whether a look could see what it saw: something wrote that, not after the
// look, and nothing else was written for certain in between.
func (h *history) explains(look event) bool {
	for _, w := range h.writes {
		if w.data != look.data || w.begun.After(look.done) {
			continue
		}
		covered := false
		for _, next := range h.writes {
			if next.begun.After(w.done) && next.done.Before(look.begun) {
				covered = true
				break
			}
		}
		if !covered {
			return true
		}
	}
	return false
}

// raceRandom: after any mixture of calls, each record is as the acknowledged ones
// have left it, and so was every look at it meanwhile.
func raceRandom(t *tester) {
	const records, calls = 16, 16
	histories := make([]*history, records)
	for i := range histories {
		now := time.Now()
		histories[i] = &history{id: t.id(), writes: []event{{begun: now, done: now}}} // it is not there
	}
	together(crowd, func(i int) {
		c := t.turn(i)
		for range calls {
			if t.Failed() {
				return
			}
			t.something(c, histories[rand.IntN(records)])
		}
	})
	for _, h := range histories {
		t.look(t.store, h)
		swapped := make(map[int64]bool)
		for _, w := range h.writes {
			if w.old > 0 {
				require.False(t, swapped[w.old], "two calls swapped version %d", w.old)
				swapped[w.old] = true
			}
		}
		for _, l := range h.looks {
			require.True(t, h.explains(l), "a record is as nobody has left it (%d writes, %d looks)", len(h.writes), len(h.looks))
		}
	}
}

// something makes one random call.
func (t *tester) something(c *client, h *history) {
	e := event{begun: time.Now()}
	switch n := rand.IntN(10); {
	case n < 3:
		t.look(c, h)
	case n < 7 && c.swapper != nil:
		e.old, e.new = h.versions(n < 5)
		e.data = string(t.data())
		if e.old == 0 && n >= 5 {
			return // no version is known yet
		}
		swapped, err := c.CompareAndSwap(t.Context(), h.id, e.old, e.new, []byte(e.data), later())
		assert.NoError(t, err)
		if swapped {
			h.wrote(e)
		}
	case n < 8:
		assert.NoError(t, c.Delete(t.Context(), h.id))
		h.wrote(e)
	default:
		e.data = string(t.data())
		assert.NoError(t, c.Commit(t.Context(), h.id, []byte(e.data), later()))
		h.wrote(e)
	}
}

func (t *tester) look(c *client, h *history) {
	e := event{begun: time.Now()}
	data, _, err := c.Find(t.Context(), h.id)
	assert.NoError(t, err)
	e.data = string(data)
	h.saw(e)
}
