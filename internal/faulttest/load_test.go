package faulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
)

var errAway = errors.New("away")

// flaky is a MemoryStore that fails on demand.
type flaky struct {
	*hardtack.MemoryStore
	mode atomic.Int32
}

const (
	works  = iota
	random // calls fail at random, before they take effect or after
	after  // writes take effect and fail
	away   // everything fails
	lossy  // some writes are forgotten
)

func newFlaky() *flaky {
	return &flaky{MemoryStore: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})}
}

func (s *flaky) fails(mode int32) bool {
	switch s.mode.Load() {
	case random:
		return rand.IntN(3) == 0
	case mode:
		return true
	}
	return false
}

func (s *flaky) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if s.fails(away) {
		return nil, false, errAway
	}
	return s.MemoryStore.Find(ctx, id)
}

func (s *flaky) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	if s.fails(away) {
		return false, errAway
	}
	if s.mode.Load() == lossy && rand.IntN(20) == 0 {
		return true, nil
	}
	swapped, err := s.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
	if s.fails(after) {
		return false, errAway
	}
	return swapped, err
}

var _ hardtack.CompareAndSwapper = (*flaky)(nil)

func start(t *testing.T, store hardtack.Store) (*faulttest.Server, *faulttest.Load) {
	server := faulttest.NewServer(t, store)
	load := faulttest.NewLoad(t, server.URL, faulttest.Options{Sessions: 20, Tabbed: 3})
	load.Start()
	load.Proceed(t, 100)
	return server, load
}

func TestLoad(t *testing.T) {
	store := newFlaky()
	server, load := start(t, store)
	for range 10 {
		for _, mode := range []int32{random, works, after, away, works} {
			store.mode.Store(mode)
			load.Proceed(t, 20)
		}
	}
	counts := load.Finish()
	counts.Check(t)
	assert.Equal(t, 23, counts.Sessions)
	assert.NotZero(t, counts.Unavailable)
	assert.NotZero(t, server.Overflowed.Load())
	assert.NotZero(t, server.Returned.Load())
	assert.NotZero(t, server.StoreErrors.Load())
}

func TestLoadSeesWhatIsLost(t *testing.T) {
	store := newFlaky()
	_, load := start(t, store)
	store.mode.Store(lossy)
	require.Eventually(t, func() bool { c := load.Counts(); return c.Lost+c.LoggedOut > 0 }, time.Minute, time.Millisecond,
		"a store that forgets writes was not noticed")
	store.mode.Store(works)
	counts := load.Finish()
	assert.Less(t, counts.ReadBack, counts.Sessions, "%v", counts)
}

func TestLoadSeesWhatIsMixedUp(t *testing.T) {
	_, load := start(t, newFlaky())
	load.SwapCookies()
	counts := load.Finish()
	assert.NotZero(t, counts.MixedUp, "%v", counts)
}

func TestReport(t *testing.T) {
	name := filepath.Join(t.TempDir(), "counts")
	t.Setenv(faulttest.File, name)
	faulttest.Counts{Sessions: 3, Acknowledged: 4}.Report(t, "memory", "none")
	faulttest.Counts{Sessions: 5}.Report(t, "memory", "all")
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	d := json.NewDecoder(strings.NewReader(string(data)))
	var row faulttest.Row
	require.NoError(t, d.Decode(&row))
	assert.Equal(t, faulttest.Row{Store: "memory", Fault: "none", Counts: faulttest.Counts{Sessions: 3, Acknowledged: 4}}, row)
	require.NoError(t, d.Decode(&row))
	assert.Equal(t, "all", row.Fault)
}
