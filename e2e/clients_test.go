package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goClient is Go's http.Client with its cookie jar. It speaks https, to a proxy in front
// of base: not every release of Go sends Secure cookies to a plain http://localhost.
func goClient(t *testing.T, base string) shopClient {
	t.Helper()
	client, address := secureClient(t, base)
	return func(t *testing.T, method, path string) (status int, s shopState) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address+path, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&s), "%s %s: %s", method, path, resp.Status)
		return resp.StatusCode, s
	}
}

// secureClient returns a client with a cookie jar and an https address for base.
func secureClient(t *testing.T, base string) (*http.Client, string) {
	t.Helper()
	target, err := url.Parse(base)
	require.NoError(t, err)
	srv := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(srv.Close)
	return withCookieJar(t, srv), srv.URL
}

// withCookieJar returns a client for srv that keeps cookies.
func withCookieJar(t *testing.T, srv *httptest.Server) *http.Client {
	t.Helper()
	client := srv.Client()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client.Jar = jar
	client.Timeout = 20 * time.Second
	return client
}

// curl is the program, with a cookie jar in a file. It sends Secure cookies to http://127.0.0.1.
func curl(t *testing.T, base string) shopClient {
	t.Helper()
	path := program(t, "curl", "curl")
	jar := filepath.Join(t.TempDir(), "cookies.txt")
	return func(t *testing.T, method, target string) (status int, s shopState) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, "--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20",
			"--cookie", jar, "--cookie-jar", jar, "--request", method, "--write-out", "\n%{http_code}", base+target)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		require.NoError(t, err)
		text := string(out)
		at := strings.LastIndexByte(text, '\n')
		require.NoError(t, json.Unmarshal(out[:at], &s), text)
		status, err = strconv.Atoi(text[at+1:])
		require.NoError(t, err)
		return status, s
	}
}

func TestCurl(t *testing.T) {
	curl(t, startShop(t)).voyage(t)
}

func TestGoClient(t *testing.T) {
	goClient(t, startShop(t)).voyage(t)
}

// A cookie that was copied before the logout leads nowhere if the session was in the store.
func TestLogoutReachesTheStore(t *testing.T) {
	client, address := secureClient(t, startShop(t))
	do := func(method, path, cookie string) (s shopState) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address+path, nil)
		require.NoError(t, err)
		c := client
		if cookie != "" {
			c = &http.Client{Transport: client.Transport} // another browser
			req.Header.Set("Cookie", cookie)
		}
		resp, err := c.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
		return s
	}
	s := do("POST", "/api/items?count=20&note=300", "")
	require.Equal(t, "store", s.Placement.Where)
	u, err := url.Parse(address)
	require.NoError(t, err)
	cookies := client.Jar.Cookies(u)
	require.Len(t, cookies, 1)
	stolen := cookies[0].Name + "=" + cookies[0].Value
	require.Equal(t, 20, do("GET", "/api/session", stolen).Items)

	do("POST", "/api/logout", "")
	s = do("GET", "/api/session", stolen)
	assert.Zero(t, s.Items)
	assert.Equal(t, "ended", s.Refused)
	assert.Empty(t, client.Jar.Cookies(u))
}

// In stateless mode the shop says what is too large, and nothing is lost.
func TestStatelessClients(t *testing.T) {
	base := startShop(t, "-mode", "stateless")
	for name, c := range map[string]shopClient{"curl": curl(t, base), "Go": goClient(t, base)} {
		t.Run(name, func(t *testing.T) {
			var last shopState
			for range 60 {
				status, s := c(t, "POST", "/api/items?count=1&note=150")
				if status == http.StatusOK {
					last = s
					require.Equal(t, "cookie", s.Placement.Where)
					require.LessOrEqual(t, s.Placement.CookieBytes, browserLimit)
					continue
				}
				require.Equal(t, http.StatusRequestEntityTooLarge, status)
				assert.Equal(t, "too_large", s.Error)
				assert.Equal(t, browserLimit, s.Limit)
				assert.Equal(t, s.CookieBytes-s.Limit, s.Over)
				assert.Positive(t, s.Over)
				assert.NotEmpty(t, s.Largest)

				s = c.ok(t, "GET", "/api/session")
				assert.Equal(t, last.Items, s.Items)
				assert.Equal(t, last.ID, s.ID)
				assert.Positive(t, s.Items)
				return
			}
			assert.Fail(t, "it never became too large")
		})
	}
}

// Sessions in cookies survive a restart with the same key file.
func TestRestartKeepsInlineSessions(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "shop-keys")
	target := startShop(t, "-keys", keys)
	next := startShop(t, "-keys", keys) // as good as a restart
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := url.Parse(target)
		if err != nil {
			panic(err)
		}
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }}).ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	client := withCookieJar(t, srv)
	do := func(method, path string) (s shopState) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
		return s
	}
	before := do("POST", "/api/items?count=3&note=100")
	target = next
	after := do("GET", "/api/session")
	assert.Equal(t, before.ID, after.ID)
	assert.Equal(t, 3, after.Items)
	assert.Empty(t, after.Refused)

	info, err := os.Stat(keys)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
