package main

import (
	"context"
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

// soak puts the contender under load.
func (c *contender) soak(ctx context.Context, s settings) (*outcome, error) {
	ctx, stop := c.during(ctx)
	defer stop()
	o := &outcome{name: c.name, moving: c.moving}
	fresh, err := c.ask(ctx, true)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(s.progress, "%s: %d visitors arrive\n", c.name, s.visitors)
	l := newLoad(c.url, s)
	if o.arrivals, err = l.arrive(ctx, s); err != nil {
		return nil, err
	}
	if o.start, err = c.quiet(ctx, s, l, fresh.goroutines+s.margins.goroutines); err != nil {
		return nil, err
	}
	var before redisState
	if c.redis != nil {
		if before, err = c.redis.state(ctx); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(s.progress, "%s: %v of load\n", c.name, s.duration)
	if err := c.underLoad(ctx, s, l, o); err != nil {
		return nil, err
	}
	if c.redis != nil {
		after, err := c.redis.state(ctx)
		if err != nil {
			return nil, err
		}
		o.redis = &redisFigures{c.redis.server.Version(), before, after.since(before)}
	}
	if c.keys != nil {
		r, err := c.keys.report(ctx)
		if err != nil {
			return nil, err
		}
		o.sealedWith, o.keyFaults = r.sealed(), r.Faults
	}
	o.end, err = c.quiet(ctx, s, l, o.start.goroutines+s.margins.goroutines)
	return o, err
}

// underLoad runs the load, and meanwhile watches the process and rotates its keys. A rotation that fails ends neither.
func (c *contender) underLoad(ctx context.Context, s settings, l *load, o *outcome) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var beside errgroup.Group
	beside.Go(func() (err error) {
		o.samples, err = c.watch(watching, s.sampleEvery)
		return err
	})
	beside.Go(func() error {
		o.rotate(watching, s, c.keys)
		return nil
	})
	var err error
	o.load, err = l.run(ctx, s)
	stop()
	if fault := beside.Wait(); err == nil {
		err = fault
	}
	return err
}

// rotate rotates the keys, if there are any, again and again.
func (o *outcome) rotate(ctx context.Context, s settings, k *keys) {
	if k == nil {
		return
	}
	o.planned = s.rotations()
	ticker := time.NewTicker(s.rotateEvery)
	defer ticker.Stop()
	for range o.planned {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := k.rotate(ctx); err != nil {
			o.rotationFaults = append(o.rotationFaults, err)
			continue
		}
		o.rotations++
	}
}
