package hybridtest

import (
	"sync"
	"time"
)

// Clock stands still until it is told. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// catchUp moves the clock on to the real time, if it is behind: a store that
// goes by the real time must not expire what this clock says is still good.
func (c *Clock) catchUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := realTime(); now.After(c.now) {
		c.now = now
	}
}

// realTime is exact to the millisecond, as expiry is.
func realTime() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
