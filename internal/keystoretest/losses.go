package keystoretest

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// RunLosses tests what rings make of a source that has gone back in time, or is empty all at once: none of them loses a key,
// one of them says so, and what was lost is put back for those that start later.
func RunLosses(t *testing.T, b Backend) {
	for name, test := range map[string]func(*testing.T, Backend){
		"OlderKeys":        olderKeys,
		"OlderRevocations": olderRevocations,
		"Nothing":          nothing,
		"NothingAtStart":   nothingAtStart,
		"NothingToRevoke":  nothingToRevoke,
		"Broken":           broken,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

const few = 4

// while has all servers accept the cookies without a pause until the function returned is called.
func (f *fleet) while(cookies ...*http.Cookie) (stop func()) {
	over := make(chan struct{})
	var running sync.WaitGroup
	for _, n := range f.nodes {
		running.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Millisecond):
				}
				for _, c := range cookies {
					if _, err := n.get(c); !assert.NoError(f, err) {
						return
					}
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(over); running.Wait() })
}

// toldOf: an observer was told of the fault, and each that was told of any also that it is over.
func (f *fleet) toldOf(fault error) {
	f.Helper()
	require.True(f, f.heard(fault))
	for _, n := range f.nodes {
		if len(n.heard()) > 0 {
			until(f.T, "the observer hears that it is over", func() bool { return n.recoveries() > 0 })
		}
	}
}

func olderKeys(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(few)
	backup, _ := f.stored()
	first := nodes[0].sealed()
	f.nextKey()
	second := nodes[1].sealed()
	third := f.nextKey()
	cookies := []*http.Cookie{first, second, nodes[2].sealed()}
	_, want := f.settled()
	require.Len(t, want.Keys, 3)
	for _, n := range nodes {
		require.Empty(t, n.heard())
	}

	stop := f.while(cookies...)
	defer stop()
	b.Put(t, f.name, backup)
	until(t, "the source has all keys again", func() bool {
		_, set := f.stored()
		for _, k := range want.Keys {
			if there, ok := set.Find(k.ID()); !ok || there.Erased() || there.Revoked() {
				return false
			}
		}
		return len(set.Keys) == len(want.Keys)
	})
	f.settled()
	stop()
	f.toldOf(hardtack.ErrKeyMissing)
	require.Equal(t, third, nodes[3].sealing())

	f.start(2)
	f.openEverywhere(append(cookies, nodes[0].sealed(), f.nodes[few].sealed())...)
	for _, n := range f.nodes {
		require.NoError(t, n.Health().Err())
	}
}

func olderRevocations(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(few)
	first := nodes[0].sealing()
	cookie := nodes[0].sealed()
	f.nextKey()
	moved, fresh := nodes[1].again(cookie), nodes[2].sealed()
	backup, _ := f.settled()
	require.NoError(t, nodes[3].Revoke(t.Context(), first))
	f.revokedEverywhere(first)
	f.settled()

	stop := f.while(fresh)
	defer stop()
	b.Put(t, f.name, backup)
	until(t, "the source has it revoked again", func() bool {
		f.refusedEverywhere(hardtack.ErrRevokedKey, cookie, moved)
		_, set := f.stored()
		k, there := set.Find(first)
		return there && k.Revoked()
	})
	f.settled()
	stop()
	f.toldOf(hardtack.ErrNotRevoked)
	f.start(1)
	f.refusedEverywhere(hardtack.ErrRevokedKey, cookie, moved)
	f.openEverywhere(fresh)
}

func nothing(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(few)
	cookies := []*http.Cookie{nodes[0].sealed()}
	f.nextKey()
	cookies = append(cookies, nodes[1].sealed())
	_, want := f.settled()

	stop := f.while(cookies...)
	defer stop()
	b.Put(t, f.name, nil)
	until(t, "the source has all keys again", func() bool {
		_, set := f.stored()
		return same(set.Keys, want.Keys)
	})
	f.settled()
	stop()
	f.toldOf(hardtack.ErrNoKeySet)
	f.start(2)
	f.openEverywhere(cookies...)
}

// nothingAtStart: servers start while the source is empty, and may be first to write it.
func nothingAtStart(t *testing.T, b Backend) {
	for range 3 {
		f := newFleet(t, b)
		old := f.start(few)
		cookies := []*http.Cookie{old[0].sealed()}
		b.Put(t, f.name, nil)
		f.start(few)
		cookies = append(cookies, f.nodes[few].sealed())
		f.openAtOnce(cookies[1])
		f.settled()
		f.openEverywhere(cookies...)
	}
}

// nothingToRevoke: a revocation finds the source empty, and nobody rotates who would put the other keys back.
func nothingToRevoke(t *testing.T, b Backend) {
	f := newFleet(t, b)
	f.config.Rotation = nil
	f.config.Interval = time.Hour // nothing happens by itself
	nodes := f.start(few)
	first, cookie := nodes[0].sealing(), nodes[0].sealed()
	require.NoError(t, nodes[0].Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _ = s.Announce(nodes[0].now(), nodes[0].now())
		return s, nil
	}))
	f.elapsed.Add(int64(3 * time.Minute)) // the first key may come from a clock that is ahead, and the next begins after it
	fresh := nodes[0].sealed()
	require.NotEqual(t, first, nodes[0].sealing())
	b.Put(t, f.name, nil)
	require.NoError(t, nodes[0].Revoke(t.Context(), first))
	f.start(1)
	f.openAtOnce(fresh)
	f.refusedEverywhere(hardtack.ErrRevokedKey, cookie)
}

// broken: what is no key set changes nothing, and is not overwritten.
func broken(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(few)
	cookie := nodes[0].sealed()
	good, _ := f.stored()
	for _, bad := range [][]byte{{}, []byte("{}"), good[:len(good)/2], append([]byte{0xff}, good...)} {
		b.Put(t, f.name, bad)
		until(t, "all have noticed", func() bool {
			for _, n := range nodes {
				if n.Health().Err() == nil {
					return false
				}
			}
			return true
		})
		for _, n := range nodes {
			require.ErrorIs(t, n.Health().Err(), hardtack.ErrKeySet)
		}
		f.openEverywhere(cookie, nodes[1].sealed())
		document, err := f.source.LoadKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, bad, document)
		b.Put(t, f.name, good)
		until(t, "all are in order", func() bool {
			for _, n := range nodes {
				if n.Health().Err() != nil {
					return false
				}
			}
			return true
		})
	}
	f.settled()
	f.openEverywhere(cookie)
}
