package interop

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/hardtack-go/hardtack/internal/seal"
)

const (
	headerSize   = 5
	revisionSize = 8
)

// tinkAEAD returns tink's XAES-256-GCM. Its salt is the first half of the nonce:
// with 12 bytes of it, and without a prefix before the nonce, tink's messages
// are those of C2SP.
func tinkAEAD(t testing.TB, key []byte) tink.AEAD {
	t.Helper()
	params, err := xaesgcm.NewParameters(xaesgcm.VariantNoPrefix, 12)
	require.NoError(t, err)
	k, err := xaesgcm.NewKey(secretdata.NewBytesFromData(key, insecuresecretdataaccess.Token{}), 0, params)
	require.NoError(t, err)
	m := keyset.NewManager()
	id, err := m.AddKey(k)
	require.NoError(t, err)
	require.NoError(t, m.SetPrimary(id))
	handle, err := m.Handle()
	require.NoError(t, err)
	a, err := aead.New(handle)
	require.NoError(t, err)
	return a
}

// A vector of the specification, so that what follows compares the same thing.
func TestTinkIsC2SP(t *testing.T) {
	message, err := hex.DecodeString(hex.EncodeToString([]byte("ABCDEFGHIJKLMNOPQRSTUVWX")) +
		"986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d")
	require.NoError(t, err)
	key := []byte(strings.Repeat("\x03", 32))
	plain, err := tinkAEAD(t, key).Decrypt(message, []byte("c2sp.org/XAES-256-GCM"))
	require.NoError(t, err)
	assert.Equal(t, "XAES-256-GCM", string(plain))
}

func derive(t testing.TB, secret []byte, info string) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	require.NoError(t, err)
	return key
}

func lp(parts ...string) (b []byte) {
	for _, p := range parts {
		b = binary.BigEndian.AppendUint16(b, uint16(len(p)))
		b = append(b, p...)
	}
	return b
}

// session returns a session with so many bytes of payload, the other fields at random.
func session(r *mathrand.Rand, kind seal.Kind, payload int) *seal.Envelope {
	e := &seal.Envelope{
		Kind:       kind,
		Idle:       r.IntN(2) == 0,
		Serializer: byte(1 + r.IntN(255)),
		Seed:       seal.NewSeed(),
		Created:    r.Int64N(1 << 47),
		Revision:   r.Uint64N(seal.MaxRevision),
		Payload:    make([]byte, payload),
	}
	e.Issued = e.Created + r.Int64N(1<<40)
	e.Expires = e.Created + r.Int64N(1<<40)
	rand.Read(e.Payload)
	if r.IntN(2) == 0 {
		e.Subject = make([]byte, 1+r.IntN(20))
		rand.Read(e.Subject)
	}
	if r.IntN(2) == 0 {
		e.Lineage = []byte{1, 2, 3, 4, 5, 6, 7, 8}
	}
	return e
}

func equal(t *testing.T, want, got *seal.Envelope) {
	t.Helper()
	w, g := *want, *got
	for _, e := range []*seal.Envelope{&w, &g} {
		e.Subject, e.Payload = append([]byte{}, e.Subject...), append([]byte{}, e.Payload...)
		e.Lineage = append([]byte{}, e.Lineage...)
	}
	require.Equal(t, w, g)
}

// random says how to repeat a run.
func random(t testing.TB) *mathrand.Rand {
	t.Helper()
	const seed = 2025
	t.Logf("math/rand/v2 PCG(%d, 0), with random keys and seeds", seed)
	return mathrand.New(mathrand.NewPCG(seed, 0))
}

// sizes are all that matter to AES and base64, and some hundred others.
func sizes(r *mathrand.Rand, most int) (sizes []int) {
	for n := range 70 {
		sizes = append(sizes, n)
	}
	for range 330 {
		sizes = append(sizes, r.IntN(most+1))
	}
	return append(sizes, most)
}

func TestTokens(t *testing.T) {
	r := random(t)
	for i, size := range sizes(r, 2900) {
		var secret [seal.SecretSize]byte
		rand.Read(secret[:])
		key, err := seal.NewKey(&secret)
		require.NoError(t, err)
		other := tinkAEAD(t, derive(t, secret[:], "hardtack sealing"))
		audience, name := []string{"", "shop", "Пекарня"}[i%3], []string{"__Host-session", "s"}[i%2]
		binding := seal.NewBinding(audience, name)
		e := session(r, seal.Inline, size)

		// What hardtack seals, tink opens.
		text, err := key.Seal(nil, binding, e)
		require.NoError(t, err)
		token, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
		require.NoError(t, err)
		aad := append(append([]byte{}, token[:headerSize]...), lp("hardtack", audience, name, "cookie")...)
		plain, err := other.Decrypt(token[headerSize:], aad)
		require.NoError(t, err, "%d bytes", size)

		// It is what hardtack opens, too.
		var got seal.Envelope
		opened, err := key.Open(nil, binding, string(text), &got)
		require.NoError(t, err)
		require.Equal(t, opened, plain)
		equal(t, e, &got)

		// What tink seals, hardtack opens, with a nonce of tink's own.
		message, err := other.Encrypt(plain, aad)
		require.NoError(t, err)
		require.NotEqual(t, token[headerSize:], message)
		theirs := base64.RawURLEncoding.EncodeToString(append(token[:headerSize:headerSize], message...))
		got = seal.Envelope{}
		_, err = key.Open(nil, binding, theirs, &got)
		require.NoError(t, err, "%d bytes", size)
		equal(t, e, &got)

		// Neither does so for anything else.
		_, err = other.Decrypt(token[headerSize:], aad[:len(aad)-1])
		require.Error(t, err)
		message[len(message)-1] ^= 1
		forged := base64.RawURLEncoding.EncodeToString(append(token[:headerSize:headerSize], message...))
		_, err = key.Open(nil, binding, forged, &got)
		require.Equal(t, seal.ErrForged, err)
	}
}

func TestRecords(t *testing.T) {
	r := random(t)
	for _, size := range sizes(r, 3000) {
		e := session(r, seal.Live, size)
		locator := seal.Locator(&e.Seed)
		other := tinkAEAD(t, derive(t, e.Seed[:], "hardtack record key"))

		record, err := seal.SealRecord(locator, e)
		require.NoError(t, err)
		head := record[: revisionSize+headerSize : revisionSize+headerSize]
		aad := append([]byte{1, 0, 0, 0, 0}, lp("hardtack", "", "", "record", locator)...)
		aad = binary.BigEndian.AppendUint64(aad, e.Revision)
		plain, err := other.Decrypt(record[len(head):], aad)
		require.NoError(t, err, "%d bytes", size)

		message, err := other.Encrypt(plain, aad)
		require.NoError(t, err)
		var got seal.Envelope
		require.NoError(t, seal.OpenRecord(locator, &e.Seed, append(head, message...), &got), "%d bytes", size)
		equal(t, e, &got)
	}
}
