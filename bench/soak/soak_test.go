package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// short are settings under which a fault shows in seconds. Resident memory is left room: so short a process still grows.
func short(duration time.Duration) settings {
	return settings{
		duration: duration, turn: 500 * time.Millisecond, rate: 200, visitors: 200, connections: 16, rotateEvery: duration * 5 / 12,
		sampleEvery: 100 * time.Millisecond, settle: 15 * time.Second, seed: 1, margins: margins{goroutines: 5, share: 0.10, liveHeap: 8 * mib, resident: 64 * mib}, progress: io.Discard,
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
		assert.InDelta(t, 1200, o.load.count(all), 100, o.name) // fewer where the machine is too slow
		for _, kind := range []string{look, add, remove, login, logout} {
			assert.NotZero(t, o.load.count(kind), "%s: %s", o.name, kind)
		}
		assert.NotZero(t, o.redis.during.commands(), o.name)
		assert.NotZero(t, o.redis.during.keys, o.name)
		assert.NotZero(t, o.redis.during.memory, o.name)
		assert.NotZero(t, o.cpu, o.name)
		assert.Greater(t, len(o.samples), 20, o.name)
		for i := range o.samples[1:] {
			assert.GreaterOrEqual(t, o.samples[i+1].at-o.samples[i].at, 100*time.Millisecond, "%s: by the time of its turns", o.name)
		}
		assert.Less(t, o.samples[len(o.samples)-1].at, 6*time.Second, o.name)
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
		"Each shop: 200 visitors, 200 requests a second for 6s, in turns of 500ms", "Redis 7", "alexedwards/scs/v2 v2.", "tsenart/vegeta/v12 v12.",
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
			outcomes, err := soakAll(t.Context(), s, opening(startFake(t, "fake", fault))...)
			require.NoError(t, err)
			require.Len(t, outcomes, 1)
			o := outcomes[0]
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

func TestFaultsAreOneContendersOwn(t *testing.T) {
	t.Parallel()
	s := short(2 * time.Second)
	outcomes, err := soakAll(t.Context(), s, opening(startFake(t, "good", ""), startFake(t, "bad", "answers 500"))...)
	require.NoError(t, err)
	require.Len(t, outcomes, 2)
	assert.Empty(t, outcomes[0].findings(s.margins))
	found := (&report{settings: s, outcomes: outcomes}).findings()
	require.NotEmpty(t, found)
	for _, f := range found {
		assert.True(t, strings.HasPrefix(f, "bad: "), f)
	}
}

// opening returns how contenders that run already are opened.
func opening(contenders ...*contender) (opens []func() (*contender, error)) {
	for _, c := range contenders {
		opens = append(opens, func() (*contender, error) { return c, nil })
	}
	return opens
}

// longTurns are settings under which the second contender waits for its turn until the test is over.
func longTurns() settings {
	s := short(time.Hour)
	s.turn = time.Hour
	return s
}

// loaded returns progress that calls a function when the load begins.
type loaded func()

func (f loaded) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "of load on each") {
		f()
	}
	return len(p), nil
}

// TestShopThatDies ends the other's load too, whether the shop dies in its turn or while it waits for it.
func TestShopThatDies(t *testing.T) {
	for i, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both := []*contender{startFake(t, "first", ""), startFake(t, "second", "")}
			s := longTurns()
			s.progress = loaded(func() { time.AfterFunc(time.Second, both[i].kill) })
			_, err := soakAll(t.Context(), s, opening(both...)...)
			require.ErrorIs(t, err, errEnded)
			assert.True(t, strings.HasPrefix(err.Error(), name+": "), err.Error())
			<-both[1-i].gone
		})
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := longTurns()
	var began time.Time
	s.progress = loaded(func() { time.AfterFunc(time.Second, func() { began = time.Now(); cancel() }) })
	first, second := startFake(t, "first", ""), startFake(t, "second", "")
	_, err := soakAll(ctx, s, opening(first, second)...)
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(began), time.Minute, "it does not hang")
	<-first.gone
	<-second.gone
}

// TestSecondThatIsNotOpened ends the first, whether the second returns an error or gives the test up.
func TestSecondThatIsNotOpened(t *testing.T) {
	t.Parallel()
	for _, open := range []func() (*contender, error){
		func() (*contender, error) { return nil, errors.New("not opened") },
		func() (*contender, error) { runtime.Goexit(); return nil, nil },
	} {
		first := startFake(t, "first", "")
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err = soakAll(t.Context(), short(time.Hour), append(opening(first), open)...)
		}()
		<-done
		if err != nil {
			require.EqualError(t, err, "not opened")
		}
		<-first.gone
	}
}

func TestProgramThatDoesNotStart(t *testing.T) {
	_, err := start(t.Context(), os.Args[0], nil, "-test.run=^$", "-no-such-flag")
	require.ErrorContains(t, err, "did not start")
	require.ErrorContains(t, err, "no-such-flag")
}
