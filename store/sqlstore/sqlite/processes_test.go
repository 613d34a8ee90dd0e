package sqlite_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const childFile = "HARDTACK_SQLITE_TEST_FILE"

const (
	counters   = 8
	goroutines = 64
	increments = 4 // of each goroutine
)

// TestProcesses has two processes with 64 goroutines each raise the same counters. Each increment that was
// acknowledged counts once.
func TestProcesses(t *testing.T) {
	if file := os.Getenv(childFile); file != "" {
		increment(t, file)
		return
	}
	file := filepath.Join(t.TempDir(), "sessions.db")
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			child := exec.Command(os.Args[0], "-test.run=^TestProcesses$", "-test.count=1")
			child.Env = append(os.Environ(), childFile+"="+file)
			out, err := child.CombinedOutput()
			assert.NoError(t, err, string(out))
		})
	}
	wg.Wait()
	store := quiet(file, t)
	sum := 0
	for i := range counters {
		data, found, err := store.Find(t.Context(), id(i))
		require.NoError(t, err)
		require.True(t, found)
		n, err := strconv.Atoi(string(data))
		require.NoError(t, err)
		sum += n
	}
	assert.Equal(t, 2*goroutines*increments, sum)
	var verdict string
	require.NoError(t, raw(t, file).QueryRow(`PRAGMA integrity_check`).Scan(&verdict))
	assert.Equal(t, "ok", verdict)
}

func increment(t *testing.T, file string) {
	store := quiet(file, t)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for done := 0; done < increments; {
				data, found, err := store.Find(t.Context(), id(g%counters))
				if !assert.NoError(t, err) {
					return
				}
				n := 0
				if found {
					n, _ = strconv.Atoi(string(data))
				}
				swapped, err := store.CompareAndSwap(t.Context(), id(g%counters), int64(n), int64(n+1), fmt.Append(nil, n+1), time.Now().Add(time.Hour))
				if !assert.NoError(t, err) {
					return
				}
				if swapped {
					done++
				}
			}
		})
	}
	wg.Wait()
}
