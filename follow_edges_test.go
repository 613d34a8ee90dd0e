package hardtack_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// An ID that could not be read must not get into the source, where nobody could read it again.
func TestRevokeOfTheZeroID(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store)
	require.ErrorIs(t, ring.Revoke(t.Context(), hardtack.KeyID{}), hardtack.ErrKeyID)
	require.ErrorIs(t, jrRing(t, jrAt(0)).Revoke(t.Context(), hardtack.KeyID{}), hardtack.ErrKeyID)
	err := ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		return s.Revoke(hardtack.KeyID{}, time.Now()), nil
	})
	require.ErrorIs(t, err, hardtack.ErrKeySet)
	require.NoError(t, ring.Refresh(t.Context()))
	require.NoError(t, ring.Health().Err(), "a caller's mistake is no fault of the source")
}

// One look by a server whose clock is ten years ahead does not keep keys for ever.
func TestClockOfTenYearsAhead(t *testing.T) {
	p := hardtack.RotationPolicy{Every: rtDay, Propagation: time.Hour, Retain: rtDay + rtSkew}
	s := rtStep(t, p, hardtack.KeySet{}, rtEpoch)
	s = rtStep(t, p, s, rtEpoch.AddDate(10, 0, 0))
	for d := range 200 {
		s = rtStep(t, p, s, rtEpoch.Add(time.Duration(d)*rtDay))
		require.LessOrEqual(t, len(s.Keys), 7)
		_, err := s.Encode()
		require.NoError(t, err)
	}

	// Nor does a ring that such a server has begun go on unnoticed.
	store := &flPrivate{}
	flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = func() time.Time { return time.Now().AddDate(10, 0, 0) } })
	require.ErrorIs(t, flOpen(t, store).Health().Err(), hardtack.ErrKeyInFuture)
}

// A server that was cut off when a key was revoked does not bring it back, however long that took.
func TestRevokedStaysRevoked(t *testing.T) {
	store := new(flPrivate)
	clock := newJrClock()
	clock.set(rtEpoch)
	follow := func(c *hardtack.KeyringConfig) { c.Rotation, c.Now = &hardtack.RotationPolicy{}, clock.now }
	a := flOpen(t, store, follow)
	var leaked hardtack.KeyID
	require.NoError(t, a.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, leaked = s.Announce(rtEpoch.Add(20*rtDay), rtEpoch)
		return s, nil
	}))
	b := flOpen(t, store, follow)
	require.NoError(t, a.Revoke(t.Context(), leaked))
	for _, later := range []time.Duration{25 * time.Hour, 21 * rtDay} {
		clock.set(rtEpoch.Add(later))
		for _, ring := range []*hardtack.Keyring{a, b, a} {
			require.NoError(t, ring.Refresh(t.Context()))
			assert.NotEqual(t, leaked, flSealing(t, ring, clock.now()))
		}
		k, ok := store.get(t).Find(leaked)
		assert.True(t, ok && k.Revoked())
	}
}

// What is gone stays gone: neither another revocation nor a longer Retain nor an old document opens a key again.
func TestGoneStaysGone(t *testing.T) {
	s, first := hardtack.KeySet{Retain: rtDay}.Announce(rtEpoch, rtEpoch)
	s, second := s.Announce(rtEpoch.Add(rtDay), rtEpoch)
	now := rtEpoch.Add(30 * rtDay)
	require.Equal(t, hardtack.KeyGone, rtState(s, now)[first].State)
	assert.Equal(t, hardtack.KeyGone, rtState(s.Revoke(second, now), now)[first].State)
	assert.Empty(t, hardtack.RotationPolicy{Retain: 60 * rtDay}.Plan(s, now).Retire)
	after := jrRing(t, s.Revoke(second, now).Keys...)
	jrNew[jrData](t, hardtack.Config{Keys: after, Now: func() time.Time { return now }, Lifetime: rtDay - rtSkew})
	require.NoError(t, after.Health().Err())
	assert.Equal(t, hardtack.KeyGone, kuOf(t, after, first).State)

	store := new(flPrivate)
	clock := newJrClock()
	clock.set(rtEpoch)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = clock.now })
	old := ksEncode(t, store.get(t))
	gone := flSealing(t, ring, clock.now())
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s.Retain = rtDay
		s, _ = s.Announce(clock.now().Add(time.Hour), clock.now())
		return s, nil
	}))
	clock.set(rtEpoch.Add(30 * time.Hour))
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _, _ = s.Prune(clock.now())
		return s, nil
	}))
	store.set(old)
	require.NoError(t, ring.Refresh(t.Context()))
	assert.Equal(t, hardtack.KeyGone, kuOf(t, ring, gone).State)
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrKeyMissing)
	require.NoError(t, ring.Restore(t.Context()))
	require.NoError(t, ring.Health().Err())
}

// The end that somebody planned for the last key stays, whatever else is revoked.
func TestRevokeLeavesPlannedEnds(t *testing.T) {
	k := hardtack.GenerateKey(rtEpoch, rtEpoch.Add(50*rtDay))
	s := hardtack.KeySet{Keys: []hardtack.Key{k}}.Revoke(hardtack.KeyID{9}, rtEpoch.Add(rtDay))
	got, _ := s.Find(k.ID())
	assert.True(t, got.Retire().Equal(k.Retire()))
}

// A key that is to seal at once does so although the present one comes from a clock that is two minutes ahead.
func TestAnnounceAfterAFastClock(t *testing.T) {
	s, fast := hardtack.KeySet{}.Announce(rtEpoch.Add(rtSkew), rtEpoch.Add(rtSkew))
	s, next := s.Announce(rtEpoch, rtEpoch)
	require.Equal(t, fast, rtSealing(t, s, rtEpoch).ID())
	assert.Equal(t, next, rtSealing(t, s, rtEpoch.Add(rtSkew+time.Second)).ID())
}

func TestRetainIsBounded(t *testing.T) {
	err := hardtack.RotationPolicy{Retain: math.MaxInt64}.Validate(0, 0)
	var fault *hardtack.ConfigError
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, "Rotation.Retain", fault.Field)
	s, _ := hardtack.KeySet{Retain: math.MaxInt64}.Announce(rtEpoch, rtEpoch)
	_, err = s.Encode()
	require.ErrorIs(t, err, hardtack.ErrKeySet)
	far := hardtack.KeySet{Keys: []hardtack.Key{hardtack.GenerateKey(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Time{})}}
	_, err = far.Encode()
	require.ErrorIs(t, err, hardtack.ErrKeySet)
}

// A revocation that a source without Retain has lost, and nothing else, is noticed and restored.
func TestRestoreOfARevocation(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store)
	first := flSealing(t, ring, time.Now())
	require.NoError(t, ring.Update(t.Context(), flAnnounce))
	backup := ksEncode(t, store.get(t))
	require.NoError(t, ring.Revoke(t.Context(), first))
	require.NoError(t, ring.Health().Err())
	store.set(backup)
	require.NoError(t, ring.Refresh(t.Context()))
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrNotRevoked)
	require.NoError(t, ring.Restore(t.Context()))
	k, _ := store.get(t).Find(first)
	assert.True(t, k.Revoked())
	require.NoError(t, ring.Health().Err())

	// One that reached only this server is written with the next look, and so is the key that took over here.
	store.fail(errors.New("down"))
	second := flSealing(t, ring, time.Now())
	err := ring.Revoke(t.Context(), second)
	require.ErrorIs(t, err, hardtack.ErrNotRevoked)
	require.ErrorContains(t, err, "down")
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrNotRevoked)
	here := flSealing(t, ring, time.Now())
	store.fail(nil)
	require.NoError(t, ring.Refresh(t.Context()))
	require.NoError(t, ring.Health().Err())
	k, _ = store.get(t).Find(second)
	assert.True(t, k.Revoked())
	_, ok := store.get(t).Find(here)
	assert.True(t, ok)
	swaps := store.swaps.Load()
	require.NoError(t, ring.Refresh(t.Context()))
	assert.Equal(t, swaps, store.swaps.Load())
}

// When keys are given back, what has sealed in between opens until those sessions have ended.
func TestRestoreKeepsWhatHasSealedSince(t *testing.T) {
	clock := newJrClock()
	clock.set(rtEpoch)
	s, first := hardtack.KeySet{Retain: 24*time.Hour + rtSkew}.Announce(rtEpoch, rtEpoch)
	store := &flPrivate{flStore{data: ksEncode(t, s)}}
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = clock.now })
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _ = s.Announce(rtEpoch.Add(time.Minute), rtEpoch)
		return s, nil
	}))
	clock.set(rtEpoch.Add(time.Hour))
	second := flSealing(t, ring, clock.now())
	require.NotEqual(t, first, second)
	store.set(ksEncode(t, s)) // for three days
	require.NoError(t, ring.Refresh(t.Context()))
	clock.set(rtEpoch.Add(72 * time.Hour))
	require.Equal(t, first, flSealing(t, ring, clock.now()))
	pair := jrStart(t, jar, jrData{})
	clock.set(clock.now().Add(time.Minute))
	require.NoError(t, ring.Restore(t.Context()))
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _, _ = s.Prune(clock.now())
		return s, nil
	}))
	require.NoError(t, ring.Health().Err())
	assert.Equal(t, second, flSealing(t, ring, clock.now()))
	clock.set(clock.now().Add(23 * time.Hour))
	require.NoError(t, ring.Refresh(t.Context()))
	jrOpen(t, jar, pair)
	late := jrNew[jrData](t, hardtack.Config{Keys: flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = clock.now }), Now: clock.now})
	jrOpen(t, late, pair)
}

// Secrets that come from the environment begin in 1970, but may have sealed until now. One that was revoked there stays so.
func TestImportedSecretsStay(t *testing.T) {
	a, b := jrAt(0), jrAt(0)
	set, err := hardtack.ParseSecrets(fmt.Sprintf("%x,%x,revoked:01020304", a.ExposeSecret(), b.ExposeSecret()))
	require.NoError(t, err)
	store := &flPrivate{flStore{data: ksEncode(t, set)}}
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Rotation = &hardtack.RotationPolicy{} })
	k, _ := store.get(t).Find(b.ID())
	assert.False(t, k.Erased())
	assert.True(t, k.Retire().After(time.Now().Add(rtDay)))
	k, ok := store.get(t).Find(hardtack.KeyID{1, 2, 3, 4})
	assert.True(t, ok && k.Revoked())
	require.NoError(t, ring.Health().Err())
}

// The end of a caller's context, or of the ring, is no fault of the source.
func TestEndedLooksAreNoFaults(t *testing.T) {
	store, events := new(flPrivate), new(flEvents)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Interval, c.Observer = 10*time.Millisecond, events.observer() })
	store.mu.Lock()
	store.hang = make(chan struct{})
	store.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	require.Error(t, ring.Refresh(ctx))
	require.NoError(t, ring.Close()) // while a look hangs
	require.NoError(t, events.fault())
	require.NoError(t, ring.Health().Err())
}

// The big red button does not wait for a source that hangs and heeds no context.
func TestRevokeWithAHangingSource(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Timeout = 50 * time.Millisecond })
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring})
	require.NoError(t, ring.Update(t.Context(), flAnnounce))
	hang := make(chan struct{})
	store.mu.Lock()
	store.hang, store.deaf = hang, true
	store.mu.Unlock()
	defer close(hang)
	for range 2 { // one with another key to seal with, one without
		pair := jrStart(t, jar, jrData{})
		require.ErrorIs(t, ring.Revoke(t.Context(), flSealing(t, ring, time.Now())), hardtack.ErrKeySource)
		_, err := jar.Get(jrRequest(pair))
		require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	}
	store.mu.Lock()
	store.hang, store.deaf = nil, false
	store.mu.Unlock()
}

// A look that ends while a revocation waits to be written is no reason to alarm anybody.
func TestRevocationInHandIsNoFault(t *testing.T) {
	for _, policy := range []*hardtack.RotationPolicy{nil, {}} {
		store, events := new(flPrivate), new(flEvents)
		ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Rotation, c.Observer = policy, events.observer() })
		first := flSealing(t, ring, time.Now())
		require.NoError(t, ring.Update(t.Context(), flAnnounce))
		hang, before := make(chan struct{}), store.loads.Load()
		store.mu.Lock()
		store.hang = hang
		store.mu.Unlock()
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, ring.Refresh(t.Context())) })
		for store.loads.Load() == before {
			time.Sleep(time.Millisecond)
		}
		wg.Go(func() { assert.NoError(t, ring.Revoke(t.Context(), first)) })
		for !slices.ContainsFunc(ring.Keys(), func(k hardtack.Key) bool { return k.ID() == first && k.Revoked() }) {
			time.Sleep(time.Millisecond)
		}
		close(hang)
		wg.Wait()
		require.NoError(t, events.fault())
		require.NoError(t, ring.Health().Err())
		k, _ := store.get(t).Find(first)
		assert.True(t, k.Revoked())
	}
}

// Its answer lost, the write that revokes the only key has been made: no key of this server's own is left over.
func TestRevokeWhoseAnswerIsLost(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store)
	only := flSealing(t, ring, time.Now())
	store.mu.Lock()
	store.lost = true
	store.mu.Unlock()
	err := ring.Revoke(t.Context(), only)
	require.Error(t, err)
	require.NotErrorIs(t, err, hardtack.ErrNotRevoked, "it is, as the look after the write has shown")
	require.NoError(t, ring.Refresh(t.Context()))
	require.NoError(t, ring.Health().Err())
	assert.Equal(t, flSealing(t, flOpen(t, store), time.Now()), flSealing(t, ring, time.Now()))
}

// A change may write to the KeySet that it is given.
func TestUpdateInPlace(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store)
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s.Keys[0], _ = s.Keys[0].WithTimes(rtEpoch, time.Time{})
		return s, nil
	}))
	assert.True(t, store.get(t).Keys[0].Activate().Equal(rtEpoch))
	// A source that was emptied is filled with what the ring knows, and not with the change alone.
	before := store.get(t)
	store.set(nil)
	require.NoError(t, ring.Update(t.Context(), flAnnounce))
	_, ok := store.get(t).Find(before.Keys[0].ID())
	assert.True(t, ok)
}

// A stranger's key is looked for once, and not by those who cannot have it.
func TestUnknownKeyIsSoughtOnce(t *testing.T) {
	store := new(flPrivate)
	ring := flOpen(t, store)
	former := hardtack.Former{Name: "old", Codec: hardtack.NewSealedCodec(hardtack.EphemeralKeyring())}
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Formerly: []hardtack.Former{former}})
	stranger := jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring()}), jrData{})
	loads := store.loads.Load()
	for range 5 {
		_, err := jar.Get(jrRequest(stranger))
		require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	}
	assert.Equal(t, loads+1, store.loads.Load())
	old := strings.Replace(jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring()}), jrData{}), hardtack.DefaultName, "old", 1)
	_, err := jar.Get(jrRequest(old))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	assert.Equal(t, loads+1, store.loads.Load(), "that of a former codec with another ring")
}

// Nor is a new key of the ring that a former codec has missed.
func TestUnknownKeyOfAFormerRing(t *testing.T) {
	store := new(flPrivate)
	there, here := flOpen(t, store), flOpen(t, store)
	before := jrNew[jrData](t, hardtack.Config{Keys: there, Name: "old"})
	jar := jrNew[jrData](t, hardtack.Config{
		Keys:     hardtack.EphemeralKeyring(),
		Formerly: []hardtack.Former{{Name: "old", Codec: hardtack.NewSealedCodec(here)}},
	})
	require.NoError(t, there.Update(t.Context(), flAnnounce))
	s, err := jar.Get(jrRequest(jrStart(t, before, jrData{N: 5})))
	require.NoError(t, err)
	assert.Equal(t, 5, s.Data.N)
	// Its refusals are counted in the ring they belong to.
	stranger := strings.Replace(jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring()}), jrData{}), hardtack.DefaultName, "old", 1)
	_, err = jar.Get(jrRequest(stranger))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	uses := here.Use()
	assert.EqualValues(t, 1, uses[len(uses)-1].Refused)
}

// An older cookie in a former place is not taken for one whose key has just come.
func TestUnknownKeyBeforeFormerPlaces(t *testing.T) {
	store := new(flPrivate)
	a, b := flOpen(t, store), flOpen(t, store)
	formerly := []hardtack.Former{{Name: "old"}}
	jarA := jrNew[jrData](t, hardtack.Config{Keys: a, Formerly: formerly})
	jarB := jrNew[jrData](t, hardtack.Config{Keys: b, Formerly: formerly})
	old := jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: a, Name: "old"}), jrData{N: 1})
	require.NoError(t, a.Update(t.Context(), flAnnounce))
	present := jrStart(t, jarA, jrData{N: 2})
	s, err := jarB.Get(jrRequest(old, present))
	require.NoError(t, err)
	assert.Equal(t, 2, s.Data.N)
	// And a renamed cookie under a key that has just come is found too.
	require.NoError(t, a.Update(t.Context(), flAnnounce))
	moved := jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: a, Name: "old"}), jrData{N: 3})
	s, err = jarB.Get(jrRequest(moved))
	require.NoError(t, err)
	assert.Equal(t, 3, s.Data.N)
}

// EndAll asks for keys that this server has not heard of yet: sessions may be filed under them.
func TestEndAllOnALateServer(t *testing.T) {
	keys := new(flPrivate)
	a, b := flOpen(t, keys), flOpen(t, keys)
	memory := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
	jarOf := func(ring *hardtack.Keyring) *hardtack.Jar[jrData] {
		j, err := hardtack.NewHybrid[jrData](hardtack.Config{Keys: ring, Budget: hardtack.Budget{Inline: 256, LowWater: 1}}, memory)
		require.NoError(t, err)
		return j
	}
	jarA, jarB := jarOf(a), jarOf(b)
	require.NoError(t, a.Revoke(t.Context(), flSealing(t, a, time.Now())))
	r := jrRequest()
	s, _ := jarA.Get(r)
	s.SetSubject("alice")
	s.Data.S = strings.Repeat("x", 1000)
	pair := jrPut(t, jarA, r, s)
	n, err := jarB.EndAll(t.Context(), "alice")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	_, err = jarA.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrEnded)

	keys.fail(errors.New("down"))
	_, err = jarB.EndAll(t.Context(), "alice")
	require.ErrorIs(t, err, hardtack.ErrKeySource)
}
