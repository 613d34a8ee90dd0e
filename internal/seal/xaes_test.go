package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha3"
	"encoding/hex"
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

var accumulatedMillion = flag.Bool("accumulated-million", false,
	"run the million iterations of XAES-256-GCM's accumulated test, too")

// The vectors of c2sp.org/XAES-256-GCM. The two keys differ in the top bit of
// L, so both arms of the doubling are covered.
func TestXAESVectors(t *testing.T) {
	for _, v := range []struct {
		name       string
		key        byte
		aad        string
		ciphertext string
	}{
		{"top bit of L clear", 0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{"top bit of L set", 0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		t.Run(v.name, func(t *testing.T) {
			key := bytes.Repeat([]byte{v.key}, 32)
			nonce := [seal.NonceSize]byte([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"))
			want, err := hex.DecodeString(v.ciphertext)
			require.NoError(t, err)

			plain, err := seal.XAESOpen(key, nonce, want, []byte(v.aad))
			require.NoError(t, err)
			assert.Equal(t, "XAES-256-GCM", string(plain))

			needsFixedNonce(t)
			assert.Equal(t, want, sealFixed(t, key, nonce, []byte("XAES-256-GCM"), []byte(v.aad)))
		})
	}
}

func TestXAESKeySize(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33} {
		_, err := seal.XAESDerive(make([]byte, n), [seal.PrefixSize]byte{})
		assert.ErrorContains(t, err, "want 32", "%d bytes", n)
	}
}

// The accumulated test of the specification: one hash over the ciphertexts of
// messages of all lengths. Everything that is sealed is opened again the way
// that tokens are.
func TestXAESAccumulated(t *testing.T) {
	needsFixedNonce(t)
	run := func(iterations int, want string) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			in, out := sha3.NewSHAKE128(), sha3.NewSHAKE128()
			var key [32]byte
			var nonce [seal.NonceSize]byte
			var plainBuf, aadBuf [255]byte
			read := func(buf []byte) []byte {
				var n [1]byte
				in.Read(n[:])
				in.Read(buf[:n[0]])
				return buf[:n[0]]
			}
			for i := range iterations {
				in.Read(key[:])
				in.Read(nonce[:])
				plain := read(plainBuf[:])
				aad := read(aadBuf[:])

				derived, err := seal.XAESDerive(key[:], [seal.PrefixSize]byte(nonce[:]))
				if err != nil {
					t.Fatal(err)
				}
				block, err := aes.NewCipher(derived[:])
				if err != nil {
					t.Fatal(err)
				}
				gcm, err := cipher.NewGCM(block)
				if err != nil {
					t.Fatal(err)
				}
				ciphertext := gcm.Seal(nil, nonce[seal.PrefixSize:], plain, aad)
				out.Write(ciphertext)

				opened, err := seal.XAESOpen(key[:], nonce, ciphertext, aad)
				if err != nil || !bytes.Equal(opened, plain) {
					t.Fatalf("iteration %d does not open: %v", i, err)
				}
			}
			sum := make([]byte, 32)
			out.Read(sum)
			assert.Equal(t, want, hex.EncodeToString(sum))
		}
	}
	t.Run("10000", run(10_000, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"))
	if *accumulatedMillion {
		t.Run("1000000", run(1_000_000, "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15"))
	}
}
