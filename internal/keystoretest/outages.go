package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// RunOutage tests that rings go on with the keys they have while the source is away, from down to up, and are in order after.
func RunOutage(t *testing.T, b Backend, down, up func()) {
	f := newFleet(t, b)
	f.config.Timeout = time.Second
	nodes := f.start(few)
	_, before := f.stored()
	cookies := []*http.Cookie{nodes[0].sealed()}
	down()
	for _, n := range nodes {
		until(t, "it has noticed", func() bool { return errors.Is(n.Health().Err(), hardtack.ErrKeySource) })
		require.ErrorIs(t, n.Health().Err(), hardtack.ErrStoreUnavailable)
	}
	require.ErrorIs(t, nodes[0].Refresh(t.Context()), hardtack.ErrKeySource)
	f.openEverywhere(append(cookies, nodes[1].sealed())...)
	f.elapsed.Add(int64(policy.Every + step)) // the first key should have a successor, but nobody can write one
	cookies = append(cookies, nodes[2].sealed())
	f.openEverywhere(append(cookies, nodes[3].sealed())...)
	require.Equal(t, before.Keys[0].ID(), nodes[3].sealing())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := hardtack.OpenKeyring(ctx, f.source, f.config)
	require.ErrorIs(t, err, hardtack.ErrKeySource, "a server that starts now has no keys")

	up()
	for _, n := range nodes {
		until(t, "it is in order", func() bool { return n.Health().Err() == nil })
	}
	until(t, "the source answers", func() bool { _, err := f.source.LoadKeys(t.Context()); return err == nil })
	_, after := f.settled()
	require.Len(t, after.Keys, 2, "the key that was due, once")
	f.start(1)
	f.openEverywhere(cookies...)
	for _, n := range nodes {
		require.NotZero(t, n.recoveries())
	}
}

// RunLostAnswers tests a store whose answers to SwapKeys get lost: lose has the next request that carries a document be done, but not answered.
// Its connections are those of the stores that open returns.
func RunLostAnswers(t *testing.T, b Backend, open func(t *testing.T, name string) hardtack.KeyStore, lose func()) {
	t.Run("Swaps", func(t *testing.T) { lostSwaps(t, b, open, lose) })
	t.Run("Rings", func(t *testing.T) { lostRings(t, b, open, lose) })
}

// document returns one that lose knows.
func document(t *testing.T) []byte {
	s, _ := hardtack.KeySet{}.Announce(begin, begin)
	d, err := s.Encode()
	require.NoError(t, err)
	return d
}

func lostSwaps(t *testing.T, b Backend, open func(t *testing.T, name string) hardtack.KeyStore, lose func()) {
	s, source := open(t, "lost"), b.Open(t, "lost")
	_, err := s.LoadKeys(t.Context()) // the connection is there
	require.NoError(t, err)
	var old []byte
	for range 30 {
		ours := document(t)
		lose()
		swapped, err := s.SwapKeys(t.Context(), old, ours)
		require.Error(t, err)
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		require.NotContains(t, err.Error(), `"`)
		require.False(t, swapped)
		holds(t, source, ours)

		// Another's, with the same end, must not be taken for ours.
		theirs := document(t)
		require.True(t, swap(t, source, ours, theirs))
		require.False(t, swap(t, s, old, ours))
		require.False(t, swap(t, s, ours, ours))
		holds(t, source, theirs)
		old = theirs
	}
}

func lostRings(t *testing.T, b Backend, open func(t *testing.T, name string) hardtack.KeyStore, lose func()) {
	f := newFleet(t, b)
	store := open(t, f.name)
	_, err := store.LoadKeys(t.Context())
	require.NoError(t, err)
	lose()
	c := f.config
	c.Now = f.clock(0)
	_, err = hardtack.OpenKeyring(t.Context(), store, c)
	require.ErrorIs(t, err, hardtack.ErrKeySource)
	_, set := f.stored()
	require.Len(t, set.Keys, 1)

	f.backend.Open = open
	n := f.start(1)[0]
	require.Equal(t, set.Keys[0].ID(), n.sealing(), "the key that was made")
	for range 5 {
		before := n.sealing()
		lose()
		f.nextKey() // by way of an error
		require.NotEqual(t, before, n.sealing())
	}
	require.True(t, f.heard(hardtack.ErrKeySource))
	_, set = f.settled()
	require.Len(t, set.Keys, 6)
	cookie := n.sealed()
	lose()
	id := n.sealing()
	require.ErrorIs(t, n.Revoke(t.Context(), id), hardtack.ErrKeySource)
	f.refusedEverywhere(hardtack.ErrRevokedKey, cookie)
	_, set = f.settled()
	k, _ := set.Find(id)
	require.True(t, k.Revoked())
}

// RunCutOff tests a server that does not reach the source while the others go on.
func RunCutOff(t *testing.T, b Backend) {
	for name, periods := range map[string]int{"ForOneKey": 1, "UntilItsKeyIsErased": 5, "UntilItsKeyIsForgotten": 10} {
		t.Run(name, func(t *testing.T) { cutOff(t, b, periods) })
	}
}

// gate is a store that can be cut off.
type gate struct {
	hardtack.KeyStore
	closed atomic.Bool
	writes atomic.Int32
}

var errClosed = errors.New("cut off")

func (g *gate) LoadKeys(ctx context.Context) ([]byte, error) {
	if g.closed.Load() {
		return nil, errClosed
	}
	return g.KeyStore.LoadKeys(ctx)
}

func (g *gate) SwapKeys(ctx context.Context, old, new []byte) (bool, error) {
	if g.closed.Load() {
		return false, errClosed
	}
	g.writes.Add(1)
	return g.KeyStore.SwapKeys(ctx, old, new)
}

func cutOff(t *testing.T, b Backend, periods int) {
	f := newFleet(t, b)
	var gates []*gate
	f.backend.Open = func(t *testing.T, name string) hardtack.KeyStore {
		gates = append(gates, &gate{KeyStore: b.Open(t, name)})
		return gates[len(gates)-1]
	}
	nodes := f.start(few)
	alone := nodes[few-1]
	gates[few-1].closed.Store(true)
	until(t, "it has noticed", func() bool { return alone.Health().Err() != nil })
	f.nodes = nodes[:few-1]
	for range periods {
		f.nextKey()
	}
	want, _ := f.settled()
	cookie := nodes[0].sealed()
	_, err := alone.get(cookie)
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	written := gates[few-1].writes.Load()

	gates[few-1].closed.Store(false)
	f.nodes = nodes
	until(t, "it is in order", func() bool { return alone.Health().Err() == nil })
	f.openEverywhere(cookie)
	f.settled()
	time.Sleep(10 * interval) // what it may still write
	got, _ := f.stored()
	require.True(t, bytes.Equal(want, got), "it has brought nothing back:\n%s\n%s", want, got)
	require.Equal(t, written, gates[few-1].writes.Load(), "it has nothing to write")
}
