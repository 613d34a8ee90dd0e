package main

import "sync"

// tally is what the clients have found.
type tally struct {
	mu          sync.Mutex
	requests    int
	lost        int // sessions that were gone, or had forgotten something that was acknowledged
	mixed       int // answers that were somebody else's
	resurrected int // logged out, and in again by itself
	presented   int // bad cookies, and copies of old ones that are to be refused
	accepted    int // of these
	slow        int // requests that began before servers were replaced, and ended after
}

func (t *tally) count(f func(*tally)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}
