//go:build unix

package ferrettest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

// hangLimit is far more than anything takes that ends at all.
const hangLimit = 20 * time.Second

// Connections break, at any moment and in every way, and no session is lost or mixed up. The gate lets FerretDB change a document
// atomically: of an update whose answer was lost, nobody knows when it is carried out.
func TestLoadCut(t *testing.T) {
	proxy := servers.NewProxy(t, startGate(t, serverAddr))
	s := open(t, uri(proxy.Addr(), fresh(t, "load")), mongostore.Options{})
	app := faulttest.NewServer(t, s, func(c *hardtack.Config) { c.StoreTimeout = time.Second })
	load := faulttest.NewLoad(t, app.URL, faulttest.Options{Sessions: 16, Tabbed: 2})
	load.Start()
	faults := []func(){
		func() { proxy.Delay(time.Duration(rand.IntN(30)) * time.Millisecond) },
		proxy.Reset,
		proxy.HalfOpen,
		proxy.DropReplies,
		proxy.DropNextReply,
		proxy.Refuse,
	}
	for i := range 3 * len(faults) {
		load.Proceed(t, 20)
		faults[i%len(faults)]()
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		proxy.Heal()
	}
	counts := load.Finish()
	counts.Report(t, ferretName, "connections cut, delayed, silent, answers lost")
	counts.Check(t)
	assert.NotZero(t, app.Overflowed.Load())
	assert.NotZero(t, app.Returned.Load())
	assert.NotZero(t, app.StoreErrors.Load())
}

// FerretDB is away: inline sessions do not notice, stored ones get a 503 that leaves them their cookie, and are there again when
// it is back, without a restart of the application.
func TestAway(t *testing.T) {
	for _, c := range []struct {
		name       string
		away, back func(*ferret, *servers.Proxy)
	}{
		{"stopped", func(f *ferret, _ *servers.Proxy) { f.stop() }, func(f *ferret, _ *servers.Proxy) { f.start() }},
		{"refused", func(_ *ferret, p *servers.Proxy) { p.Refuse() }, func(_ *ferret, p *servers.Proxy) { p.Heal() }},
		{"silent", func(_ *ferret, p *servers.Proxy) { p.HalfOpen() }, func(_ *ferret, p *servers.Proxy) { p.Heal() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFerret(t)
			proxy := servers.NewProxy(t, f.addr)
			app := faulttest.NewServer(t, open(t, uri(proxy.Addr(), "away"), mongostore.Options{}))
			load := faulttest.NewLoad(t, app.URL, faulttest.Options{})
			var inline, stored []*faulttest.Client
			for i := range 6 {
				inline = append(inline, load.Client(t, fmt.Sprint("inline-", i), faulttest.Small))
				stored = append(stored, load.Client(t, fmt.Sprint("stored-", i), faulttest.Large))
			}

			c.away(f, proxy)
			before := app.StoreErrors.Load()
			each(inline, func(c *faulttest.Client) {
				answers(t, c.Read(), http.StatusOK)
				answers(t, c.Save(faulttest.Small), http.StatusOK)
			})
			assert.Equal(t, before, app.StoreErrors.Load(), "inline sessions asked the store")
			each(stored, func(c *faulttest.Client) {
				for _, r := range []faulttest.Response{c.Read(), c.Save(faulttest.Large)} {
					answers(t, r, http.StatusServiceUnavailable)
					assert.False(t, r.Sets, "a cookie with a 503")
				}
			})
			require.Greater(t, app.StoreErrors.Load(), before)

			c.back(f, proxy)
			each(stored, func(c *faulttest.Client) {
				assert.Eventually(t, func() bool { return c.Save(faulttest.Large).Status == http.StatusOK }, hangLimit, 5*time.Millisecond)
			})
			counts := load.Finish()
			counts.Report(t, ferretName, "store away, readers and savers")
			counts.Check(t)
		})
	}
}

// each calls f for all clients at once.
func each(clients []*faulttest.Client, f func(*faulttest.Client)) {
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { f(c) })
	}
	wg.Wait()
}

func answers(t *testing.T, r faulttest.Response, status int) {
	t.Helper()
	assert.Equal(t, status, r.Status, r.Words)
	assert.Less(t, r.Took, hangLimit)
}
