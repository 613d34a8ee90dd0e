package value_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/bench/session"
)

var (
	rings   = []int{1, 10, 100}
	sealers = []string{"newest", "oldest", "unknown"}
	openers = map[string]func(t testing.TB, keys int, sealer string) (open func() (session.Text, error)){
		"hardtack": hardtackRing, "gorilla-json": gorillaRing,
	}
)

var keyed = session.NewText(500)

// BenchmarkKeys opens one cookie of 500 bytes of data with rings of 1, 10 and 100 keys: sealed with the newest key, with the
// oldest, which is what a rotation makes of most cookies, and with one that is not in the ring. A hardtack cookie names its key;
// gorilla/securecookie tries one after the other.
func BenchmarkKeys(b *testing.B) {
	for _, n := range rings {
		for _, sealer := range sealers {
			for _, by := range []string{"hardtack", "gorilla-json"} {
				b.Run(fmt.Sprintf("keys=%d/sealed=%s/by=%s", n, sealer, by), func(b *testing.B) {
					open := openers[by](b, n, sealer)
					b.ReportAllocs()
					for b.Loop() {
						if s, err := open(); (err == nil) != (sealer != "unknown") || err == nil && len(s.Text) != len(keyed.Text) {
							b.Fatal("opened, or not, as it should not be:", err)
						}
					}
				})
			}
		}
	}
}

// hardtackRing opens with a Jar, so with the request that has the cookie.
func hardtackRing(t testing.TB, n int, sealer string) func() (session.Text, error) {
	var keys []hardtack.Key
	for i := range n {
		keys = append(keys, hardtack.GenerateKey(time.Unix(int64(n-i), 0), time.Time{}))
	}
	jarOf := func(keys ...hardtack.Key) *hardtack.Jar[session.Text] {
		ring, err := hardtack.NewKeyring(keys...)
		require.NoError(t, err)
		jar, err := hardtack.New[session.Text](hardtack.Config{Keys: ring})
		require.NoError(t, err)
		return jar
	}
	by := map[string]hardtack.Key{"newest": keys[0], "oldest": keys[n-1], "unknown": hardtack.GenerateKey(time.Time{}, time.Time{})}[sealer]
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	writer := jarOf(by)
	s, _ := writer.Get(r)
	s.Data = keyed
	_, err := writer.Save(w, r, s)
	require.NoError(t, err)
	r.AddCookie(w.Result().Cookies()[0])
	jar := jarOf(keys...)
	return func() (session.Text, error) {
		s, err := jar.Get(r)
		return s.Data, err
	}
}

func gorillaRing(t testing.TB, n int, sealer string) func() (session.Text, error) {
	codecOf := func() *securecookie.SecureCookie { // HMAC-SHA256 and AES-256, as its documentation recommends
		return securecookie.New(random(32), random(32)).SetSerializer(securecookie.JSONEncoder{})
	}
	var all []securecookie.Codec
	for range n {
		all = append(all, codecOf())
	}
	by := map[string]securecookie.Codec{"newest": all[0], "oldest": all[n-1], "unknown": codecOf()}[sealer]
	value, err := by.Encode(format.CookieName, keyed)
	require.NoError(t, err)
	return func() (v session.Text, err error) {
		err = securecookie.DecodeMulti(format.CookieName, value, &v, all...)
		return v, err
	}
}

func TestKeys(t *testing.T) {
	for by, opener := range openers {
		for _, n := range rings {
			for _, sealer := range sealers {
				s, err := opener(t, n, sealer)()
				if sealer != "unknown" {
					assert.NoError(t, err, by)
					assert.Equal(t, keyed, s, by)
					continue
				}
				assert.Error(t, err, by)
				assert.Equal(t, by == "hardtack", errors.Is(err, hardtack.ErrUnknownKey))
				assert.NotEqual(t, keyed, s)
			}
		}
	}
}
