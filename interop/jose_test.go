package interop

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// jose is the npm package of that name, run by Node.js.
type jose struct {
	t   *testing.T
	mu  sync.Mutex
	in  *json.Encoder
	out *bufio.Scanner
}

// startJose installs jose in a folder of the test's own, as testdata/jose/package-lock.json says, and starts it.
func startJose(t *testing.T) *jose {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: jose is installed by npm")
	}
	for program, debian := range map[string]string{"node": "nodejs", "npm": "npm"} {
		_, err := exec.LookPath(program)
		require.NoErrorf(t, err, "install the package %s (make deps does)", debian)
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "jose"))))
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = dir
	output, err := install.CombinedOutput()
	require.NoErrorf(t, err, "npm ci: %s", output)

	node := exec.Command("node", "jose.mjs")
	node.Dir, node.Stderr = dir, os.Stderr
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
	lines.Buffer(nil, 1<<20)
	return &jose{t: t, in: json.NewEncoder(in), out: lines}
}

type joseAnswer struct {
	Token, Key     string
	Payload        map[string]any
	Header         map[string]any
	Error, Message string
}

// ask has jose do something. The answer's Error is jose's code if it refuses.
func (j *jose) ask(command string, request map[string]any) (a joseAnswer) {
	j.t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	request["command"] = command
	require.NoError(j.t, j.in.Encode(request))
	require.True(j.t, j.out.Scan(), "jose has ended")
	require.NoError(j.t, json.Unmarshal(j.out.Bytes(), &a))
	return a
}
