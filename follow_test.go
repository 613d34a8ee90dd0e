package hardtack_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// flStore is a KeyStore in memory, with the faults that a real one cannot be made to show at will.
type flStore struct {
	mu       sync.Mutex
	data     []byte
	err      error         // of every call
	lost     bool          // the answer of the next swap is lost, but it is made
	hang     chan struct{} // until it is closed, loads do not answer
	deaf     bool          // nor heed their context
	loads    atomic.Int64
	swaps    atomic.Int64
	beforeBy func() // is called before each swap
}

func (s *flStore) LoadKeys(ctx context.Context) ([]byte, error) {
	s.loads.Add(1)
	s.mu.Lock()
	hang, deaf := s.hang, s.deaf
	s.mu.Unlock()
	switch {
	case deaf:
		<-hang
	case hang != nil:
		select {
		case <-hang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data, s.err
}

func (s *flStore) SwapKeys(_ context.Context, old, new []byte) (bool, error) {
	if s.beforeBy != nil {
		s.beforeBy()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	if (old == nil) != (s.data == nil) || !bytes.Equal(old, s.data) {
		return false, nil
	}
	s.swaps.Add(1)
	s.data = bytes.Clone(new)
	if s.lost {
		s.lost = false
		return false, errors.New("the answer was lost")
	}
	return true, nil
}

func (s *flStore) set(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = data
}

func (s *flStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *flStore) get(t testing.TB) hardtack.KeySet {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	set, err := hardtack.ParseKeySet(s.data)
	require.NoError(t, err)
	return set
}

// flPrivate is one that may hold secrets in the clear.
type flPrivate struct{ flStore }

func (*flPrivate) ConfidentialKeys() {}

// flEvents are what an observer has heard.
type flEvents struct {
	mu        sync.Mutex
	changes   []hardtack.KeyChange
	faults    []error
	recovered int
}

func (e *flEvents) observer() hardtack.KeyObserver {
	return hardtack.KeyObserver{
		Changed: func(_ context.Context, c hardtack.KeyChange) {
			e.mu.Lock()
			e.changes = append(e.changes, c)
			e.mu.Unlock()
		},
		Fault:     func(_ context.Context, err error) { e.mu.Lock(); e.faults = append(e.faults, err); e.mu.Unlock() },
		Recovered: func(context.Context) { e.mu.Lock(); e.recovered++; e.mu.Unlock() },
	}
}

func (e *flEvents) fault() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.faults...)
}

// flOpen returns a ring that looks when it is told to.
func flOpen(t testing.TB, source hardtack.KeySource, change ...func(*hardtack.KeyringConfig)) *hardtack.Keyring {
	t.Helper()
	c := hardtack.KeyringConfig{Interval: time.Hour}
	for _, f := range change {
		f(&c)
	}
	ring, err := hardtack.OpenKeyring(t.Context(), source, c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, ring.Close()) })
	return ring
}

// flAnnounce adds a key that seals at once, and not in the millisecond of another.
func flAnnounce(s hardtack.KeySet) (hardtack.KeySet, error) {
	time.Sleep(2 * time.Millisecond)
	s, _ = s.Announce(time.Now(), time.Now())
	return s, nil
}

func flSealing(t testing.TB, ring *hardtack.Keyring, now time.Time) hardtack.KeyID {
	t.Helper()
	id, err := ring.SealingKey(now)
	require.NoError(t, err)
	return id
}

func TestOpenKeyringMakesTheFirstKeyOnce(t *testing.T) {
	store := new(flPrivate)
	const servers = 16
	var wg sync.WaitGroup
	ids := make([]hardtack.KeyID, servers)
	for i := range servers {
		wg.Go(func() {
			ring := flOpen(t, store)
			ids[i] = flSealing(t, ring, time.Now())
		})
	}
	wg.Wait()
	for _, id := range ids {
		assert.Equal(t, ids[0], id)
	}
	assert.Len(t, store.get(t).Keys, 1)
	assert.EqualValues(t, 1, store.swaps.Load())
}

func TestOpenKeyringRefuses(t *testing.T) {
	good := ksEncode(t, ksFull(t))
	wrapped, err := ksFull(t).Wrap(t.Context(), kwXOR{})
	require.NoError(t, err)
	sealed := ksEncode(t, wrapped)
	down := errors.New("down")
	for name, c := range map[string]struct {
		source hardtack.KeySource
		config hardtack.KeyringConfig
		want   error
	}{
		"nothing":             {&flPrivate{}, hardtack.KeyringConfig{MustExist: true}, hardtack.ErrNoKeySet},
		"nothing, read-only":  {hardtack.KeySourceFunc(func(context.Context) ([]byte, error) { return nil, nil }), hardtack.KeyringConfig{}, hardtack.ErrNoKeySet},
		"broken":              {&flPrivate{flStore{data: good[:len(good)/2]}}, hardtack.KeyringConfig{}, hardtack.ErrKeySet},
		"empty":               {&flPrivate{flStore{data: []byte{}}}, hardtack.KeyringConfig{}, hardtack.ErrKeySet},
		"down":                {&flPrivate{flStore{err: down}}, hardtack.KeyringConfig{}, hardtack.ErrKeySource},
		"wrapped, no wrapper": {&flPrivate{flStore{data: sealed}}, hardtack.KeyringConfig{}, hardtack.ErrKeyWrapped},
		"wrapper fails":       {&flPrivate{flStore{data: sealed}}, hardtack.KeyringConfig{Wrapper: kwXOR{down}}, hardtack.ErrKeyWrapping},
		"plaintext":           {&flStore{data: good}, hardtack.KeyringConfig{Wrapper: kwXOR{}}, hardtack.ErrPlaintextKey},
		"plaintext in a file": {&flPrivate{flStore{data: good}}, hardtack.KeyringConfig{Wrapper: kwXOR{}}, hardtack.ErrPlaintextKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hardtack.OpenKeyring(t.Context(), c.source, c.config)
			require.ErrorIs(t, err, c.want)
			for _, k := range ksFull(t).Keys {
				for _, trace := range jrTraces(k.ExposeSecret()) {
					assert.NotContains(t, err.Error(), trace)
				}
			}
		})
	}
	for field, c := range map[string]struct {
		source hardtack.KeySource
		config hardtack.KeyringConfig
	}{
		"(source)":             {nil, hardtack.KeyringConfig{}},
		"Wrapper":              {&flStore{}, hardtack.KeyringConfig{}},
		"Interval":             {&flPrivate{}, hardtack.KeyringConfig{Interval: -1}},
		"Timeout":              {&flPrivate{}, hardtack.KeyringConfig{Timeout: -1}},
		"Rotation":             {hardtack.EnvKeys("NONE"), hardtack.KeyringConfig{Rotation: &hardtack.RotationPolicy{}}},
		"Rotation.Propagation": {&flPrivate{}, hardtack.KeyringConfig{Rotation: &hardtack.RotationPolicy{Propagation: time.Second}}},
	} {
		_, err := hardtack.OpenKeyring(t.Context(), c.source, c.config)
		var fault *hardtack.ConfigError
		require.ErrorAs(t, err, &fault, field)
		assert.Equal(t, field, fault.Field)
	}
}

func TestRingFollowsItsSource(t *testing.T) {
	store, events := new(flPrivate), new(flEvents)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Interval = 20 * time.Millisecond; c.Observer = events.observer() })
	first := flSealing(t, ring, time.Now())
	set, err := hardtack.UpdateKeys(t.Context(), store, nil, flAnnounce)
	require.NoError(t, err)
	require.Len(t, set.Keys, 2)
	require.Eventually(t, func() bool { return flSealing(t, ring, time.Now()) != first }, 10*time.Second, 5*time.Millisecond)
	events.mu.Lock()
	require.Len(t, events.changes, 1)
	assert.Equal(t, []hardtack.KeyID{set.Keys[0].ID()}, events.changes[0].Added)
	assert.Equal(t, set.Keys[0].ID(), events.changes[0].Sealing)
	events.mu.Unlock()
	require.NoError(t, ring.Health().Err())
	require.ErrorIs(t, ring.Replace(jrAt(0)), hardtack.ErrFollowsSource)

	require.NoError(t, ring.Close())
	require.NoError(t, ring.Close())
	loads := store.loads.Load()
	time.Sleep(100 * time.Millisecond)
	assert.Equal(t, loads, store.loads.Load(), "a closed ring asks nobody")
	flSealing(t, ring, time.Now())
}

// Nothing that a source says or fails to say takes a working ring away.
func TestBadSourceLeavesTheRing(t *testing.T) {
	store, events := new(flPrivate), new(flEvents)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Observer = events.observer() })
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring})
	pair := jrStart(t, jar, jrData{N: 1})
	good := ksEncode(t, store.get(t))
	other := ksEncode(t, hardtack.KeySet{Keys: []hardtack.Key{jrAt(-1000 * time.Hour)}})
	down := errors.New("down")
	for _, c := range []struct {
		name string
		data []byte
		err  error
		want error
	}{
		{"cut", good[:len(good)-5], nil, hardtack.ErrKeySet},
		{"empty", []byte{}, nil, hardtack.ErrKeySet},
		{"gone", nil, nil, hardtack.ErrNoKeySet},
		{"down", good, down, down},
		{"others", other, nil, hardtack.ErrKeyMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			store.set(c.data)
			store.fail(c.err)
			events.mu.Lock()
			events.faults, events.recovered = nil, 0
			events.mu.Unlock()
			_ = ring.Refresh(t.Context())
			_ = ring.Refresh(t.Context())
			require.ErrorIs(t, ring.Health().Err(), c.want)
			require.ErrorIs(t, events.fault(), c.want)
			assert.Len(t, events.faults, 1, "told once")
			jrOpen(t, jar, pair)
			jrOpen(t, jar, jrStart(t, jar, jrData{}))

			store.set(good)
			store.fail(nil)
			require.NoError(t, ring.Refresh(t.Context()))
			if c.name != "others" { // whose key the good set lacks, in turn
				require.NoError(t, ring.Health().Err())
				assert.Equal(t, 1, events.recovered)
			}
			jrOpen(t, jar, pair)
		})
	}
}

func TestSourceThatHangs(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Interval, c.Timeout = 10*time.Millisecond, 20*time.Millisecond })
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring})
	pair := jrStart(t, jar, jrData{})
	hang := make(chan struct{})
	store.mu.Lock()
	store.hang, store.deaf = hang, true
	store.mu.Unlock()
	require.Eventually(t, func() bool { return ring.Health().Err() != nil }, 10*time.Second, 10*time.Millisecond)
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrKeySource)
	jrOpen(t, jar, pair)
	require.ErrorIs(t, ring.Refresh(t.Context()), context.DeadlineExceeded)
	store.mu.Lock()
	store.hang, store.deaf = nil, false
	store.mu.Unlock()
	close(hang)
	require.Eventually(t, func() bool { return ring.Health().Err() == nil }, 10*time.Second, 10*time.Millisecond)
}

func TestUnknownKeyRereads(t *testing.T) {
	store := new(flPrivate)
	a := flOpen(t, store)
	b := flOpen(t, store)
	c := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.NoReread = true })
	jarA := jrNew[jrData](t, hardtack.Config{Keys: a})
	jarB := jrNew[jrData](t, hardtack.Config{Keys: b})
	jarC := jrNew[jrData](t, hardtack.Config{Keys: c})
	// A key that seals at once, against all advice.
	require.NoError(t, a.Update(t.Context(), flAnnounce))
	pair := jrStart(t, jarA, jrData{N: 7})
	_, s := jrOpen(t, jarB, pair)
	assert.Equal(t, 7, s.Data.N)
	_, err := jarC.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)

	// Also when another cookie with an unknown key was looked for a moment before.
	stranger := jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring()}), jrData{})
	loads := store.loads.Load()
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			_, err := jarB.Get(jrRequest(stranger))
			assert.ErrorIs(t, err, hardtack.ErrUnknownKey)
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, store.loads.Load()-loads, int64(2), "shared by all requests")
	require.NoError(t, a.Update(t.Context(), flAnnounce))
	loads = store.loads.Load()
	_, s = jrOpen(t, jarB, jrStart(t, jarA, jrData{N: 8}))
	assert.Equal(t, 8, s.Data.N)
	assert.Equal(t, loads+1, store.loads.Load())

	// What is no token asks nobody.
	loads = store.loads.Load()
	for _, pair := range []string{hardtack.DefaultName + "=x", hardtack.DefaultName + "=" + strings.Repeat("A", 200)} {
		_, err := jarB.Get(jrRequest(pair))
		require.ErrorIs(t, err, hardtack.ErrMalformed)
	}
	assert.Equal(t, loads, store.loads.Load())

	// A client that goes away does not wait.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = jarB.Get(jrRequest(stranger).WithContext(ctx))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)

	uses := b.Use()
	last := uses[len(uses)-1]
	assert.EqualValues(t, 201, last.Refused, "%+v", last)
	assert.Zero(t, last.State)
	assert.False(t, last.SafeToRetire)
}

func TestManyUnknownKeys(t *testing.T) {
	ring := jrRing(t, jrAt(-time.Hour))
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring})
	for range 100 {
		stranger := jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring()}), jrData{})
		_, err := jar.Get(jrRequest(stranger))
		require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	}
	uses := ring.Use()
	assert.Len(t, uses, 1+64+1, "clients cannot fill the memory")
	assert.Equal(t, hardtack.KeyID{}, uses[1].ID)
	assert.EqualValues(t, 36, uses[1].Refused)
}

func TestRotationByTheFleet(t *testing.T) {
	store := &flStore{}
	clock := newJrClock()
	clock.set(rtEpoch)
	p := &hardtack.RotationPolicy{Every: 3 * rtDay, Propagation: 2 * time.Hour}
	const servers = 4
	var rings []*hardtack.Keyring
	var jars []*hardtack.Jar[jrData]
	for i := range servers {
		now := func() time.Time { return clock.now().Add(time.Duration(i) * 30 * time.Second) }
		ring := flOpen(t, store, func(c *hardtack.KeyringConfig) {
			c.Rotation, c.Now, c.Wrapper = p, now, kwXOR{}
		})
		rings = append(rings, ring)
		jars = append(jars, jrNew[jrData](t, hardtack.Config{Keys: ring, Now: now}))
	}
	pair := jrStart(t, jars[0], jrData{N: 1})
	retired := ""
	sealed := map[hardtack.KeyID]bool{}
	for step := range 4 * 24 * 30 { // a month, in steps of a quarter of an hour
		clock.set(clock.now().Add(15 * time.Minute))
		var wg sync.WaitGroup
		for i, ring := range rings {
			if step%servers == i { // each looks once an hour, as late as the policy allows
				wg.Go(func() { assert.NoError(t, ring.Refresh(t.Context())) })
			}
		}
		wg.Wait()
		j := jars[step%servers]
		r, s := jrOpen(t, j, pair)
		sealed[s.KeyID()] = true
		if step%40 == 0 {
			s.Renew()
			retired, pair = pair, jrPut(t, j, r, s)
		} else if lines := jrTouch(t, j, r, s); len(lines) > 0 {
			pair = jrPair(lines[0])
		}
	}
	assert.InDelta(t, 10, len(sealed), 1)
	set := store.get(t)
	assert.LessOrEqual(t, len(set.Keys), 3)
	for _, k := range set.Keys {
		assert.True(t, k.Wrapped() || k.Erased())
	}
	for _, ring := range rings {
		require.NoError(t, ring.Refresh(t.Context()))
		require.NoError(t, ring.Health().Err())
	}
	_, err := jars[0].Get(jrRequest(retired))
	require.NoError(t, err, "still alive")
	clock.set(clock.now().Add(3 * rtDay))
	_, err = jars[0].Get(jrRequest(retired))
	require.Error(t, err)
}

func TestSourceGoneBackInTime(t *testing.T) {
	store, events := &flPrivate{}, new(flEvents)
	clock := newJrClock()
	clock.set(rtEpoch)
	follow := func(c *hardtack.KeyringConfig) {
		c.Now, c.Rotation, c.Observer = clock.now, &hardtack.RotationPolicy{Every: 3 * rtDay, Propagation: 2 * time.Hour}, events.observer()
	}
	ring := flOpen(t, store, follow)
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	old := ksEncode(t, store.get(t))
	first := flSealing(t, ring, clock.now())

	clock.set(rtEpoch.Add(3*rtDay - 2*time.Hour))
	require.NoError(t, ring.Refresh(t.Context()))
	clock.set(rtEpoch.Add(3*rtDay + time.Hour))
	require.NoError(t, ring.Refresh(t.Context()))
	second := flSealing(t, ring, clock.now())
	require.NotEqual(t, first, second)
	pair := jrStart(t, jar, jrData{})

	for name, back := range map[string][]byte{"an older set": old, "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			events.faults = nil
			store.set(back)
			require.NoError(t, ring.Refresh(t.Context()))
			jrOpen(t, jar, pair)
			assert.Error(t, events.fault())
			// It has been put back, for those that start now.
			late := flOpen(t, store, follow)
			lateJar := jrNew[jrData](t, hardtack.Config{Keys: late, Now: clock.now})
			jrOpen(t, lateJar, pair)
			assert.Equal(t, second, flSealing(t, late, clock.now()))
		})
	}

	before := ksEncode(t, store.get(t))
	require.NoError(t, ring.Revoke(t.Context(), second))
	_, err := jar.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	store.set(before) // as it was before the revocation
	require.NoError(t, ring.Refresh(t.Context()))
	late := flOpen(t, store, follow)
	_, err = jrNew[jrData](t, hardtack.Config{Keys: late, Now: clock.now}).Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)

	// Without a policy a ring keeps what it has, and says so, but writes nothing.
	passive := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = clock.now })
	store.set(old)
	swaps := store.swaps.Load()
	require.NoError(t, passive.Refresh(t.Context()))
	require.ErrorIs(t, passive.Health().Err(), hardtack.ErrKeyMissing)
	assert.Equal(t, swaps, store.swaps.Load())
	// Until somebody tells it to.
	for _, back := range [][]byte{old, nil} {
		store.set(back)
		_ = passive.Refresh(t.Context())
		require.Error(t, passive.Health().Err())
		require.NoError(t, passive.Restore(t.Context()))
		require.NoError(t, passive.Health().Err())
		for _, k := range passive.Keys() {
			there, ok := store.get(t).Find(k.ID())
			assert.True(t, ok && there.Revoked() == k.Revoked())
		}
	}
	require.ErrorIs(t, jrRing(t, jrAt(0)).Restore(t.Context()), hardtack.ErrReadOnlyKeys)
}

func TestRevokeReachesTheFleet(t *testing.T) {
	store := new(flPrivate)
	a, b := flOpen(t, store), flOpen(t, store)
	jarA, jarB := jrNew[jrData](t, hardtack.Config{Keys: a}), jrNew[jrData](t, hardtack.Config{Keys: b})
	leaked := flSealing(t, a, time.Now())
	pair := jrStart(t, jarA, jrData{})
	// The forged session launders itself into the next key before anybody notices.
	require.NoError(t, a.Update(t.Context(), flAnnounce))
	r, s := jrOpen(t, jarA, pair)
	laundered := jrPut(t, jarA, r, s)
	require.NotEqual(t, leaked, flSealing(t, a, time.Now()))
	honest := jrStart(t, jarA, jrData{N: 3})

	require.NoError(t, a.Revoke(t.Context(), leaked))
	require.NoError(t, b.Refresh(t.Context()))
	for _, j := range []*hardtack.Jar[jrData]{jarA, jarB} {
		for _, p := range []string{pair, laundered} {
			_, err := j.Get(jrRequest(p))
			require.ErrorIs(t, err, hardtack.ErrRevokedKey)
		}
		_, s := jrOpen(t, j, honest)
		assert.Equal(t, 3, s.Data.N)
	}
	// The one that seals now as well: a new one seals, the same everywhere.
	sealing := flSealing(t, a, time.Now())
	require.NoError(t, b.Revoke(t.Context(), sealing))
	require.NoError(t, a.Refresh(t.Context()))
	assert.Equal(t, flSealing(t, a, time.Now()), flSealing(t, b, time.Now()))
	assert.NotEqual(t, sealing, flSealing(t, a, time.Now()))
	jrOpen(t, jarB, jrStart(t, jarA, jrData{}))

	// A source that is away: it holds here, and the caller knows that it does not elsewhere.
	down := errors.New("down")
	store.fail(down)
	last := flSealing(t, a, time.Now())
	pair = jrStart(t, jarA, jrData{})
	require.ErrorIs(t, a.Revoke(t.Context(), last), down)
	_, err := jarA.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	store.fail(nil)
	t.Setenv("HARDTACK_TEST_KEYS", base64.StdEncoding.EncodeToString(jrAt(0).ExposeSecret()))
	env := flOpen(t, hardtack.EnvKeys("HARDTACK_TEST_KEYS"))
	id := flSealing(t, env, time.Now())
	require.ErrorIs(t, env.Revoke(t.Context(), id), hardtack.ErrReadOnlyKeys)
	assert.NotEqual(t, id, flSealing(t, env, time.Now()))
}

func TestUpdateKeys(t *testing.T) {
	store := &flPrivate{}
	// Many at once: none is lost.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := hardtack.UpdateKeys(t.Context(), store, nil, flAnnounce)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Len(t, store.get(t).Keys, 8)

	swaps := store.swaps.Load()
	_, err := hardtack.UpdateKeys(t.Context(), store, nil, func(s hardtack.KeySet) (hardtack.KeySet, error) { return s, nil })
	require.NoError(t, err)
	assert.Equal(t, swaps, store.swaps.Load(), "nothing to write")

	no := errors.New("no")
	_, err = hardtack.UpdateKeys(t.Context(), store, nil, func(hardtack.KeySet) (hardtack.KeySet, error) { return hardtack.KeySet{}, no })
	require.ErrorIs(t, err, no)
	_, err = hardtack.UpdateKeys(t.Context(), &flStore{}, nil, flAnnounce)
	require.ErrorIs(t, err, hardtack.ErrPlaintextKey)
	_, err = hardtack.UpdateKeys(t.Context(), &flStore{}, kwXOR{}, flAnnounce)
	require.NoError(t, err)

	racing := &flPrivate{}
	racing.beforeBy = func() {
		racing.mu.Lock()
		defer racing.mu.Unlock()
		racing.data = append(ksEncode(t, ksFull(t)), []byte(fmt.Sprint(strings.Repeat(" ", int(racing.loads.Load()))))...)
	}
	_, err = hardtack.UpdateKeys(t.Context(), racing, nil, flAnnounce)
	require.ErrorIs(t, err, hardtack.ErrKeysChanged)

	// Its answer lost, a swap may have been made; a ring finds out.
	lossy := &flPrivate{flStore{lost: true}}
	_, err = hardtack.OpenKeyring(t.Context(), lossy, hardtack.KeyringConfig{})
	require.ErrorIs(t, err, hardtack.ErrKeySource)
	ring := flOpen(t, lossy)
	assert.Equal(t, lossy.get(t).Keys[0].ID(), flSealing(t, ring, time.Now()))
}

func TestWrappedKeysAreUnwrappedOnce(t *testing.T) {
	store := &flStore{}
	w := &kwCounting{}
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Wrapper = w })
	assert.EqualValues(t, 1, w.wraps.Load())
	for i := range 3 {
		require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
			s, _ = s.Announce(time.Now().Add(time.Duration(i)*time.Hour), time.Now())
			return s, nil
		}))
		require.NoError(t, ring.Refresh(t.Context()))
	}
	assert.EqualValues(t, 4, w.wraps.Load())
	assert.EqualValues(t, 4, w.unwraps.Load())

	// Somebody who can write to the database, but not wrap, puts in a key of his own.
	mine := jrAt(0)
	forged := store.get(t)
	forged.Keys = append(forged.Keys, mine)
	store.set(ksEncode(t, forged))
	require.ErrorIs(t, ring.Refresh(t.Context()), hardtack.ErrPlaintextKey)
	assert.NotEqual(t, mine.ID(), flSealing(t, ring, time.Now().Add(1000*time.Hour)))

	// On its way from plaintext to wrapped, a source holds both.
	plain := &flStore{data: ksEncode(t, hardtack.KeySet{Keys: []hardtack.Key{mine}})}
	ring = flOpen(t, plain, func(c *hardtack.KeyringConfig) { c.Wrapper, c.InsecurePlaintextKeys = w, true })
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) { return s, nil }))
	assert.True(t, plain.get(t).Keys[0].Wrapped())
	assert.Equal(t, mine.ID(), flSealing(t, ring, time.Now()))
}

type kwCounting struct {
	kwXOR
	wraps, unwraps atomic.Int64
}

func (w *kwCounting) Wrap(ctx context.Context, secret []byte) ([]byte, error) {
	w.wraps.Add(1)
	return w.kwXOR.Wrap(ctx, secret)
}

func (w *kwCounting) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	w.unwraps.Add(1)
	return w.kwXOR.Unwrap(ctx, wrapped)
}

// kwSlow takes as long as a passphrase does, and then looks at its context.
type kwSlow struct{ kwXOR }

func (w kwSlow) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	time.Sleep(30 * time.Millisecond)
	return w.kwXOR.Unwrap(ctx, wrapped)
}

func TestSlowWrapper(t *testing.T) {
	var s hardtack.KeySet
	for i := range 10 {
		s, _ = s.Announce(rtEpoch.Add(time.Duration(i)*time.Hour), rtEpoch)
	}
	s, err := s.Wrap(t.Context(), kwSlow{})
	require.NoError(t, err)
	store := &flStore{data: ksEncode(t, s)}
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Wrapper, c.Timeout = kwSlow{}, 100*time.Millisecond })
	assert.Len(t, ring.Keys(), 10)
}
