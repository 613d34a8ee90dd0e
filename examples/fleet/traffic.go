package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

// traffic is the drill itself.
func (d *drill) traffic(ctx context.Context) error {
	working, cease := context.WithCancel(ctx)
	shopping, leave := context.WithCancel(working)
	var all, shoppers sync.WaitGroup
	defer func() {
		cease()
		leave()
		shoppers.Wait()
		all.Wait()
	}()
	all.Go(func() { d.watch(working) })
	for _, s := range d.servers {
		all.Go(func() { d.listen(working, s) })
	}
	for _, c := range d.clients {
		first := time.Duration(c.random.Int64N(int64(arrivals)))
		shoppers.Go(func() { c.live(shopping, first) })
	}
	all.Go(func() { d.replay(working) })
	all.Go(func() { d.disturb(working) })
	if !d.plan.good() {
		all.Go(func() { d.rotate(working) })
	}

	if d.plan.good() {
		if err := d.rotations(ctx, (d.plan.rotations+1)/2); err != nil {
			return err
		}
		if err := d.revoke(ctx); err != nil {
			return err
		}
	}
	if err := d.rotations(ctx, d.plan.rotations); err != nil {
		return err
	}
	if err := d.hold(ctx); err != nil { // for good
		return err
	}
	leave()
	shoppers.Wait()
	d.ask(ctx)
	return context.Cause(ctx)
}

// ask asks once more for every session that is still alive.
func (d *drill) ask(ctx context.Context) {
	var all sync.WaitGroup
	for _, c := range d.clients {
		d.turns <- struct{}{}
		all.Go(func() {
			defer func() { <-d.turns }()
			if c.have.value != "" {
				c.request(ctx, read)
			}
		})
	}
	all.Wait()
}

// rotations waits until n keys have begun to seal after the first, by every clock.
func (d *drill) rotations(ctx context.Context, n int) error {
	reported := 0
	return d.until(ctx, fmt.Sprintf("rotation %d", n), func() bool {
		done := sealing(d.ledger.all(), d.slowest(time.Now()))
		if done > reported && done%5 == 0 {
			reported = done
			d.tally.count(func(t *tally) {
				fmt.Fprintf(d.log, "rotation %d: %d requests, %d lost, %d wrongly accepted\n", done, t.requests, t.lost, t.wrong)
			})
		}
		return done >= n
	})
}

// until waits for something that has to come.
func (d *drill) until(ctx context.Context, what string, done func() bool) error {
	limit := 2*time.Minute + 3*d.clock.lasts(time.Duration(d.plan.rotations)*d.plan.every)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %v in vain for %s", limit, what))
	defer cancel()
	for !done() {
		if !pause(ctx, watching) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// watch follows the key file, and counts the sessions.
func (d *drill) watch(ctx context.Context) {
	for pause(ctx, watching) {
		d.ledger.look(ctx, d.file)
		if d.revoking.Load() {
			continue // while a key is revoked, sessions end
		}
		now, alive := d.fastest(time.Now()), 0
		for _, c := range d.clients {
			if h := c.shown.Load(); h.value != "" && now.Before(h.expires) {
				alive++
			}
		}
		d.live = append(d.live, alive)
	}
}

// listen follows what a server says of itself.
func (d *drill) listen(ctx context.Context, s *server) {
	for pause(ctx, watching) {
		url := s.address()
		r, err := d.asker.report(ctx, url)
		switch {
		case err == nil:
			s.heard(&r, d.clock, url)
		case ctx.Err() == nil && !errors.Is(err, errRefused) && !errors.Is(err, errNoReply):
			d.fail(err)
		}
	}
}

// rotate announces a key whenever one is due.
func (d *drill) rotate(ctx context.Context) {
	for pause(ctx, d.clock.lasts(d.plan.every)) {
		if _, err := hardtack.UpdateKeys(ctx, d.file, nil, d.plan.rotate(d.clock.at(time.Now()))); err != nil && ctx.Err() == nil {
			d.fail(err)
		}
	}
}

// disturb kills servers and starts them again.
func (d *drill) disturb(ctx context.Context) {
	random := rand.New(rand.NewPCG(d.plan.seed, 1<<32))
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(random.Int64N(int64(high-low)))
	}
	for pause(ctx, between(2*time.Second, 4*time.Second)) && d.hold(ctx) == nil {
		s := d.servers[random.IntN(len(d.servers))]
		s.kill()
		d.kills.Add(1)
		if !pause(ctx, between(300*time.Millisecond, 2*time.Second)) {
			return
		}
		if err := s.start(ctx, d.binary); err != nil {
			d.fail(err)
			return
		}
		d.release()
	}
}

// hold waits until all servers run, and then keeps others from killing one until release.
func (d *drill) hold(ctx context.Context) error {
	select {
	case d.killing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (d *drill) release() { <-d.killing }
