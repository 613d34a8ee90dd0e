//go:build unix

package ferrettest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

func id(i int) string { return fmt.Sprintf("record-%036d", i) }

// A pool full of dead connections costs nobody a session: reads are repeated by the driver; a write that was cut is an error, and
// the next goes through.
func TestReset(t *testing.T) {
	proxy := servers.NewProxy(t, serverAddr)
	s := open(t, uri(proxy.Addr(), "reset"), mongostore.Options{})
	require.NoError(t, s.Commit(t.Context(), id(1), []byte("one"), later()))
	var wg sync.WaitGroup
	for range 8 { // so that there are several connections
		wg.Go(func() { _, _, _ = s.Find(t.Context(), id(1)) })
	}
	wg.Wait()
	proxy.Reset()
	data, found, err := s.Find(t.Context(), id(1))
	require.NoError(t, err)
	require.True(t, found)
	assert.Equal(t, "one", string(data))
	require.NoError(t, s.Commit(t.Context(), id(1), []byte("two"), later()))

	proxy.Reset()
	if err := s.Commit(t.Context(), id(1), []byte("three"), later()); err != nil {
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		require.NoError(t, s.Commit(t.Context(), id(1), []byte("three"), later()))
	}
	data, _, err = s.Find(t.Context(), id(1))
	require.NoError(t, err)
	assert.Equal(t, "three", string(data))
}

// The server is gone for a while, and comes back.
func TestOutage(t *testing.T) {
	proxy := servers.NewProxy(t, serverAddr)
	s := open(t, uri(proxy.Addr(), "outage"), mongostore.Options{})
	require.NoError(t, s.Commit(t.Context(), id(1), []byte("one"), later()))
	for name, fault := range map[string]func(){"refused": proxy.Refuse, "half open": proxy.HalfOpen} {
		fault()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := s.Ping(ctx)
		cancel()
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable, name)
		proxy.Reset() // a broken connection stays broken
		require.Eventually(t, func() bool { return s.Ping(t.Context()) == nil }, 30*time.Second, 50*time.Millisecond, name)
		data, found, err := s.Find(t.Context(), id(1))
		require.NoError(t, err, name)
		assert.True(t, found, name)
		assert.Equal(t, "one", string(data), name)
	}
}

// FerretDB is standalone, so the driver repeats no write: a lost answer is an error, and the caller cannot know what came of
// it. What was acknowledged is there, and no write has counted twice.
func TestLostReplies(t *testing.T) {
	proxy := servers.NewProxy(t, serverAddr)
	s := open(t, uri(proxy.Addr(), fresh(t, "lost")), mongostore.Options{})
	const writes = 30
	acknowledged, lost, done := 0, 0, 0
	for i := range writes {
		if i%3 == 2 {
			proxy.DropReplyTo(id(i))
		}
		swapped, err := s.CompareAndSwap(t.Context(), id(i), 0, 1, []byte("first"), later())
		proxy.Heal()
		if err == nil {
			require.True(t, swapped)
			acknowledged++
		} else {
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			lost++
		}
		var found bool
		require.Eventually(t, func() bool {
			_, found, err = s.Find(t.Context(), id(i))
			return err == nil
		}, 30*time.Second, 20*time.Millisecond)
		if found {
			done++
			// Whether or not it was acknowledged, it is there once, in the version it was written with.
			swapped, err = s.CompareAndSwap(t.Context(), id(i), 0, 1, []byte("second"), later())
			require.NoError(t, err)
			require.False(t, swapped)
			swapped, err = s.CompareAndSwap(t.Context(), id(i), 1, 2, []byte("third"), later())
			require.NoError(t, err)
			require.True(t, swapped)
		}
	}
	t.Logf("of %d writes %d were acknowledged, %d answers were lost, %d records are there", writes, acknowledged, lost, done)
	assert.Equal(t, writes/3, lost, "each dropped answer is one error")
	assert.Equal(t, writes-writes/3, acknowledged)
	assert.Equal(t, writes, done, "the server has done what it did not get to say")
}

// Commits of one new ID, without a gate: those that the unique _id refuses replace the record instead.
func TestConcurrentUpserts(t *testing.T) {
	s, again := open(t, uri(serverAddr, fresh(t, "upserts")), mongostore.Options{}), open(t, uri(serverAddr, "upserts"), mongostore.Options{})
	for round := range 5 {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				store := []*mongostore.Store{s, again}[i%2]
				assert.NoError(t, store.Commit(t.Context(), id(round), []byte("data"), later()))
				assert.NoError(t, store.Index(t.Context(), id(round), id(1000), later()))
			})
		}
		wg.Wait()
		_, found, err := s.Find(t.Context(), id(round))
		require.NoError(t, err)
		require.True(t, found)
	}
	ids, err := s.FindSubjects(t.Context(), []string{id(1000)})
	require.NoError(t, err)
	assert.Len(t, ids, 5)
}
