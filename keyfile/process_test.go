package keyfile_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

// roles are what a process does that a test starts.
var roles = map[string]func(ctx context.Context, path string) error{
	"rewrite":  rewrite(func(ctx context.Context, f *keyfile.File, old, new []byte) error { return swapOnce(ctx, f, old, new) }),
	"in place": rewrite(inPlace),
	"count":    count,
	"open":     open,
	"swap":     swap,
}

const roleVariable = "HARDTACK_KEYFILE_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](context.Background(), os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process returns this program in another role, to be started.
func process(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, path)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// numbered returns a key set that says in its Retain which one it is. It is large, so that writing it takes a while.
func numbered(t require.TestingT, n int, keys []hardtack.Key) []byte {
	data, err := hardtack.KeySet{Retain: time.Duration(n) * time.Second, Keys: keys}.Encode()
	require.NoError(t, err)
	return data
}

func number(data []byte) (int, error) {
	s, err := hardtack.ParseKeySet(data)
	return int(s.Retain / time.Second), err
}

func manyKeys() (keys []hardtack.Key) {
	for range 128 {
		keys = append(keys, hardtack.GenerateKey(time.Time{}, time.Time{}))
	}
	return keys
}

// rewrite replaces the file for ever and says which number it has done. It does little else, so that it is likely to be killed while it writes.
func rewrite(replace func(ctx context.Context, f *keyfile.File, old, new []byte) error) func(context.Context, string) error {
	return func(ctx context.Context, path string) error {
		f := keyfile.New(path, keyfile.Options{})
		old, err := f.LoadKeys(ctx)
		if err != nil {
			return err
		}
		n, err := number(old)
		if err != nil {
			return err
		}
		retain := regexp.MustCompile(`"retain": "[^"]*"`)
		for {
			n++
			new := retain.ReplaceAll(old, fmt.Appendf(nil, `"retain": "%ds"`, n))
			if err := replace(ctx, f, old, new); err != nil {
				return err
			}
			fmt.Println(n)
			old = new
		}
	}
}

func swapOnce(ctx context.Context, f *keyfile.File, old, new []byte) error {
	swapped, err := f.SwapKeys(ctx, old, new)
	if err == nil && !swapped {
		err = errors.New("not swapped")
	}
	return err
}

// inPlace is what must not be done.
func inPlace(_ context.Context, f *keyfile.File, _, new []byte) error {
	out, err := os.Create(f.Path())
	if err != nil {
		return err
	}
	defer out.Close()
	for len(new) > 0 {
		n, err := out.Write(new[:min(len(new), 512)])
		if err != nil {
			return err
		}
		new = new[n:]
	}
	return nil
}

// kill starts a process that rewrites the file, kills it soon, and returns the last number that it has said it had done.
func kill(t *testing.T, role, path string) (done int) {
	t.Helper()
	cmd := process(t, role, path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "it rewrites")
	first := lines.Text()
	time.Sleep(rand.N(8 * time.Millisecond))
	require.NoError(t, cmd.Process.Kill())
	done, err = strconv.Atoi(first)
	require.NoError(t, err, first)
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil { // the last line may be cut off
			done = max(done, n)
		}
	}
	_ = cmd.Wait() // killed
	return done
}

// After each kill -9 in the middle of rewriting, the file is one that was written as a whole, and nothing that was reported as done is lost.
func TestKill(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{})
	require.NoError(t, swapOnce(t.Context(), f, nil, numbered(t, 1, manyKeys())))
	left := 0
	for range rounds {
		done := kill(t, "rewrite", path)
		data, err := f.LoadKeys(t.Context())
		require.NoError(t, err)
		n, err := number(data)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, n, done)
		assert.LessOrEqual(t, n, done+1)
		left += len(temporaries(t, path))
	}
	t.Logf("killed %d times, %d times with a temporary file", rounds, left)

	data, err := f.LoadKeys(t.Context())
	require.NoError(t, err)
	require.NoError(t, swapOnce(t.Context(), f, data, numbered(t, 1, manyKeys())))
	assert.Empty(t, temporaries(t, path))
}

// The check can fail: a program that writes in place is found out.
func TestKillFindsWritingInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	keys := manyKeys()
	for range 200 {
		require.NoError(t, os.WriteFile(path, numbered(t, 1, keys), 0o600))
		kill(t, "in place", path)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		if _, err := number(data); err != nil {
			require.ErrorIs(t, err, hardtack.ErrKeySet)
			return
		}
	}
	t.Error("never found a broken file")
}

func temporaries(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	require.NoError(t, err)
	return names
}

const counts = 40

// count adds 1 as many times, each time to what it finds.
func count(ctx context.Context, path string) error {
	f := keyfile.New(path, keyfile.Options{})
	for range counts {
		for swapped := false; !swapped; {
			old, err := f.LoadKeys(ctx)
			if err != nil {
				return err
			}
			s, err := hardtack.ParseKeySet(old)
			if err != nil {
				return err
			}
			s.Retain += time.Second
			new, err := s.Encode()
			if err != nil {
				return err
			}
			if swapped, err = f.SwapKeys(ctx, old, new); err != nil {
				return err
			}
		}
	}
	return nil
}

// Each change that is reported as made was made once, and none was lost.
func TestProcessesTakeTurns(t *testing.T) {
	const processes = 3
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{})
	require.NoError(t, swapOnce(t.Context(), f, nil, numbered(t, 1, manyKeys()[:3])))
	var running []*exec.Cmd
	var outputs [processes]bytes.Buffer
	for i := range processes {
		cmd := process(t, "count", path)
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[i]
		require.NoError(t, cmd.Start())
		running = append(running, cmd)
	}
	for i, cmd := range running {
		require.NoError(t, cmd.Wait(), "%s", &outputs[i])
	}
	data, err := f.LoadKeys(t.Context())
	require.NoError(t, err)
	n, err := number(data)
	require.NoError(t, err)
	assert.Equal(t, 1+processes*counts, n)
	assert.Empty(t, temporaries(t, path))
}

// open opens the ring when it is told to, and says what seals.
func open(ctx context.Context, path string) error {
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	ring, err := keyfile.Open(ctx, path, hardtack.KeyringConfig{})
	if err != nil {
		return err
	}
	id, err := ring.SealingKey(time.Now())
	if err != nil {
		return err
	}
	fmt.Println(id)
	return ring.Close()
}

// Servers that start at once without a file end with one key.
func TestColdStart(t *testing.T) {
	const processes = 8
	path := filepath.Join(t.TempDir(), "keys.json")
	var running []*exec.Cmd
	var starts []io.WriteCloser
	var outputs []*bufio.Reader
	for range processes {
		cmd := process(t, "open", path)
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		reader := bufio.NewReader(out)
		line, err := reader.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", line)
		running, starts, outputs = append(running, cmd), append(starts, in), append(outputs, reader)
	}
	for _, in := range starts {
		_, err := io.WriteString(in, "\n")
		require.NoError(t, err)
	}
	sealing := map[string]bool{}
	for i, cmd := range running {
		line, err := io.ReadAll(outputs[i])
		require.NoError(t, err)
		require.NoError(t, cmd.Wait(), "%s", line)
		sealing[strings.TrimSpace(string(line))] = true
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	s, err := hardtack.ParseKeySet(data)
	require.NoError(t, err)
	require.Len(t, s.Keys, 1)
	assert.Equal(t, map[string]bool{s.Keys[0].ID().String(): true}, sealing)
}

// swap replaces what is there, and says what went wrong.
func swap(ctx context.Context, path string) error {
	f := keyfile.New(path, keyfile.Options{InsecureFileMode: true})
	old, err := f.LoadKeys(ctx)
	if err != nil {
		return err
	}
	err = swapOnce(ctx, f, old, append([]byte(" "), old...))
	for _, known := range []error{keyfile.ErrFileOwner, keyfile.ErrLocked, hardtack.ErrReadOnlyKeys} {
		if errors.Is(err, known) {
			return fmt.Errorf("[%w] %w", known, err)
		}
	}
	return err
}
