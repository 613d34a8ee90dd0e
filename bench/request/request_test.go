//go:build unix

package request

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkRequest is a request with each contender: the handler alone, and behind a server on a loopback connection, with
// clients that each have a connection and a session of their own. p50-ns and p99-ns are what a client waits.
func BenchmarkRequest(b *testing.B) {
	opened := newApps(b)
	for _, op := range operations {
		for _, c := range contenders {
			b.Run(fmt.Sprintf("via=handler/op=%s/clients=1/by=%s", op.name, c.name), func(b *testing.B) {
				a := opened.get(b, c)
				serveInTurn(b, a.handler(op.visit), a.requests(b, op.method, 1))
			})
		}
	}
	for _, op := range operations {
		for _, clients := range []int{1, 8, 64} {
			for _, c := range contenders {
				b.Run(fmt.Sprintf("via=loopback/op=%s/clients=%d/by=%s", op.name, clients, c.name), func(b *testing.B) {
					a := opened.get(b, c)
					cookies, err := a.sessions(clients)
					require.NoError(b, err)
					serveLoopback(b, a.handler(op.visit), op.method, cookies)
				})
			}
		}
	}
}

// BenchmarkInline has of the handlers alone what the target about a hybrid Jar's cookie is made of, so that it can be measured more often: the bound is narrow.
func BenchmarkInline(b *testing.B) {
	opened := newApps(b)
	for _, op := range operations {
		for _, c := range contendersBy("none", "hardtack-stateless", "hardtack-inline") {
			b.Run(fmt.Sprintf("op=%s/by=%s", op.name, c.name), func(b *testing.B) {
				a := opened.get(b, c)
				serveInTurn(b, a.handler(op.visit), a.requests(b, op.method, 1))
			})
		}
	}
}
