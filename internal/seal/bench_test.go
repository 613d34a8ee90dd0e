package seal_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Beside each figure stands the floor: bare AES-256-GCM with a fresh random
// nonce, one AEAD for all, and base64, on the same plaintext and into buffers
// that are used again. Divide hardtack/N by floor/N.

var benchSizes = []int{100, 500, 1000, 2500}

func floorAEAD(b *testing.B) cipher.AEAD {
	b.Helper()
	block, err := aes.NewCipher(secretOf("floor")[:])
	require.NoError(b, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(b, err)
	return aead
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range benchSizes {
		e := inline(size)
		b.Run(fmt.Sprintf("hardtack/%d", size), func(b *testing.B) {
			k := newKey(b, secretOf("benchmark"))
			dst := make([]byte, 0, seal.MaxText)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := k.Seal(dst, binding, e); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("floor/%d", size), func(b *testing.B) {
			aead := floorAEAD(b)
			plain := seal.AppendEnvelope(nil, e)
			raw, dst := make([]byte, 0, seal.MaxText), make([]byte, 0, seal.MaxText)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				sealed := aead.Seal(raw, nil, plain, nil)
				_ = base64url.AppendEncode(dst, sealed)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range benchSizes {
		e := inline(size)
		b.Run(fmt.Sprintf("hardtack/%d", size), func(b *testing.B) {
			k := newKey(b, secretOf("benchmark"))
			text := sealed(b, k, e)
			dst := make([]byte, 0, seal.MaxText)
			var got seal.Envelope
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := k.Open(dst, binding, text, &got); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("floor/%d", size), func(b *testing.B) {
			aead := floorAEAD(b)
			text := base64url.AppendEncode(nil, aead.Seal(nil, nil, seal.AppendEnvelope(nil, e), nil))
			raw, dst := make([]byte, 0, seal.MaxText), make([]byte, 0, seal.MaxText)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				sealed, err := base64url.AppendDecode(raw, text)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := aead.Open(dst, nil, sealed, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpenFirst is the first token of a prefix that the key has not met,
// from which it derives the AES key: once per server and 65,536 seals.
func BenchmarkOpenFirst(b *testing.B) {
	const tokens = 16 * seal.CacheSize // far more than the cache remembers
	texts := make([]string, tokens)
	for i := range texts {
		texts[i] = sealed(b, newKey(b, secretOf("benchmark")), inline(500))
	}
	k := newKey(b, secretOf("benchmark"))
	dst := make([]byte, 0, seal.MaxText)
	var got seal.Envelope
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := k.Open(dst, binding, texts[i%tokens], &got); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenForged is what a flood of forged tokens costs.
func BenchmarkOpenForged(b *testing.B) {
	k := newKey(b, secretOf("benchmark"))
	forged := raw(b, sealed(b, k, inline(500)))
	for name, at := range map[string]int{"known prefix": len(forged) - 1, "unknown prefix": seal.HeaderSize} {
		forged[at] ^= 1
		text := encode(forged)
		forged[at] ^= 1
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, seal.MaxText)
			var got seal.Envelope
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Open(dst, binding, text, &got); err != seal.ErrForged {
					b.Fatal(err)
				}
			}
		})
	}
}

// All processors share one key, as the requests of a server do.
func BenchmarkParallel(b *testing.B) {
	e := inline(500)
	k := newKey(b, secretOf("benchmark"))
	text := sealed(b, k, e)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			dst := make([]byte, 0, seal.MaxText)
			for pb.Next() {
				if _, err := k.Seal(dst, binding, e); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			dst := make([]byte, 0, seal.MaxText)
			var got seal.Envelope
			for pb.Next() {
				if _, err := k.Open(dst, binding, text, &got); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1000, 10000} {
		e := inline(size)
		e.Kind = seal.Live
		locator := seal.Locator(&e.Seed)
		record, err := seal.SealRecord(locator, e)
		require.NoError(b, err)
		b.Run(fmt.Sprintf("seal/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := seal.SealRecord(locator, e); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("open/%d", size), func(b *testing.B) {
			var got seal.Envelope
			b.ReportAllocs()
			for b.Loop() {
				if err := seal.OpenRecord(locator, &e.Seed, record, &got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
