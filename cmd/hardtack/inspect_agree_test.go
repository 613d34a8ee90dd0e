package main

import (
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// Inspect says what a Jar with the same keys and settings does, whatever has become of keys and sessions.
func TestInspectAgreesWithJars(t *testing.T) {
	codes := []struct {
		err  error
		code string
	}{
		{hardtack.ErrMalformed, "malformed"}, {hardtack.ErrUnknownKey, "unknown-key"}, {hardtack.ErrRevokedKey, "revoked-key"},
		{hardtack.ErrForged, "forged"}, {hardtack.ErrNotYetValid, "not-yet-valid"}, {hardtack.ErrExpired, "expired"}, {hardtack.ErrIdle, "idle"},
	}
	seen := map[string]int{}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 400 {
		lifetime := time.Duration(1+random.IntN(48)) * time.Hour
		idle := time.Duration(random.IntN(2)) * time.Duration(1+random.IntN(int(lifetime/time.Minute))) * time.Minute
		set := hardtack.KeySet{Retain: lifetime + clockSkew}
		set, _ = set.Announce(noon, noon)
		config := hardtack.Config{Lifetime: lifetime, IdleTimeout: idle, Name: []string{"", "session", "__Secure-session"}[random.IntN(3)], Audience: []string{"", "shop"}[random.IntN(2)]}

		// Days in which keys come, go and are revoked, while one session is used.
		now, cookie := noon, ""
		newJar := func(c hardtack.Config) *hardtack.Jar[data] {
			ring, err := hardtack.NewKeyring(set.Keys...)
			require.NoError(t, err, "seed %d, round %d", seed, round)
			c.Keys, c.Now = ring, func() time.Time { return now }
			jar, err := hardtack.New[data](c)
			require.NoError(t, err, "seed %d, round %d", seed, round)
			return jar
		}
		for range 1 + random.IntN(6) {
			switch random.IntN(5) {
			case 0:
				set, _ = set.Announce(now.Add(time.Duration(random.IntN(6))*time.Hour), now)
			case 1:
				set = set.Revoke(set.Keys[random.IntN(len(set.Keys))].ID(), now)
			case 2:
				set, _, _ = set.Prune(now)
			default:
				cookie = pair(saved(t, newJar(config), cookie, "", biscuits))
			}
			now = now.Add(time.Duration(random.IntN(12*60)) * time.Minute)
		}
		if cookie == "" {
			cookie = pair(saved(t, newJar(config), cookie, "", biscuits))
		}
		if random.IntN(8) == 0 {
			now = now.Add(-time.Duration(random.IntN(600)) * time.Second)
		}
		name, value := config.Name, valueOf(cookie)
		if random.IntN(8) == 0 {
			at := random.IntN(len(value))
			value = value[:at] + string("AQgw_"[random.IntN(5)]) + value[at+1:]
		}
		if random.IntN(8) == 0 {
			config.Audience = "another"
		}
		jar := newJar(config)
		if name == "" {
			name = hardtack.DefaultName
		}

		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", name+"="+value)
		_, refused := jar.Get(r)
		want := ""
		for _, c := range codes {
			if errors.Is(refused, c.err) {
				want = c.code
			}
		}
		require.Equal(t, refused == nil, want == "", "%v", refused)

		flags := inspectFlags{source: source{file: (&shop{t: t}).file(set)}, name: name, audience: config.Audience, lifetime: durationFlag(lifetime), idle: durationFlag(idle)}
		i, err := flags.inspect(t.Context(), []presented{{named: true, name: name, value: value}}, now)
		require.NoError(t, err)
		got := ""
		if r := i.Cookies[0].Refusal; r != nil {
			got = r.Code
		}
		require.Equal(t, want, got, "seed %d, round %d: %v", seed, round, i.Cookies[0].Refusal)
		seen[got]++
	}
	for _, code := range []string{"", "unknown-key", "revoked-key", "forged", "expired"} {
		require.Positive(t, seen[code], "no round came to %q: %v", code, seen)
	}
	t.Log(seen)
}
