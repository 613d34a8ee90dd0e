package main

import (
	"context"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// schedule lets contenders take turns under load. In each round every contender has one turn; the next round is in
// the opposite order, so that none always comes after the same other. The turns of the last round may be shorter.
type schedule struct {
	contenders int
	turn       time.Duration
	duration   time.Duration // of the turns of a contender in all
}

func newSchedule(contenders int, s settings) schedule {
	return schedule{contenders, min(s.turn, s.duration), s.duration}
}

// span returns when a contender's turn in a round begins, and how long it is.
func (s schedule) span(contender, round int) (begin, length time.Duration) {
	length = min(s.turn, s.duration-time.Duration(round)*s.turn)
	place := contender
	if round%2 == 1 {
		place = s.contenders - 1 - contender
	}
	return time.Duration(s.contenders*round)*s.turn + time.Duration(place)*length, length
}

// active returns for how long a contender has had its turns when so much time has elapsed.
func (s schedule) active(contender int, elapsed time.Duration) time.Duration {
	round := int(elapsed / (time.Duration(s.contenders) * s.turn))
	before := time.Duration(round) * s.turn
	if before >= s.duration {
		return s.duration
	}
	begin, length := s.span(contender, round)
	return before + min(max(0, elapsed-begin), length)
}

// next returns when a contender does what is due after so much active time: then, or if that is past, at once or when
// its next turn begins. It returns the active time of that moment and the wait for it, or false if its turns will be over.
func (s schedule) next(contender int, due, elapsed time.Duration) (active, wait time.Duration, on bool) {
	active = max(due, s.active(contender, elapsed))
	if active >= s.duration {
		return s.duration, 0, false
	}
	begin, _ := s.span(contender, int(active/s.turn))
	return active, begin + active%s.turn - elapsed, true
}

// turns are those of one contender, from when the load began.
type turns struct {
	schedule
	contender int
	began     time.Time
}

// wait waits until something is due after so much active time, and it is the contender's turn. It returns the active time
// of that moment, or false if the turns are over or the context has ended.
func (t turns) wait(ctx context.Context, due time.Duration) (active time.Duration, on bool) {
	for {
		active, wait, on := t.next(t.contender, due, time.Since(t.began))
		if !on || wait <= 0 {
			return active, on && ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return active, false
		case <-time.After(wait): // which may take longer than the turn
		}
	}
}

// pacer sends at its rate in the turns of a contender, and ends with them.
type pacer struct {
	vegeta.ConstantPacer
	turns
	ctx context.Context // of the load
}

// Pace waits itself, because vegeta does not end an attack while it waits.
func (p pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	_, on := p.wait(p.ctx, time.Duration(hits)*p.Per/time.Duration(p.Freq))
	return 0, !on
}
