package hardtack_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func TestCookieAttributes(t *testing.T) {
	day := int((24 * time.Hour).Seconds())
	for name, c := range map[string]struct {
		config hardtack.Config
		want   http.Cookie
	}{
		"default": {hardtack.Config{},
			http.Cookie{Name: "__Host-session", Path: "/", MaxAge: day, Secure: true, SameSite: http.SameSiteLaxMode}},
		"domain": {hardtack.Config{Name: "__Secure-s", Domain: "example.com"},
			http.Cookie{Name: "__Secure-s", Domain: "example.com", Path: "/", MaxAge: day, Secure: true, SameSite: http.SameSiteLaxMode}},
		"path": {hardtack.Config{Name: "__Secure-s", Path: "/app"},
			http.Cookie{Name: "__Secure-s", Path: "/app", MaxAge: day, Secure: true, SameSite: http.SameSiteLaxMode}},
		"strict": {hardtack.Config{SameSite: http.SameSiteStrictMode, Lifetime: time.Hour},
			http.Cookie{Name: "__Host-session", Path: "/", MaxAge: 3600, Secure: true, SameSite: http.SameSiteStrictMode}},
		"none, partitioned": {hardtack.Config{SameSite: http.SameSiteNoneMode, Partitioned: true},
			http.Cookie{Name: "__Host-session", Path: "/", MaxAge: day, Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true}},
		"browser session": {hardtack.Config{BrowserSession: true},
			http.Cookie{Name: "__Host-session", Path: "/", Secure: true, SameSite: http.SameSiteLaxMode}},
		"development": {hardtack.Config{InsecureDevelopment: true},
			http.Cookie{Name: "session", Path: "/", MaxAge: day, SameSite: http.SameSiteLaxMode}},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Now = newJrClock().now
			j := jrNew[jrData](t, c.config)
			r := jrRequest()
			s, _ := j.Get(r)
			w := httptest.NewRecorder()
			_, err := j.Save(w, r, s)
			require.NoError(t, err)
			require.Len(t, w.Header()["Set-Cookie"], 1)
			got, err := http.ParseSetCookie(w.Header()["Set-Cookie"][0])
			require.NoError(t, err)
			assert.NotEmpty(t, got.Value)
			c.want.HttpOnly = true
			got.Value, got.Raw = "", ""
			assert.Equal(t, c.want, *got)
		})
	}
}

func TestCookieRequest(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	pair := jrStart(t, j, jrData{N: 7})
	value := jrValue(pair)
	for name, c := range map[string]struct {
		lines []string
		want  error
	}{
		"alone":             {[]string{pair}, nil},
		"second line":       {[]string{"a=b", pair}, nil},
		"spaces":            {[]string{"a=b;  \t" + pair + "  ;c=d"}, nil},
		"no spaces":         {[]string{"a=b;" + pair + ";c=d"}, nil},
		"empty pairs":       {[]string{";;" + pair + ";;"}, nil},
		"same prefix":       {[]string{"__Host-session2=x; __Host-sessio=y; " + pair}, nil},
		"5000 others":       {[]string{strings.Repeat("a=b; ", 5000) + pair}, nil},
		"5000 other lines":  {append(strings.Fields(strings.Repeat("a=b ", 5000)), pair), nil},
		"only same prefix":  {[]string{"__Host-session2=" + value}, hardtack.ErrNoCookie},
		"other case":        {[]string{"__host-session=" + value}, hardtack.ErrNoCookie},
		"in another value":  {[]string{"a=" + pair}, hardtack.ErrNoCookie},
		"quoted":            {[]string{`__Host-session="` + value + `"`}, hardtack.ErrMalformed},
		"empty":             {[]string{"__Host-session="}, hardtack.ErrMalformed},
		"without equals":    {[]string{"__Host-session"}, hardtack.ErrNoCookie},
		"other case before": {[]string{"__HOST-SESSION=x; " + pair}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := jrRequest()
			r.Header["Cookie"] = c.lines
			s, err := j.Get(r)
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				assert.Equal(t, 7, s.Data.N)
			} else {
				assert.True(t, s.IsNew())
			}
		})
	}
}

func TestCookieNotCached(t *testing.T) {
	for _, c := range []struct{ field, value string }{
		{"Cache-Control", "public, max-age=60"},
		{"Cache-Control", "s-maxage=60"},
		{"Cache-Control", "private, S-MaxAge=60"},
		{"CDN-Cache-Control", "max-age=60"},
		{"Cloudflare-CDN-Cache-Control", "max-age=60"},
		{"Surrogate-Control", "max-age=60"},
		{"X-Accel-Expires", "60"},
	} {
		t.Run(c.field+" "+c.value, func(t *testing.T) {
			j := jrNew[jrData](t, hardtack.Config{})
			w, r := httptest.NewRecorder(), jrRequest()
			w.Header().Set(c.field, c.value)
			s, _ := j.Get(r)
			_, err := j.Save(w, r, s)
			require.NoError(t, err)
			control := strings.ToLower(w.Header().Get("Cache-Control"))
			assert.Contains(t, control, "private")
			assert.NotContains(t, control, "public")
			assert.NotContains(t, control, "s-maxage")
			if c.field != "Cache-Control" {
				assert.Empty(t, w.Header().Values(c.field))
			}
		})
	}
}
