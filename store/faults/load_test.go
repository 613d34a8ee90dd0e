//go:build unix

package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/servers"
)

// hangLimit is far more than anything takes that ends at all.
const hangLimit = 10 * time.Second

func timeout(d time.Duration) func(*hardtack.Config) {
	return func(c *hardtack.Config) { c.StoreTimeout = d }
}

// startLoad returns a load at work, when sessions have gone to the store and come back.
func startLoad(t *testing.T, app *faulttest.Server) *faulttest.Load {
	load := faulttest.NewLoad(t, app.URL, faulttest.Options{Sessions: 24, Tabbed: 4})
	load.Start()
	require.Eventually(t, func() bool { return app.Overflowed.Load() > 0 && app.Returned.Load() > 0 }, time.Minute, time.Millisecond)
	return load
}

// The server is killed in the middle of saves, and started again.
func testKilled(t *testing.T, p *place, prefix string) {
	app := faulttest.NewServer(t, p.open(t, prefix))
	load := startLoad(t, app)
	for i := range max(few(5), 3) {
		load.Proceed(t, few(100))
		before := app.StoreErrors.Load()
		p.server.Kill()
		if i%2 == 0 { // else it may be back before a client notices
			require.Eventually(t, func() bool { return app.StoreErrors.Load() > before }, hangLimit, time.Millisecond)
		}
		p.server.Start()
	}
	load.Proceed(t, few(100))
	counts := load.Finish()
	counts.Report(t, p.name, "server killed (-9)")
	counts.Check(t)
	assert.NotZero(t, app.StoreErrors.Load())
}

// Connections to the server break, at any moment and in every way.
func testCut(t *testing.T, p *place, prefix string) {
	proxy := servers.NewProxy(t, p.server.Addr())
	app := faulttest.NewServer(t, p.openAt(t, proxy.Addr(), prefix), timeout(500*time.Millisecond))
	load := startLoad(t, app)
	faults := []func(){
		func() { proxy.Delay(time.Duration(rand.IntN(30)) * time.Millisecond) },
		proxy.Reset,
		proxy.Refuse,
		proxy.HalfOpen,
		proxy.DropReplies,
		proxy.DropNextReply,
	}
	for i := range max(few(24), 6) {
		load.Proceed(t, 20)
		faults[(i+rand.IntN(2))%len(faults)]()
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		proxy.Heal()
	}
	counts := load.Finish()
	counts.Report(t, p.name, "connections cut, delayed, silent, answers lost")
	counts.Check(t)
	assert.NotZero(t, app.StoreErrors.Load())
}

// watched are clients whose sessions are in their cookies, and in the store.
type watched struct {
	load           *faulttest.Load
	inline, stored []*faulttest.Client
}

func watch(t *testing.T, app *faulttest.Server) *watched {
	w := &watched{load: faulttest.NewLoad(t, app.URL, faulttest.Options{})}
	for i := range 10 {
		w.inline = append(w.inline, w.load.Client(t, fmt.Sprint("inline-", i), faulttest.Small))
		w.stored = append(w.stored, w.load.Client(t, fmt.Sprint("stored-", i), faulttest.Large))
	}
	return w
}

// each calls f for all clients at once.
func each(clients []*faulttest.Client, f func(*faulttest.Client)) {
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { f(c) })
	}
	wg.Wait()
}

// outage reads and saves while the store is away.
func (w *watched) outage(t *testing.T, app *faulttest.Server) {
	t.Helper()
	for range 3 {
		before := app.StoreErrors.Load()
		each(w.inline, func(c *faulttest.Client) {
			answers(t, c.Read(), http.StatusOK)
			answers(t, c.Save(faulttest.Small), http.StatusOK)
		})
		assert.Equal(t, before, app.StoreErrors.Load(), "inline sessions asked the store")
	}
	each(w.stored, func(c *faulttest.Client) {
		r := c.Read()
		answers(t, r, http.StatusServiceUnavailable)
		assert.False(t, r.Sets, "a cookie with a 503")
		if c == w.stored[0] {
			t.Logf("a 503 took %v", r.Took.Round(time.Millisecond))
		}
		r = c.Save(faulttest.Large)
		answers(t, r, http.StatusServiceUnavailable)
		assert.False(t, r.Sets, "a cookie with a 503")
	})
}

func answers(t *testing.T, r faulttest.Response, status int) {
	t.Helper()
	assert.Equal(t, status, r.Status, r.Words)
	assert.Less(t, r.Took, hangLimit)
}

// recovers says how long it takes until every client works again, without a restart of the application.
func (w *watched) recovers(t *testing.T) {
	t.Helper()
	begun := time.Now()
	var mu sync.Mutex
	var took []time.Duration
	each(w.stored, func(c *faulttest.Client) {
		assert.Eventually(t, func() bool { return c.Save(faulttest.Large).Status == http.StatusOK }, hangLimit, 5*time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(begun))
	})
	slices.Sort(took)
	t.Logf("the first of %d clients has saved %v after the store was back, the last %v",
		len(took), took[0].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	each(w.inline, func(c *faulttest.Client) { answers(t, c.Save(faulttest.Small), http.StatusOK) })
}

// Inline sessions do not notice that the store is away, and stored ones are there again when it is.
func testAway(t *testing.T, p *place, prefix string) {
	t.Run("killed", func(t *testing.T) {
		app := faulttest.NewServer(t, p.open(t, prefix+"k_"))
		w := watch(t, app)
		p.server.Kill()
		w.outage(t, app)
		p.server.Start()
		w.recovers(t)
		counts := w.load.Finish()
		counts.Report(t, p.name, "store away, readers and savers")
		counts.Check(t)
	})
	for name, fault := range map[string]func(*servers.Proxy){"refused": (*servers.Proxy).Refuse, "silent": (*servers.Proxy).HalfOpen} {
		t.Run(name, func(t *testing.T) {
			proxy := servers.NewProxy(t, p.server.Addr())
			app := faulttest.NewServer(t, p.openAt(t, proxy.Addr(), prefix+name[:1]+"_"))
			w := watch(t, app)
			fault(proxy)
			w.outage(t, app)
			proxy.Heal()
			w.recovers(t)
			counts := w.load.Finish()
			counts.Report(t, p.name, "store away, readers and savers")
			counts.Check(t)
		})
	}
}

// A server that hangs costs a request its StoreTimeout, and nothing else.
func testHangs(t *testing.T, p *place, prefix string) {
	const limit = time.Second
	app := faulttest.NewServer(t, p.open(t, prefix), timeout(limit))
	w := watch(t, app)
	w.recovers(t) // all connections are open
	before := runtime.NumGoroutine()
	p.server.Pause()
	t.Cleanup(p.server.Resume)
	each(w.stored, func(c *faulttest.Client) {
		r := c.Read()
		answers(t, r, http.StatusServiceUnavailable)
		assert.GreaterOrEqual(t, r.Took, limit)
		assert.False(t, r.Sets, "a cookie with a 503")
	})
	failures := app.StoreErrors.Load()
	each(w.inline, func(c *faulttest.Client) { answers(t, c.Read(), http.StatusOK) })
	assert.Equal(t, failures, app.StoreErrors.Load(), "inline sessions asked the store")
	p.server.Resume()
	w.recovers(t)
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+10 }, hangLimit, 10*time.Millisecond,
		"%d goroutines before", before)
	counts := w.load.Finish()
	counts.Report(t, p.name, "server hangs")
	counts.Check(t)
}

// Somebody holds SQLite's file: saves of stored sessions fail in time, and nothing else does.
func TestSQLiteLocked(t *testing.T) {
	p := atSQLite(t)
	app := faulttest.NewServer(t, p.open(t, ""), timeout(time.Second))
	w := watch(t, app)
	db := openSQL(t, "sqlite", filepath.Join(p.dir, "sessions.db"), "", "", "")
	conn, err := db.db.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	each(w.stored, func(c *faulttest.Client) {
		answers(t, c.Read(), http.StatusOK)
		r := c.Save(faulttest.Large)
		answers(t, r, http.StatusServiceUnavailable)
		assert.False(t, r.Sets, "a cookie with a 503")
	})
	each(w.inline, func(c *faulttest.Client) { answers(t, c.Save(faulttest.Small), http.StatusOK) })
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	w.recovers(t)
	counts := w.load.Finish()
	counts.Report(t, p.name, "file locked by another program")
	counts.Check(t)
}
