//go:build unix

package faults

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/servers"
)

// All of many parallel updates of one session count, and of many parallel saves one.
func testUpdates(t *testing.T, p *place, prefix string) {
	const parallel = 50
	d := newDesk(t, p.open(t, prefix))
	cookie := d.stored("ann")

	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			v := &visit{d: d}
			*v = *d.visit(cookie)
			_, err := d.jar.Update(v.w, v.r, func(s *session) error { s.Data.Serial++; return nil })
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	require.Equal(t, parallel, d.must(cookie).s.Data.Serial)
	faulttest.Counts{Sessions: 1, Tried: parallel, Acknowledged: parallel, ReadBack: 1}.
		Report(t, p.name, "50 updates of one session at once")

	visits := make([]*visit, parallel)
	for i := range visits {
		visits[i] = d.must(cookie)
		visits[i].s.Data.Serial = 1000 + i
	}
	var won, lost atomic.Int64
	for i, v := range visits {
		wg.Go(func() {
			switch err := v.save(); {
			case err == nil:
				won.Store(int64(1000 + i))
			case errors.Is(err, hardtack.ErrConflict):
				lost.Add(1)
			default:
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, parallel-1, lost.Load(), "saves that were refused")
	require.EqualValues(t, won.Load(), d.must(cookie).s.Data.Serial, "not the one that was acknowledged")
}

// A logout beats the saves that are in flight.
func testLogout(t *testing.T, p *place, prefix string) {
	rounds := few(200)
	d := newDesk(t, p.open(t, prefix))
	raw := p.raw(t, prefix)
	saved := 0
	for round := range rounds {
		cookie := d.stored("ann")
		tabs := []*visit{d.must(cookie), d.must(cookie), d.must(cookie)}
		leaving := d.must(cookie)
		errs := make([]error, len(tabs))
		var wg sync.WaitGroup
		for i, v := range tabs {
			v.s.Data.Serial = i
			wg.Go(func() { errs[i] = v.save() })
		}
		wg.Go(func() { assert.NoError(t, d.jar.Delete(leaving.w, leaving.r, leaving.s)) })
		wg.Wait()
		for _, err := range errs {
			if err == nil {
				saved++
				continue
			}
			require.True(t, errors.Is(err, hardtack.ErrEnded) || errors.Is(err, hardtack.ErrConflict), "round %d: %v", round, err)
		}
		require.True(t, isTombstone(raw.data(t, d.locator(cookie))), "round %d: the session is alive in the store", round)
		d.refused(cookie, hardtack.ErrEnded)
		for _, v := range tabs {
			d.refused(v.cookie(), hardtack.ErrEnded)
		}
		assert.Empty(t, leaving.cookie(), "the cookie is not expired")
	}
	faulttest.Counts{Sessions: rounds, Tried: 3 * rounds, Acknowledged: saved, Conflicts: 3*rounds - saved, ReadBack: rounds}.
		Report(t, p.name, "logout while saves are in flight")
}

// A save whose answer was lost is not refused as a conflict when it has been carried out: Update would do it twice.
func testLostAnswer(t *testing.T, p *place, prefix string) {
	proxy := servers.NewProxy(t, p.server.Addr())
	d := newDesk(t, p.openAt(t, proxy.Addr(), prefix))
	other := &desk{t: t, keys: d.keys}
	other.use(p.open(t, prefix))
	var c faulttest.Counts
	for round := range few(40) {
		cookie := d.stored("ann")
		var wg sync.WaitGroup
		wg.Go(func() { // another tab goes on as soon as it sees the first one's save
			for end := time.Now().Add(hangLimit); time.Now().Before(end); {
				if v := other.visit(cookie); assert.NoError(t, v.err) && len(v.s.Data.Items) > 0 {
					v.s.Data.Items = append(v.s.Data.Items, 2)
					assert.NoError(t, v.save())
					return
				}
			}
			assert.Fail(t, "the save has not reached the server")
		})
		v := d.must(cookie)
		v.s.Data.Items = []int{1}
		proxy.DropReplyTo(d.locator(cookie))
		err := v.save()
		wg.Wait()
		proxy.Heal()
		c.Sessions, c.Tried = c.Sessions+1, c.Tried+2
		switch {
		case err == nil:
			c.Acknowledged += 2
		case errors.Is(err, hardtack.ErrStoreUnavailable):
			c.Acknowledged, c.Unavailable = c.Acknowledged+1, c.Unavailable+1
		default:
			require.NoError(t, err, "round %d: it was written", round)
		}
		require.Equal(t, []int{1, 2}, d.must(cookie).s.Data.Items, "round %d", round)
		c.ReadBack++
	}
	c.Report(t, p.name, "answer to a save lost, another tab goes on")
}

// A logout while the store is away expires the cookie, and says that the record lives on.
func testLogoutAway(t *testing.T, p *place, prefix string) {
	proxy := servers.NewProxy(t, p.server.Addr())
	d := newDesk(t, p.openAt(t, proxy.Addr(), prefix))
	cookie := d.stored("ann")
	proxy.Refuse()
	v := d.visit(cookie)
	require.ErrorIs(t, v.err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, d.jar.Delete(v.w, v.r, v.s), hardtack.ErrStoreUnavailable)
	require.Empty(t, v.cookie(), "the cookie is not expired")
	proxy.Heal()
	require.Equal(t, "ann", d.must(cookie).s.Data.Owner) // as docs/hybrid.md says
}
