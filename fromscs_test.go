package hardtack_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// fsItem is what a store of scs keeps.
type fsItem struct {
	data    []byte
	expires time.Time
}

// fsStore is a store like those of scs: it keeps the slices it is given, returns
// them, and knows no contexts.
type fsStore struct {
	mu    sync.Mutex
	items map[string]fsItem
	slow  time.Duration // what Commit takes
}

func (s *fsStore) Find(id string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.items[id]
	return i.data, ok, nil // whatever the expiry
}

func (s *fsStore) Commit(id string, data []byte, expires time.Time) error {
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items == nil {
		s.items = make(map[string]fsItem)
	}
	s.items[id] = fsItem{data, expires}
	return nil
}

func (s *fsStore) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, id)
	return nil
}

func (s *fsStore) has(id string) bool {
	_, found, _ := s.Find(id)
	return found
}

// fsCtxStore has the methods with a context; the others panic, as goredisstore's do.
type fsCtxStore struct {
	below fsStore
	seen  []any
}

type fsKey struct{}

func (s *fsCtxStore) Find(string) ([]byte, bool, error)      { panic("no context") }
func (s *fsCtxStore) Commit(string, []byte, time.Time) error { panic("no context") }
func (s *fsCtxStore) Delete(string) error                    { panic("no context") }
func (s *fsCtxStore) FindCtx(ctx context.Context, id string) ([]byte, bool, error) {
	s.seen = append(s.seen, ctx.Value(fsKey{}))
	return s.below.Find(id)
}
func (s *fsCtxStore) CommitCtx(ctx context.Context, id string, data []byte, expires time.Time) error {
	s.seen = append(s.seen, ctx.Value(fsKey{}))
	return s.below.Commit(id, data, expires)
}
func (s *fsCtxStore) DeleteCtx(ctx context.Context, id string) error {
	s.seen = append(s.seen, ctx.Value(fsKey{}))
	return s.below.Delete(id)
}

func TestFromSCSPrefersContexts(t *testing.T) {
	below := &fsCtxStore{}
	s := hardtack.FromSCS(below)
	ctx := context.WithValue(t.Context(), fsKey{}, "x")
	require.NoError(t, s.Commit(ctx, "id", []byte("data"), time.Now().Add(time.Hour)))
	data, found, err := s.Find(ctx, "id")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "data", string(data))
	require.NoError(t, s.Delete(ctx, "id"))
	assert.Equal(t, []any{"x", "x", "x"}, below.seen)
}

func TestFromSCSWithoutContexts(t *testing.T) {
	below := &fsStore{}
	s := hardtack.FromSCS(below)
	hour := time.Now().Add(time.Hour)
	require.NoError(t, s.Commit(t.Context(), "id", []byte("data"), hour))
	cause := assert.AnError
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, _, err := s.Find(ctx, "id")
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, s.Commit(ctx, "new", nil, hour), cause)
	require.ErrorIs(t, s.Delete(ctx, "id"), cause)
	assert.True(t, below.has("id"))
	assert.False(t, below.has("new"))
}

func TestFromSCSCopies(t *testing.T) {
	s := hardtack.FromSCS(&fsStore{})
	given := []byte("data")
	require.NoError(t, s.Commit(t.Context(), "id", given, time.Now().Add(time.Hour)))
	clear(given)
	for range 2 {
		data, _, err := s.Find(t.Context(), "id")
		require.NoError(t, err)
		assert.Equal(t, "data", string(data))
		clear(data)
	}
}

// An expiry that has passed must not become a time to live that is none.
func TestFromSCSPassedExpiry(t *testing.T) {
	below := &fsStore{}
	s := hardtack.FromSCS(below)
	require.NoError(t, s.Commit(t.Context(), "id", []byte("x"), time.Now().Add(time.Hour)))
	require.NoError(t, s.Commit(t.Context(), "id", []byte("y"), time.Now().Add(-time.Second)))
	assert.False(t, below.has("id"))

	below.slow = 20 * time.Millisecond
	require.NoError(t, s.Commit(t.Context(), "id", []byte("z"), time.Now().Add(10*time.Millisecond)))
	assert.False(t, below.has("id"), "it passed during the call")
}

func TestFromSCSNil(t *testing.T) {
	for name, s := range map[string]hardtack.SCSStore{"nil": nil, "nil pointer": (*fsStore)(nil), "nil pointer with contexts": (*fsCtxStore)(nil)} {
		store := hardtack.FromSCS(s)
		assert.Nil(t, store, name)
		_, err := hardtack.NewHybrid[hyData](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
		var fault *hardtack.ConfigError
		require.ErrorAs(t, err, &fault, name)
		assert.Equal(t, "(store)", fault.Field, name)
	}
}

func TestFromSCSIsNoMore(t *testing.T) {
	s := hardtack.FromSCS(&fsStore{})
	_, swaps := s.(hardtack.CompareAndSwapper)
	_, indexes := s.(hardtack.SubjectIndexer)
	_, sweeps := s.(hardtack.Sweeper)
	_, pings := s.(hardtack.Pinger)
	assert.Equal(t, [4]bool{}, [4]bool{swaps, indexes, sweeps, pings})
}
