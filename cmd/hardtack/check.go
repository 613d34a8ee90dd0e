package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
)

// severity says how bad a finding is.
type severity string

const (
	// severe: sessions are lost, or could be forged, now or when the time comes.
	severe severity = "error"
	// warning: it should be seen to.
	warning severity = "warning"
)

// finding is something that is wrong with keys. Its code is stable.
type finding struct {
	Code     string           `json:"code"`
	Severity severity         `json:"severity"`
	Message  string           `json:"message"`
	Keys     []hardtack.KeyID `json:"keys,omitempty"`
}

// expectations are what keys are checked for.
type expectations struct {
	every    time.Duration // how often a new key is to seal; 0: not said
	lifetime time.Duration // the longest of the Jars; 0: what the set is kept for
	maxKeys  int
}

const (
	// nearEnd is when a key's end without a successor must be seen to.
	nearEnd = 7 * day
	// farOff is when a time in the future is the work of a wrong clock.
	farOff = maxLifetime
)

// longAgo is before there were any keys.
var longAgo = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// checker collects what is wrong with a set at a moment.
type checker struct {
	expectations
	set      hardtack.KeySet
	status   []hardtack.KeyStatus // the newest first
	now      time.Time
	findings []finding
}

// check returns what is wrong with the keys at the time now, what is worst first.
func (e expectations) check(s hardtack.KeySet, now time.Time) []finding {
	c := &checker{expectations: e, set: s, status: s.Status(now), now: now}
	c.checkEnd()
	c.checkAge()
	c.checkRetain()
	c.checkRetirement()
	c.checkNumber()
	c.checkTimes()
	c.checkNotice()
	c.checkPrunable()
	c.checkSecrets()
	sortFindings(c.findings)
	return c.findings
}

func sortFindings(f []finding) {
	slices.SortStableFunc(f, func(a, b finding) int { return strings.Compare(string(a.Severity), string(b.Severity)) })
}

func (c *checker) find(code string, s severity, keys []hardtack.KeyID, message string, args ...any) {
	c.findings = append(c.findings, finding{code, s, fmt.Sprintf(message, args...), keys})
}

// these returns the keys for which is holds.
func (c *checker) these(is func(hardtack.KeyStatus) bool) (ids []hardtack.KeyID) {
	for _, st := range c.status {
		if is(st) {
			ids = append(ids, st.Key.ID())
		}
	}
	return ids
}

// live reports whether a key's secret is there and in use.
func live(st hardtack.KeyStatus) bool {
	return st.State != hardtack.KeyGone && st.State != hardtack.KeyRevoked
}

// checkEnd looks for a successor of a sealing key that ends.
func (c *checker) checkEnd() {
	st, ok := inState(c.set, hardtack.KeySealing, c.now)
	if !ok || st.Key.Retire().IsZero() || !st.SealsUntil.IsZero() {
		return
	}
	id, retire := st.Key.ID(), st.Key.Retire()
	switch {
	case !retire.After(c.now):
		c.find("no-successor", severe, []hardtack.KeyID{id}, "Key %s should have retired at %s, and has no successor: it goes on sealing. hardtack keys rotate adds one.", id, absolute(retire))
	case !retire.After(c.now.Add(nearEnd)):
		c.find("no-successor", severe, []hardtack.KeyID{id}, "Key %s retires at %s (%s) and has no successor. hardtack keys rotate adds one.", id, absolute(retire), relative(retire, c.now))
	}
}

// checkAge looks whether the sealing key has sealed for too long.
func (c *checker) checkAge() {
	st, ok := inState(c.set, hardtack.KeySealing, c.now)
	if !ok || c.every == 0 || !st.SealsUntil.IsZero() {
		return
	}
	since := st.Key.Activate()
	if since.Before(st.Key.Created()) {
		since = st.Key.Created()
	}
	if due := since.Add(c.every); due.Before(c.now) {
		c.find("rotation-overdue", warning, []hardtack.KeyID{st.Key.ID()}, "Key %s has sealed since %s, longer than %s, and no successor is announced.", st.Key.ID(), absolute(since), formatDuration(c.every))
	}
}

// checkRetain looks whether keys are kept for as long as sessions live.
func (c *checker) checkRetain() {
	switch retain := c.set.Retain; {
	case retain == 0:
		c.find("retain-unknown", warning, nil, "It is not said for how long keys are kept after their successors' beginning, so that none ever retires. hardtack keys lifetime sets it.")
	case c.lifetime > 0 && retain < c.lifetime+skew:
		c.find("retain-short", severe, nil, "Keys are kept for %s after their successors' beginning, less than the Lifetime of %s and 2m: a Jar that lives so long is refused. hardtack keys lifetime sets it.", formatDuration(retain), formatDuration(c.lifetime))
	}
}

// checkRetirement looks when keys that have a successor retire.
func (c *checker) checkRetirement() {
	retain := c.set.Retain
	if c.lifetime > 0 {
		retain = c.lifetime + skew
	}
	never := c.these(func(st hardtack.KeyStatus) bool {
		return live(st) && st.Key.Retire().IsZero() && !st.SealsUntil.IsZero()
	})
	if len(never) > 0 {
		c.find("never-retires", warning, never, "%s a successor, but no time to retire. hardtack keys lifetime sets it.", subject(never, "has", "have"))
	}
	early := c.these(func(st hardtack.KeyStatus) bool {
		r := st.Key.Retire()
		return live(st) && !r.IsZero() && !st.SealsUntil.IsZero() && r.Before(st.SealsUntil.Add(retain))
	})
	if len(early) > 0 {
		c.find("retires-early", severe, early, "%s less than %s after the successor's beginning, when sessions that it sealed can still be alive. hardtack keys lifetime corrects it.", subject(early, "retires", "retire"), formatDuration(retain))
	}
}

func (c *checker) checkNumber() {
	if n := len(c.these(live)); n > c.maxKeys {
		c.find("too-many-keys", warning, nil, "%d keys are in use, more than %d.", n, c.maxKeys)
	}
}

// checkTimes looks for what a wrong clock, or a slip of the hand, has left.
func (c *checker) checkTimes() {
	future := c.these(func(st hardtack.KeyStatus) bool {
		return st.Key.Created().After(c.now.Add(skew)) || st.Key.RevokedAt().After(c.now.Add(skew))
	})
	if len(future) > 0 {
		c.find("made-in-future", warning, future, "%s made or revoked in the future: this machine's clock or another one's is wrong.", subject(future, "was", "were"))
	}
	far := c.these(func(st hardtack.KeyStatus) bool { return live(st) && st.Key.Activate().After(c.now.Add(farOff)) })
	if len(far) > 0 {
		c.find("activates-far-off", warning, far, "%s only more than %s from now.", subject(far, "seals", "seal"), formatDuration(farOff))
	}
	odd := c.these(func(st hardtack.KeyStatus) bool {
		k := st.Key
		for _, t := range []time.Time{k.Created(), k.Retire()} {
			if !t.IsZero() && t.Before(longAgo) {
				return true
			}
		}
		return k.Activate().Year() >= 2000 && k.Activate().Before(longAgo) ||
			live(st) && k.Activate().Year() >= 2000 && k.Activate().Add(skew).Before(k.Created())
	})
	if len(odd) > 0 {
		c.find("implausible-time", warning, odd, "%s a time before 2020, or seals from before it was made.", subject(odd, "has", "have"))
	}
	if st, ok := inState(c.set, hardtack.KeySealing, c.now); ok && st.Key.Activate().After(c.now) {
		id := st.Key.ID()
		c.find("seals-before-time", warning, []hardtack.KeyID{id}, "Key %s seals although its time has not come (%s), because no other can.", id, absolute(st.Key.Activate()))
	}
}

// checkNotice looks for keys that will seal before every server has them.
func (c *checker) checkNotice() {
	short := c.these(func(st hardtack.KeyStatus) bool {
		made := st.Key.Created()
		return st.State == hardtack.KeyAnnounced && !made.IsZero() && st.Key.Activate().Before(made.Add(skew))
	})
	if len(short) > 0 {
		c.find("short-notice", warning, short, "%s less than 2m after being announced: servers may not have read it by then, or think by their clocks that it has not come.", subject(short, "seals", "seal"))
	}
}

func (c *checker) checkPrunable() {
	_, erased, forgotten := c.set.Prune(c.now)
	if ids := append(erased, forgotten...); len(ids) > 0 {
		c.find("prunable", warning, ids, "%s no longer needed. hardtack keys prune erases what can go.", subject(ids, "is", "are"))
	}
}

// checkSecrets looks for secrets that are in the clear beside wrapped ones.
func (c *checker) checkSecrets() {
	clear := c.these(func(st hardtack.KeyStatus) bool { return secretForm(st.Key) == "clear" })
	wrapped := c.these(func(st hardtack.KeyStatus) bool { return st.Key.Wrapped() })
	if len(clear) > 0 && len(wrapped) > 0 {
		c.find("mixed-secrets", severe, clear, "%s in the clear, though others are wrapped: servers refuse them all.", subject(clear, "is", "are"))
	}
}

// subject is the beginning of a sentence about keys.
func subject(ids []hardtack.KeyID, one, several string) string {
	if len(ids) == 1 {
		return "Key " + joinIDs(ids) + " " + one
	}
	return "Keys " + joinIDs(ids) + " " + several
}
