package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// outcome is what was seen of one contender.
type outcome struct {
	name   string
	moving bool // sessions can move between the cookie and the store

	arrivals, load *tally
	start, end     sample   // without connections: after the visitors have arrived, and after the load
	samples        []sample // under load
	redis          *redisFigures

	rotations, planned int
	rotationFaults     []error
	sealedWith         int // keys
	keyFaults          []string

	said     string        // by the shop, on standard error
	shutdown error         // what was not well when the shop was told to end
	cpu      time.Duration // that the shop has taken, from its start to its end
}

// redisFigures are about the Redis of a contender.
type redisFigures struct {
	version string
	before  redisState // the load
	during  redisState // what was done in it, and what was held after it
}

// trial is a contender with its load and what is seen of it.
type trial struct {
	*contender
	load *load
	seen *outcome
}

// soakAll opens contenders, puts them under load in turns, so that what disturbs the machine disturbs all alike, and ends
// them, whatever happens.
func soakAll(ctx context.Context, s settings, opens ...func() (*contender, error)) (outcomes []*outcome, err error) {
	var trials []*trial
	defer func() {
		for _, t := range trials {
			err = errors.Join(err, t.named(t.close(t.seen)))
			outcomes = append(outcomes, t.seen)
		}
		if err == nil {
			return
		}
		for _, o := range outcomes {
			if o.said != "" {
				err = fmt.Errorf("%w; %s wrote to standard error: %q", err, o.name, o.said)
			}
		}
		outcomes = nil
	}()
	for _, open := range opens {
		c, err := open()
		if err != nil {
			return nil, err
		}
		trials = append(trials, &trial{c, newLoad(c.url, s), &outcome{name: c.name, moving: c.moving}})
	}
	running, stop := during(ctx, trials)
	defer stop()
	err = takeTurns(running, s, trials)
	if cause := context.Cause(running); cause != nil {
		err = cause // says more than what failed then
	}
	return nil, err
}

// during returns a context that also ends when one of the shops does by itself; its cause says which.
func during(ctx context.Context, trials []*trial) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, t := range trials {
		go func() {
			select {
			case <-t.gone:
				cancel(t.named(errEnded))
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// takeTurns has one after the other prepared, all under load in turns, and then one after the other looked at. The
// first error ends it for all.
func takeTurns(ctx context.Context, s settings, trials []*trial) error {
	for _, t := range trials {
		if err := t.prepare(ctx, s); err != nil {
			return t.named(err)
		}
	}
	fmt.Fprintf(s.progress, "%v of load on each, in turns of %v\n", s.duration, s.turn)
	all, loading := errgroup.WithContext(ctx)
	schedule, began := newSchedule(len(trials), s), time.Now()
	for i, t := range trials {
		all.Go(func() error { return t.named(t.underLoad(loading, s, turns{schedule, i, began})) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for _, t := range trials {
		if err := t.conclude(ctx, s); err != nil {
			return t.named(err)
		}
	}
	return nil
}

// named adds to an error whose it is.
func (t *trial) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", t.name, err)
}

// prepare lets the visitors arrive, and looks at what there is before the load.
func (t *trial) prepare(ctx context.Context, s settings) error {
	fresh, err := t.ask(ctx, true)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.progress, "%s: %d visitors arrive\n", t.name, s.visitors)
	if t.seen.arrivals, err = t.load.arrive(ctx, s); err != nil {
		return err
	}
	if t.seen.start, err = t.quiet(ctx, s, t.load, fresh.goroutines+s.margins.goroutines); err != nil {
		return err
	}
	if t.redis == nil {
		return nil
	}
	before, err := t.redis.state(ctx)
	t.seen.redis = &redisFigures{version: t.redis.server.Version(), before: before}
	return err
}

// underLoad runs the load, and meanwhile watches the process and rotates its keys. A rotation that fails ends neither.
func (t *trial) underLoad(ctx context.Context, s settings, turns turns) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var beside errgroup.Group
	beside.Go(func() (err error) {
		t.seen.samples, err = t.watch(watching, s.sampleEvery, turns)
		return err
	})
	beside.Go(func() error {
		t.seen.rotate(watching, s, t.keys, turns)
		return nil
	})
	var err error
	t.seen.load, err = t.load.run(ctx, s, turns)
	stop()
	if fault := beside.Wait(); err == nil {
		err = fault
	}
	return err
}

// conclude looks at what there is after the load.
func (t *trial) conclude(ctx context.Context, s settings) (err error) {
	if t.redis != nil {
		after, err := t.redis.state(ctx)
		if err != nil {
			return err
		}
		t.seen.redis.during = after.since(t.seen.redis.before)
	}
	if t.keys != nil {
		r, err := t.keys.report(ctx)
		if err != nil {
			return err
		}
		t.seen.sealedWith, t.seen.keyFaults = r.sealed(), r.Faults
	}
	t.seen.end, err = t.quiet(ctx, s, t.load, t.seen.start.goroutines+s.margins.goroutines)
	return err
}

// rotate rotates the keys, if there are any, again and again. Each rotation begins in a turn of their shop.
func (o *outcome) rotate(ctx context.Context, s settings, k *keys, t turns) {
	if k == nil {
		return
	}
	o.planned = s.rotations()
	for n := range o.planned {
		if _, on := t.wait(ctx, time.Duration(n+1)*s.rotateEvery); !on {
			return
		}
		if err := k.rotate(ctx); err != nil {
			o.rotationFaults = append(o.rotationFaults, err)
			continue
		}
		o.rotations++
	}
}
