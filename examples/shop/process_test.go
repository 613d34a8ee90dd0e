package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

var itoa = strconv.Itoa

// binary is the built shop.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "shop")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the shop: %v\n%s", err, out)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// process is a running shop.
type process struct {
	cmd    *exec.Cmd
	url    string
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// start runs the shop on a free port.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.cmd.Stderr = &p.stderr
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.stdout = bufio.NewReader(out)
	line, err := p.stdout.ReadString('\n')
	require.NoError(t, err, "%s", &p.stderr)
	require.Regexp(t, `^listening on http://127\.0\.0\.1:[1-9][0-9]*\n$`, line)
	p.url = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return p
}

// stop ends the shop as an operator does.
func (p *process) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(signal))
	rest, err := io.ReadAll(p.stdout)
	require.NoError(t, err)
	require.NoError(t, p.cmd.Wait(), "exit status 0; %s", &p.stderr)
	assert.Empty(t, rest)
	assert.Empty(t, p.stderr.String())
}

func TestSessionsSurviveARestart(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()

	p := start(t, "-keys", keys, "-insecure")
	b := &browser{client, p.url}
	b.ok(t, "POST", "/api/items?count=3&note=50")
	before := b.ok(t, "POST", "/api/login?user=ada")
	p.stop(t, syscall.SIGTERM)

	info, err := os.Stat(keys)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	left, err := filepath.Glob(filepath.Join(filepath.Dir(keys), ".*"))
	require.NoError(t, err)
	assert.Empty(t, left, "temporary files")

	p = start(t, "-keys", keys, "-insecure", "-mode", "stateless")
	b.url = p.url
	after := b.ok(t, "GET", "/api/session")
	assert.Equal(t, before.ID, after.ID)
	assert.Equal(t, "ada", after.User)
	assert.Equal(t, 3, after.Items)
	assert.Empty(t, after.Refused)
	p.stop(t, os.Interrupt)
}

func TestDefaultKeyFile(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache) // where os.UserCacheDir looks on Linux
	t.Setenv("HOME", cache)
	dir, err := os.UserCacheDir()
	require.NoError(t, err)
	dir = filepath.Join(dir, "hardtack-shop")
	start(t).stop(t, syscall.SIGTERM)
	for path, mode := range map[string]os.FileMode{dir: os.ModeDir | 0o700, filepath.Join(dir, "keys.json"): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), path)
	}
}

// Key files of the shop's first version hold an ID and a secret for each key, and at most two times.
func TestOldKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	old := hardtack.GenerateKey(time.Time{}, time.Now().Add(48*time.Hour))
	new := hardtack.GenerateKey(time.Now().Add(-time.Hour), time.Time{})
	data := fmt.Sprintf(`{"version": 1, "keys": [{"id": "%v", "secret": "%s", "retire": %q}, {"id": "%v", "secret": "%s", "activate": %q}]}`,
		old.ID(), base64.StdEncoding.EncodeToString(old.ExposeSecret()), old.Retire().Format(time.RFC3339),
		new.ID(), base64.StdEncoding.EncodeToString(new.ExposeSecret()), new.Activate().Format(time.RFC3339))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))

	p := start(t, "-keys", path, "-mode", "stateless", "-insecure")
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	b := &browser{client, p.url}
	b.ok(t, "POST", "/api/items?count=1")
	assert.Equal(t, new.ID().String(), b.ok(t, "GET", "/api/session").Key)
	p.stop(t, syscall.SIGTERM)
}

// result runs the shop to its end.
func result(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestBadFlags(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
		return path
	}
	good := filepath.Join(dir, "good.json")
	ring, err := keyfile.Open(t.Context(), good, hardtack.KeyringConfig{})
	require.NoError(t, err)
	require.NoError(t, ring.Close())
	data, err := os.ReadFile(good)
	require.NoError(t, err)
	key := ring.Keys()[0]
	secret := base64.StdEncoding.EncodeToString(key.ExposeSecret())
	require.Contains(t, string(data), secret)
	wrongID := strings.Replace(string(data), key.ID().String(), "01020304", 1)
	public := write("public", string(data))
	require.NoError(t, os.Chmod(public, 0o640))

	for _, c := range []struct {
		want string
		args []string
	}{
		{"-wind", []string{"-wind", "aft"}},
		{"unexpected argument", []string{"hybrid"}},
		{"-mode", []string{"-mode", "stateful"}},
		{"-mode", []string{"-mode", ""}},
		{"-lifetime", []string{"-lifetime", "1day"}},
		{"-lifetime", []string{"-lifetime", "0"}},
		{"Lifetime", []string{"-lifetime", "-1h"}},
		{"Lifetime", []string{"-lifetime", "9601h"}},
		{"-idle", []string{"-idle", "soon"}},
		{"IdleTimeout", []string{"-idle", "-1s"}},
		{"IdleTimeout", []string{"-idle", "25h"}},
		{"IdleTimeout", []string{"-lifetime", "-1h", "-idle", "-1s"}},
		{"-insecure", []string{"-insecure=perhaps"}},
		{"-addr", []string{"-addr", "localhost"}},
		{"-addr", []string{"-addr", "127.0.0.1:65536"}},
		{"-addr", []string{"-addr", "127.0.0.1:bow"}},
		{"flag needs an argument", []string{"-mode"}},
		{"not a key set", []string{"-keys", write("text", "ahoy")}},
		{"not a key set", []string{"-keys", write("empty", "")}},
		{"not a key set", []string{"-keys", write("twice", string(data)+string(data))}},
		{"not a key set", []string{"-keys", write("field", `{"version":1,"colour":"red","keys":[]}`)}},
		{"version", []string{"-keys", write("version", `{"version":2,"keys":[]}`)}},
		{"no key can seal", []string{"-keys", write("none", `{"version":1,"keys":[]}`)}},
		{"32 bytes", []string{"-keys", write("short", `{"version":1,"keys":[{"id":"01020304","secret":"AAAA"}]}`)}},
		{"01020304", []string{"-keys", write("id", wrongID)}},
		{"chmod 600", []string{"-keys", public}},
		{"folder does not exist", []string{"-keys", filepath.Join(dir, "nowhere", "keys.json")}},
		{"not a regular file", []string{"-keys", dir}},
	} {
		args := c.args
		if args[0] != "-keys" {
			args = append([]string{"-keys", good}, args...)
		}
		status, stdout, stderr := result(t, args...)
		assert.Equal(t, 2, status, args)
		assert.Empty(t, stdout, args)
		assert.Contains(t, stderr, c.want, args)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
		assert.True(t, strings.HasPrefix(stderr, "shop: "), stderr)
	}
	_, _, stderr := result(t, "-keys", filepath.Join(dir, "id"))
	assert.NotContains(t, stderr, secret)
}

func TestHelp(t *testing.T) {
	status, stdout, stderr := result(t, "-h")
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	for _, name := range []string{"-addr", "-mode", "-store", "-keys", "-lifetime", "-idle", "-insecure"} {
		assert.Contains(t, stdout, name)
	}
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	status, stdout, stderr := result(t, "-addr", listener.Addr().String(), "-keys", filepath.Join(t.TempDir(), "keys.json"))
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "in use")
	assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
}

func TestShutdownFinishesRequests(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, signal := context.WithCancel(t.Context())
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		signal()
		time.Sleep(200 * time.Millisecond)
		fmt.Fprint(w, "done")
	})
	served := make(chan error, 1)
	go func() { served <- serve(ctx, func() {}, listener, slow, slog.New(slog.DiscardHandler)) }()

	response, err := http.Get("http://" + listener.Addr().String())
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "done", string(body))
	assert.NoError(t, <-served)
}

func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if testing.Short() {
			t.Skip("curl is not installed")
		}
		t.Fatal("curl is needed: apt-get install curl")
	}
	p := start(t, "-keys", filepath.Join(t.TempDir(), "keys.json"))
	jar := filepath.Join(t.TempDir(), "cookies")
	curl := func(method, path string) state {
		t.Helper()
		out, err := exec.Command("curl", "-sS", "-b", jar, "-c", jar, "-X", method, p.url+path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		var s state
		require.NoError(t, json.Unmarshal(out, &s), "%s", out)
		return s
	}
	id := curl("POST", "/api/items?count=2&note=40").ID
	saved, err := os.ReadFile(jar)
	require.NoError(t, err)
	assert.Contains(t, string(saved), "__Host-session")

	s := curl("POST", "/api/items?count=5&note=1000")
	assert.Equal(t, id, s.ID)
	assert.Equal(t, 7, s.Items)
	assert.Equal(t, "store", s.Placement.Where)
	s = curl("DELETE", "/api/items?count=5")
	assert.Equal(t, 2, s.Items)
	assert.Equal(t, "cookie", s.Placement.Where)
	s = curl("POST", "/api/login?user=ada")
	assert.Equal(t, "ada", s.User)
	assert.NotEqual(t, id, s.ID)
	assert.Equal(t, "ada", curl("GET", "/api/session").User)
	assert.Empty(t, curl("POST", "/api/logout").User)
	assert.Equal(t, "none", curl("GET", "/api/session").Placement.Where)
	p.stop(t, syscall.SIGTERM)
}
