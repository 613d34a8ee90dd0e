// Package outages has the tests of a pool whose server or network goes away and comes back, for every server
// that sqlstore is used with.
package outages

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
	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// Open opens a store at url with so many connections at most, and closes it with the test.
type Open func(t *testing.T, url string, conns int) *sqlstore.Store

// Run runs the tests. The server's process is killed and started again.
func Run(t *testing.T, server *servers.Server, open Open) {
	for name, test := range map[string]func(*testing.T, *servers.Server, Open){
		"Restart":          restart,
		"ConnectionsReset": connectionsReset,
		"NetworkBack":      networkBack,
		"OneConnection":    oneConnection,
	} {
		t.Run(name, func(t *testing.T) { test(t, server, open) })
	}
}

func id(i int) string { return fmt.Sprintf("%043d", i) }

func hour() time.Time { return time.Now().Add(time.Hour) }

// fill makes a pool's connections idle ones.
func fill(t *testing.T, store *sqlstore.Store, conns int) {
	var wg sync.WaitGroup
	for i := range 4 * conns {
		wg.Go(func() { assert.NoError(t, store.Commit(t.Context(), id(i), []byte("kept"), hour())) })
	}
	wg.Wait()
}

// works calls a store once for each connection that its pool may have had, at once: none may fail.
func works(t *testing.T, store *sqlstore.Store, conns int) {
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if i%2 == 0 {
				assert.NoError(t, store.Commit(ctx, id(i), []byte("kept"), hour()))
				return
			}
			data, found, err := store.Find(ctx, id(i))
			assert.NoError(t, err)
			assert.True(t, found)
			assert.Equal(t, "kept", string(data))
		})
	}
	wg.Wait()
}

func restart(t *testing.T, server *servers.Server, open Open) {
	store := open(t, server.URL(), 8)
	for range 2 {
		fill(t, store, 8)
		server.Kill()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, _, err := store.Find(ctx, id(1))
		cancel()
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		server.Start()
		works(t, store, 8)

		fill(t, store, 8) // and when nobody has called while it was away
		server.Kill()
		server.Start()
		works(t, store, 8)
	}
}

// connectionsReset: the server goes on, but its connections are gone.
func connectionsReset(t *testing.T, server *servers.Server, open Open) {
	proxy := servers.NewProxy(t, server.Addr())
	store := open(t, server.URLAt(proxy.Addr()), 8)
	for range 3 {
		fill(t, store, 8)
		proxy.Reset()
		time.Sleep(10 * time.Millisecond) // until the kernel has heard of it
		works(t, store, 8)
	}
}

// networkBack: after a while in which nothing arrived, the store works within a second of the network's return.
func networkBack(t *testing.T, server *servers.Server, open Open) {
	proxy := servers.NewProxy(t, server.Addr())
	store := open(t, server.URLAt(proxy.Addr()), 4)
	fill(t, store, 4)
	proxy.HalfOpen()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, _, err := store.Find(ctx, id(i))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	wg.Wait()
	proxy.Heal()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, store.Ping(ctx))
	t.Logf("worked %v after the network was back", time.Since(began).Round(time.Millisecond))
	works(t, store, 4)
}

// oneConnection: no call, and not Open, needs a second connection while it has one.
func oneConnection(t *testing.T, server *servers.Server, open Open) {
	store := open(t, server.URL(), 1)
	fill(t, store, 1)
	works(t, store, 4)
}
