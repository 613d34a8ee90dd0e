package bench

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack"
)

type data struct{ Text string }

// BenchmarkOpenByKeys opens one cookie of 500 bytes of data with rings of 1, 10 and 100 keys: sealed with the newest key, with the
// oldest, which is what a rotation makes of most cookies, and with one that is not in the ring. A hardtack cookie names its key;
// gorilla/securecookie tries one after the other.
func BenchmarkOpenByKeys(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		for _, sealer := range []string{"newest", "oldest", "unknown"} {
			b.Run(fmt.Sprintf("keys=%d/sealed=%s/hardtack", n, sealer), func(b *testing.B) { openHardtack(b, n, sealer) })
			b.Run(fmt.Sprintf("keys=%d/sealed=%s/gorilla", n, sealer), func(b *testing.B) { openGorilla(b, n, sealer) })
		}
	}
}

func openHardtack(b *testing.B, n int, sealer string) {
	var keys []hardtack.Key
	for i := range n {
		keys = append(keys, hardtack.GenerateKey(time.Unix(int64(n-i), 0), time.Time{}))
	}
	jarOf := func(keys ...hardtack.Key) *hardtack.Jar[data] {
		ring, err := hardtack.NewKeyring(keys...)
		if err != nil {
			b.Fatal(err)
		}
		jar, err := hardtack.New[data](hardtack.Config{Keys: ring})
		if err != nil {
			b.Fatal(err)
		}
		return jar
	}
	by := map[string]hardtack.Key{"newest": keys[0], "oldest": keys[n-1], "unknown": hardtack.GenerateKey(time.Time{}, time.Time{})}[sealer]
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	writer := jarOf(by)
	s, _ := writer.Get(r)
	s.Data.Text = strings.Repeat("x", 500)
	if _, err := writer.Save(w, r, s); err != nil {
		b.Fatal(err)
	}
	r.AddCookie(w.Result().Cookies()[0])
	jar := jarOf(keys...)
	b.ReportAllocs()
	for b.Loop() {
		if s, err := jar.Get(r); (err == nil) != (sealer != "unknown") || err == nil && len(s.Data.Text) != 500 {
			b.Fatal(err)
		}
	}
}

func openGorilla(b *testing.B, n int, sealer string) {
	var pairs [][]byte
	for range n {
		pairs = append(pairs, random(32), random(32)) // HMAC-SHA256 and AES-256, as its documentation recommends
	}
	all := securecookie.CodecsFromPairs(pairs...)
	by := map[string]securecookie.Codec{"newest": all[0], "oldest": all[n-1], "unknown": securecookie.New(random(32), random(32))}[sealer]
	value, err := by.Encode("session", data{strings.Repeat("x", 500)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var d data
		if err := securecookie.DecodeMulti("session", value, &d, all...); (err == nil) != (sealer != "unknown") || err == nil && len(d.Text) != 500 {
			b.Fatal(err)
		}
	}
}

func random(n int) []byte {
	p := make([]byte, n)
	rand.Read(p)
	return p
}
