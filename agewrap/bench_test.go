package agewrap_test

import (
	"testing"

	"filippo.io/age"

	"github.com/hardtack-go/hardtack/agewrap"
)

// What one key costs a server that starts.
func BenchmarkUnwrap(b *testing.B) {
	i := newIdentity(b)
	for _, c := range []struct {
		name string
		w    *agewrap.Wrapper
	}{
		{"X25519", newWrapper(b, []age.Recipient{i.Recipient()}, []age.Identity{i})},
		{"passphrase/10", newPassphrase(b, "x", agewrap.WorkFactor(10))},
		{"passphrase/18", newPassphrase(b, "x", agewrap.WorkFactor(18))},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := wrapped(b, c.w)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.w.Unwrap(b.Context(), data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
