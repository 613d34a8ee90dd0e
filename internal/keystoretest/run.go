package keystoretest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// Run tests the stores that open returns, as Backend.Open does, against the contract of hardtack.KeyStore. The documents are any bytes.
func Run(t *testing.T, open func(t *testing.T, name string) hardtack.KeyStore) {
	for name, test := range map[string]func(*testing.T, func(*testing.T, string) hardtack.KeyStore){
		"Swaps":  swaps,
		"Bytes":  everyByte,
		"Large":  large,
		"Names":  names,
		"Copies": copies,
		"Ended":  ended,
		"Race":   race,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func holds(t *testing.T, s hardtack.KeyStore, want []byte) {
	t.Helper()
	got, err := s.LoadKeys(t.Context())
	require.NoError(t, err)
	require.Equal(t, want == nil, got == nil)
	require.True(t, bytes.Equal(want, got), "%d bytes are %d others", len(want), len(got))
}

func swap(t *testing.T, s hardtack.KeyStore, old, new []byte) bool {
	t.Helper()
	swapped, err := s.SwapKeys(t.Context(), old, new)
	require.NoError(t, err)
	return swapped
}

func swaps(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	s, other := open(t, "swaps"), open(t, "swaps")
	a, b, c := []byte("a"), []byte("b"), []byte("c")
	holds(t, s, nil)
	require.False(t, swap(t, s, a, b), "there is nothing")
	holds(t, s, nil)
	require.True(t, swap(t, s, nil, a))
	holds(t, other, a)
	require.False(t, swap(t, other, nil, b), "there is something")
	require.False(t, swap(t, s, nil, a), "even if it is the same")
	require.False(t, swap(t, other, b, c))
	holds(t, s, a)
	require.True(t, swap(t, other, a, b))
	holds(t, s, b)
	require.False(t, swap(t, s, a, c), "stale")
	require.True(t, swap(t, s, b, b), "the same")
	require.False(t, swap(t, s, a, a), "the same, but stale")
	require.True(t, swap(t, s, b, a), "back again")
	holds(t, other, a)
}

func everyByte(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	s := open(t, "bytes")
	all := make([]byte, 0, 3*256)
	for i := range 256 {
		all = append(all, byte(i), byte(255-i), byte(i))
	}
	require.True(t, swap(t, s, nil, all))
	holds(t, s, all)
	old := all
	for _, i := range []int{0, 1, len(all) / 2, len(all) - 1} { // each byte counts
		changed := bytes.Clone(old)
		changed[i] ^= 0x20 // for letters, the other case
		require.False(t, swap(t, s, changed, old))
		require.True(t, swap(t, s, old, changed))
		holds(t, s, changed)
		old = changed
	}
	for _, end := range []string{" ", "\n", "\x00"} { // as well as what follows
		longer := append(bytes.Clone(old), end...)
		require.False(t, swap(t, s, longer, all))
		require.True(t, swap(t, s, old, longer))
		holds(t, s, longer)
		old = longer
	}
	require.True(t, swap(t, s, old, []byte{}), "an empty document is not the same as none")
	holds(t, s, []byte{})
	require.False(t, swap(t, s, nil, all))
	require.True(t, swap(t, s, []byte{}, all))
}

func large(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	s := open(t, "large")
	a, b := make([]byte, hardtack.MaxKeySetSize), make([]byte, hardtack.MaxKeySetSize)
	rand.Read(a)
	copy(b, a)
	b[len(b)-1]++
	require.True(t, swap(t, s, nil, a))
	require.False(t, swap(t, s, b, a))
	require.True(t, swap(t, s, a, b))
	holds(t, open(t, "large"), b)
}

func names(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	lower, upper := open(t, "names"), open(t, "NAMES")
	require.True(t, swap(t, lower, nil, []byte("lower")))
	holds(t, upper, nil)
	require.True(t, swap(t, upper, nil, []byte("upper")))
	require.False(t, swap(t, lower, []byte("upper"), []byte("neither")))
	holds(t, lower, []byte("lower"))
	holds(t, upper, []byte("upper"))
}

func copies(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	s := open(t, "copies")
	a, b := []byte("aaaa"), []byte("bbbb")
	require.True(t, swap(t, s, nil, a))
	copy(a, "xxxx")
	holds(t, s, []byte("aaaa"))
	copy(a, "aaaa")
	require.True(t, swap(t, s, a, b))
	copy(a, "xxxx")
	copy(b, "xxxx")
	holds(t, s, []byte("bbbb"))
}

// ended: nothing is done for a context that has ended.
func ended(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	s := open(t, "ended")
	cause := fmt.Errorf("the caller's own")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := s.LoadKeys(ctx)
	require.ErrorIs(t, err, context.Canceled)
	swapped, err := s.SwapKeys(ctx, nil, []byte("document"))
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, swapped)
	require.NotContains(t, err.Error(), "document")
	holds(t, s, nil)
}

// race: of several goroutines with two pools, that know the same state, one makes the next.
func race(t *testing.T, open func(*testing.T, string) hardtack.KeyStore) {
	const goroutines = 16
	for creation := range 3 {
		name := fmt.Sprintf("race%d", creation)
		stores := []hardtack.KeyStore{open(t, name), open(t, name)}
		var old []byte
		for round := range 10 {
			var winners atomic.Int32
			var winner atomic.Pointer[[]byte]
			var wg sync.WaitGroup
			begin := make(chan struct{})
			for g := range goroutines {
				wg.Go(func() {
					<-begin
					mine := fmt.Appendf(nil, "round %d of goroutine %d", round, g)
					swapped, err := stores[g%len(stores)].SwapKeys(t.Context(), old, mine)
					if assert.NoError(t, err) && swapped {
						winners.Add(1)
						winner.Store(&mine)
					}
				})
			}
			close(begin)
			wg.Wait()
			require.EqualValues(t, 1, winners.Load(), "round %d", round)
			old = *winner.Load()
			holds(t, stores[0], old)
			holds(t, stores[1], old)
		}
	}
}
