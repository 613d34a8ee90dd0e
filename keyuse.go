package hardtack

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxUnknown bounds the unknown key IDs that are counted one by one: clients choose them.
const maxUnknown = 64

// KeyUse is what a ring has seen of a key since the process began. The other servers of a fleet have figures of their own.
type KeyUse struct {
	// ID of the key. The zero ID stands for the unknown ones beyond the first 64.
	ID KeyID
	// State of the key; 0 if the ring does not know it.
	State KeyState
	// Opened counts the cookies accepted, Sealed those written, Refused those presented while the key was unknown, gone or revoked.
	Opened, Sealed, Refused uint64
	// LastOpened and LastSealed are to the second; the zero time means never.
	LastOpened, LastSealed time.Time
	// Unneeded is from when on no session sealed with it can be alive, by its successor's activate, the longest
	// Lifetime of the ring's Jars and 2 minutes; where it is not known when the successor was made (NewKey, EnvKeys), its activate may be
	// made up, and what counts is since when this ring has it, if that is later. The zero time if it has no successor or there is no Jar.
	Unneeded time.Time
	// SafeToRetire: that time has come, and no cookie of the key has been accepted since. Dropping it logs nobody out.
	SafeToRetire bool
	// Reason says why it is not safe.
	Reason string
}

// keyUse counts what is done with one key.
type keyUse struct {
	id                      string    // of the key, made once
	since                   time.Time // when the ring got the key, by its clock
	opened, sealed, refused atomic.Uint64
	lastOpened, lastSealed  atomic.Int64 // seconds
}

func newKeyUse(id KeyID, now time.Time) *keyUse { return &keyUse{id: id.String(), since: now} }

func count(n *atomic.Uint64, last *atomic.Int64, now time.Time) {
	n.Add(1)
	if s := now.Unix(); last.Load() != s {
		last.Store(s)
	}
}

// opened counts, and returns the ID as text.
func (k *Keyring) opened(id KeyID, now time.Time) string {
	r := k.load().byID[id]
	if r == nil {
		return id.String()
	}
	count(&r.use.opened, &r.use.lastOpened, now)
	return r.use.id
}

// sealed counts, and returns the ID as text.
func (k *Keyring) sealed(id KeyID, now time.Time) string {
	r := k.load().byID[id]
	if r == nil {
		return id.String()
	}
	count(&r.use.sealed, &r.use.lastSealed, now)
	return r.use.id
}

func (k *Keyring) refused(id KeyID) {
	if r := k.load().byID[id]; r != nil {
		r.use.refused.Add(1)
	} else {
		k.unknown.count(id)
	}
}

// unknownKeys counts cookies whose key the ring does not have.
type unknownKeys struct {
	mu sync.Mutex
	n  map[KeyID]uint64
}

func (u *unknownKeys) count(id KeyID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n == nil {
		u.n = make(map[KeyID]uint64)
	}
	if _, ok := u.n[id]; !ok && len(u.n) >= maxUnknown {
		id = KeyID{}
	}
	u.n[id]++
}

// Use returns what was done with each key, the newest first, and then the unknown ones.
func (k *Keyring) Use() []KeyUse {
	k.mu.Lock()
	r, now, lifetime := k.load(), k.now(), k.lifetime
	k.mu.Unlock()
	if k.follower != nil {
		lifetime = max(lifetime, k.follower.retain()-clockSkew)
	}
	var uses []KeyUse
	var successor *ringKey
	for i := range r.keys {
		key := &r.keys[i]
		u := KeyUse{
			ID:         key.id,
			State:      r.state(key, now),
			Opened:     key.use.opened.Load(),
			Sealed:     key.use.sealed.Load(),
			Refused:    key.use.refused.Load(),
			LastOpened: atSecond(key.use.lastOpened.Load()),
			LastSealed: atSecond(key.use.lastSealed.Load()),
		}
		if successor != nil && lifetime > 0 && !key.Revoked() {
			begun := successor.activate
			if successor.created.IsZero() {
				begun = later(begun, successor.use.since)
			}
			u.Unneeded = begun.Add(lifetime + clockSkew)
		}
		u.Reason = u.reason(now)
		u.SafeToRetire = u.Reason == ""
		if key.succeeds() && !(key.usable() && key.kept) {
			successor = key
		}
		uses = append(uses, u)
	}
	k.unknown.mu.Lock()
	defer k.unknown.mu.Unlock()
	first := len(uses)
	for id, n := range k.unknown.n {
		uses = append(uses, KeyUse{ID: id, Refused: n, Reason: "the ring does not have it"})
	}
	slices.SortFunc(uses[first:], func(a, b KeyUse) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return uses
}

// reason says why the key cannot go, "" if it can.
func (u *KeyUse) reason(now time.Time) string {
	switch {
	case u.State == KeyRevoked:
		return "revoked: its ID must be remembered"
	case u.State == KeySealing:
		return "it seals"
	case u.State == KeyAnnounced:
		return "it will seal"
	case u.Unneeded.IsZero():
		return "it has no successor, or the ring no Jar"
	case now.Before(u.Unneeded):
		return "sessions sealed with it can be alive until " + u.Unneeded.UTC().Format(time.RFC3339)
	case u.LastOpened.After(u.Unneeded):
		return "a session sealed with it was alive at " + u.LastOpened.UTC().Format(time.RFC3339) + ", when none should have been"
	}
	return ""
}

func atSecond(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0)
}
