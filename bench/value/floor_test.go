package value_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var base64url = base64.RawURLEncoding

// floor is the least that an encrypted cookie takes: AES-256-GCM with a fresh random nonce, and base64, on a plaintext that is there already; one cipher
// for all, and buffers that are used again.
type floor struct {
	aead                     cipher.AEAD
	bound                    []byte // what is authenticated beside the plaintext: nothing on the bare floor
	plain, sealed, text, out []byte
}

func newFloor(t testing.TB, plain, bound []byte) *floor {
	block, err := aes.NewCipher(random(32))
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(t, err)
	return &floor{aead: aead, bound: bound, plain: plain}
}

// seal leaves the value in text.
func (f *floor) seal() {
	f.sealed = f.aead.Seal(f.sealed[:0], nil, f.plain, f.bound)
	f.text = base64url.AppendEncode(f.text[:0], f.sealed)
}

// open leaves the plaintext in out.
func (f *floor) open(value string) (err error) {
	f.text = append(f.text[:0], value...)
	if f.sealed, err = base64url.AppendDecode(f.sealed[:0], f.text); err == nil {
		f.out, err = f.aead.Open(f.out[:0], nil, f.sealed, f.bound)
	}
	return err
}

func random(n int) []byte {
	p := make([]byte, n)
	rand.Read(p)
	return p
}

// changed returns the value with another character in its middle.
func changed(value string) string {
	b := []byte(value)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

func TestFloor(t *testing.T) {
	f := newFloor(t, []byte("what is in the session"), []byte("what it is bound to"))
	f.seal()
	value := string(f.text)
	require.NoError(t, f.open(value))
	assert.Equal(t, f.plain, f.out)
	assert.Error(t, f.open(changed(value)))
	f.seal()
	assert.NotEqual(t, value, string(f.text), "a fresh nonce")
}
