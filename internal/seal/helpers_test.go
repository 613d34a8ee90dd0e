package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

const cookieName = "__Host-session"

var binding = seal.NewBinding("", cookieName)

// secretOf returns a secret that is the same in every run.
func secretOf(label string) *[seal.SecretSize]byte {
	s := sha256.Sum256([]byte("hardtack test secret " + label))
	return &s
}

func newKey(t testing.TB, secret *[seal.SecretSize]byte) *seal.Key {
	t.Helper()
	k, err := seal.NewKey(secret)
	require.NoError(t, err)
	return k
}

// inline returns a session of 24 hours with so many bytes of payload.
func inline(payload int) *seal.Envelope {
	const created = 1_767_225_600_000 // 2026-01-01
	return &seal.Envelope{
		Kind:       seal.Inline,
		Serializer: 1,
		Seed:       seal.Seed{1, 2, 3},
		Created:    created,
		Issued:     created,
		Expires:    created + 86_400_000,
		Payload:    bytes.Repeat([]byte{0xa5}, payload),
	}
}

func sealed(t testing.TB, k *seal.Key, e *seal.Envelope) string {
	t.Helper()
	text, err := k.Seal(nil, binding, e)
	require.NoError(t, err)
	return string(text)
}

var base64url = base64.RawURLEncoding

// raw returns the bytes of a token.
func raw(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64url.DecodeString(text)
	require.NoError(t, err)
	return b
}

func encode(raw []byte) string { return base64url.EncodeToString(raw) }

func nonceOf(raw []byte) [seal.NonceSize]byte {
	return [seal.NonceSize]byte(raw[seal.HeaderSize:])
}

func prefixOf(raw []byte) [seal.PrefixSize]byte {
	return [seal.PrefixSize]byte(raw[seal.HeaderSize:])
}

// onlyFIPS says whether GODEBUG=fips140=only forbids AES-GCM with a nonce that
// the caller has chosen.
func onlyFIPS() bool {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return true
	}
	_, err = cipher.NewGCM(block)
	return err != nil
}

const onlyFIPSReason = "GODEBUG=fips140=only has no AES-GCM with a chosen nonce: what was sealed so can only be opened, which other tests do"

// needsFixedNonce skips a test that cannot do without one.
func needsFixedNonce(t testing.TB) {
	t.Helper()
	if onlyFIPS() {
		t.Skip(onlyFIPSReason)
	}
}

// sealFixed seals with XAES-256-GCM under a chosen nonce, which the package
// itself never does.
func sealFixed(t testing.TB, key []byte, nonce [seal.NonceSize]byte, plaintext, aad []byte) []byte {
	t.Helper()
	derived, err := seal.XAESDerive(key, [seal.PrefixSize]byte(nonce[:]))
	require.NoError(t, err)
	block, err := aes.NewCipher(derived[:])
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	return gcm.Seal(nil, nonce[seal.PrefixSize:], plaintext, aad)
}

// seeded returns the same random numbers in every run, and says where from.
func seeded(t testing.TB, stream uint64) *rand.Rand {
	t.Helper()
	const seed = 0x68617264_7461636b
	t.Logf("math/rand/v2 PCG(%#x, %d)", uint64(seed), stream)
	return rand.New(rand.NewPCG(seed, stream))
}

// fill fills b with random bytes.
func fill(r *rand.Rand, b []byte) {
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, r.Uint64())
		b = b[8:]
	}
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}
