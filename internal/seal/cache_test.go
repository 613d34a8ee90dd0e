package seal_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// sealMany seals so many tokens in so many goroutines and returns their nonces.
func sealMany(t *testing.T, k *seal.Key, seals, goroutines int) (nonces [][seal.NonceSize]byte) {
	t.Helper()
	nonces = make([][seal.NonceSize]byte, seals)
	e := inline(0)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			var text, raw []byte
			for i := g; i < seals; i += goroutines {
				var err error
				text, err = k.Seal(text[:0], binding, e)
				if err != nil {
					t.Errorf("seal %d: %v", i, err)
					return
				}
				raw, err = base64url.AppendDecode(raw[:0], text)
				if err != nil {
					t.Errorf("seal %d: %v", i, err)
					return
				}
				nonces[i] = nonceOf(raw)
			}
		})
	}
	wg.Wait()
	return nonces
}

// The bounds of docs/format.md rest on this number, so it is exact: no prefix
// serves one seal more, and none is thrown away before.
func TestPrefixIsUsedFor65536Seals(t *testing.T) {
	assert.EqualValues(t, 65536, seal.PrefixSeals)
	const extra = 3392 // 200,000 seals in all
	epochs := 3
	if testing.Short() {
		epochs = 1
	}
	for _, goroutines := range []int{1, 8} {
		k := newKey(t, secretOf("prefix"))
		nonces := sealMany(t, k, epochs*seal.PrefixSeals+extra, goroutines)
		uses := make(map[[seal.PrefixSize]byte]int)
		seen := make(map[[seal.NonceSize]byte]bool, len(nonces))
		for _, nonce := range nonces {
			uses[[seal.PrefixSize]byte(nonce[:])]++
			if seen[nonce] {
				t.Fatalf("a nonce was used twice with %d goroutines", goroutines)
			}
			seen[nonce] = true
		}
		var counts []int
		for _, n := range uses {
			counts = append(counts, n)
		}
		slices.Sort(counts)
		want := slices.Repeat([]int{seal.PrefixSeals}, epochs)
		assert.Equal(t, append([]int{extra}, want...), counts, "%d goroutines", goroutines)
		assert.Empty(t, difference(k.CachedPrefixes(), slices.Collect(maps.Keys(uses))...), "%d goroutines", goroutines)
	}
}

// Forged tokens leave the cache as it is, whatever their prefix: otherwise
// anybody could push out the prefixes that real tokens have.
func TestCacheIgnoresForgedTokens(t *testing.T) {
	opener := newKey(t, secretOf("cache"))
	require.Empty(t, opener.CachedPrefixes(), "a key that has not sealed has an empty cache")
	f := newForger(t, opener)
	r := seeded(t, 1)

	token := raw(t, sealed(t, newKey(t, secretOf("cache")), inline(30)))
	forge := func(n int) {
		for range n {
			b := slices.Clone(token)
			switch r.IntN(3) {
			case 0: // a prefix that nobody used
				fill(r, b[seal.HeaderSize:seal.HeaderSize+seal.PrefixSize])
			case 1: // an authentic prefix, another tag
				fill(r, b[len(b)-seal.TagSize:])
			default:
				fill(r, b[seal.HeaderSize:])
			}
			f.refusedRaw(b)
		}
	}
	forge(3000)
	assert.Empty(t, opener.CachedPrefixes())

	var e seal.Envelope
	_, err := opener.Open(nil, seal.NewBinding("other", cookieName), encode(token), &e)
	require.Equal(t, seal.ErrForged, err)
	assert.Empty(t, opener.CachedPrefixes(), "nor does an authentic token under another name")

	_, err = opener.Open(nil, binding, encode(token), &e)
	require.NoError(t, err)
	assert.Equal(t, [][seal.PrefixSize]byte{prefixOf(token)}, opener.CachedPrefixes(), "the authentic token enters")

	// A full cache, and more forged tokens than it has room for.
	for range 3 * seal.CacheSize {
		_, err := opener.Open(nil, binding, sealed(t, newKey(t, secretOf("cache")), inline(1)), &e)
		require.NoError(t, err)
	}
	before := opener.CachedPrefixes()
	forge(20 * seal.CacheSize)
	assert.Equal(t, before, opener.CachedPrefixes(), "nothing was added or replaced")
}

// More servers than the cache has room for: it stays bounded, and all open.
func TestCacheIsBounded(t *testing.T) {
	opener := newKey(t, secretOf("cache"))
	own := sealed(t, opener, inline(1))
	const servers = 2 * seal.CacheSize
	texts := make([]string, servers)
	for i := range texts {
		texts[i] = sealed(t, newKey(t, secretOf("cache")), inline(1))
	}
	var e seal.Envelope
	for range 2 {
		for _, text := range append(texts, own) {
			_, err := opener.Open(nil, binding, text, &e)
			require.NoError(t, err)
			require.LessOrEqual(t, len(opener.CachedPrefixes()), seal.CacheSize)
		}
	}
	// The sets fill unevenly, as the prefixes are random; half would be far off.
	assert.Greater(t, len(opener.CachedPrefixes()), seal.CacheSize/2)
}

// Within a set the entries are replaced in turn, so a set of authentic tokens
// that is a little too large cannot push out one and the same all the time.
func TestCacheRemembersTheLatest(t *testing.T) {
	opener := newKey(t, secretOf("cache"))
	var e seal.Envelope
	for range 3 * seal.CacheSize {
		text := sealed(t, newKey(t, secretOf("cache")), inline(1))
		_, err := opener.Open(nil, binding, text, &e)
		require.NoError(t, err)
		require.Contains(t, opener.CachedPrefixes(), prefixOf(raw(t, text)))
	}
	seen := make(map[[seal.PrefixSize]byte]bool)
	for _, p := range opener.CachedPrefixes() {
		require.False(t, seen[p], "no prefix is there twice when nothing runs in parallel")
		seen[p] = true
	}
}

// One key in many goroutines: sealing across a change of the prefix, opening
// its own and others' tokens, and forged ones in between.
func TestKeyConcurrently(t *testing.T) {
	const goroutines = 16
	rounds := 6000 // times 16 is more than a prefix serves
	if testing.Short() {
		rounds = 500
	}
	k := newKey(t, secretOf("concurrent"))
	others := make([]string, 2*seal.CacheWays*goroutines)
	for i := range others {
		others[i] = sealed(t, newKey(t, secretOf("concurrent")), inline(i))
	}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			e := inline(g)
			e.Subject = []byte{byte(g)}
			var text, plain []byte
			var got seal.Envelope
			for i := range rounds {
				e.Revision = uint64(i)
				var err error
				if text, err = k.Seal(text[:0], binding, e); err != nil {
					t.Errorf("seal: %v", err)
					return
				}
				if plain, err = k.Open(plain[:0], binding, string(text), &got); err != nil ||
					got.Revision != uint64(i) || got.Subject[0] != byte(g) || len(got.Payload) != g {
					t.Errorf("goroutine %d did not get its own session back: %v", g, err)
					return
				}
				if i%8 == 0 {
					if _, err := k.Open(plain[:0], binding, others[(i+g)%len(others)], &got); err != nil {
						t.Errorf("open: %v", err)
						return
					}
					text[40] ^= 1 // may leave the alphabet, too
					if _, err := k.Open(plain[:0], binding, string(text), &got); err == nil {
						t.Errorf("forged text accepted")
						return
					}
				}
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, len(k.CachedPrefixes()), seal.CacheSize)
}
