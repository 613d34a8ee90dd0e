package main

import "time"

// clock is the drill's time: at base it agrees with real time, and it runs rate times as fast. The servers' clocks are
// the same but for their offsets.
type clock struct {
	base time.Time
	rate float64
}

// at returns what the clock shows at a real time.
func (c clock) at(real time.Time) time.Time {
	return c.base.Add(time.Duration(float64(real.Round(0).Sub(c.base)) * c.rate))
}

// real returns when the clock shows t.
func (c clock) real(t time.Time) time.Time { return c.base.Add(c.lasts(t.Sub(c.base))) }

// lasts returns what d of the clock's time takes in real time.
func (c clock) lasts(d time.Duration) time.Duration { return time.Duration(float64(d) / c.rate) }

// offsets spreads n clocks evenly, so that the first and the last differ by skew.
func offsets(n int, skew time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	if n == 1 {
		return all
	}
	for i := range all {
		all[i] = -skew/2 + skew*time.Duration(i)/time.Duration(n-1)
	}
	return all
}
