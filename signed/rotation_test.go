package signed_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// forEach runs a test with each algorithm.
func forEach(t *testing.T, run func(*testing.T, signed.Algorithm)) {
	for _, a := range algorithms {
		t.Run(string(a), func(t *testing.T) { run(t, a) })
	}
}

func TestRotation(t *testing.T) {
	forEach(t, func(t *testing.T, a signed.Algorithm) {
		clock := newClock()
		first := keyOf(t, "first", time.Time{}, time.Time{})
		second := keyOf(t, "second", epoch.Add(time.Hour), time.Time{})
		ring := ringOf(t, first)
		jar := signedJar(t, ring, clock, a)
		pair := start(t, jar, "alice", cart{Total: 1})
		assert.Equal(t, first.ID().String(), keyIDOf(t, pair))
		_, s := resume(t, jar, pair)
		id, created, expires := s.ID(), s.Created(), s.Expires()
		assert.Equal(t, first.ID(), s.KeyID())

		// Announced: it verifies what a server with a clock ahead has signed, and signs nothing yet.
		require.NoError(t, ring.Replace(first, second))
		ahead := signedJar(t, ringOf(t, second), clock, a)
		r, s := resume(t, jar, start(t, ahead, "bob", cart{}))
		assert.Equal(t, second.ID(), s.KeyID())
		assert.Empty(t, touch(t, jar, r, s), "a key that does not sign yet is no reason to write")
		r, s = resume(t, jar, pair)
		assert.Empty(t, touch(t, jar, r, s))
		assert.Equal(t, first.ID().String(), keyIDOf(t, save(t, jar, r, s)))

		// It signs.
		clock.add(time.Hour)
		r, s = resume(t, jar, pair)
		assert.Equal(t, first.ID(), s.KeyID())
		moved := touch(t, jar, r, s)
		require.NotEmpty(t, moved)
		assert.Equal(t, second.ID().String(), keyIDOf(t, moved))
		r, s = resume(t, jar, moved)
		assert.Equal(t, id, s.ID())
		assert.Equal(t, "alice", s.Subject())
		assert.Equal(t, cart{Total: 1}, s.Data)
		assert.True(t, created.Equal(s.Created()))
		assert.True(t, expires.Equal(s.Expires()))
		assert.Empty(t, touch(t, jar, r, s))

		// The first one retires.
		retired, err := first.WithTimes(time.Time{}, epoch.Add(26*time.Hour))
		require.NoError(t, err)
		require.NoError(t, ring.Replace(retired, second))
		old := ringOf(t, first) // of a server that has not heard of it
		late := start(t, newJar[cart](t, hardtack.Config{
			Keys: old, Codec: newCodec(t, old, signed.Options{Algorithm: a}), Serializer: hardtack.JSON{}, Now: clock.now, Lifetime: 72 * time.Hour,
		}), "carol", cart{})
		resume(t, jar, late)
		clock.add(26 * time.Hour)
		_, err = jar.Get(request(late))
		assert.ErrorIs(t, err, hardtack.ErrUnknownKey)
	})
}

func TestRevocation(t *testing.T) {
	forEach(t, func(t *testing.T, a signed.Algorithm) {
		clock := newClock()
		first := keyOf(t, "first", epoch.Add(-time.Hour), time.Time{})
		second := keyOf(t, "second", epoch.Add(time.Hour), time.Time{})
		ring := ringOf(t, first, second)
		jar := signedJar(t, ring, clock, a)
		pair := start(t, jar, "alice", cart{})
		clock.add(time.Hour)
		r, s := resume(t, jar, pair)
		moved := touch(t, jar, r, s)
		r, s = resume(t, jar, moved)
		movedAndSaved := save(t, jar, r, s)
		fresh := start(t, jar, "bob", cart{})
		_, claims, _ := parts(t, valueOf(movedAndSaved))
		assert.Contains(t, claims, `"keys":["`+first.ID().String()+`"]`)

		require.NoError(t, ring.Revoke(t.Context(), first.ID()))
		for _, ended := range []string{pair, moved, movedAndSaved} {
			_, err := jar.Get(request(ended))
			assert.ErrorIs(t, err, hardtack.ErrRevokedKey)
		}
		_, s = resume(t, jar, fresh)
		assert.Equal(t, "bob", s.Subject())

		// The sealing key: another takes its place at once.
		require.NoError(t, ring.Revoke(t.Context(), second.ID()))
		_, err := jar.Get(request(fresh))
		assert.ErrorIs(t, err, hardtack.ErrRevokedKey)
		_, s = resume(t, jar, start(t, jar, "dora", cart{}))
		assert.NotEqual(t, second.ID(), s.KeyID())
	})
}

func TestKeyUseIsCounted(t *testing.T) {
	clock := newClock()
	key := keyOf(t, "counted", time.Time{}, time.Time{})
	ring := ringOf(t, key)
	jar := signedJar(t, ring, clock, signed.EdDSA)
	pair := start(t, jar, "alice", cart{})
	for range 3 {
		resume(t, jar, pair)
	}
	other := keyOf(t, "uncounted", time.Time{}, time.Time{})
	_, err := jar.Get(request(start(t, signedJar(t, ringOf(t, other), clock, signed.EdDSA), "bob", cart{})))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	require.NoError(t, ring.Replace(key, hardtack.GenerateKey(epoch.Add(-time.Minute), time.Time{})))
	require.NoError(t, ring.Revoke(t.Context(), key.ID()))
	_, err = jar.Get(request(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	uses := make(map[hardtack.KeyID]hardtack.KeyUse)
	for _, u := range ring.Use() {
		uses[u.ID] = u
	}
	assert.Equal(t, uint64(1), uses[key.ID()].Sealed)
	assert.Equal(t, uint64(3), uses[key.ID()].Opened)
	assert.Equal(t, uint64(1), uses[key.ID()].Refused)
	assert.Equal(t, uint64(1), uses[other.ID()].Refused)
}

// keySource is a source of keys that counts who looks.
type keySource struct {
	mu    sync.Mutex
	data  []byte
	loads atomic.Int64
}

func (s *keySource) LoadKeys(context.Context) ([]byte, error) {
	s.loads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data, nil
}

func (s *keySource) set(t testing.TB, keys ...hardtack.Key) {
	t.Helper()
	data, err := hardtack.KeySet{Keys: keys}.Encode()
	require.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = data
}

// A token whose key the ring does not know yet makes it look at its source, once.
func TestUnknownKeyIsLookedUp(t *testing.T) {
	clock := newClock()
	first, second := keyOf(t, "first", epoch.Add(-time.Hour), time.Time{}), keyOf(t, "second", epoch.Add(-time.Minute), time.Time{})
	source := new(keySource)
	source.set(t, first)
	ring, err := hardtack.OpenKeyring(t.Context(), source, hardtack.KeyringConfig{Interval: time.Hour})
	require.NoError(t, err)
	defer ring.Close()
	jar := signedJar(t, ring, clock, signed.EdDSA)
	pair := start(t, signedJar(t, ringOf(t, first, second), clock, signed.EdDSA), "alice", cart{})
	forged := pair[:len(pair)-20] + strings.Repeat("A", 20)

	source.set(t, first, second)
	before := source.loads.Load()
	_, err = jar.Get(request("__Host-session=eyJhbGciOiJub25lIn0.e30."))
	assert.ErrorIs(t, err, hardtack.ErrMalformed)
	assert.Equal(t, before, source.loads.Load(), "no token of ours is no reason to look")
	_, s := resume(t, jar, pair)
	assert.Equal(t, second.ID(), s.KeyID())
	assert.Equal(t, before+1, source.loads.Load())
	resume(t, jar, pair)
	_, err = jar.Get(request(forged))
	assert.ErrorIs(t, err, hardtack.ErrForged)
	assert.Equal(t, before+1, source.loads.Load())
}

// Derived keys are kept as long as the ring has theirs, and no longer.
func TestDerivedKeysAreForgotten(t *testing.T) {
	clock := newClock()
	first, second := keyOf(t, "first", epoch.Add(-2*time.Hour), epoch.Add(time.Hour)), keyOf(t, "second", epoch.Add(-time.Hour), time.Time{})
	ring := ringOf(t, first)
	codec := newCodec(t, ring, signed.Options{})
	b := func() hardtack.Binding { return hardtack.Binding{Name: cookieName, Now: clock.now()} }
	old := seal(t, codec, b(), record("1"))
	assert.Equal(t, []hardtack.KeyID{first.ID()}, codec.Derived())
	require.NoError(t, ring.Replace(first, second))
	seal(t, codec, b(), record("1"))
	open(t, codec, b(), old)
	assert.ElementsMatch(t, []hardtack.KeyID{first.ID(), second.ID()}, codec.Derived())

	// It has retired, and a cookie of it comes along.
	clock.add(2 * time.Hour)
	var rec hardtack.Record
	require.ErrorIs(t, codec.Open(t.Context(), b(), old, &rec), hardtack.ErrUnknownKey)
	assert.Equal(t, []hardtack.KeyID{second.ID()}, codec.Derived())

	// It was revoked, and the next one is written.
	require.NoError(t, ring.Revoke(t.Context(), second.ID()))
	seal(t, codec, b(), record("1"))
	assert.NotContains(t, codec.Derived(), second.ID())
	assert.Len(t, codec.Derived(), 1)

	// What was never a key of the ring leaves nothing behind.
	for i := range 1000 {
		other := newCodec(t, ringOf(t, hardtack.GenerateKey(time.Time{}, time.Time{})), signed.Options{})
		require.Error(t, codec.Open(t.Context(), b(), seal(t, other, b(), record("1")), &rec))
		if i == 0 || i == 999 {
			assert.Len(t, codec.Derived(), 1)
		}
	}
}

func TestConcurrentUseWhileKeysChange(t *testing.T) {
	forEach(t, func(t *testing.T, a signed.Algorithm) {
		clock := newClock()
		key := keyOf(t, "0", epoch.Add(-time.Hour), time.Time{})
		ring := ringOf(t, key)
		codec := newCodec(t, ring, signed.Options{Algorithm: a})
		jar := newJar[cart](t, hardtack.Config{Keys: ring, Codec: codec, Serializer: hardtack.JSON{}, Now: clock.now})
		jwks := func() {}
		if a != signed.HS256 {
			h := jwksHandler(t, clock, codec)
			jwks = func() { publicKeys(t, h) }
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				pair := start(t, jar, "alice", cart{})
				for range 100 {
					r := request(pair)
					s, err := jar.Get(r)
					if err != nil {
						assert.ErrorIs(t, err, hardtack.ErrRevokedKey)
					}
					pair = save(t, jar, r, s)
					jwks()
				}
			})
		}
		for i := range 20 {
			id, err := ring.SealingKey(clock.now())
			require.NoError(t, err)
			old := start(t, jar, "bob", cart{})
			assert.NoError(t, ring.Replace(append(ring.Keys(), hardtack.GenerateKey(epoch.Add(-time.Minute+time.Duration(i)*time.Second), time.Time{}))...))
			require.NoError(t, ring.Revoke(t.Context(), id))
			_, err = jar.Get(request(old))
			assert.ErrorIs(t, err, hardtack.ErrRevokedKey)
		}
		wg.Wait()
	})
}

func TestRenew(t *testing.T) {
	clock := newClock()
	ring := ringOf(t, keyOf(t, "renew", time.Time{}, time.Time{}))
	jar := signedJar(t, ring, clock, signed.EdDSA)
	pair := start(t, jar, "", cart{Total: 1})
	r, s := resume(t, jar, pair)
	before := s.ID()
	clock.add(time.Minute)
	s.SetSubject("alice")
	after := save(t, jar, r, s)
	_, claims, _ := parts(t, valueOf(after))
	assert.NotContains(t, claims, before)
	r, s = resume(t, jar, after)
	assert.NotEqual(t, before, s.ID())
	assert.Contains(t, claims, `"jti":"`+s.ID()+`"`)
	assert.Len(t, s.ID(), 22)
	// Any number of saves later it is still the same.
	id := s.ID()
	for range 3 {
		r, s = resume(t, jar, save(t, jar, r, s))
		assert.Equal(t, id, s.ID())
	}
}

func TestExpiry(t *testing.T) {
	clock := newClock()
	ring := ringOf(t, keyOf(t, "expiry", time.Time{}, time.Time{}))
	codec := newCodec(t, ring, signed.Options{})
	jar := newJar[cart](t, hardtack.Config{Keys: ring, Codec: codec, Serializer: hardtack.JSON{}, Lifetime: time.Hour, IdleTimeout: 10 * time.Minute, Now: clock.now})
	pair := start(t, jar, "alice", cart{})
	_, s := resume(t, jar, pair)
	assert.Equal(t, time.Hour, s.Expires().Sub(s.Created()), "to the millisecond, although exp has only seconds")

	clock.add(10*time.Minute - time.Millisecond)
	r, s := resume(t, jar, pair)
	later := touch(t, jar, r, s)
	require.NotEmpty(t, later)
	clock.add(time.Millisecond)
	_, err := jar.Get(request(pair))
	assert.ErrorIs(t, err, hardtack.ErrIdle)
	_, s = resume(t, jar, later)
	assert.Equal(t, time.Hour, s.Expires().Sub(s.Created()))

	for range 5 {
		clock.add(9 * time.Minute)
		r, s := resume(t, jar, later)
		later = touch(t, jar, r, s)
	}
	clock.add(5*time.Minute - time.Millisecond)
	resume(t, jar, later)
	clock.add(time.Millisecond)
	_, err = jar.Get(request(later))
	assert.ErrorIs(t, err, hardtack.ErrExpired)

	// A server whose clock is behind.
	clock.add(-3 * time.Hour)
	_, err = jar.Get(request(later))
	assert.ErrorIs(t, err, hardtack.ErrNotYetValid)
}
