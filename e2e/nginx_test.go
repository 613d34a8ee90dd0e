package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// nginx is a running nginx in front of an application.
type nginx struct {
	address  string // http://127.0.0.1:PORT
	errorLog string // path
}

// startNginx starts nginx in front of upstream. Everything is as nginx has it by default, unless
// said otherwise in extra; only its files and its port are ours.
func startNginx(t *testing.T, upstream, extra string) *nginx {
	t.Helper()
	path := program(t, "nginx", "nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx")
	// Somebody else may take the free port before nginx does.
	for attempt := 1; ; attempt++ {
		n, err := tryNginx(t, path, upstream, extra)
		if err == nil {
			return n
		}
		require.Less(t, attempt, 3, "%v", err)
	}
}

func tryNginx(t *testing.T, path, upstream, extra string) (*nginx, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := l.Addr().String()
	require.NoError(t, l.Close())

	dir := t.TempDir()
	n := &nginx{address: "http://" + listen, errorLog: filepath.Join(dir, "error.log")}
	var user string
	if os.Getuid() == 0 {
		user = "user root;\n" // the workers must reach the directory too
	}
	config := fmt.Sprintf(`daemon off;
%[1]spid %[2]s/nginx.pid;
error_log %[2]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	server {
		listen %[3]s;
		location / {
			proxy_pass %[4]s;
			%[5]s
		}
	}
}
`, user, dir, listen, upstream, extra)
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))

	cmd := exec.Command(path, "-p", dir, "-c", file, "-e", n.errorLog)
	// Not SIGKILL: the master would leave its worker behind.
	dieWithParent(cmd, syscall.SIGTERM)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			return nil, fmt.Errorf("nginx ended: %v: %s", err, out)
		default:
		}
		if c, err := net.Dial("tcp", listen); err == nil {
			_ = c.Close()
			t.Cleanup(func() { stop(t, cmd, ended, out) })
			return n, nil
		}
	}
	stop(t, cmd, ended, out)
	return nil, fmt.Errorf("nginx does not listen: %s", out)
}

func (n *nginx) logged(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(n.errorLog)
	require.NoError(t, err)
	return string(b)
}

const tooBigHeader = "upstream sent too big header while reading response header from upstream"

// csrfCookie is a usual second cookie.
const csrfCookie = "csrf=Zm9yZ2V0IG1lIG5vdCwgc2FpZCB0aGUgdG9rZW4; Path=/; Secure; SameSite=Strict"

// securityHeaders are eleven that applications usually add.
var securityHeaders = [][2]string{
	{"Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"},
	{"Content-Security-Policy", "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"X-XSS-Protection", "0"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Embedder-Policy", "require-corp"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"X-Permitted-Cross-Domain-Policies", "none"},
}

// secured adds the security headers to what next answers.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range securityHeaders {
			w.Header().Set(h[0], h[1])
		}
		next.ServeHTTP(w, r)
	})
}

// visitor is a client that keeps cookies, on plain http as well: name to name=value.
type visitor struct {
	base    string
	cookies map[string]string
}

func newVisitor(base string) *visitor { return &visitor{base, map[string]string{}} }

// get asks for path and returns status, head size as sent, and body.
func (v *visitor) get(t *testing.T, path string) (status, head int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.base+path, nil)
	require.NoError(t, err)
	var all []string
	for _, pair := range v.cookies {
		all = append(all, pair)
	}
	if len(all) > 0 {
		req.Header.Set("Cookie", strings.Join(all, "; "))
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	dump, err := httputil.DumpResponse(resp, false)
	require.NoError(t, err)
	for _, line := range resp.Header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		name, _, _ := strings.Cut(pair, "=")
		require.LessOrEqual(t, len(pair)-1, browserLimit)
		v.cookies[name] = pair
	}
	return resp.StatusCode, len(dump), string(b)
}

// A hybrid Jar with its defaults grows through all sizes, out to the store and
// beyond, behind an nginx with its defaults, and nobody sees a 502.
func TestNginxPassesTheDefaultBudget(t *testing.T) {
	for _, order := range []string{"CSRF cookie first", "session first"} {
		t.Run(order, func(t *testing.T) {
			save := saveHandler(newHybridJar(t, hardtack.Config{}))
			app := secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if order == "CSRF cookie first" {
					w.Header().Add("Set-Cookie", csrfCookie)
				} else {
					// Added to the finished header, where the Jar cannot count it.
					w = &lateCookie{ResponseWriter: w}
				}
				save.ServeHTTP(w, r)
			}))
			upstream := serve(t, app)
			n := startNginx(t, upstream.URL, "")
			v := newVisitor(n.address)

			largest, head, moved := 0, 0, 0
			check := func(pad int) (answer saved) {
				t.Helper()
				status, size, body := v.get(t, fmt.Sprintf("/?pad=%d", pad))
				require.Equal(t, http.StatusOK, status, "%d bytes: %s", pad, body)
				require.NoError(t, json.Unmarshal([]byte(body), &answer))
				if answer.Where == "cookie" && answer.CookieBytes > largest {
					largest, head = answer.CookieBytes, size
				}
				return answer
			}
			for pad := 0; pad < 6000; {
				answer := check(pad)
				switch {
				case answer.Where == "store" && moved == 0:
					moved = pad
				case moved > 0:
					require.Equal(t, "store", answer.Where, "it stays there while it grows")
				}
				if answer.Where == "cookie" && answer.CookieBytes > 2900 {
					pad++ // the interesting part
				} else {
					pad += 97
				}
			}
			require.Positive(t, moved, "it never moved to the store")
			// To the brim: base64 grows by at most two bytes at a time.
			counted := largest
			if order == "CSRF cookie first" {
				counted += len("Set-Cookie: \r\n") + len(csrfCookie)
			}
			assert.GreaterOrEqual(t, counted, 3072-2)
			assert.LessOrEqual(t, counted, 3072)
			t.Logf("the largest cookie is %d bytes, its response's head about %d", largest, head)

			// The record is what the next request finds, and it comes back.
			_, _, body := v.get(t, "/")
			assert.NotEqual(t, "0", body)
			answer := check(100)
			assert.Equal(t, "cookie", answer.Where)
			assert.NotContains(t, n.logged(t), tooBigHeader)
		})
	}
}

// lateCookie adds the CSRF cookie when the handler has finished the header.
type lateCookie struct{ http.ResponseWriter }

func (w *lateCookie) WriteHeader(code int) {
	w.Header().Add("Set-Cookie", csrfCookie)
	w.ResponseWriter.WriteHeader(code)
}

// Why the default is no higher: a cookie that browsers would take is a 502 to
// stock nginx. The remedy is one line.
func TestNginxRefusesWhatBrowsersTake(t *testing.T) {
	jar, pad := exactJar(t)
	handled := make(chan struct{}, 10)
	save := saveHandler(jar)
	upstream := serve(t, secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handled <- struct{}{}
		save.ServeHTTP(w, r)
	})))
	path := fmt.Sprintf("/?pad=%d", pad)

	direct := newVisitor(upstream.URL)
	status, head, body := direct.get(t, path)
	require.Equal(t, http.StatusOK, status, body)
	assert.Greater(t, head, browserLimit)
	<-handled

	t.Run("default", func(t *testing.T) {
		n := startNginx(t, upstream.URL, "")
		v := newVisitor(n.address)
		status, _, _ := v.get(t, path)
		assert.Equal(t, http.StatusBadGateway, status)
		assert.Len(t, handled, 1, "what the handler did is done")
		<-handled
		assert.Empty(t, v.cookies, "and the browser does not learn of it")
		assert.Contains(t, n.logged(t), tooBigHeader)

		// A small one passes, so it is the size.
		status, _, _ = v.get(t, "/?pad=100")
		assert.Equal(t, http.StatusOK, status)
		<-handled
	})
	t.Run("proxy_buffer_size 8k", func(t *testing.T) {
		n := startNginx(t, upstream.URL, "proxy_buffer_size 8k;")
		v := newVisitor(n.address)
		status, _, body := v.get(t, path)
		assert.Equal(t, http.StatusOK, status, body)
		status, _, body = v.get(t, "/") // the way back needs no setting
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, fmt.Sprint(pad), body)
		assert.NotContains(t, n.logged(t), tooBigHeader)
	})
}

// The shop itself, with the security headers of an application in front of it.
func TestShopBehindNginx(t *testing.T) {
	shop, err := url.Parse(startShop(t))
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(shop) }}
	headers := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := *proxy
		p.ModifyResponse = func(resp *http.Response) error {
			for _, h := range securityHeaders {
				resp.Header.Set(h[0], h[1])
			}
			resp.Header.Add("Set-Cookie", csrfCookie)
			return nil
		}
		p.ServeHTTP(w, r)
	}))

	for name, upstream := range map[string]string{"alone": shop.String(), "with security headers": headers.URL} {
		t.Run(name, func(t *testing.T) {
			n := startNginx(t, upstream, "")
			goClient(t, n.address).voyage(t)

			// One byte at a time around the brim.
			c := goClient(t, n.address)
			s := c.ok(t, "POST", "/api/items?count=1&note=1900")
			for range 40 {
				s = c.ok(t, "POST", "/api/items?count=1&note=1")
				if s.Placement.Where == "store" {
					break
				}
			}
			assert.Equal(t, "store", s.Placement.Where)
			assert.NotContains(t, n.logged(t), tooBigHeader)
		})
	}
}
