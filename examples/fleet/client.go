package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	maxCart = 20                     // items
	pace    = 12 * time.Second       // real time, about, between what a client does
	again   = 200 * time.Millisecond // real time, after an answer that did not come
	closing = 90 * time.Second       // drill time: the last visit is this long before the session's end, or earlier
)

// client is somebody with a browser. It is used by one goroutine.
type client struct {
	*drill
	random *rand.Rand
	user   string
	// quiet clients come back only shortly before their session ends.
	quiet   bool
	have    held                 // the zero value if there is no session
	shown   atomic.Pointer[held] // have, for others to see
	leaving time.Time            // when it does not come back to this session any more, real time
}

func newClient(d *drill, i int) *client {
	c := &client{
		drill:  d,
		random: rand.New(rand.NewPCG(d.plan.seed, uint64(i))),
		user:   fmt.Sprintf("user%d", i+1),
		quiet:  i%4 == 0,
	}
	c.set(held{})
	return c
}

// live uses the shop until ctx ends.
func (c *client) live(ctx context.Context, first time.Duration) {
	next := first
	for pause(ctx, next) {
		select {
		case c.turns <- struct{}{}:
		case <-ctx.Done():
			return
		}
		c.act(ctx)
		<-c.turns
		next = c.next()
	}
}

// next is how long the client does nothing.
func (c *client) next() time.Duration {
	if c.have.value == "" {
		return again
	}
	next := time.Until(c.leaving)
	if !c.quiet {
		next = min(next, time.Duration(c.random.ExpFloat64()*float64(pace)))
	}
	return max(next, again)
}

// action is a request, and what it does.
type action struct {
	method, path string
	login        bool
	more         int // items in the cart
}

var read = action{method: "GET", path: "/api/session"}

func (c *client) login() action {
	return action{method: "POST", path: "/api/login?user=" + c.user, login: true}
}

func add(n int) action {
	return action{method: "POST", path: fmt.Sprintf("/api/items?count=%d", n), more: n}
}

func (c *client) act(ctx context.Context) {
	switch now := time.Now(); {
	case c.have.value == "":
		c.visit(ctx)
	case !c.fastest(now).Before(c.have.expires):
		c.count(func(t *tally) { t.unasked++ })
		c.set(held{})
		c.visit(ctx)
	case !now.Before(c.leaving):
		c.leave(ctx)
	default:
		c.shop(ctx)
	}
}

// shop does something, and some pages more, as fast as a browser loads them.
func (c *client) shop(ctx context.Context) {
	do := read
	switch n := c.random.IntN(100); {
	case n < 50:
	case n < 80 && c.have.items < maxCart || c.have.items == 0:
		do = add(1)
	default:
		do = action{method: "DELETE", path: "/api/items?count=1", more: -1}
	}
	for range 1 + c.random.IntN(3) {
		if !c.request(ctx, do) {
			return
		}
		do = read
	}
}

// visit begins a session, with something in the cart.
func (c *client) visit(ctx context.Context) {
	if c.request(ctx, c.login()) {
		c.request(ctx, add(1+c.random.IntN(5)))
	}
}

// leave is the last visit with this session. Half of the clients log in anew with the session they have; the
// others look whether it is there and begin another.
func (c *client) leave(ctx context.Context) {
	if c.random.IntN(2) == 0 {
		c.request(ctx, c.login())
	} else if c.request(ctx, read) {
		c.stash.put(c.have)
		c.set(held{})
		c.visit(ctx)
	}
}

// request sends the client's cookie to the next server that listens, and reports whether the session goes on.
func (c *client) request(ctx context.Context, do action) bool {
	for range 3 * len(c.servers) {
		got, err := c.asker.session(ctx, c.balance(), do.method, do.path, c.have.value)
		switch {
		case err == nil:
			return c.answered(do, &got)
		case ctx.Err() != nil:
			return false
		case errors.Is(err, errRefused):
			c.count(func(t *tally) { t.retried++ })
			if !pause(ctx, 10*time.Millisecond) {
				return false
			}
		case errors.Is(err, errNoReply):
			c.count(func(t *tally) { t.noReply++ })
			return false
		default:
			c.fail(err)
			return false
		}
	}
	return false // all are down; it is tried again later
}

// answered holds the answer against what the client knows, and keeps the cookie that it sets.
func (c *client) answered(do action, got *answer) bool {
	before := c.have
	next := before
	next.user, next.items = c.user, before.items+do.more
	same := got.User == next.user && got.Items == next.items && (do.login || got.ID == before.id)
	switch {
	case before.value == "":
		c.count(func(t *tally) { t.requests++; t.sessions++ })
		if !same || got.Refused != "" {
			c.blame(lost, got, fmt.Sprintf("a new session is refused as %q", got.Refused))
			return false
		}
	case !c.judge(&before, got, same):
		c.set(held{}) // and begins anew
		return false
	case do.login:
		c.count(func(t *tally) { t.renewed++ })
	}
	next.id, next.expires = got.ID, got.Expires
	if got.cookie != "" {
		key, err := keyOf(got.cookie)
		if err != nil {
			c.fail(err)
			return false
		}
		c.ledger.change(key, func(l *life) { l.sealed++ })
		next = next.follow(got.cookie, key)
		if before.value != "" && c.random.IntN(4) == 0 {
			c.stash.put(before)
		}
	}
	if do.login {
		c.leaving = c.stay(next.expires)
	}
	c.set(next)
	return true
}

// stay decides when the client will leave, real time. Quiet clients stay till nearly the end.
func (c *client) stay(expires time.Time) time.Time {
	begin := time.Now()
	last := c.clock.real(expires.Add(-c.plan.skew/2 - closing)).Sub(begin) // by the fastest clock
	part := 0.9 + c.random.Float64()/10
	if !c.quiet {
		part = 0.4 + c.random.Float64()*0.6
	}
	return begin.Add(time.Duration(float64(last) * part))
}

// set remembers the cookie that the client has now.
func (c *client) set(h held) {
	c.have = h
	c.shown.Store(&h)
}

// pause waits, and reports whether ctx has not ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
