package signed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

const benchPayload = `{"roles":["admin","editor"],"name":"Alice Example","theme":"dark","items":[1,2,3,4,5,6,7,8,9]}`

func BenchmarkSeal(b *testing.B) {
	for _, a := range algorithms {
		b.Run(string(a), func(b *testing.B) {
			codec := newCodec(b, ringOf(b, keyOf(b, "bench", time.Time{}, time.Time{})), signed.Options{Algorithm: a})
			binding := hardtack.Binding{Name: cookieName, Now: epoch}
			rec := record(benchPayload)
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := codec.Seal(b.Context(), dst, binding, rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, a := range algorithms {
		b.Run(string(a), func(b *testing.B) {
			codec := newCodec(b, ringOf(b, keyOf(b, "bench", time.Time{}, time.Time{})), signed.Options{Algorithm: a})
			binding := hardtack.Binding{Name: cookieName, Now: epoch}
			value := seal(b, codec, binding, record(benchPayload))
			var rec hardtack.Record
			b.ReportAllocs()
			for b.Loop() {
				if err := codec.Open(b.Context(), binding, value, &rec); err != nil {
					b.Fatal(err)
				}
			}
			require.Equal(b, benchPayload, string(rec.Payload))
		})
	}
}

// What somebody without a key can make us do.
func BenchmarkRefuse(b *testing.B) {
	codec := newCodec(b, ringOf(b, keyOf(b, "bench", time.Time{}, time.Time{})), signed.Options{})
	binding := hardtack.Binding{Name: cookieName, Now: epoch}
	value := seal(b, codec, binding, record(benchPayload))
	for name, value := range map[string]string{
		"forged":    value[:len(value)-40] + "AAAAAAAAAA" + value[len(value)-30:],
		"malformed": "eyJhbGciOiJub25lIn0" + value[70:],
	} {
		b.Run(name, func(b *testing.B) {
			var rec hardtack.Record
			b.ReportAllocs()
			for b.Loop() {
				if codec.Open(b.Context(), binding, value, &rec) == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
