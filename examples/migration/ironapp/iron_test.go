package ironapp

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// startNode installs iron-session in a folder of the test's own, and starts the shop. It returns the addresses of the shop and of what unseals.
func startNode(t *testing.T) (app, unseal string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: iron-session is installed by npm")
	}
	for program, debian := range map[string]string{"node": "nodejs", "npm": "npm"} {
		_, err := exec.LookPath(program)
		require.NoErrorf(t, err, "install the package %s (make deps does)", debian)
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/shop")))
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = dir
	output, err := install.CombinedOutput()
	require.NoErrorf(t, err, "npm ci: %s", output)

	node := exec.Command("node", "shop.mjs")
	node.Dir, node.Stderr = dir, os.Stderr
	node.Env = append(os.Environ(), "PASSWORD="+strings.Repeat("p", 32))
	in, err := node.StdinPipe()
	require.NoError(t, err)
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	t.Cleanup(func() {
		_ = in.Close() // it ends with its input
		_ = node.Wait()
	})
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	app = lines.Text()
	require.True(t, lines.Scan())
	return app, lines.Text()
}

// cookie returns what the application sets.
func cookie(t *testing.T, url string, cookies ...*http.Cookie) *http.Cookie {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.Len(t, res.Cookies(), 1)
	return res.Cookies()[0]
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/cart", nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

func TestSessionOfIronSession(t *testing.T) {
	app, unseal := startNode(t)
	began := time.Now().Add(-time.Second)
	old := cookie(t, app+"/cart?item=rope", cookie(t, app+"/login?user=ada"))

	jar, err := After(hardtack.EphemeralKeyring(), hardtack.Observer{}, unseal)
	require.NoError(t, err)
	s, err := jar.Get(with(old))
	require.NoError(t, err)
	assert.Equal(t, shop.Account{User: "ada", Cart: []string{"rope"}}, s.Data)
	assert.Equal(t, "ada", s.Subject())
	assert.False(t, s.Created().Before(began))
	assert.Equal(t, ttl, s.Expires().Sub(s.Created()))

	w := httptest.NewRecorder()
	shop.Handler(jar).ServeHTTP(w, with(old))
	require.Equal(t, http.StatusOK, w.Code)
	moved := w.Result().Cookies()
	require.Len(t, moved, 2)
	assert.Equal(t, "session", moved[0].Name)
	assert.Negative(t, moved[0].MaxAge)
	s, err = jar.Get(with(moved[1]))
	require.NoError(t, err)
	assert.Equal(t, []string{"rope"}, s.Data.Cart)
	assert.EqualValues(t, 2, jar.FormerUse()[0].Opened)

	for name, change := range map[string]func(string) string{
		"another version":   func(v string) string { return strings.TrimSuffix(v, "~2") + "~02" },
		"another appendix":  func(v string) string { return v + "~2" },
		"no version":        func(v string) string { return strings.TrimSuffix(v, "~2") },
		"a longer life":     func(v string) string { return longer(v) },
		"another password":  func(v string) string { return strings.Replace(v, "Fe26.2*1*", "Fe26.2*2*", 1) },
		"a part is missing": func(v string) string { return strings.Replace(v, "*", "", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, old.Value, change(old.Value))
			_, err := jar.Get(with(&http.Cookie{Name: "session", Value: change(old.Value)}))
			require.Error(t, err)
			assert.NotErrorIs(t, err, hardtack.ErrStoreUnavailable)
		})
	}
}

// longer puts off the end of a seal by a day.
func longer(seal string) string {
	parts := strings.Split(seal, "*")
	ms, _ := strconv.ParseInt(parts[5], 10, 64)
	parts[5] = strconv.FormatInt(ms+24*time.Hour.Milliseconds(), 10)
	return strings.Join(parts, "*")
}

func TestNodeIsAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	value := "Fe26.2*1*s*i*d*" + strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10) + "*s*m~2"
	for _, url := range []string{server.URL, "http://127.0.0.1:0", ":"} {
		jar, err := After(hardtack.EphemeralKeyring(), hardtack.Observer{}, url)
		require.NoError(t, err)
		_, err = jar.Get(with(&http.Cookie{Name: "session", Value: value}))
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable, "the cookie is kept")
	}
	_, _, err := codec{}.Seal(t.Context(), nil, hardtack.Binding{}, nil)
	require.Error(t, err)
}
