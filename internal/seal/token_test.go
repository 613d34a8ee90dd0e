package seal_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

func TestSealOpen(t *testing.T) {
	k := newKey(t, secretOf("token"))
	for kind := seal.Inline; kind <= seal.Reference; kind++ {
		for _, size := range []int{0, 1, 100, 2900} {
			t.Run(fmt.Sprintf("kind %d, %d bytes", kind, size), func(t *testing.T) {
				e := inline(size)
				e.Kind, e.Idle, e.Revision, e.Subject, e.Lineage = kind, true, 9, []byte("alice"), lineage(2)
				if kind == seal.Reference {
					e.Serializer, e.Payload = 0, []byte{}
				}
				text := sealed(t, k, e)
				assert.Len(t, text, seal.TextSize(e))
				id, err := seal.Peek(text)
				require.NoError(t, err)
				assert.Equal(t, k.ID(), id)

				var got seal.Envelope
				_, err = newKey(t, secretOf("token")).Open(nil, binding, text, &got)
				require.NoError(t, err, "another server with the same secret")
				assert.Equal(t, *e, got)
			})
		}
	}
}

// A token of the same session is never the same twice, and says nothing about
// it but its length.
func TestSealIsRandom(t *testing.T) {
	k := newKey(t, secretOf("token"))
	e := inline(100)
	a, b := raw(t, sealed(t, k, e)), raw(t, sealed(t, k, e))
	assert.Len(t, b, len(a))
	assert.NotEqual(t, a[seal.HeaderSize+seal.PrefixSize:], b[seal.HeaderSize+seal.PrefixSize:])
	assert.NotContains(t, string(a), string(e.Payload[:8]))
	assert.NotContains(t, string(a), string(e.Seed[:8]))
}

func TestKeyID(t *testing.T) {
	a, b := secretOf("a"), secretOf("b")
	assert.Equal(t, seal.IDOf(a), newKey(t, a).ID(), "follows from the secret")
	assert.NotEqual(t, seal.IDOf(a), seal.IDOf(b))
	before := *a
	k := newKey(t, a)
	*a = [seal.SecretSize]byte{}
	text := sealed(t, k, inline(10))
	var e seal.Envelope
	_, err := newKey(t, &before).Open(nil, binding, text, &e)
	assert.NoError(t, err, "the key does not refer to the caller's secret")
}

func TestPeek(t *testing.T) {
	k := newKey(t, secretOf("token"))
	text := sealed(t, k, inline(10))
	for _, bad := range []string{
		"", "A", text[:7], "\n" + text, text[:3] + "\r\n" + text[3:], "=" + text, text[:7] + "=", "AAAAAAAAAAAA", "AgAAAAAA" + text[8:],
		text + strings.Repeat("A", seal.MaxText), "Ā" + text,
	} {
		_, err := seal.Peek(bad)
		assert.Equal(t, seal.ErrMalformed, err, "%.20q", bad)
	}
	id, err := seal.Peek(text[:8])
	require.NoError(t, err)
	assert.Equal(t, k.ID(), id)
}

// What a reader would refuse is not sealed in the first place.
func TestUnsealable(t *testing.T) {
	k := newKey(t, secretOf("token"))
	id := k.ID()
	for name, change := range map[string]func(*seal.Envelope){
		"created before 1970":          func(e *seal.Envelope) { e.Created = -1 },
		"created too late":             func(e *seal.Envelope) { e.Created, e.Issued, e.Expires = 1<<48, 1<<48, 1<<48 },
		"issued before created":        func(e *seal.Envelope) { e.Issued = e.Created - 1 },
		"expires before created":       func(e *seal.Envelope) { e.Expires = e.Created - 1 },
		"issued too late":              func(e *seal.Envelope) { e.Issued = seal.MaxTime + 1 },
		"expires too late":             func(e *seal.Envelope) { e.Expires = seal.MaxTime + 1 },
		"expires at the end of int64":  func(e *seal.Envelope) { e.Expires = math.MaxInt64 },
		"all times at the end":         func(e *seal.Envelope) { e.Created, e.Issued, e.Expires = math.MinInt64, math.MaxInt64, math.MaxInt64 },
		"revision of 64 bits":          func(e *seal.Envelope) { e.Revision = 1 << 63 },
		"no serializer":                func(e *seal.Envelope) { e.Serializer = 0 },
		"reference with a serializer":  func(e *seal.Envelope) { e.Kind, e.Payload = seal.Reference, nil },
		"reference with a payload":     func(e *seal.Envelope) { e.Kind, e.Serializer = seal.Reference, 0 },
		"kind of a record":             func(e *seal.Envelope) { e.Kind = seal.Live },
		"kind that does not exist":     func(e *seal.Envelope) { e.Kind = 6 },
		"kind that would be a flag":    func(e *seal.Envelope) { e.Kind = 8 },
		"kind that is unknown bits":    func(e *seal.Envelope) { e.Kind = 0x80 },
		"lineage of half an ID":        func(e *seal.Envelope) { e.Lineage = []byte{1, 2} },
		"lineage of 128":               func(e *seal.Envelope) { e.Lineage = lineage(128) },
		"lineage with a key twice":     func(e *seal.Envelope) { e.Lineage = append(lineage(2), lineage(1)...) },
		"lineage with the sealing key": func(e *seal.Envelope) { e.Lineage = append(lineage(2), id[:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			e := inline(10)
			change(e)
			out, err := k.Seal([]byte("before"), binding, e)
			assert.ErrorIs(t, err, seal.ErrUnsealable)
			assert.Nil(t, out)
		})
	}
	for kind := range seal.Kind(255) {
		e := inline(10)
		e.Kind = kind
		if _, err := seal.SealRecord(seal.Locator(&e.Seed), e); kind < seal.Live || kind > seal.Frozen {
			assert.ErrorIs(t, err, seal.ErrUnsealable, "kind %d", kind)
		} else {
			assert.NoError(t, err, "kind %d", kind)
		}
	}
	e := inline(10)
	e.Kind, e.Revision = seal.Live, 1<<63
	_, err := seal.SealRecord(seal.Locator(&e.Seed), e)
	assert.ErrorIs(t, err, seal.ErrUnsealable, "a record is checked, too")
}

// What Open returns is the caller's: nothing points into pooled memory, and
// appending to one part overwrites no other.
func TestOpenAliasing(t *testing.T) {
	k := newKey(t, secretOf("token"))
	e := inline(50)
	e.Subject, e.Lineage = []byte("alice"), lineage(2)
	text := sealed(t, k, e)

	buf := make([]byte, 0, 1000)
	buf = append(buf, "kept"...)
	var got seal.Envelope
	out, err := k.Open(buf, binding, text, &got)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(out[:4]))
	require.Same(t, unsafe.SliceData(buf), unsafe.SliceData(out), "the caller's buffer had room")
	for name, part := range map[string][]byte{"lineage": got.Lineage, "subject": got.Subject, "payload": got.Payload} {
		assert.True(t, within(out, part), "%s points into the buffer", name)
		assert.Equal(t, len(part), cap(part), "%s cannot grow into what follows", name)
	}

	// Nothing changes when the pooled memory is used again.
	want := slices.Clone(out)
	for i := range 50 {
		other := inline(60 + i)
		var e seal.Envelope
		_, err := k.Open(nil, binding, sealed(t, k, other), &e)
		require.NoError(t, err)
	}
	assert.Equal(t, want, out)
	assert.Equal(t, *e, got)

	// Two tokens into one buffer, and appending to the first one's payload.
	var second seal.Envelope
	out, err = k.Open(out, binding, sealed(t, k, inline(20)), &second)
	require.NoError(t, err)
	_ = append(got.Payload, "overwritten?"...)
	assert.Equal(t, inline(20).Payload, second.Payload)
	assert.Equal(t, e.Payload, got.Payload)
	assert.True(t, within(out, second.Payload))

	// Refused: the caller has what it had.
	forged := raw(t, text)
	forged[60] ^= 1
	out, err = k.Open(buf, binding, encode(forged), &second)
	assert.Equal(t, seal.ErrForged, err)
	assert.Equal(t, "kept", string(out))
}

// within says whether part lies in the memory of whole.
func within(whole, part []byte) bool {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	p := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	return p >= first && p+uintptr(len(part)) <= first+uintptr(len(whole))
}

// Seal appends, and leaves the envelope alone.
func TestSealAppends(t *testing.T) {
	k := newKey(t, secretOf("token"))
	e := inline(50)
	e.Subject = []byte("alice")
	want := *e
	out, err := k.Seal([]byte("name="), binding, e)
	require.NoError(t, err)
	text, ok := strings.CutPrefix(string(out), "name=")
	require.True(t, ok)
	assert.Equal(t, want, *e)
	var got seal.Envelope
	_, err = k.Open(nil, binding, text, &got)
	require.NoError(t, err)
	assert.Equal(t, *e, canonicalEnvelope(got))
}

// canonicalEnvelope has nil for what is empty.
func canonicalEnvelope(e seal.Envelope) seal.Envelope {
	for _, part := range []*[]byte{&e.Lineage, &e.Subject, &e.Payload} {
		if len(*part) == 0 {
			*part = nil
		}
	}
	return e
}

// What the application presents for a former format's session is the same on
// every server that has the key, and different for everything else.
func TestFormerSeed(t *testing.T) {
	k := newKey(t, secretOf("token"))
	seed := k.FormerSeed("shop", "cart", "session", "value")
	assert.Equal(t, seed, newKey(t, secretOf("token")).FormerSeed("shop", "cart", "session", "value"))
	key := specHKDF(secretOf("token")[:], "hardtack former", 32)
	assert.Equal(t, specHMAC(key, specLP("shop"), specLP("cart"), specLP("session"), []byte("value"))[:16], seed[:], "as docs/format.md says")
	for _, other := range [][4]string{
		{"shop", "cart", "session", "valuf"}, {"shop", "cart", "sessio", "nvalue"}, {"shop", "cart", "", "sessionvalue"},
		{"admin", "cart", "session", "value"}, {"shop", "login", "session", "value"}, {"shopcart", "", "session", "value"},
	} {
		assert.NotEqual(t, seed, k.FormerSeed(other[0], other[1], other[2], other[3]))
	}
	assert.NotEqual(t, seed, newKey(t, secretOf("other")).FormerSeed("shop", "cart", "session", "value"))
}

func TestSeedValues(t *testing.T) {
	a, b := seal.NewSeed(), seal.NewSeed()
	require.NotEqual(t, a, b)
	assert.Len(t, seal.SessionID(&a), 22)
	assert.Len(t, seal.Locator(&a), seal.LocatorSize)
	assert.NotEqual(t, seal.SessionID(&a), seal.SessionID(&b))
	assert.NotEqual(t, seal.Locator(&a), seal.Locator(&b))
	assert.False(t, strings.HasPrefix(seal.Locator(&a), seal.SessionID(&a)), "one does not reveal the other")
}

// docs/format.md has a table of sizes, and a sentence on how much fits.
func TestSizesOfTheSpecification(t *testing.T) {
	fresh := inline(0)
	assert.Equal(t, 100, seal.TextSize(fresh))
	assert.Len(t, seal.AppendEnvelope(nil, fresh), 30)

	fresh.Subject = make([]byte, 36)
	assert.Equal(t, 150, seal.TextSize(fresh))
	assert.Len(t, seal.AppendEnvelope(nil, fresh), 67)

	fresh.Lineage = lineage(1)
	assert.Len(t, seal.AppendEnvelope(nil, fresh), 67+5)
	fresh.Lineage = lineage(2)
	assert.Len(t, seal.AppendEnvelope(nil, fresh), 67+9)

	reference := inline(0)
	reference.Kind, reference.Serializer, reference.Revision = seal.Reference, 0, 100
	reference.Issued += 3_600_000
	assert.Len(t, seal.AppendEnvelope(nil, reference), 33)
	assert.Equal(t, 104, seal.TextSize(reference))

	most := seal.MaxText - len(cookieName)
	assert.Equal(t, 4082, most)
	assert.Equal(t, most, seal.TextSize(inline(2986)))
	assert.Greater(t, seal.TextSize(inline(2987)), most)

	empty := &seal.Envelope{Serializer: 1}
	assert.Len(t, seal.AppendEnvelope(nil, empty), seal.MinToken)
	assert.Equal(t, 27, seal.MinToken)
	assert.Equal(t, 45, seal.Overhead)
}

// The longest text that a reader takes is also what a browser would.
func TestOpenLongest(t *testing.T) {
	k := newKey(t, secretOf("token"))
	var e seal.Envelope
	text := sealed(t, k, inline(2997))
	require.Len(t, text, seal.MaxText)
	_, err := k.Open(nil, binding, text, &e)
	assert.NoError(t, err)
	text = sealed(t, k, inline(2998))
	_, err = k.Open(nil, binding, text, &e)
	assert.Equal(t, seal.ErrMalformed, err)
	_, err = k.Open(nil, binding, strings.Repeat("A", 1<<20), &e)
	assert.Equal(t, seal.ErrMalformed, err)
}

// What lies behind the result, in the capacity of dst, is the caller's: it may even be what is sealed.
func TestSealLeavesTheRestAlone(t *testing.T) {
	k := newKey(t, secretOf("rest"))
	for _, at := range []int{0, 50, 200, 400, 1000} {
		buf := make([]byte, 8192)
		fill(seeded(t, 1), buf)
		e := inline(0)
		e.Payload = buf[at : at+100]
		want, before := bytes.Clone(e.Payload), bytes.Clone(buf)
		text, err := k.Seal(buf[:0], binding, e)
		require.NoError(t, err)
		assert.Equal(t, before[len(text):], buf[len(text):])
		var got seal.Envelope
		_, err = k.Open(nil, binding, string(text), &got)
		require.NoError(t, err)
		assert.Equal(t, want, got.Payload)
	}
}

// A key that remembers a token's prefix accepts no other spelling of its first characters, as one that meets it first does not.
func TestNoOtherSpelling(t *testing.T) {
	known := newKey(t, secretOf("spelling"))
	const others = "AB09-_\n\r=+/ \x00\xff."
	for size := range 4 {
		text := string(sealed(t, known, inline(size)))
		for at := range len(text) {
			for _, c := range others {
				for _, changed := range []string{text[:at] + string(c) + text[at:], text[:at] + string(c) + text[at+1:], text[:at] + text[at+1:]} {
					if changed == text {
						continue
					}
					var e seal.Envelope
					_, err := known.Open(nil, binding, changed, &e)
					require.Error(t, err, "%q beside %q", changed, text)
					require.Equal(t, seal.WellFormed(changed) != nil, err == seal.ErrMalformed, "%q", changed)
				}
			}
		}
	}
}
