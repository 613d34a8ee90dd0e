package main

import (
	"fmt"
	"time"
)

// judge counts what an answer to a request with this cookie means, and reports whether the session goes on.
func (d *drill) judge(h *held, got *answer, same bool) bool {
	k := d.ledger.key(h.key)
	q := question{
		cookie:  *h,
		asked:   d.clock.at(got.asked).Add(got.server.offset),
		fastest: d.fastest(got.arrived),
		retire:  k.retire,
	}
	if r := d.revocation.Load(); r != nil && h.sealedBy(r.key) {
		since := got.server.knowsRevoked(r.key)
		q.revoked = got.arrived.After(r.at)
		q.known = !since.IsZero() && got.asked.After(since)
	}
	v := q.verdict(got.Refused, same)
	if v == lost || v == wrong {
		d.blame(v, got, fmt.Sprintf("a cookie of key %v, session until %s, key until %s: asked at %s by its clock, refused as %q, data right: %t",
			h.key, d.stamp(h.expires), d.stamp(k.retire), d.stamp(q.asked), got.Refused, same))
	}
	d.ledger.change(h.key, func(l *life) {
		switch {
		case v == lost:
			l.lost++
		case v == refused:
			l.refused++
		case got.Refused == "":
			l.opened++
		}
	})
	age := 0
	if got.Refused == "" {
		age = d.ledger.age(h.key, d.clock.at(got.arrived))
	}
	d.count(func(t *tally) {
		t.requests++
		switch v {
		case refused:
			t.refused[got.Refused]++
		case kept:
			t.kept++
		case either:
			t.either++
		}
		if got.Refused == "" {
			for len(t.byAge) <= age {
				t.byAge = append(t.byAge, 0)
			}
			t.byAge[age]++
		}
	})
	return got.Refused == "" && v != lost
}

// stamp is a time of the drill since its beginning.
func (d *drill) stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return minutes(t.Sub(d.clock.base))
}
