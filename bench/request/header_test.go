//go:build unix

package request

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// otherCookies returns n cookies of 60 bytes, such as those of analytics and consent tools.
func otherCookies(n int) (pairs []string) {
	for i := range n {
		name := fmt.Sprintf("_other_%02d=", i)
		pairs = append(pairs, name+strings.Repeat("x", 60-len(name)))
	}
	return pairs
}

// BenchmarkHeader is a request whose header has so many other cookies before the session's.
func BenchmarkHeader(b *testing.B) {
	opened := newApps(b)
	for _, n := range []int{1, 10, 50} {
		for _, c := range contendersBy("none", "hardtack-stateless", "gorilla-cookie", "scs-memory") {
			b.Run(fmt.Sprintf("cookies=%d/op=read/by=%s", n, c.name), func(b *testing.B) {
				a := opened.get(b, c)
				cookies, err := a.sessions(1)
				require.NoError(b, err)
				r := newRequest(http.MethodGet, append(otherCookies(n), cookies...)...)
				serveInTurn(b, a.handler(look), []*http.Request{r})
			})
		}
	}
}
