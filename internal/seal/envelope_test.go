package seal_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack/internal/seal"
)

var sealingID = seal.KeyID{0xee, 0xee, 0xee, 0xee}

// envelopes draws every envelope that may be sealed, of tokens or of records.
func envelopes(record bool) *rapid.Generator[*seal.Envelope] {
	return rapid.Custom(func(t *rapid.T) *seal.Envelope {
		kinds := []seal.Kind{seal.Inline, seal.Pending, seal.Reference}
		if record {
			kinds = []seal.Kind{seal.Live, seal.Returned, seal.Frozen}
		}
		e := &seal.Envelope{
			Kind:     rapid.SampledFrom(kinds).Draw(t, "kind"),
			Idle:     rapid.Bool().Draw(t, "idle"),
			Created:  rapid.Int64Range(0, seal.MaxTime).Draw(t, "created"),
			Revision: rapid.Uint64Range(0, seal.MaxRevision).Draw(t, "revision"),
			Subject:  rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "subject"),
		}
		e.Issued = rapid.Int64Range(e.Created, seal.MaxTime).Draw(t, "issued")
		e.Expires = rapid.Int64Range(e.Created, seal.MaxTime).Draw(t, "expires")
		ids := rapid.SliceOfNDistinct(rapid.Uint32Range(1, 0x10000), 0, seal.MaxLineage, rapid.ID).Draw(t, "lineage")
		for _, id := range ids {
			e.Lineage = binary.BigEndian.AppendUint32(e.Lineage, id)
		}
		if e.Kind != seal.Reference {
			e.Serializer = byte(rapid.IntRange(1, 255).Draw(t, "serializer"))
			e.Payload = rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "payload")
		}
		if !record {
			copy(e.Seed[:], rapid.SliceOfN(rapid.Byte(), seal.SeedSize, seal.SeedSize).Draw(t, "seed"))
			e.Compressed = e.Kind != seal.Reference && rapid.Bool().Draw(t, "compressed")
			e.Pad = rapid.IntRange(0, seal.MaxPad).Draw(t, "pad")
		}
		return e
	})
}

func TestEnvelopeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := envelopes(false).Draw(t, "envelope")
		require.NoError(t, seal.CheckEnvelope(e, sealingID))
		b := seal.AppendEnvelope(nil, e)
		var got seal.Envelope
		require.NoError(t, seal.ParseToken(b, sealingID, &got))
		require.Equal(t, canonicalEnvelope(*e), canonicalEnvelope(got))
		require.Equal(t, base64url.EncodedLen(seal.Overhead+len(b)), seal.TextSize(e))
		require.LessOrEqual(t, seal.LeastText(len(e.Payload)), seal.TextSize(e))
		require.Equal(t, seal.ErrMalformed, seal.ParseRecord(b, &got), "is not a record's")
	})
}

func TestPadTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := envelopes(false).Draw(t, "envelope")
		e.Pad = 0
		bare := len(seal.AppendEnvelope(nil, e))
		multiple := rapid.IntRange(0, seal.MaxPad).Draw(t, "multiple")
		most := rapid.OneOf(rapid.Just(math.MaxInt), rapid.IntRange(0, 4000)).Draw(t, "most")
		e.PadTo(multiple, most)
		if multiple == 0 {
			require.Zero(t, e.Pad)
			return
		}
		if e.Pad == 0 {
			e.Pad = 1
			require.Greater(t, len(seal.AppendEnvelope(nil, e)), most)
			return
		}
		require.NoError(t, seal.CheckEnvelope(e, sealingID))
		padded := len(seal.AppendEnvelope(nil, e))
		require.True(t, padded%multiple == 0 || padded == most)
		require.LessOrEqual(t, padded, most)
		require.Greater(t, padded, bare)
		require.LessOrEqual(t, padded, bare+multiple+1, "the smallest, beside a form byte")
	})
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := envelopes(true).Draw(t, "envelope")
		require.NoError(t, seal.CheckEnvelope(e, seal.KeyID{}))
		b := seal.AppendEnvelope(nil, e)
		var got seal.Envelope
		require.NoError(t, seal.ParseRecord(b, &got))
		require.Equal(t, canonicalEnvelope(*e), canonicalEnvelope(got))
		require.Equal(t, 8+seal.Overhead+len(b), seal.RecordSize(e))
		require.Equal(t, seal.ErrMalformed, seal.ParseToken(b, sealingID, &got), "is not a token's")
	})
}

// Whatever is accepted has been written by AppendEnvelope: there is one
// encoding of each envelope. Near misses come from encodings that were changed.
func TestEnvelopeIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record := rapid.Bool().Draw(t, "record")
		b := seal.AppendEnvelope(nil, envelopes(record).Draw(t, "envelope"))
		require.True(t, canonicalEncoding(t, b))
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			i := rapid.IntRange(0, min(len(b)-1, 60)).Draw(t, "at")
			b[i] = rapid.Byte().Draw(t, "byte")
		}
		canonicalEncoding(t, b)
		canonicalEncoding(t, b[:rapid.IntRange(0, len(b)).Draw(t, "length")])
	})
}

// canonicalEncoding checks that b, if it is accepted, is what its envelope
// encodes to, and that this envelope may be sealed. It says whether it was.
func canonicalEncoding(t require.TestingT, b []byte) (accepted bool) {
	before := bytes.Clone(b)
	for _, parse := range []func(*seal.Envelope) error{
		func(e *seal.Envelope) error { return seal.ParseToken(b, sealingID, e) },
		func(e *seal.Envelope) error { return seal.ParseRecord(b, e) },
	} {
		var e seal.Envelope
		err := parse(&e)
		if !bytes.Equal(before, b) {
			require.Fail(t, "parsing changed its input")
		}
		if err != nil {
			require.Equal(t, seal.ErrMalformed, err)
			continue
		}
		require.False(t, accepted, "one envelope is not both a token's and a record's")
		accepted = true
		require.True(t, bytes.Equal(b, seal.AppendEnvelope(nil, &e)), "not canonical: %x", b)
		by := sealingID
		if e.Kind >= seal.Live {
			by = seal.KeyID{}
		}
		require.NoError(t, seal.CheckEnvelope(&e, by))
	}
	return accepted
}

// An envelope that ends anywhere but where it should is refused, unless what
// is missing is payload.
func TestEnvelopeCut(t *testing.T) {
	e := inline(0)
	e.Idle, e.Subject, e.Lineage, e.Revision = true, []byte("alice"), lineage(3), 1<<40
	whole := seal.AppendEnvelope(nil, e)
	var got seal.Envelope
	for i := range whole {
		assert.Equal(t, seal.ErrMalformed, seal.ParseToken(whole[:i], sealingID, &got), "cut to %d of %d bytes", i, len(whole))
	}
	require.NoError(t, seal.ParseToken(whole, sealingID, &got))
	require.NoError(t, seal.ParseToken(append(whole, 1, 2), sealingID, &got))
	assert.Equal(t, []byte{1, 2}, got.Payload)
}

// A store may hand out its own memory.
func TestOpenRecordDoesNotWrite(t *testing.T) {
	e := inline(200)
	e.Kind, e.Subject = seal.Live, []byte("alice")
	locator := seal.Locator(&e.Seed)
	record, err := seal.SealRecord(locator, e)
	require.NoError(t, err)
	assert.Len(t, record, seal.RecordSize(e))

	spare := append(slices.Clone(record), bytes.Repeat([]byte{0x5a}, 600)...)
	data := spare[:len(record)]
	before := bytes.Clone(spare)
	var got seal.Envelope
	require.NoError(t, seal.OpenRecord(locator, &e.Seed, data, &got))
	assert.Equal(t, before, spare, "neither the record nor what is behind it")
	for name, part := range map[string][]byte{"subject": got.Subject, "payload": got.Payload} {
		assert.False(t, within(spare, part), "%s is not in the store's memory", name)
	}
	data[len(data)-1] ^= 1
	before = bytes.Clone(spare)
	require.Equal(t, seal.ErrForged, seal.OpenRecord(locator, &e.Seed, data, &got))
	assert.Equal(t, before, spare, "nor when it is forged")
}

// Every write of a record has a nonce of its own, both halves.
func TestSealRecordNonce(t *testing.T) {
	e := inline(10)
	e.Kind = seal.Live
	a, err := seal.SealRecord(seal.Locator(&e.Seed), e)
	require.NoError(t, err)
	b, err := seal.SealRecord(seal.Locator(&e.Seed), e)
	require.NoError(t, err)
	nonceA, nonceB := nonceOf(a[8:]), nonceOf(b[8:])
	assert.NotEqual(t, nonceA[:seal.PrefixSize], nonceB[:seal.PrefixSize])
	assert.NotEqual(t, nonceA[seal.PrefixSize:], nonceB[seal.PrefixSize:])
}

func TestTombstone(t *testing.T) {
	tombstone := seal.Tombstone()
	assert.Equal(t, []byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, tombstone)
	assert.True(t, seal.IsTombstone(tombstone))
	tombstone[0] = 0
	assert.False(t, seal.IsTombstone(tombstone))
	assert.True(t, seal.IsTombstone(seal.Tombstone()), "each caller has a copy of its own")
	for _, no := range [][]byte{nil, {}, tombstone[:7], append(seal.Tombstone(), 0)} {
		assert.False(t, seal.IsTombstone(no), "%x", no)
	}
	assert.EqualValues(t, seal.MaxRevision, binary.BigEndian.Uint64(seal.Tombstone()))
}
