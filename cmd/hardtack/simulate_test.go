package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

var someTerms = map[string]terms{
	"default":          {Every: durationFlag(30 * day), Lifetime: durationFlag(day), Propagation: durationFlag(day), Poll: durationFlag(interval), Over: durationFlag(year)},
	"long sessions":    {Every: durationFlag(7 * day), Lifetime: durationFlag(30 * day), Propagation: durationFlag(2 * day), Poll: durationFlag(time.Minute), Over: durationFlag(120 * day)},
	"hasty":            {Every: durationFlag(5 * time.Minute), Lifetime: durationFlag(20 * time.Minute), Propagation: durationFlag(130 * time.Second), Poll: durationFlag(interval), Over: durationFlag(3 * time.Hour)},
	"always announced": {Every: durationFlag(day), Lifetime: durationFlag(time.Hour), Propagation: durationFlag(day - time.Second), Poll: durationFlag(interval), Over: durationFlag(20 * day)},
}

func TestSimulatedLives(t *testing.T) {
	for name, terms := range someTerms {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, terms.validate())
			o, err := terms.run(noon)
			require.NoError(t, err)
			assert.False(t, o.harmful())
			every, propagation, retain := time.Duration(terms.Every), time.Duration(terms.Propagation), time.Duration(terms.Lifetime)+skew
			for i, k := range o.Keys {
				assert.Equal(t, i+1, k.Number)
				assert.Equal(t, noon.Add(time.Duration(i)*every), k.Seals.UTC())
				if i > 0 {
					assert.Equal(t, k.Seals.Add(-propagation), k.Announced)
				}
				if k.SealsTo.IsZero() {
					continue
				}
				assert.Equal(t, k.Seals.Add(every), k.SealsTo)
				assert.Equal(t, k.SealsTo.Add(retain), k.Unneeded)
				assert.Equal(t, k.Unneeded, k.Retires)
				if !k.Erased.IsZero() {
					assert.Equal(t, k.Retires.Add(skew), k.Erased)
				}
				if !k.Forgotten.IsZero() {
					assert.Equal(t, k.Retires.Add(retain+skew), k.Forgotten)
				}
			}
			assert.GreaterOrEqual(t, len(o.Keys), int(terms.Over/terms.Every))
			assert.Equal(t, coexisting(o.Keys), o.MostKeys)
			// A session that is used all the time sees as many further keys as begin within its life.
			assert.InDelta(t, float64(terms.Lifetime)/float64(terms.Every), float64(o.Lineage.Keys), 1)
			assert.InDelta(t, float64(1+4*o.Lineage.Keys)*4/3, float64(o.Lineage.CookieBytes), 2)
		})
	}
}

// coexisting counts, by another way than the simulation's, how many keys have secrets at the same time.
func coexisting(lives []life) (most int) {
	for _, at := range lives {
		n := 0
		for _, k := range lives {
			if !k.Announced.After(at.Announced) && (k.Erased.IsZero() || k.Erased.After(at.Announced)) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// What rings do agrees with what arithmetic says.
func TestLateServer(t *testing.T) {
	for name, terms := range someTerms {
		t.Run(name, func(t *testing.T) {
			lifetime, propagation := time.Duration(terms.Lifetime), time.Duration(terms.Propagation)
			s := simulate(terms.policy(), noon, noon.Add(time.Duration(terms.Over)))

			for _, late := range []time.Duration{0, time.Second, propagation - 1, propagation} {
				l, err := s.compare(late, time.Time{}, lifetime)
				require.NoError(t, err)
				assert.Empty(t, l.Refused, late)
				assert.Empty(t, l.Unread, late)
				for _, lack := range l.Lacked {
					k := s.lives[lack.Key-1]
					assert.Equal(t, k.Announced, lack.From)
					if to := k.Announced.Add(late); to.Before(s.end) {
						assert.Equal(t, to, lack.To)
					}
				}
				assert.Equal(t, late > 0, len(l.Lacked) > 0)
			}

			extra := min(time.Duration(terms.Every)/2, 10*time.Minute)
			l, err := s.compare(propagation+extra, time.Time{}, lifetime)
			require.NoError(t, err)
			require.NotEmpty(t, l.Refused)
			for _, r := range l.Refused {
				k := s.lives[r.Key-1]
				assert.Equal(t, k.Seals.UTC(), r.From.UTC())
				if to := k.Seals.Add(extra); to.Before(s.end) {
					assert.Equal(t, to.UTC(), r.To.UTC())
				}
			}
			// It sealed with the old key for that much too long; 2 minutes are allowed for.
			require.Equal(t, extra > skew, len(l.Unread) > 0)
			for _, r := range l.Unread {
				k := s.lives[r.Key-1]
				assert.Equal(t, k.Retires.UTC(), r.From.UTC())
				if to := k.SealsTo.Add(extra + lifetime); to.Before(s.end) {
					assert.Equal(t, to.UTC(), r.To.UTC())
				}
			}
		})
	}
}

// A server that is so late that the others have retired its key loses its own sessions too.
func TestVeryLateServer(t *testing.T) {
	terms := someTerms["hasty"]
	s := simulate(terms.policy(), noon, noon.Add(time.Duration(terms.Over)))
	l, err := s.compare(time.Hour, time.Time{}, time.Duration(terms.Lifetime))
	require.NoError(t, err)
	require.NotEmpty(t, l.Unread)
	for _, r := range l.Unread {
		assert.False(t, r.From.Before(s.lives[r.Key-1].Retires))
	}
}

func TestLostServer(t *testing.T) {
	for name, terms := range someTerms {
		t.Run(name, func(t *testing.T) {
			o, err := terms.run(noon)
			require.NoError(t, err)
			assert.Equal(t, formatDuration(time.Duration(terms.Propagation).Round(time.Minute)), o.Lost.AtWorst)
			assert.Equal(t, formatDuration((time.Duration(terms.Propagation) + time.Duration(terms.Every)).Round(time.Minute)), o.Lost.AtBest)
		})
	}
}

func TestSimulateFaults(t *testing.T) {
	for args, want := range map[string][]string{
		"--every 0s":                       {"--every 0: must be more than 0"},
		"--propagation 2m9s":               {"--propagation 2m9s: must be at least 2m10s"},
		"--propagation 30d":                {"--propagation 30d: must be less than Every"},
		"--lifetime 401d":                  {"--lifetime 401d: must be from 1s to 400d"},
		"--poll 1ms":                       {"--poll 1ms: must be at least 10ms"},
		"--over 101y":                      {"--over 36865d: must be at most 100y"},
		"--every 3m --propagation 150s":    {"--over 730d: is more than 5000 times --every", "--every 3m: is so short that"},
		"--propagation 1m --lifetime 500d": {"--propagation 1m", "--lifetime 500d"},
		"--late-deploy -1h":                {"invalid argument"},
	} {
		r := run(t, append([]string{"keys", "simulate"}, strings.Fields(args)...)...)
		assert.Equal(t, exitUsage, r.status, args)
		for _, w := range want {
			assert.Contains(t, r.err, w, args)
		}
		assert.Empty(t, r.out)
	}
}

// The defaults are the library's.
func TestSimulateDefaults(t *testing.T) {
	r := run(t, "keys", "simulate", "--json")
	assert.Zero(t, r.status)
	begin, _ := hardtack.KeySet{Retain: day + skew}.Announce(noon, noon)
	next := hardtack.RotationPolicy{}.Plan(begin, noon).Next
	o := decode[struct {
		Keys []life
		Lost lost
	}](t, r.out)
	require.Len(t, o.Keys, 25)
	assert.Equal(t, next.UTC(), o.Keys[1].Announced.UTC())
	assert.Equal(t, lost{"1d", "31d"}, o.Lost)
}
