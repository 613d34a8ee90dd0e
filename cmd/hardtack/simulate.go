package main

import (
	"time"

	"github.com/hardtack-go/hardtack"
)

// edition is what a source holds from a moment on.
type edition struct {
	from time.Time
	set  hardtack.KeySet
}

// life is when what happened to a key in a simulation. Zero times: not within it.
type life struct {
	Number    int       `json:"key"` // IDs are random, and say nothing here
	Announced time.Time `json:"announced"`
	Seals     time.Time `json:"seals,omitzero"`
	SealsTo   time.Time `json:"seals_until,omitzero"`
	// Unneeded is from when on it is safe to drop.
	Unneeded  time.Time `json:"safe_to_drop,omitzero"`
	Retires   time.Time `json:"retires,omitzero"`
	Erased    time.Time `json:"erased,omitzero"`
	Forgotten time.Time `json:"forgotten,omitzero"`
}

// simulation is the life of a ring under a policy.
type simulation struct {
	policy     hardtack.RotationPolicy
	begin, end time.Time
	editions   []edition
	numbers    map[hardtack.KeyID]int // from 1, in the order of being announced
	lives      []life
	mostKeys   int // secrets at the same time
	mostIDs    int // and IDs of keys that are gone
}

// simulate lets a policy run from begin to end, always in time. The policy is valid.
func simulate(policy hardtack.RotationPolicy, begin, end time.Time) *simulation {
	s := &simulation{policy: policy, begin: begin, end: end, numbers: make(map[hardtack.KeyID]int)}
	set, _ := hardtack.KeySet{Retain: policy.Retain}.Announce(begin, begin)
	s.record(set, begin)
	for now := begin; now.Before(end); {
		plan := policy.Plan(set, now)
		if plan.Empty() {
			now = plan.Next
			continue
		}
		set = set.Apply(plan, now)
		s.record(set, now)
	}
	return s
}

// record notes what is new in a set.
func (s *simulation) record(set hardtack.KeySet, now time.Time) {
	s.editions = append(s.editions, edition{now, set})
	secrets := 0
	there := make(map[int]bool)
	for _, st := range set.Status(now) {
		k := st.Key
		number, known := s.numbers[k.ID()]
		if !known {
			s.lives = append(s.lives, life{Number: len(s.lives) + 1, Announced: now})
			number = len(s.lives)
			s.numbers[k.ID()] = number
		}
		there[number] = true
		l := &s.lives[number-1]
		if !k.Erased() {
			secrets++
			l.Seals, l.SealsTo, l.Unneeded, l.Retires = k.Activate(), st.SealsUntil, st.Unneeded, k.Retire()
		} else if l.Erased.IsZero() {
			l.Erased = now
		}
	}
	for i := range s.lives {
		if l := &s.lives[i]; !there[l.Number] && l.Forgotten.IsZero() {
			l.Forgotten = now
		}
	}
	s.mostKeys, s.mostIDs = max(s.mostKeys, secrets), max(s.mostIDs, len(set.Keys))
}
