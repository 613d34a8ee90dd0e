//go:build unix

package request

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// visited is how many of the live sessions are asked for, in turn, so that not only one row is warm.
	visited = 64
	// fillBatch is how many sessions are added at once.
	fillBatch = 100_000
)

// grow makes it n live sessions, visited ones among them, and returns a request for each of these.
func (a *app) grow(t testing.TB, method string, n int) []*http.Request {
	requests := a.requests(t, method, min(n, visited))
	if a.place == nil {
		return requests
	}
	for missing := n - len(a.cookies) - a.filled; missing > 0; missing = n - len(a.cookies) - a.filled {
		rows := newRows(min(missing, fillBatch))
		require.NoError(t, a.place.fill(rows))
		a.filled += len(rows)
	}
	return requests
}

// live are the contenders that BenchmarkLive has.
var live = []string{"hardtack-stateless", "hardtack-memory", "hardtack-sqlite", "hardtack-redis", "scs-memory", "scs-redis", "scs-sqlite"}

// BenchmarkLive is a request while so many sessions are live. A stateless Jar does not know of them.
func BenchmarkLive(b *testing.B) {
	for _, c := range contendersBy(live...) {
		opened := newApps(b)
		for _, n := range []int{1, 1000, 100_000, 1_000_000} {
			for _, op := range operations {
				b.Run(fmt.Sprintf("live=%d/op=%s/by=%s", n, op.name, c.name), func(b *testing.B) {
					a := opened.get(b, c)
					requests := a.grow(b, op.method, n)
					runtime.GC()
					serveInTurn(b, a.handler(op.visit), requests)
				})
			}
		}
		// The next one must not pay for this one's sessions, nor have fewer collections thanks to them.
		opened.close()
		debug.FreeOSMemory()
	}
}
