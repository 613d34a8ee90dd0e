package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// browserLimit is what browsers allow a cookie's name and value together.
const browserLimit = 4096

// buildDir holds the shop's binary.
var buildDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hardtack-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		buildDir = dir
		return m.Run()
	}())
}

// program returns the path of the first of names that is installed.
func program(t *testing.T, debianPackage string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	require.FailNow(t, "not found: "+strings.Join(names, ", "), "install the Debian package %s", debianPackage)
	return ""
}

// ---- the shop ----

// buildShop builds the shop once, with the race detector if the tests have it.
var buildShop = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "shop")
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = "../examples/shop" // a module of its own
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return path, nil
})

var listeningOn = regexp.MustCompile(`listening on (http://\S+)`)

// startShop starts the shop on a free port and returns its address. When the
// test ends it must shut down as SIGTERM asks, without a word of the race detector.
func startShop(t *testing.T, args ...string) string {
	t.Helper()
	path, err := buildShop()
	require.NoError(t, err)

	args = append([]string{"-addr", "127.0.0.1:0", "-keys", filepath.Join(t.TempDir(), "keys.json")}, args...)
	cmd := exec.Command(path, args...)
	dieWithParent(cmd, syscall.SIGKILL)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second
	require.NoError(t, cmd.Start())

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { stop(t, cmd, ended, out) })

	var match []string
	require.Eventually(t, func() bool {
		match = listeningOn.FindStringSubmatch(out.String())
		return match != nil
	}, 20*time.Second, 10*time.Millisecond, "the shop does not say where it listens")
	return match[1]
}

// stop ends cmd with SIGTERM, or by force after a while, and checks that it
// went well.
func stop(t *testing.T, cmd *exec.Cmd, ended <-chan error, out *output) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		assert.NoError(t, err, "%s on SIGTERM: %s", filepath.Base(cmd.Path), out)
	case <-time.After(15 * time.Second):
		kill(cmd)
		<-ended
		assert.Fail(t, "had to be killed", "%s: %s", filepath.Base(cmd.Path), out)
	}
	assert.NotContains(t, out.String(), "DATA RACE")
}

// output collects what a program writes.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// shopState is what the shop's JSON API answers.
type shopState struct {
	ID        string    `json:"id"`
	New       bool      `json:"new"`
	User      string    `json:"user"`
	Items     int       `json:"items"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Key       string    `json:"key"`
	Refused   string    `json:"refused"`
	Placement struct {
		Where        string `json:"where"`
		Reason       string `json:"reason"`
		PayloadBytes int    `json:"payload_bytes"`
		CookieBytes  int    `json:"cookie_bytes"`
		Limit        int    `json:"limit"`
	} `json:"placement"`

	// Of errors:
	Error       string `json:"error"`
	CookieBytes int    `json:"cookie_bytes"`
	Limit       int    `json:"limit"`
	Over        int    `json:"over"`
	Largest     []struct {
		Field string `json:"field"`
		Bytes int    `json:"bytes"`
	} `json:"largest"`
}

// shopClient asks the shop: method and path give status and JSON.
type shopClient func(t *testing.T, method, path string) (int, shopState)

// ok is a request that must succeed.
func (c shopClient) ok(t *testing.T, method, path string) shopState {
	t.Helper()
	status, s := c(t, method, path)
	require.Equal(t, http.StatusOK, status, "%s %s: %+v", method, path, s)
	return s
}

// voyage drives the shop through the life of a session: the cart grows until it
// moves to the store, and comes back; login and logout. It needs a hybrid shop.
func (c shopClient) voyage(t *testing.T) {
	s := c.ok(t, "GET", "/api/session")
	assert.True(t, s.New)
	assert.Equal(t, "none", s.Placement.Where)
	assert.Empty(t, s.Refused)

	items, stored := 0, false
	for !stored {
		require.Less(t, items, 60, "the cart does not overflow")
		s = c.ok(t, "POST", "/api/items?count=1&note=120")
		items++
		require.Equal(t, items, s.Items)
		if stored = s.Placement.Where == "store"; !stored {
			require.Equal(t, "cookie", s.Placement.Where)
			require.LessOrEqual(t, s.Placement.CookieBytes, 3072)
		}
	}
	assert.Greater(t, items, 5, "a cart in the cookie holds a few things")
	assert.Less(t, s.Placement.CookieBytes, 512, "the cookie is a reference")

	// What was acknowledged is what the next request finds.
	id := s.ID
	s = c.ok(t, "GET", "/api/session")
	assert.Equal(t, items, s.Items)
	assert.Equal(t, id, s.ID)
	assert.Equal(t, "store", s.Placement.Where)
	assert.False(t, s.New)
	assert.NotEmpty(t, s.Key)

	s = c.ok(t, "POST", "/api/items?count=40&note=200")
	items += 40
	assert.Equal(t, items, s.Items)
	assert.Equal(t, "store", s.Placement.Where)

	s = c.ok(t, "POST", "/api/login?user=Anna")
	assert.Equal(t, "Anna", s.User)
	assert.NotEqual(t, id, s.ID, "a login renews the identity")
	assert.Equal(t, items, s.Items, "and keeps the cart")
	id = s.ID

	s = c.ok(t, "DELETE", "/api/items")
	assert.Zero(t, s.Items)
	assert.Equal(t, "cookie", s.Placement.Where)
	s = c.ok(t, "GET", "/api/session")
	assert.Equal(t, "cookie", s.Placement.Where)
	assert.Equal(t, "Anna", s.User)
	assert.Equal(t, id, s.ID)

	c.ok(t, "POST", "/api/logout")
	s = c.ok(t, "GET", "/api/session")
	assert.True(t, s.New)
	assert.Empty(t, s.User)
	assert.Equal(t, "none", s.Placement.Where)
	assert.Empty(t, s.Refused, "the client has no cookie any more")
}

// ---- applications of our own ----

// data is the session of the applications in these tests.
type data struct {
	Visits int
	Pad    string
}

// observed counts what an Observer heard.
type observed struct {
	mu   sync.Mutex
	late int
}

func (o *observed) lateChanges() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.late
}

func (o *observed) observer() hardtack.Observer {
	return hardtack.Observer{LateChange: func(context.Context) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.late++
	}}
}

// newJar returns a stateless Jar.
func newJar(t *testing.T, c hardtack.Config) *hardtack.Jar[data] {
	t.Helper()
	if c.Keys == nil {
		c.Keys = hardtack.EphemeralKeyring()
	}
	jar, err := hardtack.New[data](c)
	require.NoError(t, err)
	return jar
}

func newHybridJar(t *testing.T, c hardtack.Config) *hardtack.Jar[data] {
	t.Helper()
	c.Keys = hardtack.EphemeralKeyring()
	jar, err := hardtack.NewHybrid[data](c, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	return jar
}

// saved is what saveHandler answers.
type saved struct {
	Where       string
	CookieBytes int
	Over        int // of a *SizeError
}

// saveHandler keeps pad=N bytes in the session and says where they went, with
// 413 if they do not fit. Without pad it answers with how many there are.
func saveHandler(jar *hardtack.Jar[data]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := jar.Get(r)
		if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.FormValue("pad") == "" {
			fmt.Fprint(w, len(s.Data.Pad))
			return
		}
		var n int
		if _, err := fmt.Sscan(r.FormValue("pad"), &n); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Data.Pad = strings.Repeat("x", n)
		p, err := jar.Save(w, r, s)
		answer := saved{Where: p.Where.String(), CookieBytes: p.CookieBytes}
		status := http.StatusOK
		if tooLarge := (*hardtack.SizeError)(nil); errors.As(err, &tooLarge) {
			answer.CookieBytes, answer.Over = tooLarge.CookieBytes, tooLarge.Over
			status = http.StatusRequestEntityTooLarge
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	})
}

// padFor returns how much padding makes a cookie of exactly size bytes, by the
// Jar's own account; false if base64 skips that size.
func padFor(t *testing.T, jar *hardtack.Jar[data], size int) (int, bool) {
	t.Helper()
	for n := (size-len(jar.Config().Name))*3/4 - 400; n < size; n++ {
		r := httptest.NewRequest("GET", "/", nil)
		s, err := jar.Get(r)
		require.ErrorIs(t, err, hardtack.ErrNoCookie)
		s.Data.Pad = strings.Repeat("x", n)
		p, err := jar.Save(httptest.NewRecorder(), r, s)
		got := p.CookieBytes
		if tooLarge := (*hardtack.SizeError)(nil); errors.As(err, &tooLarge) {
			got = tooLarge.CookieBytes
		} else {
			require.NoError(t, err)
		}
		switch {
		case got == size:
			return n, true
		case got > size:
			return 0, false
		}
	}
	require.FailNow(t, "no size found")
	return 0, false
}

// exactJar returns a stateless Jar whose cookie is exactly the browsers' limit with pad
// bytes of padding, and one byte over it with pad+1.
func exactJar(t *testing.T) (jar *hardtack.Jar[data], pad int) {
	t.Helper()
	for _, name := range []string{"__Host-session", "__Host-session1", "__Host-session12", "__Host-session123"} {
		jar = newJar(t, hardtack.Config{Name: name})
		at, ok := padFor(t, jar, browserLimit)
		if !ok {
			continue
		}
		if over, ok := padFor(t, jar, browserLimit+1); ok && over == at+1 {
			return jar, at
		}
	}
	require.FailNow(t, "no name leads to both sizes")
	return nil, 0
}

// serve starts an HTTP server for h on a free loopback port.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// onLocalhost returns rawURL with the host localhost in place of 127.0.0.1.
func onLocalhost(t *testing.T, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	u.Host = "localhost:" + u.Port()
	return u.String()
}
