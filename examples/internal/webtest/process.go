package webtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func process(t *testing.T, a App) {
	binary := filepath.Join(t.TempDir(), "example")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, test := range map[string]func(*testing.T, App, string){
		"Restart": restart, "Stateless": stateless, "Curl": curl, "Failures": failures,
	} {
		t.Run(name, func(t *testing.T) { test(t, a, binary) })
	}
}

// server is a running process.
type server struct {
	cmd    *exec.Cmd
	url    string
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// start runs the server on a free port.
func start(t *testing.T, binary string, args ...string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(binary, append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	out, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	s.cmd.Stderr = &s.stderr
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	s.stdout = bufio.NewReader(out)
	line, err := s.stdout.ReadString('\n')
	require.NoError(t, err, "%s", &s.stderr)
	require.Regexp(t, `^listening on http://127\.0\.0\.1:[1-9][0-9]*\n$`, line)
	s.url = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return s
}

// stop ends the server as an operator does.
func (s *server) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(signal))
	rest, err := io.ReadAll(s.stdout)
	require.NoError(t, err)
	require.NoError(t, s.cmd.Wait(), "exit status 0; %s", &s.stderr)
	assert.Empty(t, rest)
	assert.Empty(t, s.stderr.String())
}

// plain returns a Browser for a server that speaks HTTP, whose cookies must not be Secure. It keeps no connections: a shutdown
// waits seconds for those that were not used yet.
func plain(t *testing.T, url string) *Browser {
	t.Helper()
	return (&Browser{URL: url, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}).Another(t)
}

// A session outlives its server, and is known to another that has the same keys.
func restart(t *testing.T, _ App, binary string) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	one := start(t, binary, "-keys", keys, "-insecure")
	b := plain(t, one.url)
	b.OK(t, "POST", "/login", "user", "ada")
	b.OK(t, "POST", "/items", "note", "tea")
	two := start(t, binary, "-keys", keys, "-insecure")
	b.URL = two.url
	assert.Equal(t, []string{"tea", "rum"}, b.OK(t, "POST", "/items", "note", "rum").Items)
	one.stop(t, syscall.SIGTERM)
	two.stop(t, os.Interrupt)

	one = start(t, binary, "-keys", keys, "-insecure")
	b.URL = one.url
	v := b.OK(t, "GET", "/")
	assert.Equal(t, "ada", v.User)
	assert.Equal(t, []string{"tea", "rum"}, v.Items)
	one.stop(t, syscall.SIGTERM)

	other := start(t, binary, "-insecure") // with keys of its own
	b.URL = other.url
	assert.Empty(t, b.OK(t, "GET", "/").User)
	_ = other.cmd.Process.Kill() // stderr may tell of the refused cookie
}

func stateless(t *testing.T, _ App, binary string) {
	s := start(t, binary, "-insecure", "-stateless")
	b := plain(t, s.url)
	b.OK(t, "POST", "/items", "note", "tea")
	status, _ := b.Do(t, "POST", "/items", "note", Note(5000))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	assert.Equal(t, []string{"tea"}, b.OK(t, "GET", "/").Items)
	s.stop(t, syscall.SIGTERM)
}

func curl(t *testing.T, a App, binary string) {
	if _, err := exec.LookPath("curl"); err != nil {
		if testing.Short() {
			t.Skip("curl is not installed")
		}
		t.Fatal("curl is needed: apt-get install curl")
	}
	s := start(t, binary)
	jar := filepath.Join(t.TempDir(), "cookies")
	run := func(path string, args ...string) []byte {
		t.Helper()
		out, err := exec.Command("curl", append([]string{"-sS", "-b", jar, "-c", jar, s.url + path}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return out
	}
	// Not with -L: a curl that follows a redirection puts a deleted cookie back into the file.
	ask := func(path string, form ...string) (v View) {
		t.Helper()
		if len(form) > 0 {
			run(path, "--data-urlencode", form[0])
		}
		out := run("/")
		require.NoError(t, json.Unmarshal(out, &v), "%s", out)
		return v
	}
	ask("/login", "user=ada")
	saved, err := os.ReadFile(jar)
	require.NoError(t, err)
	require.Contains(t, string(saved), "\t"+a.Cookie+"\t")
	assert.Contains(t, string(saved), "#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE\t", "for this host alone, all paths, Secure")

	v := ask("/items", "note="+Note(100))
	assert.Equal(t, "ada", v.User)
	assert.Greater(t, v.CookieBytes, 200)
	v = ask("/items", "note="+Note(5000))
	assert.Len(t, v.Items, 2)
	assert.Less(t, v.CookieBytes, reference)
	assert.Len(t, ask("/remove", "").Items, 1)
	assert.Empty(t, ask("/logout", ""))
	assert.Empty(t, ask("/"))
	saved, err = os.ReadFile(jar)
	require.NoError(t, err)
	assert.NotContains(t, string(saved), a.Cookie)
	s.stop(t, syscall.SIGTERM)
}

func failures(t *testing.T, _ App, binary string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	for want, args := range map[string][]string{
		"in use":                {"-addr", listener.Addr().String()},
		"missing port":          {"-addr", "localhost"},
		"unexpected argument":   {"ahoy"},
		"not defined: -wind":    {"-wind", "aft"},
		"not a regular file":    {"-addr", "127.0.0.1:0", "-keys", t.TempDir()},
		"folder does not exist": {"-addr", "127.0.0.1:0", "-keys", filepath.Join(t.TempDir(), "nowhere", "keys.json")},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, binary, args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		assert.ErrorAs(t, cmd.Run(), new(*exec.ExitError), args)
		assert.NoError(t, ctx.Err(), "it began to serve: %v", args)
		cancel()
		assert.Empty(t, stdout.String(), args)
		assert.Contains(t, stderr.String(), want, args)
	}
}
