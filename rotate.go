package hardtack

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// KeyState is where in its life a key is, by one clock.
type KeyState byte

const (
	// KeyAnnounced: it opens, and will seal later.
	KeyAnnounced KeyState = iota + 1
	// KeySealing: it seals and opens.
	KeySealing
	// KeyRetiring: it only opens: a newer key seals.
	KeyRetiring
	// KeyGone: it has retired and does not open any more.
	KeyGone
	// KeyRevoked: what was ever sealed with it is refused.
	KeyRevoked
)

// String returns "announced", "sealing", "retiring", "gone" or "revoked".
func (s KeyState) String() string {
	switch s {
	case KeyAnnounced:
		return "announced"
	case KeySealing:
		return "sealing"
	case KeyRetiring:
		return "retiring"
	case KeyGone:
		return "gone"
	case KeyRevoked:
		return "revoked"
	}
	return fmt.Sprintf("KeyState(%d)", byte(s))
}

// MarshalText returns what String does.
func (s KeyState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText has written.
func (s *KeyState) UnmarshalText(text []byte) error {
	for state := KeyAnnounced; state <= KeyRevoked; state++ {
		if state.String() == string(text) {
			*s = state
			return nil
		}
	}
	return errors.New("hardtack: not the state of a key")
}

// KeyStatus is a key at a moment.
type KeyStatus struct {
	Key   Key
	State KeyState
	// SealsUntil is when its successor begins to seal; the zero time if there is none.
	SealsUntil time.Time
	// Unneeded is from when on no session sealed with it can be alive: SealsUntil plus Retain. The zero time if
	// it has no successor, or Retain is not known.
	Unneeded time.Time
}

// Status returns the keys at the time now, the newest first.
func (s KeySet) Status(now time.Time) []KeyStatus {
	r := makeRing(listed(s.Keys), 0)
	status := make([]KeyStatus, 0, len(r.keys))
	var successor *ringKey
	for i := range r.keys {
		k := &r.keys[i]
		st := KeyStatus{Key: k.Key, State: r.state(k, now)}
		if successor != nil && !k.Revoked() {
			st.SealsUntil = successor.activate
			if s.Retain > 0 {
				st.Unneeded = successor.activate.Add(s.Retain)
			}
		}
		if k.succeeds() {
			successor = k
		}
		status = append(status, st)
	}
	return status
}

// sealing returns the key that seals at the time now.
func (s KeySet) sealing(now time.Time) (Key, bool) {
	k, err := makeRing(listed(s.Keys), 0).sealing(now)
	if err != nil {
		return Key{}, false
	}
	return k.Key, true
}

// Announce returns the KeySet with a new key that seals from activate on, and its ID; now is when it is made. It begins a millisecond later than any
// key with which it would begin at once, and after the one that seals. If Retain is known, its predecessor retires that long after.
func (s KeySet) Announce(activate, now time.Time) (KeySet, KeyID) {
	s = s.clone()
	if sealing, ok := s.sealing(now); ok && !activate.After(sealing.activate) && !sealing.activate.After(now.Add(clockSkew)) {
		activate = sealing.activate // made by a clock that is ahead of ours, and not to come back
	}
	activate = s.vacant(activate)
	s.forgetRetire(activate)
	k := GenerateKey(activate, time.Time{})
	for s.index(k.id) >= 0 { // one in 2^32
		k = GenerateKey(activate, time.Time{})
	}
	k.created = now.Truncate(time.Millisecond)
	s.Keys = append(s.Keys, k)
	return s.retirePredecessors(now), k.id
}

// forgetRetire has the key that a new one will succeed forget, in place, a retire that follows from a later successor: one that
// a wrong clock has put far off would keep it for ever.
func (s KeySet) forgetRetire(activate time.Time) {
	var successor *Key
	for i := range s.Keys {
		k := &s.Keys[i]
		switch {
		case !k.usable():
		case !k.activate.Before(activate):
			successor = k
		case successor != nil && s.Retain > 0 && k.retire.Equal(successor.activate.Add(s.Retain)):
			k.retire = time.Time{}
			return
		default:
			return
		}
	}
}

// vacant returns the moment, to the millisecond, at which no other key begins: of two the order would be that of their IDs.
func (s KeySet) vacant(at time.Time) time.Time {
	at = at.Truncate(time.Millisecond)
	for slices.ContainsFunc(s.Keys, func(k Key) bool { return k.usable() && k.activate.Equal(at) }) {
		at = at.Add(time.Millisecond)
	}
	return at
}

// Promote returns the KeySet with an announced key sealing from now on. The error is a *KeyError: ErrNoSuchKey,
// or ErrKeyNotAnnounced.
func (s KeySet) Promote(id KeyID, now time.Time) (KeySet, error) {
	s = s.clone()
	i := s.index(id)
	switch {
	case i < 0:
		return KeySet{}, &KeyError{ID: id, Err: ErrNoSuchKey}
	case !s.Keys[i].usable() || !s.Keys[i].activate.After(now):
		return KeySet{}, &KeyError{ID: id, Err: ErrKeyNotAnnounced}
	}
	s.Keys[i].activate = s.vacant(now)
	return s.retirePredecessors(now), nil
}

// Revoke returns the KeySet with the key revoked: the secret is gone, the ID remembered, whether it was there or not. If the key was
// sealing, a new one seals from now on. If it was to succeed another, that one no longer retires. It is remembered for 400 days.
func (s KeySet) Revoke(id KeyID, now time.Time) KeySet {
	s = s.clone()
	sealing, there := s.sealing(now)
	successor := s.newest() == id
	if i := s.index(id); i < 0 {
		s.Keys = append(s.Keys, RevokedKey(id).revoke(now.Truncate(time.Millisecond)))
	} else if !s.Keys[i].Revoked() {
		s.Keys[i] = s.Keys[i].revoke(now.Truncate(time.Millisecond))
	}
	if !there || sealing.id == id {
		s, _ = s.Announce(now, now)
	}
	s = s.retirePredecessors(now) // that of the revoked one has another successor now
	if successor {
		if i := s.index(s.newest()); i >= 0 {
			s.Keys[i].retire = time.Time{} // or none
		}
	}
	return s
}

// newest returns the key that begins last, the zero ID if there is none.
func (s KeySet) newest() KeyID {
	for _, k := range s.clone().Keys {
		if k.usable() {
			return k.id
		}
	}
	return KeyID{}
}

// Prune returns the KeySet without the secrets of the keys that have retired more than 2 minutes ago, and without the entries of
// which nothing need be remembered: of keys that retired more than Retain ago, 400 days if that is not known, or were revoked more than 400 days ago. It
// also says which. The key that seals always stays. Keys that have a successor, but do not retire or too early, get a retire if Retain is known.
func (s KeySet) Prune(now time.Time) (pruned KeySet, erased, forgotten []KeyID) {
	s = s.clone().retirePredecessors(now)
	erased, forgotten = s.prunable(now, cmp.Or(s.Retain, maxLifetime))
	return s.without(erased, forgotten), erased, forgotten
}

// prunable returns the keys whose secrets, and the entries that, are not needed any more.
func (s KeySet) prunable(now time.Time, retain time.Duration) (erase, forget []KeyID) {
	sealing, _ := s.sealing(now)
	for _, k := range s.Keys {
		switch {
		case k.usable() && k.id != sealing.id && !k.retire.IsZero() && !now.Before(k.retire.Add(clockSkew)):
			erase = append(erase, k.id)
		case k.Erased() && !now.Before(k.retire.Add(retain+clockSkew)), k.forgettable(now):
			forget = append(forget, k.id)
		}
	}
	return erase, forget
}

func (s KeySet) without(erased, forgotten []KeyID) KeySet {
	s = s.clone()
	s.Keys = slices.DeleteFunc(s.Keys, func(k Key) bool { return slices.Contains(forgotten, k.id) })
	for i, k := range s.Keys {
		if slices.Contains(erased, k.id) {
			s.Keys[i] = k.erase()
		}
	}
	return s
}

// retirePredecessors sets, in place, when keys retire that have a successor and would retire never or too early.
func (s KeySet) retirePredecessors(now time.Time) KeySet {
	for id, retire := range s.retirements(s.Retain, now) {
		s.Keys[s.index(id)].retire = retire
	}
	return s.clone()
}

// retirements returns the keys that do not retire, or too early, and when they should. Where a successor came from elsewhere its activate
// may be made up (ParseSecrets), so that the key may have sealed until now.
func (s KeySet) retirements(retain time.Duration, now time.Time) map[KeyID]time.Time {
	if retain <= 0 {
		return nil
	}
	retire := make(map[KeyID]time.Time)
	sealing, _ := s.sealing(now)
	var successor *Key
	for _, k := range s.clone().Keys {
		gone := k.id != sealing.id && !k.retire.IsZero() && !now.Before(k.retire.Add(clockSkew)) // and stays so
		if successor != nil && k.usable() && !gone {
			at := successor.activate.Add(retain)
			if k.retire.IsZero() && successor.created.IsZero() {
				at = later(at, now.Truncate(time.Millisecond).Add(retain))
			}
			if k.retire.Before(at) {
				retire[k.id] = at
			}
		}
		if k.succeeds() {
			successor = &k
		}
	}
	return retire
}

// RotationPolicy says when keys are replaced. The zero value of each field is its default. It is a value and its methods are pure.
//
//	announced          sealing            retiring           gone
//	|-- Propagation ---|------ Every -----|----- Retain -----|
type RotationPolicy struct {
	// Every is how long a key seals; 30 days by default.
	Every time.Duration
	// Propagation is how long a key is announced before it seals: longer than it takes until every server has it, an
	// outage of the source and a slow deploy included; 24 hours by default. It is at least the
	// interval at which servers look plus 2 minutes, so that clocks that differ by as much do no harm, and less than Every.
	Propagation time.Duration
	// Retain is how long a key opens after its successor has begun to seal: at least the longest Lifetime of the Jars
	// that use the ring plus 2 minutes, else New refuses the Jar; if the source has more, that counts. 24 hours and 2 minutes by default, which suits the default Lifetime.
	Retain time.Duration
}

func (p RotationPolicy) withDefaults() RotationPolicy {
	p.Every = cmp.Or(p.Every, 30*24*time.Hour)
	p.Propagation = cmp.Or(p.Propagation, 24*time.Hour)
	p.Retain = cmp.Or(p.Retain, defaultLifetime+clockSkew)
	return p
}

// Validate returns an error that joins a *ConfigError for each fault. Interval is how often the servers look at
// the source, lifetime the longest Lifetime of the Jars; what is 0 is not checked.
func (p RotationPolicy) Validate(interval, lifetime time.Duration) error {
	p = p.withDefaults()
	var faults []error
	fault := func(field string, value time.Duration, reason string, args ...any) {
		faults = append(faults, &ConfigError{Type: "KeyringConfig", Field: "Rotation." + field, Value: value.String(), Reason: fmt.Sprintf(reason, args...)})
	}
	if p.Every < time.Second {
		fault("Every", p.Every, "must be at least 1 s")
	}
	if least := interval + clockSkew; p.Propagation < least {
		fault("Propagation", p.Propagation, "must be at least %v: what a key needs to reach every server, and the difference between their clocks", least)
	}
	if p.Propagation >= p.Every {
		fault("Propagation", p.Propagation, "must be less than Every (%v)", p.Every)
	}
	if least := max(lifetime, time.Second) + clockSkew; p.Retain < least {
		fault("Retain", p.Retain, "must be at least %v: a key must open until the last session sealed with it has ended", least)
	}
	if p.Retain > maxRetain {
		fault("Retain", p.Retain, "must be at most %v: no Lifetime is longer", maxRetain)
	}
	if n := p.keys(); p.Every >= time.Second && p.Retain <= maxRetain && n > maxKeys {
		fault("Every", p.Every, "is so short that %d keys and IDs would coexist, %d are the most", n, maxKeys)
	}
	return errors.Join(faults...)
}

// keys is how many keys and IDs of retired ones coexist at most.
func (p RotationPolicy) keys() int64 {
	return int64((2*p.Retain+p.Propagation)/p.Every) + 4
}

// RotationPlan is what a policy finds due.
type RotationPlan struct {
	// Announce is from when on a new key is to seal, the zero time if none is due.
	Announce time.Time
	// Retire has the keys that are to retire at another time.
	Retire map[KeyID]time.Time
	// Erase has the keys whose secrets are to be forgotten, Forget those of which not even the ID is needed.
	Erase, Forget []KeyID
	// Retain is what the KeySet's Retain is to become, 0 if it stays.
	Retain time.Duration
	// Next is when something will be due, if nothing is now.
	Next time.Time
}

// Empty reports whether nothing is due.
func (p RotationPlan) Empty() bool {
	return p.Announce.IsZero() && p.Retain == 0 && len(p.Retire)+len(p.Erase)+len(p.Forget) == 0
}

// Plan returns what is due for the keys at the time now. It does not look at secrets: wrapped keys will do. Faulty policies plan
// whatever they plan; see Validate.
func (p RotationPolicy) Plan(s KeySet, now time.Time) RotationPlan {
	p = p.withDefaults()
	s = s.clone()
	var plan RotationPlan
	if p.Retain > s.Retain {
		plan.Retain = p.Retain
	} else {
		p.Retain = s.Retain // another server's policy, or the next release's
	}
	plan.Retire = s.retirements(p.Retain, now)
	for i, k := range s.Keys {
		if at, ok := plan.Retire[k.id]; ok {
			s.Keys[i].retire = at
		}
	}
	activate, due := p.successor(s, now)
	if !now.Before(due) {
		plan.Announce = activate
	}
	plan.Erase, plan.Forget = s.prunable(now, p.Retain)
	if plan.Empty() {
		plan.Next = due
		for _, k := range s.Keys {
			var at time.Time
			switch {
			case k.usable() && !k.retire.IsZero():
				at = k.retire.Add(clockSkew)
			case k.Erased():
				at = k.retire.Add(p.Retain + clockSkew)
			case k.Revoked() && k.revoked.Unix() > 0:
				at = k.revoked.Add(maxRetain + time.Nanosecond)
			}
			if at.After(now) && (plan.Next.IsZero() || at.Before(plan.Next)) {
				plan.Next = at
			}
		}
	}
	return plan
}

// successor returns from when on the next key is to seal that has not been announced yet, and when it is to be.
func (p RotationPolicy) successor(s KeySet, now time.Time) (activate, announce time.Time) {
	sealing, ok := s.sealing(now)
	if !ok {
		return now, now
	}
	for _, k := range s.Keys {
		// One from farther off than any policy goes is the work of a wrong clock: not to be waited for.
		if k.usable() && k.id != sealing.id && k.activate.After(now) && !k.activate.After(now.Add(p.Every+clockSkew)) {
			return later(k.activate.Add(p.Every), now.Add(p.Propagation)), k.activate.Add(p.Every - p.Propagation)
		}
	}
	activate = later(sealing.activate, sealing.created).Add(p.Every)
	if !sealing.retire.IsZero() {
		activate = earlier(activate, sealing.retire)
	}
	return later(activate, now.Add(p.Propagation)), activate.Add(-p.Propagation)
}

// Apply returns the KeySet with the plan carried out.
func (s KeySet) Apply(p RotationPlan, now time.Time) KeySet {
	s = s.clone()
	s.Retain = cmp.Or(p.Retain, s.Retain)
	for id, at := range p.Retire {
		if i := s.index(id); i >= 0 {
			s.Keys[i].retire = at
		}
	}
	s = s.without(p.Erase, p.Forget)
	if !p.Announce.IsZero() {
		s, _ = s.Announce(p.Announce, now)
	}
	return s
}

// String says what is due in one line.
func (p RotationPlan) String() string {
	if p.Empty() {
		return "nothing is due"
	}
	var text string
	add := func(format string, args ...any) {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf(format, args...)
	}
	if !p.Announce.IsZero() {
		add("announce a key that seals from %s on", p.Announce.UTC().Format(time.RFC3339))
	}
	if p.Retain > 0 {
		add("keep keys for %v after their successors' beginning", p.Retain)
	}
	for _, id := range slices.SortedFunc(maps.Keys(p.Retire), func(a, b KeyID) int { return slices.Compare(a[:], b[:]) }) {
		add("retire %v at %s", id, p.Retire[id].UTC().Format(time.RFC3339))
	}
	if len(p.Erase) > 0 {
		add("erase %v", p.Erase)
	}
	if len(p.Forget) > 0 {
		add("forget %v", p.Forget)
	}
	return text
}
