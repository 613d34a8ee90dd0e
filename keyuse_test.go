package hardtack_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func kuOf(t testing.TB, ring *hardtack.Keyring, id hardtack.KeyID) hardtack.KeyUse {
	t.Helper()
	for _, u := range ring.Use() {
		if u.ID == id {
			return u
		}
	}
	t.Fatalf("no figures for %v", id)
	return hardtack.KeyUse{}
}

func TestKeyUse(t *testing.T) {
	clock := newJrClock()
	clock.set(rtEpoch)
	a := hardtack.GenerateKey(rtEpoch, time.Time{})
	ring := jrRing(t, a)
	assert.Equal(t, "it seals", kuOf(t, ring, a.ID()).Reason)
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	pair := jrStart(t, jar, jrData{})
	for range 3 {
		clock.set(clock.now().Add(time.Second))
		jrOpen(t, jar, pair)
	}
	_, err := jar.Get(jrRequest(pair[:len(pair)-1] + "_"))
	require.Error(t, err, "a forged one does not count")
	u := kuOf(t, ring, a.ID())
	assert.EqualValues(t, 3, u.Opened)
	assert.EqualValues(t, 1, u.Sealed)
	assert.True(t, u.LastOpened.Equal(rtEpoch.Add(3*time.Second)))
	assert.True(t, u.LastSealed.Equal(rtEpoch))

	// A successor: it is safe to drop the old one when no session of it can be alive.
	b := hardtack.GenerateKey(rtEpoch.Add(time.Hour), time.Time{})
	require.NoError(t, ring.Replace(a, b))
	assert.Equal(t, "it will seal", kuOf(t, ring, b.ID()).Reason)
	clock.set(rtEpoch.Add(24 * time.Hour))
	u = kuOf(t, ring, a.ID())
	assert.EqualValues(t, 3, u.Opened, "counted through all states of the ring")
	assert.Equal(t, hardtack.KeyRetiring, u.State)
	assert.False(t, u.SafeToRetire)
	assert.True(t, u.Unneeded.Equal(rtEpoch.Add(25*time.Hour+2*time.Minute)))
	clock.set(u.Unneeded)
	u = kuOf(t, ring, a.ID())
	assert.True(t, u.SafeToRetire, u.Reason)

	// Unless it is used all the same: another application shares the ring, with a longer Lifetime.
	long := jrNew[jrData](t, hardtack.Config{Keys: jrRing(t, a), Now: clock.now, Lifetime: 48 * time.Hour})
	pair = jrStart(t, long, jrData{})
	clock.set(clock.now().Add(time.Hour))
	jrOpen(t, jar, pair)
	u = kuOf(t, ring, a.ID())
	assert.False(t, u.SafeToRetire)
	assert.Contains(t, u.Reason, "when none should have been")

	// Refused while gone, and while revoked.
	gone, err := a.WithTimes(a.Activate(), clock.now())
	require.NoError(t, err)
	require.NoError(t, ring.Replace(gone, b))
	_, err = jar.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	require.NoError(t, ring.Revoke(t.Context(), a.ID()))
	_, err = jar.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	u = kuOf(t, ring, a.ID())
	assert.EqualValues(t, 2, u.Refused)
	assert.Equal(t, hardtack.KeyRevoked, u.State)
	assert.False(t, u.SafeToRetire)
}

// Where a successor's activate is made up, the ring cannot know for how long the other has not sealed.
func TestKeyUseOfPlainSecrets(t *testing.T) {
	clock := newJrClock()
	clock.set(rtEpoch)
	a, b := jrAt(0), jrAt(0)
	set, err := hardtack.ParseSecrets(fmt.Sprintf("%x,%x", a.ExposeSecret(), b.ExposeSecret()))
	require.NoError(t, err)
	store := &flPrivate{flStore{data: ksEncode(t, set)}}
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = clock.now })
	jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	u := kuOf(t, ring, b.ID())
	assert.False(t, u.SafeToRetire)
	assert.True(t, u.Unneeded.Equal(rtEpoch.Add(24*time.Hour+2*time.Minute)))
	clock.set(u.Unneeded)
	assert.True(t, kuOf(t, ring, b.ID()).SafeToRetire)
}

func TestKeyUseFromManyRequests(t *testing.T) {
	ring := jrRing(t, jrAt(-time.Hour))
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring})
	pair := jrStart(t, jar, jrData{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_, err := jar.Get(jrRequest(pair))
				assert.NoError(t, err)
				ring.Use()
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 800, ring.Use()[0].Opened)
}

// A retire that is too early for the Lifetime, given to a ring that runs, logs nobody out; Health tells.
func TestRetiringTooEarlyLogsNobodyOut(t *testing.T) {
	clock := newJrClock()
	clock.set(rtEpoch)
	a, b := hardtack.GenerateKey(rtEpoch, time.Time{}), hardtack.GenerateKey(rtEpoch.Add(time.Hour), time.Time{})
	ring := jrRing(t, a)
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	clock.set(rtEpoch.Add(time.Hour - 1))
	pair := jrStart(t, jar, jrData{})
	early, err := a.WithTimes(a.Activate(), rtEpoch.Add(2*time.Hour))
	require.NoError(t, err)
	require.NoError(t, ring.Replace(early, b))
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrRetiresEarly)
	clock.set(rtEpoch.Add(24*time.Hour + 59*time.Minute))
	jrOpen(t, jar, pair)
	_, err = hardtack.New[jrData](hardtack.Config{Keys: jrRing(t, early, b), Now: clock.now})
	var fault *hardtack.ConfigError
	require.ErrorAs(t, err, &fault, "at construction it is an error")
	assert.Equal(t, "Keys", fault.Field)

	// Late enough, it ends when it says.
	late, err := a.WithTimes(a.Activate(), rtEpoch.Add(26*time.Hour))
	require.NoError(t, err)
	require.NoError(t, ring.Replace(late, b))
	require.NoError(t, ring.Health().Err())
	clock.set(rtEpoch.Add(26 * time.Hour))
	assert.Equal(t, hardtack.KeyGone, kuOf(t, ring, a.ID()).State)
	jrNew[jrData](t, hardtack.Config{Keys: jrRing(t, a), Now: clock.now}) // of another ring: no matter
	assert.Equal(t, hardtack.KeyGone, kuOf(t, ring, a.ID()).State)
}

// The last key does not end in an outage.
func TestTheLastKeyGoesOn(t *testing.T) {
	clock := newJrClock()
	clock.set(rtEpoch)
	a := hardtack.GenerateKey(rtEpoch, rtEpoch.Add(30*24*time.Hour))
	ring := jrRing(t, a)
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	require.NoError(t, ring.Health().Err())
	assert.Equal(t, a.ID(), ring.Health().Sealing)
	clock.set(rtEpoch.Add(25 * 24 * time.Hour))
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrNoSuccessor, "a week before")
	clock.set(rtEpoch.Add(31 * 24 * time.Hour))
	require.ErrorIs(t, ring.Health().Err(), hardtack.ErrNoSuccessor)
	pair := jrStart(t, jar, jrData{})
	jrOpen(t, jar, pair)
	require.NoError(t, ring.Replace(a, hardtack.GenerateKey(clock.now(), time.Time{})))
	jrOpen(t, jar, pair) // until its session ends
	require.NotErrorIs(t, ring.Health().Err(), hardtack.ErrNoSuccessor)
	clock.set(clock.now().Add(24 * time.Hour))
	_, err := jar.Get(jrRequest(pair))
	require.Error(t, err)
}

// The IDs of keys that have retired stay for a while, without secrets: their cookies are known to be old.
func TestRetiredKeysLeaveTheirIDs(t *testing.T) {
	clock := newJrClock()
	clock.set(rtEpoch)
	store := new(flPrivate)
	ring := flOpen(t, store, func(c *hardtack.KeyringConfig) { c.Now = clock.now })
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	pair := jrStart(t, jar, jrData{})
	old := flSealing(t, ring, clock.now())
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s.Retain = 24*time.Hour + 2*time.Minute
		s, _ = s.Announce(clock.now().Add(time.Hour), clock.now())
		return s, nil
	}))
	clock.set(rtEpoch.Add(26 * time.Hour))
	// Somebody takes the entry out by hand: it has retired, so that is fine.
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s.Keys = s.Keys[:1]
		return s, nil
	}))
	require.NoError(t, ring.Health().Err())
	loads := store.loads.Load()
	_, err := jar.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)
	assert.Equal(t, loads, store.loads.Load(), "a key known to be gone is no reason to look")
	assert.EqualValues(t, 1, kuOf(t, ring, old).Refused)
	assert.Len(t, ring.Keys(), 1)

	clock.set(rtEpoch.Add(26*time.Hour + 25*time.Hour))
	require.NoError(t, ring.Update(t.Context(), func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _ = s.Announce(clock.now().Add(time.Hour), clock.now())
		return s, nil
	}))
	for _, u := range ring.Use() {
		assert.NotEqual(t, old, u.ID, "forgotten at last")
	}
}

// A Jar whose sessions outlive the keys is refused before it makes one.
func TestLifetimeBeyondTheRingsRetain(t *testing.T) {
	s, _ := hardtack.KeySet{Retain: 24*time.Hour + 2*time.Minute}.Announce(time.Now(), time.Now())
	ring := flOpen(t, &flPrivate{flStore{data: ksEncode(t, s)}})
	jrNew[jrData](t, hardtack.Config{Keys: ring})
	_, err := hardtack.New[jrData](hardtack.Config{Keys: ring, Lifetime: 24*time.Hour + time.Second})
	var fault *hardtack.ConfigError
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, "Lifetime", fault.Field)
	assert.Contains(t, fault.Reason, "24h2m0s")
}

// A cookie that is refused for a key before its own counts for its own: that is what it was sealed with.
func TestRefusalForTheLineageCounts(t *testing.T) {
	first, second := jrAt(-2*time.Hour), jrAt(-time.Hour)
	ring := jrRing(t, first)
	jar := jrNew[jrData](t, hardtack.Config{Keys: ring})
	pair := jrStart(t, jar, jrData{})
	require.NoError(t, ring.Replace(first, second))
	r, s := jrOpen(t, jar, pair)
	moved := jrPair(jrTouch(t, jar, r, s)[0])
	require.NoError(t, ring.Revoke(t.Context(), first.ID()))
	_, err := jar.Get(jrRequest(moved))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	for _, use := range ring.Use() {
		assert.Equal(t, use.ID == second.ID(), use.Refused == 1)
	}
}
