package value_test

import (
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/internal/seal"
)

var sealSizes = []int{100, 500, 1000, 2500}

// BenchmarkSeal seals so many bytes of payload into the caller's buffer, beside the floor with the same plaintext, and the floor that binds it to
// as many bytes as a token is bound to: header, audience and cookie name.
func BenchmarkSeal(b *testing.B) {
	for _, n := range sealSizes {
		token := newToken(b, n)
		for by, bound := range floors() {
			b.Run(fmt.Sprintf("bytes=%d/by=%s", n, by), func(b *testing.B) {
				f := newFloor(b, token.plain, bound)
				b.ReportAllocs()
				for b.Loop() {
					f.seal()
				}
			})
		}
		b.Run(fmt.Sprintf("bytes=%d/by=hardtack", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := token.seal(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens what BenchmarkSeal has sealed.
func BenchmarkOpen(b *testing.B) {
	for _, n := range sealSizes {
		token := newToken(b, n)
		for by, bound := range floors() {
			b.Run(fmt.Sprintf("bytes=%d/by=%s", n, by), func(b *testing.B) {
				f := newFloor(b, token.plain, bound)
				f.seal()
				value := string(f.text)
				b.ReportAllocs()
				for b.Loop() {
					if err := f.open(value); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("bytes=%d/by=hardtack", n), func(b *testing.B) {
			require.NoError(b, token.seal())
			value := string(token.text)
			b.ReportAllocs()
			for b.Loop() {
				if err := token.open(value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// floors yields the bare floor and the one that is bound to what a token of these benchmarks is.
func floors() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		_ = yield("floor", nil) && yield("floor-bound", random(5+2+len("hardtack")+2+2+len(format.CookieName)+2+len("cookie")))
	}
}

// token is internal/seal with buffers that are used again.
type token struct {
	key     *seal.Key
	binding seal.Binding
	in, out seal.Envelope
	text    []byte
	opened  []byte
	plain   []byte // as long as what is sealed
}

func newToken(t testing.TB, payload int) *token {
	key, err := seal.NewKey((*[seal.SecretSize]byte)(random(seal.SecretSize)))
	require.NoError(t, err)
	const day = 24 * 60 * 60 * 1000
	k := &token{key: key, text: make([]byte, 0, seal.MaxText), opened: make([]byte, 0, seal.MaxText), binding: seal.NewBinding("", format.CookieName), in: seal.Envelope{
		Kind: seal.Inline, Serializer: 1, Seed: seal.NewSeed(), Created: 1_773_480_413_000, Issued: 1_773_480_413_000,
		Expires: 1_773_480_413_000 + day, Revision: 1, Payload: random(payload),
	}}
	k.plain = random(base64url.DecodedLen(seal.TextSize(&k.in)) - seal.Overhead)
	return k
}

func (k *token) seal() (err error) {
	k.text, err = k.key.Seal(k.text[:0], k.binding, &k.in)
	return err
}

func (k *token) open(value string) (err error) {
	k.opened, err = k.key.Open(k.opened[:0], k.binding, value, &k.out)
	return err
}

func TestToken(t *testing.T) {
	for _, n := range sealSizes {
		k := newToken(t, n)
		require.NoError(t, k.seal())
		value := string(k.text)
		require.NoError(t, k.open(value))
		assert.Len(t, k.out.Payload, n)
		assert.Equal(t, k.in.Payload, k.out.Payload)
		assert.Len(t, k.plain, len(k.opened), "the floor seals as much")
		assert.Error(t, k.open(changed(value)))
	}
}
