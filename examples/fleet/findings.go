package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// findings returns what the drill found to be wrong, nothing if it passed. It is for when the drill has ended.
func (d *drill) findings() []string {
	var found []string
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if d.lost > 0 {
		if s, pause := d.slow(); s != nil {
			add("inconclusive: machine too slow: server %d did not look at the key file for %v, and keys are announced only %v ahead of the fastest clock (real time)",
				s.number, pause.Round(10*time.Millisecond), d.clock.lasts(d.plan.slack()).Round(10*time.Millisecond))
		}
		add("sessions lost: %d", d.lost)
	}
	if d.wrong > 0 {
		add("cookies wrongly accepted: %d", d.wrong)
	}
	if r := d.revocation.Load(); r != nil {
		if want := (r.sealed + r.since) * len(d.servers); r.refused != want {
			add("of %d answers to cookies of the revoked key %d were refusals", want, r.refused)
		}
		if r.sealed == 0 || r.since == 0 || r.stood == 0 {
			add("the revocation proves nothing: it met %d sessions sealed with the key, %d sealed anew since, %d others", r.sealed, r.since, r.stood)
		}
	}
	if d.ledger.fault != nil {
		add("%v", d.ledger.fault)
	}
	for _, s := range d.servers {
		if s.crashes > 0 {
			add("server %d ended by itself %d times", s.number, s.crashes)
		}
		if said := s.said.String(); strings.Contains(said, "panic") {
			add("server %d panicked: %s", s.number, said)
		}
	}
	return found
}

// slow returns a server that did not look at the key file for so long that a loss proves nothing: half of what a key's announcement
// leaves, since one server may have been late to write and another to read. Nil if there is none, or if that is the point of the variant.
func (d *drill) slow() (*server, time.Duration) {
	if !d.plan.good() {
		return nil, 0
	}
	worst := slices.MaxFunc(d.servers, func(a, b *server) int { return int(a.looks.worst - b.looks.worst) })
	if 2*worst.looks.worst <= d.clock.lasts(d.plan.slack()) {
		return nil, 0
	}
	return worst, worst.looks.worst
}

// pickup is how long the slowest server that ran took to learn of a key, real time.
func (d *drill) pickup(k *life) (slowest time.Duration) {
	for _, s := range d.servers {
		knows := s.looks.knows[k.id]
		for _, up := range s.ups {
			if up.from.Before(k.seen) && (up.to.IsZero() || up.to.After(knows)) && !knows.IsZero() {
				slowest = max(slowest, knows.Sub(k.seen))
			}
		}
	}
	return slowest
}
