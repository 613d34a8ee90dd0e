package storetest

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const rounds = 12

// winner has many goroutines swap a record, each with data of its own, and checks that one did.
func (t *tester) winner(id string, old, new int64) {
	t.Helper()
	data := make([][]byte, crowd)
	for i := range data {
		data[i] = t.data()
	}
	var winners, last atomic.Int64
	together(crowd, func(i int) {
		swapped, err := t.turn(i).CompareAndSwap(t.Context(), id, old, new, data[i], later())
		assert.NoError(t, err)
		if swapped {
			winners.Add(1)
			last.Store(int64(i))
		}
	})
	require.EqualValues(t, 1, winners.Load(), "how many goroutines swapped %d for %d", old, new)
	t.holds(id, data[last.Load()], "the record is the winner's")
}

func raceInserts(t *tester) {
	for range rounds {
		t.winner(t.id(), 0, 1)
	}
	id := t.id()
	for range 3 {
		t.winner(id, 0, 1)
		t.delete(id)
	}
}

func raceSwaps(t *tester) {
	id := t.id()
	require.True(t, t.swap(id, 0, 1, t.data(), later()))
	for version := range int64(rounds) {
		t.winner(id, version+1, version+2)
	}
}

// raceCounter: nobody's increment is lost.
func raceCounter(t *tester) {
	id := t.id()
	// Each with data of its own, as the contract has it.
	text := func(n int64, i int) []byte { return fmt.Appendf(nil, "%s %d %d", t.dataMark, n, i) }
	require.True(t, t.swap(id, 0, 1, text(1, 0), later()))
	together(crowd, func(i int) {
		c := t.turn(i)
		// Who loses has lost to one who has won, and each wins once. Some more are granted to a store that repeats calls.
		for attempt := 0; !t.Failed(); attempt++ {
			if !assert.Less(t, attempt, 4*crowd, "swaps are lost and nobody wins") {
				return
			}
			data, found, err := c.Find(t.Context(), id)
			if !assert.NoError(t, err) || !assert.True(t, found, "the record is missing") {
				return
			}
			var n int64
			if _, err := fmt.Sscanf(string(data), t.dataMark+" %d", &n); !assert.NoError(t, err) {
				return
			}
			swapped, err := c.CompareAndSwap(t.Context(), id, n, n+1, text(n+1, i), later())
			if !assert.NoError(t, err) || swapped {
				return
			}
		}
	})
	data, found, err := t.Find(t.Context(), id)
	require.NoError(t, err)
	require.True(t, found, "the record is missing")
	require.True(t, bytes.HasPrefix(data, fmt.Appendf(nil, "%s %d ", t.dataMark, crowd+1)), "an increment was lost")
}

// raceReaders: a reader sees all of a write, or nothing of it.
func raceReaders(t *tester) {
	const records, writes = 4, 8
	ids := make([]string, records)
	for i := range ids {
		ids[i] = t.id()
		t.commit(ids[i], t.blob(t.size(1000)), later())
	}
	var writing atomic.Int64
	writing.Store(records)
	together(records+12, func(i int) {
		c, id := t.turn(i/records), ids[i%records]
		if i < records {
			defer writing.Add(-1)
			for w := range writes {
				assert.NoError(t, c.Commit(t.Context(), id, t.blob(t.size(1000+(w+1)%3*120_000)), later()))
			}
			return
		}
		for writing.Load() > 0 && !t.Failed() {
			data, found, err := c.Find(t.Context(), id)
			assert.NoError(t, err)
			assert.True(t, found, "a record that is overwritten is missing for a moment")
			assert.True(t, whole(data), "a mixture of two writes")
		}
	})
	for _, id := range ids {
		t.delete(id)
	}
}

// clients: what one client has written, the other sees at once.
func clients(t *tester) {
	for _, pair := range [][2]*tester{{t, t.other()}, {t.other(), t}} {
		one, two := pair[0], pair[1]
		for range 10 {
			id, data := t.id(), t.data()
			two.gone(id, "not yet")
			one.commit(id, data, later())
			two.holds(id, data, "the other committed it")
			data = t.data()
			one.commit(id, data, later())
			two.holds(id, data, "the other committed it again")
			one.delete(id)
			two.gone(id, "the other deleted it")
			if t.swapper != nil {
				data := t.data()
				require.True(t, one.swap(id, 0, 1, data, later()))
				two.holds(id, data, "the other swapped it in")
				require.False(t, two.swap(id, 0, 1, t.data(), later()))
				require.True(t, two.swap(id, 1, 2, data, later()))
				require.False(t, one.swap(id, 1, 2, t.data(), later()))
				data = bytes.Clone(data)
				one.holds(id, data, "the other swapped it")
			}
			if t.indexer != nil {
				subject := t.subject()
				one.file(id, subject, later())
				require.Equal(t, []string{id}, two.filed(subject))
				two.file(id, "", later())
				require.Empty(t, one.filed(subject))
			}
		}
	}
}
