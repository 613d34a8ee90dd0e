package main

import (
	"time"

	"github.com/hardtack-go/hardtack"
)

// timeline is the life of each key, in a stretch of time that shows what matters.
type timeline struct {
	from, to, at time.Time
	lanes        []lane
}

// lane is one key's line.
type lane struct {
	key      listedKey
	segments []segment
}

// segment is a part of a key's life. from and to lie within the timeline.
type segment struct {
	phase    hardtack.KeyState // KeyAnnounced, KeySealing, KeyRetiring or KeyRevoked
	from, to time.Time
	open     bool // it goes on beyond the timeline's end, for ever
}

// farthest is how far from the present a time may be that the timeline stretches to.
const farthest = 10 * year

func newTimeline(l listing) timeline {
	t := timeline{from: l.At, to: l.At, at: l.At}
	for _, k := range l.Keys {
		for _, at := range []time.Time{k.Created, k.Activate, k.SealsUntil, k.Retire, k.Revoked} {
			if at.IsZero() || at.Sub(l.At) > farthest || l.At.Sub(at) > farthest {
				continue
			}
			if at.Before(t.from) {
				t.from = at
			}
			if at.After(t.to) {
				t.to = at
			}
		}
	}
	margin := max(t.to.Sub(t.from)/20, time.Minute)
	t.from, t.to = t.from.Add(-margin), t.to.Add(margin)
	for _, k := range l.Keys {
		t.lanes = append(t.lanes, lane{k, t.segments(k)})
	}
	return t
}

// segments cuts a key's life into its phases.
func (t timeline) segments(k listedKey) (segments []segment) {
	add := func(phase hardtack.KeyState, from, to time.Time) {
		open := to.IsZero()
		if open || to.After(t.to) {
			to = t.to
		}
		if from.Before(t.from) {
			from = t.from
		}
		if from.Before(to) {
			segments = append(segments, segment{phase, from, to, open})
		}
	}
	begin := k.Created
	if begin.IsZero() {
		begin = k.Activate
	}
	if k.State == hardtack.KeyRevoked {
		if begin.IsZero() { // of a key that was never there
			begin = k.Revoked.Add(-time.Nanosecond)
		}
		add(hardtack.KeyRevoked, begin, k.Revoked)
		return segments
	}
	activate, sealed, end := k.Activate, k.SealsUntil, k.Retire
	if sealed.IsZero() || !end.IsZero() && sealed.After(end) {
		sealed = end
	}
	if k.State == hardtack.KeySealing {
		// A ring without a better key seals with this one, whatever its times are.
		if activate.After(t.at) {
			activate = t.at
		}
		for _, to := range []*time.Time{&sealed, &end} {
			if !to.IsZero() && to.Before(t.at) {
				*to = t.at
			}
		}
	}
	if begin.Before(activate) {
		add(hardtack.KeyAnnounced, begin, activate)
	}
	add(hardtack.KeySealing, activate, sealed)
	if !sealed.IsZero() {
		add(hardtack.KeyRetiring, sealed, end)
	}
	return segments
}

// fraction is where in the timeline at is, from 0 to 1.
func (t timeline) fraction(at time.Time) float64 {
	return min(1, max(0, float64(at.Sub(t.from))/float64(t.to.Sub(t.from))))
}
