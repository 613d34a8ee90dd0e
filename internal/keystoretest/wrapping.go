package keystoretest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// RunWrapping tests that no secret gets into a source that is not confidential, and that none in the clear is taken from it. dump returns
// everything that a backup of the database would have.
func RunWrapping(t *testing.T, b Backend, dump func(t *testing.T) []byte) {
	t.Run("Refusal", func(t *testing.T) { refusal(t, b) })
	t.Run("NoTrace", func(t *testing.T) { noTrace(t, b, dump) })
	t.Run("Plaintext", func(t *testing.T) { plaintext(t, b) })
	t.Run("Losses", func(t *testing.T) { wrappedLosses(t, b) })
}

// wrapper is AES-256-GCM with a random nonce.
type wrapper struct{ cipher.AEAD }

func newWrapper(t *testing.T) wrapper {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(t, err)
	return wrapper{aead}
}

func (w wrapper) Wrap(_ context.Context, secret []byte) ([]byte, error) {
	return w.Seal(nil, nil, secret, nil), nil
}

func (w wrapper) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return w.Open(nil, nil, wrapped, nil)
}

// refusal: a store that is not confidential wants a wrapper, or to be told that none is wanted.
func refusal(t *testing.T, b Backend) {
	store := b.Open(t, "refusal")
	_, err := hardtack.OpenKeyring(t.Context(), store, hardtack.KeyringConfig{})
	var fault *hardtack.ConfigError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, "Wrapper", fault.Field)
	_, err = hardtack.UpdateKeys(t.Context(), store, nil, func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _ = s.Announce(begin, begin)
		return s, nil
	})
	require.ErrorIs(t, err, hardtack.ErrPlaintextKey)
	holds(t, store, nil)
}

func noTrace(t *testing.T, b Backend, dump func(t *testing.T) []byte) {
	f := newFleet(t, b)
	f.config.InsecurePlaintextKeys = false
	f.config.Wrapper = newWrapper(t)
	nodes := f.start(few)
	cookie := nodes[0].sealed()
	f.nextKey()
	require.NoError(t, nodes[1].Revoke(t.Context(), nodes[1].sealing()))
	f.settled()
	f.start(1)
	f.openEverywhere(cookie, nodes[2].sealed())

	everything := dump(t)
	found := 0
	for _, k := range f.nodes[few].Keys() {
		require.Contains(t, string(everything), k.ID().String(), "dump looks in the right place")
		if secret := k.ExposeSecret(); secret != nil {
			found++
			for _, form := range [][]byte{
				secret, []byte(hex.EncodeToString(secret)),
				[]byte(base64.StdEncoding.EncodeToString(secret)), []byte(base64.URLEncoding.EncodeToString(secret)),
			} {
				require.False(t, bytes.Contains(everything, form))
				require.False(t, bytes.Contains(everything, form[:16]))
			}
		}
	}
	require.GreaterOrEqual(t, found, 2)

	f.config.Wrapper = newWrapper(t) // another one
	_, err := hardtack.OpenKeyring(t.Context(), f.source, f.config)
	require.ErrorIs(t, err, hardtack.ErrKeyWrapping)
	f.config.Wrapper = nil
	f.config.InsecurePlaintextKeys = true
	_, err = hardtack.OpenKeyring(t.Context(), f.source, f.config)
	require.ErrorIs(t, err, hardtack.ErrKeyWrapped)
}

// plaintext: who can write to the database, but not wrap, gives the rings no key.
func plaintext(t *testing.T, b Backend) {
	f := newFleet(t, b)
	f.config.InsecurePlaintextKeys = false
	f.config.Wrapper = newWrapper(t)
	nodes := f.start(few)
	cookie, sealing := nodes[0].sealed(), nodes[0].sealing()
	good, set := f.stored()

	set, forged := set.Announce(nodes[0].now().Add(-time.Minute), nodes[0].now())
	bad, err := set.Encode()
	require.NoError(t, err)
	b.Put(t, f.name, bad)
	for _, n := range nodes {
		until(t, "it has noticed", func() bool { return n.Health().Err() != nil })
		require.ErrorIs(t, n.Health().Err(), hardtack.ErrPlaintextKey)
		require.ErrorIs(t, n.Refresh(t.Context()), hardtack.ErrPlaintextKey)
		require.Equal(t, sealing, n.sealing())
		_, there := (hardtack.KeySet{Keys: n.Keys()}).Find(forged)
		require.False(t, there)
	}
	require.True(t, f.heard(hardtack.ErrPlaintextKey))
	f.openEverywhere(cookie, nodes[1].sealed())
	_, err = hardtack.OpenKeyring(t.Context(), f.source, f.config)
	require.ErrorIs(t, err, hardtack.ErrPlaintextKey)

	b.Put(t, f.name, good)
	for _, n := range nodes {
		until(t, "it is in order", func() bool { return n.Health().Err() == nil })
	}
	f.settled()
	f.openEverywhere(cookie)
}

// wrappedLosses: what is put back is wrapped.
func wrappedLosses(t *testing.T, b Backend) {
	f := newFleet(t, b)
	f.config.InsecurePlaintextKeys = false
	f.config.Wrapper = newWrapper(t)
	nodes := f.start(few)
	backup, _ := f.stored()
	first := nodes[0].sealed()
	f.nextKey()
	second := nodes[0].sealed()
	for _, document := range [][]byte{backup, nil} {
		b.Put(t, f.name, document)
		until(t, "the source has all keys again", func() bool {
			_, set := f.stored()
			return len(set.Keys) == 2
		})
		_, set := f.settled()
		for _, k := range set.Keys {
			require.True(t, k.Wrapped())
		}
	}
	f.start(1)
	f.openEverywhere(first, second)
}
