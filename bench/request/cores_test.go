//go:build unix

package request

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
)

// BenchmarkCores is requests of different sessions on so many cores at once.
func BenchmarkCores(b *testing.B) {
	names := []string{"none", "hardtack-stateless", "hardtack-inline", "hardtack-memory", "gorilla-cookie", "scs-memory"}
	opened := newApps(b)
	for _, op := range operations {
		for _, c := range contendersBy(names...) {
			for _, cores := range []int{1, 2} { // one right after the other, since it is their ratio that counts
				b.Run(fmt.Sprintf("cores=%d/op=%s/by=%s", cores, op.name, c.name), func(b *testing.B) {
					if have := runtime.NumCPU(); have < cores {
						b.Skipf("the machine has only %d", have)
					}
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
					a := opened.get(b, c)
					h, requests := a.handler(op.visit), a.requests(b, op.method, cores)
					var next atomic.Int32
					b.ReportAllocs()
					b.ResetTimer()
					b.RunParallel(func(pb *testing.PB) {
						s, r := newServer(h), requests[next.Add(1)-1]
						for pb.Next() {
							s.serve(r)
						}
						if s.w.status != 0 {
							b.Errorf("answered with %d", s.w.status)
						}
					})
				})
			}
		}
	}
}
