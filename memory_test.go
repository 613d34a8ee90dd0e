package hardtack_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

var (
	_ hardtack.CompareAndSwapper = (*hardtack.MemoryStore)(nil)
	_ hardtack.SubjectIndexer    = (*hardtack.MemoryStore)(nil)
	_ hardtack.Sweeper           = (*hardtack.MemoryStore)(nil)
	_ hardtack.Pinger            = (*hardtack.MemoryStore)(nil)
)

func newHyMemory(c hardtack.MemoryStoreConfig) (*hardtack.MemoryStore, *hybridtest.Clock) {
	clock := hybridtest.NewClock(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	c.Now = clock.Now
	return hardtack.NewMemoryStore(c), clock
}

func TestMemoryStoreBoundsRecords(t *testing.T) {
	ctx := t.Context()
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{MaxRecords: 3})
	hour := clock.Now().Add(time.Hour)
	for i := range 3 {
		require.NoError(t, s.Commit(ctx, fmt.Sprint(i), []byte("x"), hour.Add(time.Duration(i)*time.Hour)))
	}
	require.ErrorIs(t, s.Commit(ctx, "3", []byte("x"), hour), hardtack.ErrStoreFull)
	swapped, err := s.CompareAndSwap(ctx, "3", 0, 1, []byte("x"), hour)
	require.ErrorIs(t, err, hardtack.ErrStoreFull)
	assert.False(t, swapped)
	for i := range 3 {
		_, found, err := s.Find(ctx, fmt.Sprint(i))
		require.NoError(t, err)
		assert.True(t, found, "live records are never evicted")
	}
	require.NoError(t, s.Commit(ctx, "1", []byte("replaced"), hour.Add(time.Hour)), "a replacement needs no room")

	clock.Advance(time.Hour)
	_, found, err := s.Find(ctx, "0")
	require.NoError(t, err)
	assert.False(t, found, "at its expiry a record is gone")
	require.NoError(t, s.Commit(ctx, "3", []byte("x"), hour.Add(time.Hour)), "and makes room")
	assert.Equal(t, 3, s.Len())
	require.NoError(t, s.Delete(ctx, "3"))
	require.NoError(t, s.Delete(ctx, "3"), "a missing record is no error")
	assert.Equal(t, 2, s.Len())
}

func TestMemoryStoreBoundsBytes(t *testing.T) {
	ctx := t.Context()
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{MaxBytes: 2000})
	hour := clock.Now().Add(time.Hour)
	require.NoError(t, s.Commit(ctx, "a", make([]byte, 700), hour))
	require.NoError(t, s.Commit(ctx, "b", make([]byte, 788), hour), "exactly full, with 256 bytes each")
	require.ErrorIs(t, s.Commit(ctx, "b", make([]byte, 789), hour), hardtack.ErrStoreFull)
	data, found, err := s.Find(ctx, "b")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Len(t, data, 788, "what was there before stays")
	require.ErrorIs(t, s.Commit(ctx, "c", nil, hour), hardtack.ErrStoreFull)
	require.NoError(t, s.Commit(ctx, "b", make([]byte, 8), hour), "smaller always fits")
	require.NoError(t, s.Commit(ctx, "c", make([]byte, 500), hour))
	clock.Advance(time.Hour)
	require.NoError(t, s.Commit(ctx, "d", make([]byte, 1744), hour.Add(time.Hour)))
	assert.Equal(t, 1, s.Len())
}

func TestMemoryStoreCopies(t *testing.T) {
	ctx := t.Context()
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{})
	hour := clock.Now().Add(time.Hour)
	committed, swapped := []byte("committed"), []byte("swapped")
	require.NoError(t, s.Commit(ctx, "a", committed, hour))
	ok, err := s.CompareAndSwap(ctx, "b", 0, 1, swapped, hour)
	require.NoError(t, err)
	require.True(t, ok)
	clear(committed)
	clear(swapped)
	for range 2 {
		for id, want := range map[string]string{"a": "committed", "b": "swapped"} {
			data, _, err := s.Find(ctx, id)
			require.NoError(t, err)
			assert.Equal(t, want, string(data))
			clear(data)
		}
	}
}

func TestMemoryStoreSwapRace(t *testing.T) {
	ctx := t.Context()
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{})
	hour := clock.Now().Add(time.Hour)
	for old := range int64(20) { // the first round inserts
		var winners, writer atomic.Int64
		var wg sync.WaitGroup
		for i := range int64(64) {
			wg.Go(func() {
				ok, err := s.CompareAndSwap(ctx, "id", old, old+1, []byte{byte(i)}, hour)
				assert.NoError(t, err)
				if ok {
					winners.Add(1)
					writer.Store(i)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, winners.Load())
		data, _, err := s.Find(ctx, "id")
		require.NoError(t, err)
		require.Equal(t, []byte{byte(writer.Load())}, data)
	}
}

func TestMemoryStoreSwap(t *testing.T) {
	ctx := t.Context()
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{})
	swap := func(old, new int64) bool {
		ok, err := s.CompareAndSwap(ctx, "id", old, new, []byte("x"), clock.Now().Add(time.Hour))
		require.NoError(t, err)
		return ok
	}
	assert.False(t, swap(1, 2), "there is none")
	assert.True(t, swap(0, 5))
	assert.False(t, swap(0, 6), "there is one")
	assert.False(t, swap(4, 6))
	assert.True(t, swap(5, 9))
	require.NoError(t, s.Commit(ctx, "id", []byte("committed"), clock.Now().Add(time.Hour)))
	for _, old := range []int64{0, 5, 9} {
		assert.False(t, swap(old, 10), "Commit leaves no version")
	}
	clock.Advance(time.Hour)
	assert.False(t, swap(9, 10))
	assert.True(t, swap(0, 1), "what has expired is not there")
	require.NoError(t, s.Delete(ctx, "id"))
	assert.True(t, swap(0, 1))
}

func TestMemoryStoreCancelledContext(t *testing.T) {
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{})
	hour := clock.Now().Add(time.Hour)
	require.NoError(t, s.Commit(t.Context(), "id", []byte("x"), hour))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Find(ctx, "id")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Commit(ctx, "id", []byte("y"), hour), context.Canceled)
	_, err = s.CompareAndSwap(ctx, "new", 0, 1, []byte("y"), hour)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, "id"), context.Canceled)
	data, found, err := s.Find(t.Context(), "id")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "x", string(data))
	assert.Equal(t, 1, s.Len())
}

func TestMemoryStoreBoundsIndex(t *testing.T) {
	ctx := t.Context()
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{MaxRecords: 1, MaxBytes: 3 * 256})
	hour := clock.Now().Add(time.Hour)
	require.NoError(t, s.Index(ctx, "a", "s", hour))
	require.NoError(t, s.Index(ctx, "b", "s", hour), "an entry is no record")
	require.NoError(t, s.Commit(ctx, "a", nil, hour))
	require.ErrorIs(t, s.Index(ctx, "c", "s", hour), hardtack.ErrStoreFull, "but takes as many bytes as an empty one")
	require.ErrorIs(t, s.Commit(ctx, "a", []byte("x"), hour), hardtack.ErrStoreFull)
	require.NoError(t, s.Index(ctx, "a", "t", hour.Add(time.Hour)), "to file it anew takes no room")
	require.NoError(t, s.Index(ctx, "b", "", hour))
	require.NoError(t, s.Index(ctx, "c", "s", hour), "and to take one away makes some")
	assert.Equal(t, 1, s.Len())
	ids, err := s.FindSubjects(ctx, []string{"s", "t"})
	require.NoError(t, err)
	assert.Equal(t, map[string]time.Time{"a": hour.Add(time.Hour), "c": hour}, ids)

	clock.Advance(time.Hour)
	ids, err = s.FindSubjects(ctx, []string{"s", "t"})
	require.NoError(t, err)
	assert.Equal(t, map[string]time.Time{"a": hour.Add(time.Hour)}, ids)
	require.NoError(t, s.Commit(ctx, "b", make([]byte, 256), hour.Add(time.Hour)), "what has expired makes room")
}

// Sweep removes many in batches, and a full store removes as much as it must by itself.
func TestMemoryStoreSweep(t *testing.T) {
	ctx := t.Context()
	const n = 2000
	s, clock := newHyMemory(hardtack.MemoryStoreConfig{MaxRecords: n})
	fill := func() {
		for i := range n {
			require.NoError(t, s.Commit(ctx, fmt.Sprint(i), []byte("x"), clock.Now().Add(time.Hour)))
			require.NoError(t, s.Index(ctx, fmt.Sprint(i), "s", clock.Now().Add(2*time.Hour)))
		}
	}
	fill()
	require.ErrorIs(t, s.Commit(ctx, "more", nil, clock.Now().Add(time.Hour)), hardtack.ErrStoreFull)
	clock.Advance(time.Hour)
	removed, err := s.Sweep(ctx)
	require.NoError(t, err)
	assert.Equal(t, n, removed, "the records")
	clock.Advance(time.Hour)
	removed, err = s.Sweep(ctx)
	require.NoError(t, err)
	assert.Equal(t, n, removed, "the index")
	removed, err = s.Sweep(ctx)
	require.NoError(t, err)
	assert.Zero(t, removed)

	fill()
	clock.Advance(time.Hour)
	fill() // over what has expired
	clock.Advance(2 * time.Hour)
	for i := range n {
		require.NoError(t, s.Commit(ctx, fmt.Sprint("new ", i), nil, clock.Now().Add(time.Hour)), "in place of what has expired")
	}
	assert.Equal(t, n, s.Len())

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	clock.Advance(time.Hour)
	removed, err = s.Sweep(cancelled)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, removed)
	require.ErrorIs(t, s.Ping(cancelled), context.Canceled)
	require.NoError(t, s.Ping(ctx))
}
