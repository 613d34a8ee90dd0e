package seal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// sizes are payloads of tokens, with all remainders of base64. The longest that
// a browser takes is slow under the race detector, which has nothing to find in
// it that it would not find in shorter ones.
var sizes = func() []int {
	if raceDetector {
		return []int{0, 1, 2, 30, 301, 1001}
	}
	return []int{0, 1, 2, 30, 301, 1001, 2986}
}()

// forger tries texts on a key. It reports by itself, since assertions would
// take most of the time.
type forger struct {
	testing.TB
	key *seal.Key
	buf []byte
	n   int
}

func newForger(t testing.TB, k *seal.Key) *forger { return &forger{TB: t, key: k} }

// refused fails the test if text opens, or is refused for no known reason.
func (f *forger) refused(text string) {
	f.n++
	var e seal.Envelope
	out, err := f.key.Open(f.buf[:0], binding, text, &e)
	switch err {
	case seal.ErrForged, seal.ErrMalformed, seal.ErrUnknownKey:
	case nil:
		f.Fatalf("accepted: %q", text)
	default:
		f.Fatalf("%q: %v", text, err)
	}
	if len(out) != 0 {
		f.Fatalf("%q was refused, yet %d bytes came back", text, len(out))
	}
	f.buf = out
}

func (f *forger) refusedRaw(raw []byte) { f.refused(encode(raw)) }

func eachSize(t *testing.T, test func(t *testing.T, f *forger, text string)) {
	k := newKey(t, secretOf("forgery"))
	for _, size := range sizes {
		if testing.Short() && size > 500 {
			continue
		}
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			text := sealed(t, k, inline(size))
			var e seal.Envelope
			_, err := k.Open(nil, binding, text, &e)
			require.NoError(t, err, "the token itself opens")
			f := newForger(t, k)
			test(t, f, text)
			require.Positive(t, f.n)
		})
	}
}

func TestForgeryBitFlips(t *testing.T) {
	eachSize(t, func(_ *testing.T, f *forger, text string) {
		b := []byte(text)
		for i := range b {
			for bit := range 8 {
				b[i] ^= 1 << bit
				f.refused(string(b))
				b[i] ^= 1 << bit
			}
		}
		b = raw(f, text)
		for i := range b {
			for bit := range 8 {
				b[i] ^= 1 << bit
				f.refusedRaw(b)
				b[i] ^= 1 << bit
			}
		}
	})
}

func TestForgeryTruncations(t *testing.T) {
	eachSize(t, func(_ *testing.T, f *forger, text string) {
		for i := range len(text) {
			f.refused(text[:i])
			f.refused(text[i+1:])
			f.refused(text[:i] + text[i+1:])
		}
		b := raw(f, text)
		for i := range b {
			f.refusedRaw(b[:i])
			f.refusedRaw(b[i+1:])
			f.refusedRaw(slices.Concat(b[:i], b[i+1:]))
		}
	})
}

func TestForgeryExtensions(t *testing.T) {
	eachSize(t, func(_ *testing.T, f *forger, text string) {
		for c := range 256 { // the alphabet and everything else
			f.refused(text + string([]byte{byte(c)}))
			f.refused(string([]byte{byte(c)}) + text)
		}
		for _, c := range alphabet {
			f.refused(text + string(c) + "A")
			f.refused(text + "AA" + string(c))
		}
		b := raw(f, text)
		for c := range 256 {
			f.refusedRaw(append(bytes.Clone(b), byte(c)))
			f.refusedRaw(append([]byte{byte(c)}, b...))
		}
		// Line breaks are what base64 decoders like to skip.
		for i := range len(text) + 1 {
			f.refused(text[:i] + "\n" + text[i:])
			f.refused(text[:i] + "\r" + text[i:])
		}
		for _, end := range []string{"=", "==", "===", "\r\n", "\n\n\n\n", "\n\n\n\n\n\n\n\n", "\x00", "A===", "AA==", "AAA="} {
			f.refused(text + end)
		}
		f.refused(text + text)
	})
}

func TestForgeryOtherBinding(t *testing.T) {
	k := newKey(t, secretOf("forgery"))
	type use struct{ audience, name string }
	uses := []use{
		{"", cookieName}, {"", "session"}, {"", "__Secure-session"}, {"", "__host-session"}, {"", ""},
		{"shop", cookieName}, {"Shop", cookieName}, {"shop\x00", cookieName}, {"shop", ""},
		{cookieName, ""}, {"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}, {"\x00\x00", "c"},
		{"", "cookie"}, {"cookie", ""}, {"hardtack", "cookie"},
	}
	for _, from := range uses {
		text, err := k.Seal(nil, seal.NewBinding(from.audience, from.name), inline(100))
		require.NoError(t, err)
		for _, to := range uses {
			var e seal.Envelope
			_, err := k.Open(nil, seal.NewBinding(to.audience, to.name), string(text), &e)
			if from == to {
				assert.NoError(t, err, "%q", to)
			} else {
				assert.Equal(t, seal.ErrForged, err, "%q presented as %q", from, to)
			}
		}
	}
	var e seal.Envelope
	_, err := k.Open(nil, seal.Binding{}, sealed(t, k, inline(100)), &e)
	assert.Equal(t, seal.ErrForged, err, "the zero Binding")
}

// A record is not a token, and a token is not a record.
func TestForgeryOtherUse(t *testing.T) {
	k := newKey(t, secretOf("forgery"))
	f := newForger(t, k)
	e := inline(100)
	token := raw(t, sealed(t, k, e))
	locator := seal.Locator(&e.Seed)

	e.Kind, e.Revision = seal.Live, 3
	record, err := seal.SealRecord(locator, e)
	require.NoError(t, err)
	var got seal.Envelope
	require.NoError(t, seal.OpenRecord(locator, &e.Seed, record, &got))

	id := k.ID()
	f.refusedRaw(record)
	f.refusedRaw(record[8:])
	f.refusedRaw(slices.Concat([]byte{seal.Version}, id[:], record[8+seal.HeaderSize:]))
	for _, data := range [][]byte{
		token,
		slices.Concat(record[:8], token),
		slices.Concat(record[:8+seal.HeaderSize], token[seal.HeaderSize:]),
	} {
		assert.Equal(t, seal.ErrForged, seal.OpenRecord(locator, &e.Seed, data, &got))
	}
}

func TestForgeryRecords(t *testing.T) {
	e := inline(300)
	e.Kind, e.Revision = seal.Live, 3
	locator := seal.Locator(&e.Seed)
	record, err := seal.SealRecord(locator, e)
	require.NoError(t, err)
	var got seal.Envelope
	refused := func(data []byte, what string, i int) {
		if err := seal.OpenRecord(locator, &e.Seed, data, &got); err != seal.ErrForged {
			t.Fatalf("%s %d: %v", what, i, err)
		}
	}
	require.NoError(t, seal.OpenRecord(locator, &e.Seed, record, &got))
	for i := range record {
		for bit := range 8 {
			record[i] ^= 1 << bit
			refused(record, "bit flipped in byte", i)
			record[i] ^= 1 << bit
		}
		refused(record[:i], "cut to", i)
		refused(record[i+1:], "cut from", i)
	}
	for c := range 256 {
		refused(append(bytes.Clone(record), byte(c)), "prolonged by", c)
	}
	other := seal.NewSeed()
	assert.Equal(t, seal.ErrForged, seal.OpenRecord(locator, &other, record, &got), "another session's seed")
	assert.Equal(t, seal.ErrForged, seal.OpenRecord(seal.Locator(&other), &e.Seed, record, &got), "another locator")
	assert.Equal(t, seal.ErrForged, seal.OpenRecord("", &e.Seed, record, &got), "no locator")
	require.NoError(t, seal.OpenRecord(locator, &e.Seed, record, &got), "and the record itself still opens")
}

// Two tokens of one key, one binding and one prefix, cut and joined everywhere.
func TestForgerySwappedHalves(t *testing.T) {
	k := newKey(t, secretOf("forgery"))
	f := newForger(t, k)
	for _, size := range []int{0, 30, 301} {
		a, b := inline(size), inline(size)
		a.Subject, b.Subject = []byte("alice"), []byte("marie")
		textA, textB := sealed(t, k, a), sealed(t, k, b)
		require.Equal(t, prefixOf(raw(t, textA)), prefixOf(raw(t, textB)))
		for i := range len(textA) {
			for _, text := range []string{textA[:i] + textB[i:], textB[:i] + textA[i:]} {
				if text != textA && text != textB {
					f.refused(text)
				}
			}
		}
		// Fields of one in the other: nonce, ciphertext, tag.
		rawA, rawB := raw(t, textA), raw(t, textB)
		n := len(rawA)
		for _, cut := range [][2]int{{5, 17}, {17, 29}, {5, 29}, {29, n - 16}, {n - 16, n}, {29, n}} {
			swapped := bytes.Clone(rawA)
			copy(swapped[cut[0]:cut[1]], rawB[cut[0]:cut[1]])
			if !bytes.Equal(swapped, rawA) { // the prefix is the same in both
				f.refusedRaw(swapped)
			}
		}
	}
}

// The key ID only picks the key; a stranger's key under the same ID opens nothing.
func TestForgeryOtherKeyOfSameID(t *testing.T) {
	k := newKey(t, secretOf("forgery"))
	twin, err := seal.NewKeyWithID(secretOf("twin"), k.ID())
	require.NoError(t, err)
	require.Equal(t, k.ID(), twin.ID())
	for _, size := range sizes {
		newForger(t, k).refused(sealed(t, twin, inline(size)))
		newForger(t, twin).refused(sealed(t, k, inline(size)))
	}
	assert.Empty(t, difference(twin.CachedPrefixes(), prefixOf(raw(t, sealed(t, twin, inline(0))))),
		"what k sealed has not entered the twin's cache")

	// The other way round: one secret whose token claims to be another key's.
	text := sealed(t, k, inline(30))
	other := newKey(t, secretOf("other"))
	b := raw(t, text)
	id := other.ID()
	copy(b[1:], id[:])
	newForger(t, other).refusedRaw(b)
	newForger(t, k).refusedRaw(b)
	var e seal.Envelope
	_, err = other.Open(nil, binding, text, &e)
	assert.Equal(t, seal.ErrUnknownKey, err)
}

func difference(prefixes [][seal.PrefixSize]byte, known ...[seal.PrefixSize]byte) (rest [][seal.PrefixSize]byte) {
	for _, p := range prefixes {
		if !slices.Contains(known, p) {
			rest = append(rest, p)
		}
	}
	return rest
}

// More than a million random changes, most of them where only the tag can tell.
func TestForgeryMutations(t *testing.T) {
	const parts = 8
	total := 1_040_000
	if testing.Short() {
		total /= 20
	}
	k := newKey(t, secretOf("forgery"))
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			r := seeded(t, uint64(part))
			f := newForger(t, k)
			originals := make([]string, 0, 12)
			for _, size := range []int{0, 1, 2, 30, 31, 100, 200, 301, 500, 700, 1000, 2500} {
				originals = append(originals, sealed(t, k, inline(size)))
			}
			for f.n < total/parts {
				// Short ones more often: they take less time.
				text := originals[min(r.IntN(len(originals)), r.IntN(len(originals)))]
				other := originals[r.IntN(len(originals))]
				if changed := mutate(r, text, other); !slices.Contains(originals, changed) {
					f.refused(changed)
				}
			}
			for _, text := range originals {
				var e seal.Envelope
				_, err := k.Open(nil, binding, text, &e)
				require.NoError(t, err, "the originals still open")
			}
		})
	}
}

func mutate(r *rand.Rand, text, other string) string {
	b := []byte(text)
	switch r.IntN(10) {
	case 0: // a few characters of the alphabet
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = alphabet[r.IntN(len(alphabet))]
		}
	case 1: // any byte
		b[r.IntN(len(b))] = byte(r.IntN(256))
	case 2: // two characters change places
		i, j := r.IntN(len(b)), r.IntN(len(b))
		b[i], b[j] = b[j], b[i]
	case 3: // a piece is missing
		i := r.IntN(len(b))
		return string(slices.Delete(b, i, i+r.IntN(len(b)-i)+1))
	case 4: // something was inserted
		piece := make([]byte, 1+r.IntN(9))
		for i := range piece {
			piece[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(slices.Insert(b, r.IntN(len(b)+1), piece...))
	case 5: // the front of one token, the back of another
		return text[:r.IntN(len(text))] + other[r.IntN(len(other)):]
	default: // bytes behind the header, so that the key tries
		raw, err := base64url.DecodeString(text)
		if err != nil {
			panic(err)
		}
		behind := raw[seal.HeaderSize:]
		if r.IntN(4) > 0 {
			behind = behind[seal.PrefixSize:] // and its prefix is authentic
		}
		switch r.IntN(4) {
		case 0:
			behind[r.IntN(len(behind))] ^= 1 << r.IntN(8)
		case 1:
			fill(r, behind[r.IntN(len(behind)):])
		case 2:
			fill(r, behind[len(behind)-seal.TagSize:])
		default:
			i := r.IntN(len(behind))
			fill(r, behind[i:i+r.IntN(len(behind)-i)+1])
		}
		return encode(raw)
	}
	return string(b)
}
