package keystoretest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

const servers = 8

// RunFleet tests what several rings make of one source: that they have one key to begin with, that each key is replaced once, by whoever
// sees first that it is due, and that a revocation reaches everybody.
func RunFleet(t *testing.T, b Backend) {
	for name, test := range map[string]func(*testing.T, Backend){
		"ColdStart":  coldStart,
		"Rotation":   rotation,
		"Revocation": revocation,
		"Updates":    updates,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

func coldStart(t *testing.T, b Backend) {
	for range 5 {
		f := newFleet(t, b)
		f.start(servers)
		_, set := f.stored()
		require.Len(t, set.Keys, 1)
		for _, n := range f.nodes {
			require.Len(t, n.Keys(), 1)
			require.Equal(t, set.Keys[0].ID(), n.sealing())
			require.NoError(t, n.Health().Err())
		}
		for _, n := range f.nodes {
			f.openEverywhere(n.sealed())
		}
		for _, n := range f.nodes {
			require.NoError(t, n.Close())
		}
		document, _ := f.stored()
		f.start(1)
		after, _ := f.stored()
		require.Equal(t, document, after, "a ring that starts later makes none")
	}
}

// rotation lets five keys follow the first, the first of which retires, while sessions go on without a pause.
func rotation(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(servers)

	var running sync.WaitGroup
	over := make(chan struct{})
	for range 2 {
		running.Go(func() { exchange(t, nodes, over) })
	}
	stop := sync.OnceFunc(func() { close(over); running.Wait() })
	defer stop()

	var cookies []*http.Cookie // of each step
	made := make(map[hardtack.KeyID]hardtack.Key)
	sealed := make(map[hardtack.KeyID]bool)
	f.pass("the sixth key seals", func() bool {
		require.False(t, t.Failed(), "what exchange has found")
		_, set := f.stored()
		for _, k := range set.Keys {
			if was, there := made[k.ID()]; there {
				require.Equal(t, was.Activate(), k.Activate(), "it does not change")
			}
			made[k.ID()] = k
		}
		now := len(cookies)
		cookies = append(cookies, nodes[now%servers].sealed())
		sealed[nodes[0].keyOf(cookies[now])] = true
		for i, cookie := range cookies {
			if time.Duration(now-i)*step < lifetime-spread {
				_, err := nodes[(3*i+now)%servers].get(cookie)
				require.NoError(t, err, "the session of step %d on step %d", i, now)
			}
		}
		return len(sealed) == 6
	})
	stop()

	require.Len(t, made, len(sealed))
	require.True(t, slices.ContainsFunc(nodes[0].Keys(), hardtack.Key.Erased), "the first has retired")
	var activations []time.Time
	for _, k := range made {
		activations = append(activations, k.Activate())
	}
	slices.SortFunc(activations, time.Time.Compare)
	for i := 1; i < len(activations); i++ {
		between := activations[i].Sub(activations[i-1])
		assert.GreaterOrEqual(t, between, policy.Every)
		assert.Less(t, between, policy.Every+step+spread, "one key in each period")
	}
	for _, n := range nodes {
		require.NoError(t, n.Health().Err())
		require.Empty(t, n.heard())
	}
}

// exchange has any server seal sessions that any other must accept at the same moment.
func exchange(t *testing.T, nodes []*node, over chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Millisecond):
		}
		cookie, err := nodes[rand.N(len(nodes))].save(with(&http.Cookie{Name: "other", Value: "x"}))
		if !assert.NoError(t, err) {
			return
		}
		if _, err := nodes[rand.N(len(nodes))].get(cookie); !assert.NoError(t, err) {
			return
		}
	}
}

func revocation(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(servers)
	first := nodes[0].sealing()
	old := nodes[0].sealed()
	second := f.nextKey()
	require.NotEqual(t, first, second)
	moved, fresh := nodes[1].again(old), nodes[2].sealed()
	require.Equal(t, second, nodes[3].keyOf(moved))
	f.openEverywhere(old, moved, fresh)

	require.NoError(t, nodes[4].Revoke(t.Context(), first))
	f.revokedEverywhere(first)
	f.refusedEverywhere(hardtack.ErrRevokedKey, old, moved)
	f.openEverywhere(fresh)
	require.Equal(t, second, nodes[0].sealing())

	require.NoError(t, nodes[5].Revoke(t.Context(), second)) // which seals
	third := nodes[5].sealing()
	require.NotEqual(t, second, third)
	f.openAtOnce(nodes[5].sealed())
	f.revokedEverywhere(second)
	f.refusedEverywhere(hardtack.ErrRevokedKey, old, moved, fresh)
	_, set := f.settled()
	require.Len(t, set.Keys, 3)
	for _, n := range nodes {
		require.Equal(t, third, n.sealing())
		require.Empty(t, n.heard())
	}
}

// revokedEverywhere waits until every ring knows.
func (f *fleet) revokedEverywhere(id hardtack.KeyID) {
	f.Helper()
	until(f.T, "the revocation is everywhere", func() bool {
		for _, n := range f.nodes {
			if k, there := (hardtack.KeySet{Keys: n.Keys()}).Find(id); !there || !k.Revoked() {
				return false
			}
		}
		return true
	})
}

// updates: what several administrators do at once is all done.
func updates(t *testing.T, b Backend) {
	f := newFleet(t, b)
	nodes := f.start(4)
	ids := make([]hardtack.KeyID, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			for range 10 {
				ids[i] = hardtack.KeyID{byte(i + 1), 2, 3, 4}
				if err := n.Revoke(t.Context(), ids[i]); !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	wg.Wait()
	_, set := f.settled()
	for _, id := range ids {
		k, there := set.Find(id)
		require.True(t, there)
		require.True(t, k.Revoked())
	}
	require.Len(t, set.Keys, 1+len(ids))
}
