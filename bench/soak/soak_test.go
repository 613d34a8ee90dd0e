package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// short are settings under which a fault shows in seconds. Resident memory is left room: so short a process still grows.
func short(duration time.Duration) settings {
	return settings{
		duration: duration, rate: 200, visitors: 200, connections: 16, rotateEvery: duration * 5 / 12, sampleEvery: 100 * time.Millisecond,
		settle: 15 * time.Second, seed: 1, margins: margins{goroutines: 5, share: 0.10, liveHeap: 8 * mib, resident: 64 * mib}, progress: io.Discard,
	}
}

func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("builds three programs and starts Redis servers; left out under -short")
	}
	t.Parallel()
	r, err := soak(t.Context(), t, short(6*time.Second), filepath.Join("..", ".."))
	require.NoError(t, err)
	assert.Empty(t, r.findings())

	require.Len(t, r.outcomes, 2)
	ours, scs := r.outcomes[0], r.outcomes[1]
	for _, o := range r.outcomes {
		assert.EqualValues(t, 200, o.arrivals.count(all), o.name)
		assert.InDelta(t, 1200, o.load.count(all), 100, o.name)
		for _, kind := range []string{look, add, remove, login, logout} {
			assert.NotZero(t, o.load.count(kind), "%s: %s", o.name, kind)
		}
		assert.NotZero(t, o.redis.during.commands(), o.name)
		assert.NotZero(t, o.redis.during.keys, o.name)
		assert.NotZero(t, o.redis.during.memory, o.name)
		assert.NotZero(t, o.cpu, o.name)
		assert.Greater(t, len(o.samples), 20, o.name)
	}
	assert.NotZero(t, ours.load.overflows)
	assert.NotZero(t, ours.load.returns)
	assert.Equal(t, 1, ours.rotations)
	assert.Equal(t, 2, ours.sealedWith)
	assert.Len(t, ours.load.keys, 2)
	assert.Positive(t, ours.load.count(lookIn("cookie")))
	assert.Positive(t, ours.load.count(lookIn("store")))
	assert.Zero(t, scs.load.count(lookIn("cookie")))
	assert.Greater(t, scs.redis.during.commands(), scs.load.count(all), "each request of a session with scs reads it from Redis")
	assert.Less(t, ours.redis.during.commands(), scs.redis.during.commands())

	document := filepath.Join(t.TempDir(), "soak.md")
	require.NoError(t, os.WriteFile(document, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o644))
	var printed strings.Builder
	require.NoError(t, r.deliver(&printed, document))
	written, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, "before\n"+beginMark+"\n"+printed.String()+endMark+"\nafter\n", string(written))
	for _, want := range []string{
		"Each shop: 200 visitors, 200 requests a second for 6s", "Redis 7", "alexedwards/scs/v2 v2.", "tsenart/vegeta/v12 v12.",
		"| | hardtack | scs |\n", "| **verdict** | passed | passed |", "| rotations, keys that have sealed, keys of cookies presented | 1, 2, 2 |  |",
		"| look, session in the cookie | hardtack |", "| look, session in the store | scs |", "| EVALSHA |",
	} {
		assert.Contains(t, printed.String(), want)
	}
	for _, row := range strings.Split(printed.String(), "\n") {
		assert.NotContains(t, row, "NaN")
	}
}

func TestFaultyShopsAreCaught(t *testing.T) {
	for fault, want := range map[string]string{
		"":                   "",
		"loses sessions":     "the session is lost: the shop takes the visitor for a new one",
		"mixes sessions up":  "the session is mixed up",
		"forgets articles":   "items and must hold",
		"answers 500":        "status 500",
		"hangs up":           "no answer: ",
		"keeps the identity": "the same identity after the login",
		"keeps the cookie":   "the cookie is still there after the logout",
		"leaks goroutines":   "goroutines leak: ",
		"leaks memory":       "the live heap, before the load and after it, grows",
		"speaks":             `the shop wrote to standard error: "something is odd`,
		"does not end well":  "the shop did not end well: exit status 1",
	} {
		name := fault
		if name == "" {
			name = "none"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := short(2 * time.Second)
			if fault == "leaks goroutines" {
				s.settle = time.Second
			}
			o, err := runOne(t.Context(), s, func() (*contender, error) { return startFake(t, fault), nil })
			require.NoError(t, err)
			found := strings.Join(o.findings(s.margins), "\n")
			if fault == "" {
				assert.Empty(t, found)
				return
			}
			assert.Contains(t, found, want)
			err = (&report{settings: s, outcomes: []*outcome{o}}).deliver(io.Discard, "")
			require.ErrorContains(t, err, want)
		})
	}
}

func TestShopThatDies(t *testing.T) {
	t.Parallel()
	c := startFake(t, "")
	time.AfterFunc(2*time.Second, func() { _ = c.cmd.Process.Signal(syscall.SIGKILL) })
	_, err := runOne(t.Context(), short(time.Hour), func() (*contender, error) { return c, nil })
	require.ErrorContains(t, err, "fake: ")
	require.ErrorIs(t, err, errEnded)
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	c := startFake(t, "")
	began := time.Now()
	_, err := runOne(ctx, short(time.Hour), func() (*contender, error) { return c, nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(began), time.Minute, "it does not hang")
	<-c.gone
}

func TestProgramThatDoesNotStart(t *testing.T) {
	_, err := start(t.Context(), os.Args[0], nil, "-test.run=^$", "-no-such-flag")
	require.ErrorContains(t, err, "did not start")
	require.ErrorContains(t, err, "no-such-flag")
}
