//go:build unix

package redisstore_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var sizes = []int{4 << 10, 64 << 10, 1 << 20}

func BenchmarkFind(b *testing.B) {
	s := newStore(b, connect(b, server.Addr()))
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			id := newID()
			require.NoError(b, s.Commit(b.Context(), id, blob(size), inAnHour()))
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, found, err := s.Find(b.Context(), id); !found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}

func BenchmarkCompareAndSwap(b *testing.B) {
	s := newStore(b, connect(b, server.Addr()))
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			id, data, expires, version := newID(), blob(size), inAnHour(), int64(0)
			b.SetBytes(int64(size))
			for b.Loop() {
				if swapped, err := s.CompareAndSwap(b.Context(), id, version, version+1, data, expires); !swapped || err != nil {
					b.Fatal(swapped, err)
				}
				version++
			}
		})
	}
}

func blob(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b) // never fails
	return b
}
