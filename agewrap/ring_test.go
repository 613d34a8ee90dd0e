package agewrap_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/agewrap"
)

// memory is a KeyStore that others than the servers may read.
type memory struct {
	mu   sync.Mutex
	data []byte
}

func (m *memory) LoadKeys(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data, nil
}

func (m *memory) SwapKeys(_ context.Context, old, new []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if (old == nil) != (m.data == nil) || !bytes.Equal(old, m.data) {
		return false, nil
	}
	m.data = bytes.Clone(new)
	return true, nil
}

// counting counts what it passes on.
type counting struct {
	hardtack.KeyWrapper
	mu      sync.Mutex
	unwraps int
}

func (c *counting) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unwraps++
	return c.KeyWrapper.Unwrap(ctx, wrapped)
}

type cart struct{ Items []string }

// clock is the time of all servers of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t *testing.T, source hardtack.KeySource, c hardtack.KeyringConfig) *hardtack.Keyring {
	t.Helper()
	c.Interval, c.Timeout = time.Hour, time.Minute // the tests look when they want to
	k, err := hardtack.OpenKeyring(t.Context(), source, c)
	require.NoError(t, err)
	t.Cleanup(func() { k.Close() })
	return k
}

func newJar(t *testing.T, k *hardtack.Keyring, c *clock) *hardtack.Jar[cart] {
	t.Helper()
	jar, err := hardtack.New[cart](hardtack.Config{Keys: k, Now: c.Now, Lifetime: time.Hour})
	require.NoError(t, err)
	return jar
}

func save(t *testing.T, jar *hardtack.Jar[cart], item string) *http.Cookie {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	_, err := jar.Update(w, r, func(s *hardtack.Session[cart]) error {
		s.Data.Items = []string{item}
		return nil
	})
	require.NoError(t, err)
	return w.Result().Cookies()[0]
}

func get(jar *hardtack.Jar[cart], c *http.Cookie) ([]string, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(c)
	s, err := jar.Get(r)
	return s.Data.Items, err
}

// A fleet of two rotates with a wrapped ring in a store that anybody may read.
func TestRing(t *testing.T) {
	for name, w := range wrappers(t) {
		t.Run(name, func(t *testing.T) {
			store, time1 := new(memory), &clock{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
			policy := &hardtack.RotationPolicy{Every: 24 * time.Hour, Propagation: 2 * time.Hour, Retain: 2 * time.Hour}
			first := &counting{KeyWrapper: w}
			config := hardtack.KeyringConfig{Wrapper: first, Rotation: policy, Now: time1.Now}
			a := open(t, store, config)
			second := &counting{KeyWrapper: w}
			config.Wrapper = second
			b := open(t, store, config)
			jarA, jarB := newJar(t, a, time1), newJar(t, b, time1)

			was, err := a.SealingKey(time1.Now())
			require.NoError(t, err)
			for day := range 5 {
				cookie := save(t, jarA, "biscuit")
				items, err := get(jarB, cookie)
				require.NoError(t, err, "day %d", day)
				assert.Equal(t, []string{"biscuit"}, items)
				for range 12 {
					time1.pass(2 * time.Hour)
					require.NoError(t, b.Refresh(t.Context()))
					require.NoError(t, a.Refresh(t.Context()))
				}
			}
			now, err := b.SealingKey(time1.Now())
			require.NoError(t, err)
			assert.NotEqual(t, was, now, "it has rotated")
			assert.Equal(t, a.Health().Sealing, now)
			require.NoError(t, a.Health().Err())

			set, err := hardtack.ParseKeySet(store.data)
			require.NoError(t, err)
			for _, k := range append(a.Keys(), b.Keys()...) {
				if exposed := k.ExposeSecret(); exposed != nil {
					assert.NotContains(t, string(store.data), string(exposed))
				}
			}
			secrets := 0
			for _, k := range set.Keys {
				assert.Nil(t, k.ExposeSecret(), "no secret is in the clear")
				if k.Wrapped() {
					secrets++
				}
			}
			assert.Positive(t, secrets)
			assert.LessOrEqual(t, first.unwraps, 7, "each key once: one at the start and one each day")
			assert.Positive(t, second.unwraps)
		})
	}
}

func TestRingRefusesPlaintextAndStrangers(t *testing.T) {
	plain := new(memory)
	open(t, plain, hardtack.KeyringConfig{InsecurePlaintextKeys: true})
	i := newIdentity(t)
	w := newWrapper(t, []age.Recipient{i.Recipient()}, []age.Identity{i})
	_, err := hardtack.OpenKeyring(t.Context(), plain, hardtack.KeyringConfig{Wrapper: w})
	assert.ErrorIs(t, err, hardtack.ErrPlaintextKey)

	store := new(memory)
	open(t, store, hardtack.KeyringConfig{Wrapper: w})
	_, err = hardtack.OpenKeyring(t.Context(), store, hardtack.KeyringConfig{Wrapper: newPassphrase(t, "x")})
	assert.ErrorIs(t, err, hardtack.ErrKeyWrapping)
	assert.ErrorIs(t, err, agewrap.ErrWrongIdentity)

	// A server that only reads has no recipients, and cannot rotate.
	reader := newWrapper(t, nil, []age.Identity{i})
	ring := open(t, store, hardtack.KeyringConfig{Wrapper: reader, MustExist: true})
	err = ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _ = s.Announce(time.Now(), time.Now())
		return s, nil
	})
	assert.ErrorIs(t, err, agewrap.ErrNoRecipients)

	// A tool that only writes has no identities, and can.
	writer := newWrapper(t, []age.Recipient{i.Recipient()}, nil)
	var id hardtack.KeyID
	_, err = hardtack.UpdateKeys(t.Context(), store, writer, func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, id = s.Announce(time.Now().Add(time.Hour), time.Now())
		return s, nil
	})
	require.NoError(t, err)
	require.NoError(t, ring.Refresh(t.Context()))
	require.Len(t, ring.Keys(), 2)
	assert.Equal(t, id, ring.Keys()[0].ID())
	assert.NotNil(t, ring.Keys()[0].ExposeSecret())
}

// From secrets in the clear to wrapped ones while sessions live.
func TestRingMovesFromPlaintext(t *testing.T) {
	store, time1 := new(memory), &clock{now: time.Now()}
	old := open(t, store, hardtack.KeyringConfig{InsecurePlaintextKeys: true, Now: time1.Now})
	cookie := save(t, newJar(t, old, time1), "biscuit")

	// First every server can read both.
	w := newPassphrase(t, "correct horse")
	both := open(t, store, hardtack.KeyringConfig{Wrapper: w, InsecurePlaintextKeys: true, Now: time1.Now})
	items, err := get(newJar(t, both, time1), cookie)
	require.NoError(t, err)
	assert.Equal(t, []string{"biscuit"}, items)

	// Any change wraps what is in the clear.
	require.NoError(t, both.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) { return s, nil }))
	set, err := hardtack.ParseKeySet(store.data)
	require.NoError(t, err)
	for _, k := range set.Keys {
		assert.True(t, k.Wrapped())
	}

	// Then none needs to.
	strict := open(t, store, hardtack.KeyringConfig{Wrapper: w, Now: time1.Now})
	items, err = get(newJar(t, strict, time1), cookie)
	require.NoError(t, err)
	assert.Equal(t, []string{"biscuit"}, items)
}
