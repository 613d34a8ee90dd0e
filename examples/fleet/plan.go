package main

import (
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack"
)

// The variants of the drill.
const (
	variantGood       = "good"        // the servers rotate the keys themselves, and announce them long enough ahead
	variantLate       = "late"        // keys are announced for less than the servers take to look, and these do not look again
	variantLateReread = "late-reread" // the same, but a server that meets an unknown key looks at once
)

// plan is what a drill does. All times but poll are the drill's own: rate times as fast as real time.
type plan struct {
	variant   string
	servers   int
	sessions  int
	rotations int // how many keys begin to seal after the first
	rate      float64
	skew      time.Duration // between the slowest clock and the fastest
	seed      uint64

	every, propagation, lifetime time.Duration

	poll     time.Duration // real time: the servers' interval
	noReread bool
}

// complete sets what follows from the variant.
func (p *plan) complete() error {
	p.lifetime = 20 * time.Minute
	switch p.variant {
	case variantGood:
		p.every, p.propagation, p.poll = 6*time.Minute, 5*time.Minute+30*time.Second, 500*time.Millisecond
	case variantLate, variantLateReread:
		p.every, p.propagation, p.poll = 5*time.Minute, 30*time.Second, 3*time.Second
		p.noReread = p.noReread || p.variant == variantLate
	default:
		return fmt.Errorf("-variant %q is none of %s, %s, %s", p.variant, variantGood, variantLate, variantLateReread)
	}
	switch {
	case p.servers < 2 || p.servers > 20:
		return fmt.Errorf("-servers %d is not from 2 to 20", p.servers)
	case p.sessions < 1 || p.sessions > 20_000:
		return fmt.Errorf("-sessions %d is not from 1 to 20000", p.sessions)
	case p.rotations < 1 || p.rotations > 1000:
		return fmt.Errorf("-rotations %d is not from 1 to 1000", p.rotations)
	case p.rate < 1 || p.rate > 600:
		return fmt.Errorf("-rate %g is not from 1 to 600", p.rate)
	case p.skew < 0 || p.skew > 2*time.Minute:
		return fmt.Errorf("-skew %v is not from 0 to 2m, which is what hardtack allows for", p.skew)
	}
	if p.good() {
		if least := p.skew + time.Duration(float64(p.poll)*p.rate); p.propagation <= least {
			return fmt.Errorf("at -rate %g and -skew %v a key needs %v to reach all servers, and has only %v: set them lower", p.rate, p.skew, least, p.propagation)
		}
	}
	return nil
}

func (p *plan) good() bool { return p.variant == variantGood }

// retain is how long a key opens after its successor has begun to seal.
func (p *plan) retain() time.Duration { return p.lifetime + 2*time.Minute }

// slack is how long, in drill time, a server may take to learn of a new key before a neighbour seals with it.
func (p *plan) slack() time.Duration { return p.propagation - p.skew }

// rotate is one step of the late variants, in which nobody but the drill rotates.
func (p *plan) rotate(now time.Time) func(hardtack.KeySet) (hardtack.KeySet, error) {
	return func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s.Retain = p.retain()
		if len(s.Keys) == 0 {
			s, _ = s.Announce(now, now)
			return s, nil
		}
		s, _ = s.Announce(now.Add(p.propagation), now)
		s, _, _ = s.Prune(now)
		return s, nil
	}
}
