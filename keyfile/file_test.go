package keyfile_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

func TestPath(t *testing.T) {
	assert.Equal(t, "some/where", keyfile.New("some/where", keyfile.Options{}).Path())
	for _, f := range []*keyfile.File{{}, keyfile.New("", keyfile.Options{})} {
		_, err := f.LoadKeys(t.Context())
		assert.EqualError(t, err, "key file: its path is empty")
		_, err = f.SwapKeys(t.Context(), nil, []byte("new"))
		assert.EqualError(t, err, "key file: its path is empty")
	}
}

func TestSwap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{})
	data, err := f.LoadKeys(t.Context())
	require.NoError(t, err)
	assert.Nil(t, data)

	for _, c := range []struct {
		name     string
		old, new []byte
		swapped  bool
	}{
		{"something where nothing is", []byte("one"), []byte("two"), false},
		{"emptiness where nothing is", []byte{}, []byte("two"), false},
		{"creation", nil, []byte("one"), true},
		{"a second creation", nil, []byte("two"), false},
		{"change", []byte("one"), []byte("two"), true},
		{"what was true once", []byte("one"), []byte("three"), false},
		{"a part of it", []byte("tw"), []byte("three"), false},
		{"to nothing", []byte("two"), []byte{}, true},
		{"an empty file is not none", nil, []byte("three"), false},
		{"from nothing", []byte{}, []byte("three"), true},
	} {
		before, _ := os.ReadFile(path)
		swapped, err := f.SwapKeys(t.Context(), c.old, c.new)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.swapped, swapped, c.name)
		if !swapped {
			c.new = before
		}
		after, _ := os.ReadFile(path)
		assert.Equal(t, string(c.new), string(after), c.name)
		assert.Empty(t, temporaries(t, path), c.name)
	}
}

func TestEmptyFileIsNotNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	data, err := keyfile.New(path, keyfile.Options{}).LoadKeys(t.Context())
	require.NoError(t, err)
	assert.NotNil(t, data)
	assert.Empty(t, data)
}

func TestSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{})
	long := bytes.Repeat([]byte{'x'}, hardtack.MaxKeySetSize+1)
	_, err := f.SwapKeys(t.Context(), nil, long)
	assert.ErrorIs(t, err, keyfile.ErrFileSize)
	require.NoFileExists(t, path)
	require.NoError(t, swapOnce(t.Context(), f, nil, long[1:]))
	data, err := f.LoadKeys(t.Context())
	require.NoError(t, err)
	assert.Len(t, data, hardtack.MaxKeySetSize)

	require.NoError(t, os.WriteFile(path, long, 0o600))
	_, err = f.LoadKeys(t.Context())
	assert.ErrorIs(t, err, keyfile.ErrFileSize)
	_, err = f.SwapKeys(t.Context(), long, []byte("new"))
	assert.ErrorIs(t, err, keyfile.ErrFileSize)
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f := keyfile.New(dir, keyfile.Options{InsecureFileMode: true})
	_, err := f.LoadKeys(t.Context())
	assert.ErrorIs(t, err, keyfile.ErrNotRegular)
	_, err = f.SwapKeys(t.Context(), nil, []byte("new"))
	assert.ErrorIs(t, err, keyfile.ErrNotRegular)
	_ = os.Remove(dir + ".lock")

	missing := keyfile.New(filepath.Join(dir, "missing", "keys.json"), keyfile.Options{})
	_, err = missing.LoadKeys(t.Context())
	assert.ErrorIs(t, err, keyfile.ErrNoFolder)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = missing.SwapKeys(t.Context(), nil, []byte("new"))
	assert.ErrorIs(t, err, keyfile.ErrNoFolder)
	assert.Contains(t, err.Error(), missing.Path())
	assert.NoFileExists(t, filepath.Join(dir, "missing"), "nothing is made")
}

func TestContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{})
	reason := errors.New("the shop closes")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	_, err := f.LoadKeys(ctx)
	assert.ErrorIs(t, err, reason)
	_, err = f.SwapKeys(ctx, nil, []byte("new"))
	assert.ErrorIs(t, err, reason)
	assert.NotErrorIs(t, err, keyfile.ErrLocked)
	assert.NoFileExists(t, path)
}

// Only files that the writer names so are removed.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	swept := []string{".keys.json.0123456789abcdef.tmp", ".keys.json.ffffffffffffffff.tmp"}
	kept := []string{".keys.json.0123456789abcde.tmp", ".keys.json.0123456789abcdef", ".keys.json.0123456789abcdeg.tmp", "keys.json.0123456789abcdef.tmp",
		".other.json.0123456789abcdef.tmp", ".keys.json.0123456789abcdef.tmp.tmp", ".keys.json.x.0123456789abcdef.tmp", ".keys.json.tmp"}
	for _, name := range append(swept, kept...) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600))
	}
	f := keyfile.New(path, keyfile.Options{})
	swapped, err := f.SwapKeys(t.Context(), []byte("stale"), []byte("new"))
	require.NoError(t, err)
	require.False(t, swapped)
	require.NoError(t, swapOnce(t.Context(), f, nil, []byte("new")))
	for _, name := range swept {
		assert.NoFileExists(t, filepath.Join(dir, name))
	}
	for _, name := range kept {
		assert.FileExists(t, filepath.Join(dir, name))
	}
}

// Readers that ask without end see whole documents only, one after the other.
func TestReadersBesideAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{})
	keys := manyKeys()
	old := numbered(t, 1, keys)
	require.NoError(t, swapOnce(t.Context(), f, nil, old))
	var done atomic.Bool
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			last := 0
			for !done.Load() {
				data, err := f.LoadKeys(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				n, err := number(data)
				if !assert.NoError(t, err) || !assert.GreaterOrEqual(t, n, last) {
					return
				}
				last = n
			}
		})
	}
	for n := 2; n <= 60; n++ {
		new := numbered(t, n, keys)
		require.NoError(t, swapOnce(t.Context(), f, old, new))
		old = new
	}
	done.Store(true)
	all.Wait()
}

// Of goroutines that want the same change, one makes it.
func TestOneWins(t *testing.T) {
	f := keyfile.New(filepath.Join(t.TempDir(), "keys.json"), keyfile.Options{})
	var old []byte
	for round := range 5 {
		var winners atomic.Int32
		var winner atomic.Value
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				new := strings.Repeat("x", 8*round+i+1)
				swapped, err := f.SwapKeys(t.Context(), old, []byte(new))
				assert.NoError(t, err)
				if swapped {
					winners.Add(1)
					winner.Store(new)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, winners.Load())
		data, err := f.LoadKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, winner.Load(), string(data))
		old = data
	}
}

// No error has a trace of what is in the file.
func TestErrorsHoldNoContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	const secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ"
	require.NoError(t, os.WriteFile(path, []byte(secret), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := keyfile.Open(ctx, path, hardtack.KeyringConfig{})
	require.ErrorIs(t, err, hardtack.ErrKeySet)
	assert.NotContains(t, err.Error(), secret[:6])
}
