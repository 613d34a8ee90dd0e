package hardtack_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

const (
	rtDay  = 24 * time.Hour
	rtSkew = 2 * time.Minute // what clocks may differ by
)

// rtEpoch is a whole second, as the times of keys are.
var rtEpoch = jrEpoch.Truncate(time.Second)

// rtState returns the state of each key of s.
func rtState(s hardtack.KeySet, now time.Time) map[hardtack.KeyID]hardtack.KeyStatus {
	states := make(map[hardtack.KeyID]hardtack.KeyStatus)
	for _, st := range s.Status(now) {
		states[st.Key.ID()] = st
	}
	return states
}

func rtSealing(t testing.TB, s hardtack.KeySet, now time.Time) hardtack.Key {
	t.Helper()
	var sealing []hardtack.Key
	for _, st := range s.Status(now) {
		if st.State == hardtack.KeySealing {
			sealing = append(sealing, st.Key)
		}
	}
	require.Len(t, sealing, 1, "at %v", now)
	return sealing[0]
}

// rtStep carries out what is due, until nothing is.
func rtStep(t testing.TB, p hardtack.RotationPolicy, s hardtack.KeySet, now time.Time) hardtack.KeySet {
	t.Helper()
	for range 4 {
		plan := p.Plan(s, now)
		if plan.Empty() {
			if !plan.Next.IsZero() {
				require.True(t, plan.Next.After(now), "what is due next is not due now")
			}
			return s
		}
		s = s.Apply(plan, now)
	}
	t.Fatalf("at %v something is always due: %v", now, p.Plan(s, now))
	return s
}

// Ten years of a policy, by steps to whatever is due next: at every moment one key seals, it was announced for as long as the
// policy says, and no key is forgotten while a session sealed with it can be alive.
func TestPolicyOverTenYears(t *testing.T) {
	for _, c := range []struct {
		p        hardtack.RotationPolicy
		lifetime time.Duration
	}{
		{hardtack.RotationPolicy{}, rtDay},
		{hardtack.RotationPolicy{Every: 90 * rtDay, Propagation: 48 * time.Hour, Retain: 30*rtDay + rtSkew}, 30 * rtDay},
		{hardtack.RotationPolicy{Every: 7 * rtDay, Propagation: time.Hour, Retain: 100 * rtDay}, 99 * rtDay},
		{hardtack.RotationPolicy{Every: rtDay, Propagation: 23 * time.Hour, Retain: 25 * time.Hour}, rtDay},
		{hardtack.RotationPolicy{Every: 30 * rtDay, Propagation: 10 * time.Minute, Retain: 400*rtDay + rtSkew}, 400 * rtDay},
	} {
		t.Run(fmt.Sprintf("every %v", c.p.Every), func(t *testing.T) {
			require.NoError(t, c.p.Validate(10*time.Second, c.lifetime))
			p := c.p
			if p.Every == 0 {
				p = hardtack.RotationPolicy{Every: 30 * rtDay, Propagation: rtDay, Retain: rtDay + rtSkew} // the defaults
			}
			now := rtEpoch
			end := now.AddDate(10, 0, 0)
			s := rtStep(t, c.p, hardtack.KeySet{}, now)
			sealed := map[hardtack.KeyID]time.Time{} // when it sealed last
			seen := map[hardtack.KeyID]time.Time{}   // since when it is there
			var sealing []hardtack.KeyID
			steps := 0
			for now.Before(end) {
				steps++
				require.LessOrEqual(t, len(s.Keys), 128)
				states := rtState(s, now)
				k := rtSealing(t, s, now)
				if n := len(sealing); n == 0 || sealing[n-1] != k.ID() {
					sealing = append(sealing, k.ID())
					if n > 0 {
						assert.GreaterOrEqual(t, now.Sub(seen[k.ID()]), p.Propagation-time.Second, "%v was announced", k)
					}
				}
				for id := range states {
					if _, ok := seen[id]; !ok {
						seen[id] = now
					}
				}
				for id, last := range sealed {
					if now.Before(last.Add(c.lifetime + rtSkew)) {
						st, ok := states[id]
						require.True(t, ok && (st.State == hardtack.KeySealing || st.State == hardtack.KeyRetiring) && !st.Key.Erased(),
							"%v: a session sealed with it %v ago can be alive", st.Key, now.Sub(last))
					}
				}
				// Straight to what is due next, or a moment before it, or when a key begins to seal.
				next := p.Plan(s, now).Next
				for _, key := range s.Keys {
					if a := key.Activate(); a.After(now) && a.Before(next) {
						next = a
					}
				}
				require.True(t, next.After(now))
				if before := next.Add(-time.Nanosecond); before.After(now) {
					sealed[rtSealing(t, s, before).ID()] = before
					require.True(t, p.Plan(s, before).Empty(), "nothing is due before what is next")
				}
				now = next
				s = rtStep(t, c.p, s, now)
			}
			years := end.Sub(rtEpoch)
			assert.InDelta(t, float64(years/p.Every), float64(len(sealing)), 2, "keys that have sealed")
			assert.Less(t, steps, 5*len(sealing)+10)
			// What is there at the end is what a policy keeps, and nothing from years ago.
			for _, key := range s.Keys {
				assert.True(t, key.Activate().After(end.Add(-2*(p.Every+p.Retain)-p.Every)), "%v", key)
			}
		})
	}
}

// rtFleet runs a fleet for a month: servers whose clocks differ by up to two minutes, that look at the source at different times and at times
// for hours not at all. Whoever finds something due does it. It returns how often a session was opened by a server that could, and by one that could not.
func rtFleet(t *testing.T, p hardtack.RotationPolicy, interval, outage time.Duration) (opened, lost int) {
	const servers = 5
	rng := rand.New(rand.NewPCG(1, 2))
	type server struct {
		offset time.Duration
		set    hardtack.KeySet
		looks  time.Time
	}
	now := rtEpoch
	source := rtStep(t, p, hardtack.KeySet{}, now)
	fleet := make([]*server, servers)
	for i := range fleet {
		fleet[i] = &server{offset: time.Duration(rng.Int64N(int64(rtSkew))) - rtSkew/2, set: source, looks: now}
	}
	type session struct {
		key     hardtack.KeyID
		expires time.Time // by the clock of who sealed it, so by nobody's later than 2 minutes after
	}
	var sessions []session
	for end := now.AddDate(0, 1, 0); now.Before(end); now = now.Add(time.Duration(rng.Int64N(int64(40 * time.Minute)))) {
		for _, s := range fleet {
			if now.Before(s.looks) {
				continue
			}
			s.looks = now.Add(time.Duration(rng.Int64N(int64(interval))))
			if rng.IntN(20) == 0 {
				s.looks = s.looks.Add(outage)
			}
			source = rtStep(t, p, source, now.Add(s.offset))
			s.set = source
		}
		by := fleet[rng.IntN(servers)]
		at := now.Add(by.offset)
		sessions = append(sessions, session{rtSealing(t, by.set, at).ID(), at.Add(rtDay)})
		if len(sessions) > 200 {
			sessions = sessions[1:]
		}
		for _, s := range fleet {
			states := rtState(s.set, now.Add(s.offset))
			for _, v := range sessions {
				if !now.Add(s.offset).Before(v.expires) {
					continue
				}
				switch states[v.key].State {
				case hardtack.KeyAnnounced, hardtack.KeySealing, hardtack.KeyRetiring:
					opened++
				default:
					lost++
				}
			}
		}
	}
	return opened, lost
}

// What any server seals, every other can open, then and until the session ends: by construction, if the policy is valid.
func TestPolicyInAFleet(t *testing.T) {
	const interval, outage = time.Hour, 2 * time.Hour
	p := hardtack.RotationPolicy{Every: 3 * rtDay, Propagation: 4 * time.Hour, Retain: rtDay + rtSkew}
	require.NoError(t, p.Validate(interval+outage, rtDay))
	opened, lost := rtFleet(t, p, interval, outage)
	assert.Greater(t, opened, 50000)
	assert.Zero(t, lost)

	// The check can fail: with a shorter propagation a server meets keys that it does not know, and with a shorter Retain some it has given up.
	late, early := p, p
	late.Propagation = 30 * time.Minute
	require.Error(t, late.Validate(interval+outage, rtDay))
	_, lost = rtFleet(t, late, interval, outage)
	assert.NotZero(t, lost)
	early.Retain = 12 * time.Hour
	require.Error(t, early.Validate(interval+outage, rtDay))
	_, lost = rtFleet(t, early, interval, outage)
	assert.NotZero(t, lost)
}

func TestPolicyPlans(t *testing.T) {
	p := hardtack.RotationPolicy{Every: 30 * rtDay, Propagation: rtDay, Retain: 2 * rtDay}
	at := func(days float64) time.Time { return rtEpoch.Add(time.Duration(days * float64(rtDay))) }
	s := rtStep(t, p, hardtack.KeySet{}, at(0))
	first := s.Keys[0]
	require.Len(t, s.Keys, 1)
	assert.Equal(t, 2*rtDay, s.Retain)
	assert.Equal(t, at(29), p.Plan(s, at(1)).Next)
	assert.Equal(t, "nothing is due", p.Plan(s, at(1)).String())

	plan := p.Plan(s, at(29))
	assert.Equal(t, at(30), plan.Announce)
	assert.Contains(t, plan.String(), "announce a key that seals from ")
	s2 := s.Apply(plan, at(29))
	assert.Len(t, s.Keys, 1, "Apply leaves its KeySet alone")
	second := s2.Keys[0]
	assert.Equal(t, at(30), second.Activate())
	assert.Equal(t, at(29), second.Created())
	old, _ := s2.Find(first.ID())
	assert.Equal(t, at(32), old.Retire())

	// The fleet slept: a key is announced for the full time all the same.
	assert.Equal(t, at(41), p.Plan(s, at(40)).Announce)

	// The announced key is revoked: another follows, and the first does not retire before that has sealed.
	s3 := s2.Revoke(second.ID(), at(29.5))
	old, _ = s3.Find(first.ID())
	assert.True(t, old.Retire().IsZero())
	s3 = rtStep(t, p, s3, at(29.5))
	assert.Equal(t, at(30.5), rtSealing(t, s3, at(31)).Activate())
	old, _ = s3.Find(first.ID())
	assert.Equal(t, at(32.5), old.Retire())

	// A wrong clock has announced a key for next year: it is not waited for.
	far, _ := s.Announce(at(400), at(1))
	assert.Equal(t, at(30), p.Plan(far, at(29)).Announce)

	// A longer Retain stays until somebody says otherwise: during a deploy both policies run.
	longer := hardtack.RotationPolicy{Every: 30 * rtDay, Propagation: rtDay, Retain: 5 * rtDay}
	s4 := rtStep(t, longer, s2, at(29))
	old, _ = s4.Find(first.ID())
	assert.Equal(t, at(35), old.Retire())
	assert.True(t, p.Plan(s4, at(29.1)).Empty())

	// Keys without times, as from an environment variable, are due at once.
	plain, err := hardtack.ParseSecrets(fmt.Sprintf("%x", jrAt(0).ExposeSecret()))
	require.NoError(t, err)
	assert.Equal(t, at(1), p.Plan(plain, at(0)).Announce)

	// Wrapped keys will do.
	wrapped, err := s2.Wrap(t.Context(), kwXOR{})
	require.NoError(t, err)
	assert.Equal(t, p.Plan(s2, at(100)).Announce, p.Plan(wrapped, at(100)).Announce)
}

func TestPolicyFaults(t *testing.T) {
	for name, c := range map[string]struct {
		p        hardtack.RotationPolicy
		interval time.Duration
		lifetime time.Duration
		fields   []string
	}{
		"defaults":                 {lifetime: rtDay, interval: 10 * time.Second},
		"longer lifetime":          {lifetime: rtDay + time.Second, fields: []string{"Rotation.Retain"}},
		"propagation and interval": {p: hardtack.RotationPolicy{Propagation: 2 * time.Minute}, interval: 10 * time.Second, fields: []string{"Rotation.Propagation"}},
		"propagation and every":    {p: hardtack.RotationPolicy{Every: 24 * time.Hour}, fields: []string{"Rotation.Propagation"}},
		"negative": {p: hardtack.RotationPolicy{Every: -1, Propagation: -1, Retain: -1},
			fields: []string{"Rotation.Every", "Rotation.Propagation", "Rotation.Propagation", "Rotation.Retain"}},
		"too many":            {p: hardtack.RotationPolicy{Every: rtDay, Propagation: time.Hour, Retain: 63 * rtDay}, fields: []string{"Rotation.Every"}},
		"as many as possible": {p: hardtack.RotationPolicy{Every: rtDay, Propagation: time.Hour, Retain: 62 * rtDay}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.p.Validate(c.interval, c.lifetime)
			var fields []string
			for _, e := range jrErrors(err) {
				var fault *hardtack.ConfigError
				require.ErrorAs(t, e, &fault)
				fields = append(fields, fault.Field)
			}
			assert.Equal(t, c.fields, fields, "%v", err)
		})
	}
}

// jrErrors returns the errors that errors.Join has joined.
func jrErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func TestPruneNeverTakesTheLastKey(t *testing.T) {
	k := hardtack.GenerateKey(rtEpoch, rtEpoch.Add(time.Hour))
	s := hardtack.KeySet{Retain: time.Hour, Keys: []hardtack.Key{k}}
	pruned, erased, forgotten := s.Prune(rtEpoch.AddDate(1, 0, 0))
	assert.Len(t, pruned.Keys, 1)
	assert.False(t, pruned.Keys[0].Erased())
	assert.Empty(t, erased)
	assert.Empty(t, forgotten)
}

func TestKeyStates(t *testing.T) {
	s := hardtack.KeySet{Retain: rtDay}
	s, a := s.Announce(rtEpoch, rtEpoch)
	s, b := s.Announce(rtEpoch.Add(10*rtDay), rtEpoch.Add(9*rtDay))
	check := func(days float64, stateA, stateB hardtack.KeyState) {
		t.Helper()
		states := rtState(s, rtEpoch.Add(time.Duration(days*float64(rtDay))))
		assert.Equal(t, stateA, states[a].State)
		assert.Equal(t, stateB, states[b].State)
	}
	check(-1, hardtack.KeySealing, hardtack.KeyAnnounced) // the earliest, if none is active
	check(0, hardtack.KeySealing, hardtack.KeyAnnounced)
	check(9.99, hardtack.KeySealing, hardtack.KeyAnnounced)
	check(10, hardtack.KeyRetiring, hardtack.KeySealing)
	check(10.99, hardtack.KeyRetiring, hardtack.KeySealing)
	check(11, hardtack.KeyGone, hardtack.KeySealing)
	st := rtState(s, rtEpoch)[a]
	assert.Equal(t, rtEpoch.Add(10*rtDay), st.SealsUntil)
	assert.Equal(t, rtEpoch.Add(11*rtDay), st.Unneeded)

	now := rtEpoch.Add(11 * rtDay)
	same, erased, _ := s.Prune(now.Add(rtSkew - 1))
	assert.Empty(t, erased)
	assert.Len(t, same.Keys, 2)
	s, erased, forgotten := s.Prune(now.Add(rtSkew))
	assert.Equal(t, []hardtack.KeyID{a}, erased)
	assert.Empty(t, forgotten)
	k, ok := s.Find(a)
	assert.True(t, ok && k.Erased() && k.ExposeSecret() == nil, "only its ID is left")
	assert.Equal(t, hardtack.KeyGone, rtState(s, now)[a].State)
	s, erased, forgotten = s.Prune(now.Add(rtDay + rtSkew))
	assert.Empty(t, erased)
	assert.Equal(t, []hardtack.KeyID{a}, forgotten)
	assert.Len(t, s.Keys, 1)

	// Of two that are erased, the second ended the first.
	erasedBoth, d := s.Announce(now.Add(10*rtDay), now)
	erasedBoth, _ = erasedBoth.Announce(now.Add(11*rtDay), now)
	erasedBoth, gone, _ := erasedBoth.Prune(now.Add(13 * rtDay))
	require.ElementsMatch(t, []hardtack.KeyID{b, d}, gone)
	assert.Equal(t, now.Add(10*rtDay), rtState(erasedBoth, now)[b].SealsUntil)

	promoted, c := s.Announce(now.Add(time.Hour), now)
	promoted, err := promoted.Promote(c, now)
	require.NoError(t, err)
	assert.Equal(t, c, rtSealing(t, promoted, now).ID())
	for _, id := range []hardtack.KeyID{b, c, {1}} {
		_, err := promoted.Promote(id, now)
		var k *hardtack.KeyError
		require.ErrorAs(t, err, &k)
		require.True(t, errors.Is(err, hardtack.ErrKeyNotAnnounced) || errors.Is(err, hardtack.ErrNoSuchKey))
	}
	for state, text := range map[hardtack.KeyState]string{hardtack.KeyAnnounced: "announced", hardtack.KeySealing: "sealing",
		hardtack.KeyRetiring: "retiring", hardtack.KeyGone: "gone", hardtack.KeyRevoked: "revoked", 0: "KeyState(0)"} {
		marshalled, err := state.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, text, string(marshalled))
		back := hardtack.KeyState(99)
		if state == 0 {
			require.Error(t, back.UnmarshalText(marshalled))
		} else {
			require.NoError(t, back.UnmarshalText(marshalled))
			assert.Equal(t, state, back)
		}
	}
}

func TestRevokeInASet(t *testing.T) {
	s, a := hardtack.KeySet{Retain: rtDay}.Announce(rtEpoch, rtEpoch)
	s, b := s.Announce(rtEpoch.Add(rtDay), rtEpoch)
	now := rtEpoch.Add(rtDay + time.Hour)

	r := s.Revoke(b, now) // it seals: a new one does, and not the one that was to retire
	k := rtSealing(t, r, now)
	assert.NotContains(t, []hardtack.KeyID{a, b}, k.ID())
	gone, _ := r.Find(b)
	assert.True(t, gone.Revoked())
	assert.Equal(t, now.Truncate(time.Second), gone.RevokedAt())
	assert.Nil(t, gone.ExposeSecret())
	old, _ := r.Find(a)
	assert.False(t, old.Retire().IsZero())
	again := r.Revoke(b, now.Add(time.Hour))
	assert.Len(t, again.Keys, len(r.Keys), "twice is once")

	r = s.Revoke(a, now)
	assert.Equal(t, b, rtSealing(t, r, now).ID())
	assert.Len(t, r.Keys, 2)

	// One between two others: its predecessor opens until its sessions have ended, counted from the next that seals.
	three, c := s.Announce(rtEpoch.Add(3*rtDay), rtEpoch)
	r = three.Revoke(b, rtEpoch)
	old, _ = r.Find(a)
	assert.Equal(t, rtEpoch.Add(4*rtDay), old.Retire())
	_, err := hardtack.New[jrData](hardtack.Config{Keys: jrRing(t, r.Keys...), Lifetime: rtDay - rtSkew})
	require.NoError(t, err)
	assert.Equal(t, c, rtSealing(t, r, rtEpoch.Add(3*rtDay)).ID())

	unknown := hardtack.KeyID{9, 9, 9, 9}
	r = s.Revoke(unknown, now)
	assert.Equal(t, b, rtSealing(t, r, now).ID())
	k, ok := r.Find(unknown)
	assert.True(t, ok && k.Revoked())

	same, _, forgotten := r.Prune(now.Add(400 * rtDay))
	assert.Empty(t, forgotten, "a server that slept may know it still")
	assert.True(t, same.Keys[0].ID() != hardtack.KeyID{})
	r, _, forgotten = r.Prune(now.Add(400*rtDay + rtSkew + 1))
	assert.Contains(t, forgotten, unknown)
	_, ok = r.Find(unknown)
	assert.False(t, ok)
}
