package sqlite_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/keystoretest"
	"github.com/hardtack-go/hardtack/store/sqlstore"
)

func keysIn(t *testing.T, file string) keystoretest.Backend {
	_, err := quiet(file, t).Keys(t.Context(), sqlstore.KeysOptions{}) // makes the table
	require.NoError(t, err)
	db := raw(t, file)
	_, err = db.Exec(`PRAGMA busy_timeout = 10000`)
	require.NoError(t, err)
	return keystoretest.Backend{
		Open: func(t *testing.T, name string) hardtack.KeyStore {
			keys, err := quiet(file, t).Keys(t.Context(), sqlstore.KeysOptions{Name: name})
			require.NoError(t, err)
			return keys
		},
		Put: func(t *testing.T, name string, document []byte) {
			query, args := `DELETE FROM hardtack_keys`, []any(nil)
			if document != nil {
				query, args = `UPDATE hardtack_keys SET document = ? WHERE name = ?`, []any{document, name}
			}
			_, err := db.ExecContext(t.Context(), query, args...)
			require.NoError(t, err)
		},
	}
}

func TestKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	b := keysIn(t, file)
	keystoretest.Run(t, b.Open)
	keystoretest.RunFleet(t, b)
	keystoretest.RunLosses(t, b)
	keystoretest.RunCutOff(t, b)
	keystoretest.RunWrapping(t, b, func(t *testing.T) []byte {
		var all []byte
		for _, end := range []string{"", "-wal"} { // with what was deleted in the file
			data, err := os.ReadFile(file + end)
			require.NoError(t, err)
			all = append(all, data...)
		}
		return all
	})
}

const childKeys = "HARDTACK_SQLITE_TEST_KEYS"

// TestKeysProcesses: several processes that start at once on an empty file have one key, and open each other's cookies.
func TestKeysProcesses(t *testing.T) {
	if file := os.Getenv(childKeys); file != "" {
		server(t, file)
		return
	}
	const processes = 6
	file := filepath.Join(t.TempDir(), "keys.db")
	type child struct {
		in  io.WriteCloser
		out *bufio.Scanner
		cmd *exec.Cmd
	}
	var children []child
	for range processes {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKeysProcesses$", "-test.count=1")
		cmd.Env = append(os.Environ(), childKeys+"="+file)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = in.Close() }) // which ends it
		children = append(children, child{in, bufio.NewScanner(out), cmd})
	}
	for _, c := range children { // all are there
		line(t, c.out, "ready")
	}
	for _, c := range children {
		_, err := fmt.Fprintln(c.in, "go")
		require.NoError(t, err)
	}
	keys := make(map[string]bool)
	var cookies []string
	for _, c := range children {
		keys[line(t, c.out, "key ")] = true
		cookies = append(cookies, line(t, c.out, "cookie "))
	}
	require.Len(t, keys, 1)
	for _, c := range children {
		_, err := fmt.Fprintln(c.in, strings.Join(cookies, " "))
		require.NoError(t, err)
	}
	for _, c := range children {
		require.Equal(t, strconv.Itoa(processes), line(t, c.out, "opened "))
		require.NoError(t, c.in.Close())
		require.NoError(t, c.cmd.Wait())
	}
	var sets int
	require.NoError(t, raw(t, file).QueryRow(`SELECT COUNT(*) FROM hardtack_keys`).Scan(&sets))
	require.Equal(t, 1, sets)
}

// line returns the rest of the next line that begins like this.
func line(t *testing.T, out *bufio.Scanner, prefix string) string {
	t.Helper()
	var others []string
	for out.Scan() {
		if rest, ok := strings.CutPrefix(out.Text(), prefix); ok {
			return rest
		}
		others = append(others, out.Text())
	}
	require.FailNow(t, "the process has ended", "%q", others)
	return ""
}

// server is one of the processes.
func server(t *testing.T, file string) {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	fmt.Println("ready")
	require.True(t, in.Scan())
	keys, err := quiet(file, t).Keys(t.Context(), sqlstore.KeysOptions{})
	require.NoError(t, err)
	ring, err := hardtack.OpenKeyring(t.Context(), keys, hardtack.KeyringConfig{InsecurePlaintextKeys: true, Rotation: &hardtack.RotationPolicy{}})
	require.NoError(t, err)
	defer ring.Close()
	jar, err := hardtack.New[struct{}](hardtack.Config{Keys: ring})
	require.NoError(t, err)
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	s, _ := jar.Get(r)
	_, err = jar.Save(w, r, s)
	require.NoError(t, err)
	fmt.Println("key", s.KeyID())
	cookie := w.Result().Cookies()[0]
	fmt.Println("cookie", cookie.Value)
	require.True(t, in.Scan())
	opened := 0
	for _, value := range strings.Fields(in.Text()) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: value})
		if _, err := jar.Get(r); assert.NoError(t, err) {
			opened++
		}
	}
	fmt.Println("opened", opened)
}
