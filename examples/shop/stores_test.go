package main

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/servers"
)

// newProcessBrowser returns a browser without a shop yet.
func newProcessBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return &browser{client: client}
}

// keepsCartAndLogin fills a cart, so that it must be stored, kills the shop,
// starts it again and looks.
func keepsCartAndLogin(t *testing.T, kind string, args ...string) {
	t.Helper()
	args = append([]string{"-keys", filepath.Join(t.TempDir(), "keys.json"), "-insecure"}, args...)
	b := newProcessBrowser(t)
	p := start(t, args...)
	b.url = p.url
	b.ok(t, "POST", "/api/items?count=5&note=1000")
	before := b.ok(t, "POST", "/api/login?user=ada")
	require.Equal(t, "store", before.Placement.Where)
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()

	p = start(t, args...)
	b.url = p.url
	after := b.ok(t, "GET", "/api/session")
	assert.Equal(t, before.ID, after.ID)
	assert.Equal(t, "ada", after.User)
	assert.Equal(t, 5, after.Items)
	assert.Equal(t, "store", after.Placement.Where)
	response, err := b.client.Get(b.url + "/api/config")
	require.NoError(t, err)
	defer response.Body.Close()
	var config strings.Builder
	_, err = io.Copy(&config, response.Body)
	require.NoError(t, err)
	assert.Contains(t, config.String(), `"store":"`+kind+`"`)
	p.stop(t, syscall.SIGTERM)
}

func TestDefaultStoreIsBesideTheKeys(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.json")
	keepsCartAndLogin(t, "sqlite", "-keys", keys)
	info, err := os.Stat(filepath.Join(dir, "sessions.db"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestStores(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		keepsCartAndLogin(t, "sqlite", "-store", "sqlite:"+filepath.Join(t.TempDir(), "the sessions?.db"))
	})
	if testing.Short() {
		t.Skip("the other stores need servers")
	}
	t.Run("postgres", func(t *testing.T) { keepsCartAndLogin(t, "postgres", "-store", servers.Postgres(t).URL()) })
	t.Run("mysql", func(t *testing.T) { keepsCartAndLogin(t, "mysql", "-store", servers.MariaDB(t).URL()) })
	t.Run("redis", func(t *testing.T) { keepsCartAndLogin(t, "redis", "-store", servers.Redis(t).URL()) })
}

func TestRedisThatEvicts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Redis server")
	}
	p := start(t, "-keys", filepath.Join(t.TempDir(), "keys.json"), "-store", servers.Redis(t, "--maxmemory-policy", "allkeys-lru").URL())
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	_ = p.cmd.Wait()
	assert.Contains(t, p.stderr.String(), "maxmemory-policy is allkeys-lru, should be noeviction")
}

// A shop that cannot have its store says so at once, in one line that does not
// repeat the password.
func TestBadStores(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	away := closed.Addr().String()
	require.NoError(t, closed.Close())
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	require.NoError(t, err)
	t.Cleanup(func() { deaf.Close() }) // after the parallel subtests

	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 1000)), 0o600))
	stores := []string{
		"memory:", "memory:x", "disk", "sqlite", "sqlite:", "sqlite::memory:", "sqlite:" + dir,
		"sqlite:" + filepath.Join(dir, "nowhere", "s.db"), "sqlite:" + text,
		"postgres:", "mysql:", "redis:", "mongodb:", "http://u:hush@" + away,
	}
	for _, scheme := range []string{"postgres", "mysql", "redis", "mongodb"} {
		stores = append(stores, scheme+"://u:hush@"+away+"/1", scheme+"://u:hush@127.0.0.1:port/1", scheme+"://u:hush%zz@"+away+"/1",
			scheme+"://u:hush@"+deaf.Addr().String()+"/1")
	}
	for _, store := range stores {
		t.Run(strings.ReplaceAll(store, "/", "_"), func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := result(t, "-keys", filepath.Join(t.TempDir(), "keys.json"), "-store", store)
			assert.Equal(t, 2, status)
			assert.Empty(t, stdout)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
			assert.Regexp(t, `^shop: -store `, stderr)
			assert.NotContains(t, stderr, "hush")
			t.Log(stderr)
		})
	}
	status, _, stderr := result(t, "-mode", "stateless", "-store", "memory")
	assert.Equal(t, 2, status)
	assert.Contains(t, stderr, "-store is for -mode hybrid")
}
