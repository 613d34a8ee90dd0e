package main

import (
	"math/rand/v2"
	"sync"
)

// crowd are the visitors that wait, of whom anybody may come next. Its methods may be called from several goroutines at once.
type crowd struct {
	mu      sync.Mutex
	arrived *sync.Cond
	waiting []*visitor
	random  *rand.Rand
}

func newCrowd(s settings) *crowd {
	c := &crowd{random: rand.New(rand.NewPCG(s.seed, ^uint64(0)))}
	c.arrived = sync.NewCond(&c.mu)
	for n := range s.visitors {
		c.waiting = append(c.waiting, newVisitor(n, s.seed))
	}
	return c
}

// leave returns a visitor, who is no longer in the crowd. If all are busy, it waits for one.
func (c *crowd) leave() *visitor {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) == 0 {
		c.arrived.Wait()
	}
	last := len(c.waiting) - 1
	n := c.random.IntN(last + 1)
	v := c.waiting[n]
	c.waiting[n], c.waiting = c.waiting[last], c.waiting[:last]
	return v
}

// join puts visitors back.
func (c *crowd) join(v ...*visitor) {
	c.mu.Lock()
	c.waiting = append(c.waiting, v...)
	c.mu.Unlock()
	c.arrived.Broadcast()
}
