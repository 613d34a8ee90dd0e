package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// swept is how many records the clauses have expire, and how many entries of the index.
const swept = 150

// litter leaves what expires at once beside what does not, and returns how many
// rows a sweep has to remove and how to see that the rest is there.
func (t *tester) litter() (rows int, intact func()) {
	t.Helper()
	_, err := t.Sweep(t.Context()) // what others have left
	require.NoError(t, err)
	subject, at := t.subject(), time.Now().Add(soon/2)
	live, data, versioned, filed := t.id(), t.data(), t.id(), t.id()
	t.commit(live, data, later())
	if t.swapper != nil {
		require.True(t, t.swap(versioned, 0, 1, data, later()))
	}
	if t.indexer != nil {
		t.file(filed, subject, later())
	}
	each(swept, func(i int) {
		id := t.id()
		if i%2 == 0 && t.swapper != nil {
			swapped, err := t.CompareAndSwap(t.Context(), id, 0, 1, t.data(), at)
			assert.NoError(t, err)
			assert.True(t, swapped)
		} else {
			assert.NoError(t, t.Commit(t.Context(), id, t.data(), at))
		}
		if t.indexer != nil {
			assert.NoError(t, t.Index(t.Context(), id, subject, at))
		}
	})
	t.passed(at)
	rows = swept
	if t.indexer != nil {
		rows *= 2
	}
	return rows, func() {
		t.Helper()
		t.holds(live, data, "swept, but it has not expired")
		if t.swapper != nil {
			t.holds(versioned, data, "swept, but it has not expired")
			require.True(t, t.swap(versioned, 1, 2, data, later()), "its version is as before")
		}
		if t.indexer != nil {
			require.Equal(t, []string{filed}, t.filed(subject), "swept, but it has not expired")
		}
	}
}

// counts runs f on fresh litter until it counts it exactly, or no more than
// that if it may be stopped. Somebody else's rows may expire in between, but not each time.
func (t *tester) counts(stopped bool, f func() int) {
	t.Helper()
	for try := 1; ; try++ {
		rows, intact := t.litter()
		removed := f()
		intact()
		if removed == rows || stopped && removed < rows {
			return
		}
		t.Logf("%d rows had expired, %d were removed", rows, removed)
		if try == 3 || removed < rows {
			t.Fatalf("Sweep does not remove and count each expired row once")
		}
	}
}

func sweepExpired(t *tester) {
	t.counts(false, func() int {
		removed, err := t.Sweep(t.Context())
		require.NoError(t, err)
		return removed
	})
}

// sweepTogether: two sweeps at once remove, and count, each row once.
func sweepTogether(t *tester) {
	t.counts(false, func() int {
		var sum atomic.Int64
		together(4, func(i int) {
			removed, err := t.turn(i).Sweep(t.Context())
			assert.NoError(t, err)
			sum.Add(int64(removed))
		})
		return int(sum.Load())
	})
}

// sweepCancelled: a sweep stops with its context and tells how far it came. What
// it was just about when it was stopped may not be counted.
func sweepCancelled(t *tester) {
	t.counts(true, func() int {
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		removed, err := t.Sweep(cancelled)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, removed)

		brief, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		defer cancel()
		removed, err = t.Sweep(brief)
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		rest, err := t.Sweep(t.Context())
		require.NoError(t, err)
		return removed + rest
	})
}

// sweepRecommitted: a record that is written anew just when it expires is not swept.
func sweepRecommitted(t *tester) {
	subject, ids, due, data := t.subject(), make([]string, crowd), make([]time.Time, crowd), t.data()
	begin := time.Now().Add(soon)
	each(len(ids), func(i int) {
		ids[i], due[i] = t.id(), begin.Add(time.Duration(i)*10*time.Millisecond)
		assert.NoError(t, t.Commit(t.Context(), ids[i], t.data(), due[i]))
		if t.indexer != nil {
			assert.NoError(t, t.Index(t.Context(), ids[i], subject, due[i]))
		}
	})
	sweeping, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for sweeping.Err() == nil {
				_, err := t.turn(i).Sweep(t.Context())
				assert.NoError(t, err)
				time.Sleep(time.Millisecond)
			}
		})
	}
	together(len(ids), func(i int) {
		c := t.turn(i)
		time.Sleep(time.Until(due[i]) + time.Duration(i%4)*time.Millisecond)
		if t.indexer != nil {
			assert.NoError(t, c.Index(t.Context(), ids[i], subject, later()))
		}
		if i%2 == 0 || t.swapper == nil {
			assert.NoError(t, c.Commit(t.Context(), ids[i], data, later()))
			return
		}
		for swapped := false; !swapped; {
			late := time.Now().After(due[i].Add(t.ClockTolerance))
			var err error
			swapped, err = c.CompareAndSwap(t.Context(), ids[i], 0, 1, data, later())
			if !assert.NoError(t, err) || !assert.False(t, late && !swapped, "an expired record is none") {
				return
			}
		}
	})
	stop()
	wg.Wait()
	_, err := t.Sweep(t.Context())
	require.NoError(t, err)
	for _, id := range ids {
		t.holds(id, data, "written anew, and swept")
	}
	if t.indexer != nil {
		require.ElementsMatch(t, ids, t.filed(subject), "filed anew, and swept")
	}
}
