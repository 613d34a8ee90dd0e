package hardtack

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxKeys bounds a ring, and with it the lineage in a token.
const maxKeys = 128

// Keyring holds the keys that seal and open cookies. The sealing key is the
// newest whose activate has passed by the clock of the Jar that asks; if none
// has, the earliest. Every key that is neither retired nor revoked opens. If all have retired, the last of
// them goes on, and Health says so: an end that nobody noticed must not be an outage.
//
// A key opens until its successor's activate plus the longest Lifetime of the ring's Jars plus 2 minutes, even if its
// retire is earlier; Health tells of it. To end a key at once, revoke it.
//
// A Keyring is safe for concurrent use; its readers take no lock. Several Jars
// may share one. The zero Keyring has no keys and is refused by New.
type Keyring struct {
	mu       sync.Mutex // serialises writers
	ring     atomic.Pointer[ring]
	lifetime time.Duration                    // the longest of the Jars
	clock    atomic.Pointer[func() time.Time] // nil: no Jar has lent its own yet

	follower *follower // nil unless OpenKeyring made the ring
	unknown  unknownKeys
}

// ring is one state of a Keyring, immutable.
type ring struct {
	keys []ringKey // newest activation first, one order on every server
	byID map[KeyID]*ringKey
}

type ringKey struct {
	Key
	// until is when the key stops opening: its retire, or later. The zero time means never.
	until time.Time
	// kept: a replacement did not list this key, which is not retired. It
	// goes on opening, and seals only when nothing else can.
	kept bool
	// use counts, through all states of the Keyring.
	use *keyUse
}

// NewKeyring returns a ring of these keys. Its errors are *KeyError: no key,
// one ID twice, more than 128 keys, a wrapped one.
func NewKeyring(keys ...Key) (*Keyring, error) {
	k := new(Keyring)
	if err := k.set(keys); err != nil {
		return nil, err
	}
	return k, nil
}

// EphemeralKeyring returns a ring with one random key that dies with the
// process: every restart logs everybody out, and no second server can read
// its cookies. For tests and demonstrations.
func EphemeralKeyring() *Keyring {
	k, err := NewKeyring(GenerateKey(time.Time{}, time.Time{}))
	if err != nil {
		panic(err) // one fresh key is always a ring
	}
	return k
}

// Replace puts keys in place of the ring's, in one step, while requests run.
// Keys that are not listed any more but neither retired nor revoked go on
// opening, so that a list rolled back by accident logs nobody out; a key that
// was revoked stays revoked. On an error, a *KeyError or ErrFollowsSource, the ring is as it was.
func (k *Keyring) Replace(keys ...Key) error {
	if k.follower != nil {
		return ErrFollowsSource
	}
	return k.set(keys)
}

func (k *Keyring) set(keys []Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	merged, err := k.merge(keys)
	if err != nil {
		return err
	}
	k.ring.Store(makeRing(merged, k.lifetime))
	return nil
}

// merge returns what becomes of the ring with these keys listed.
func (k *Keyring) merge(keys []Key) ([]ringKey, error) {
	if err := (KeySet{Keys: keys}).check(); err != nil {
		return nil, err
	}
	old, now := k.load(), k.now()
	merged := listed(keys)
	usable := false
	for i := range merged {
		m := &merged[i]
		if m.Wrapped() {
			return nil, &KeyError{ID: m.id, Err: ErrKeyWrapped}
		}
		o := old.byID[m.id]
		switch {
		case o == nil:
			m.use = newKeyUse(m.id, now)
			usable = usable || m.usable()
			continue
		case o.Revoked():
			m.Key = o.Key // revoked stays revoked
		case o.Erased() && m.usable() && o.retired(now):
			m.Key = o.Key // and gone stays gone
		case o.form == keyClear && m.form == keyClear:
			if *o.material.secret != *m.material.secret {
				return nil, &KeyError{ID: m.id, Err: ErrDuplicateKey}
			}
			m.material = o.material // keep its cache of derived keys warm
		case o.form == keyClear && m.Erased() && o.retire.IsZero() && !now.Before(m.retire):
			// It was given an end, and reached it, while we did not hear from the source.
		case o.form == keyClear && m.Erased() && !o.retired(now):
			retire := later(o.retire, m.retire) // erased by a clock that is ahead of ours
			m.Key, m.kept = o.Key, true
			m.retire = retire
		}
		m.use = o.use
		usable = usable || m.usable()
	}
	// A source that has gone back to a time of which no key is left still gives back revocations, and is to be put right.
	if k.follower != nil {
		usable = usable || slices.ContainsFunc(old.keys, func(o ringKey) bool { return o.usable() })
	}
	if !usable {
		return nil, &KeyError{Err: ErrNoUsableKey}
	}
	entries := 0
	for i := range merged {
		if !merged[i].Revoked() {
			entries++
		}
	}
	for _, o := range old.keys {
		if slices.ContainsFunc(merged, func(m ringKey) bool { return m.id == o.id }) {
			continue
		}
		if o.usable() && o.retire.IsZero() { // it may have been given an end as well, and then been forgotten
			o.retire = k.succeeded(merged, &o.Key)
			o.until = o.retire
		}
		remembered := max(k.lifetime, defaultLifetime) + clockSkew
		switch {
		case o.Revoked():
			if o.forgettable(now) {
				continue
			}
			if len(merged) >= maxEntries {
				return nil, &KeyError{ID: o.id, Err: ErrTooManyKeys}
			}
		case !o.retired(now):
			if entries++; entries > maxKeys {
				return nil, &KeyError{Err: ErrTooManyKeys}
			}
		default:
			// The ID alone: a cookie of this key is not one of a key that may still come.
			if entries == maxKeys || now.After(o.until.Add(remembered)) {
				continue
			}
			entries++
			o.Key = o.Key.erase()
		}
		o.kept = true
		merged = append(merged, o)
	}
	return merged, nil
}

// succeeded returns when an unlisted key retires that listed ones have succeeded, the zero time if none has.
func (k *Keyring) succeeded(listed []ringKey, old *Key) (retire time.Time) {
	if k.follower == nil || k.follower.retain() == 0 {
		return retire // that is not known
	}
	for i := range listed {
		if l := &listed[i]; l.usable() && !l.kept && newestFirst(&l.Key, old) < 0 {
			if at := l.activate.Add(k.follower.retain()); retire.IsZero() || at.Before(retire) {
				retire = at
			}
		}
	}
	return retire
}

func listed(keys []Key) []ringKey {
	r := make([]ringKey, len(keys))
	for i, k := range keys {
		r[i].Key = k
	}
	return r
}

// newestFirst orders keys in one way on every server. Of a key that was revoked in the moment in which another began, the other is the newer.
func newestFirst(a, b *Key) int {
	if c := b.activate.Compare(a.activate); c != 0 || a.usable() == b.usable() {
		return cmp.Or(c, slices.Compare(a.id[:], b.id[:]))
	}
	if a.usable() {
		return -1
	}
	return 1
}

// makeRing sorts the keys, in place, and says until when each opens for Jars with this Lifetime.
func makeRing(keys []ringKey, lifetime time.Duration) *ring {
	slices.SortFunc(keys, func(a, b ringKey) int { return newestFirst(&a.Key, &b.Key) })
	r := &ring{keys: keys, byID: make(map[KeyID]*ringKey, len(keys))}
	var successor *ringKey
	for i := range keys {
		k := &keys[i]
		k.until = k.retire
		if !k.retire.IsZero() && k.usable() && successor != nil && lifetime > 0 {
			k.until = later(k.retire, successor.activate.Add(lifetime+clockSkew))
		}
		if k.succeeds() && !(k.usable() && k.kept) {
			successor = k
		}
		r.byID[k.id] = k
	}
	return r
}

// adopt takes over what a new Jar knows: its clock, if it is the first, and its Lifetime.
func (k *Keyring) adopt(clock func() time.Time, lifetime time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clock.CompareAndSwap(nil, &clock)
	if lifetime > k.lifetime {
		k.lifetime = lifetime
		k.ring.Store(makeRing(slices.Clone(k.load().keys), lifetime))
	}
}

// now is the time of the ring's own clock: that of its first Jar.
func (k *Keyring) now() time.Time {
	if clock := k.clock.Load(); clock != nil {
		return (*clock)()
	}
	return time.Now()
}

// Revoke ends, from now on, every session that is sealed with the key or was
// sealed with it before, and forgets the key's secret. If no other key can seal, a new
// random one takes its place. An ID that the ring does not have is remembered too.
//
// A ring that OpenKeyring made writes it into its source, so that every server that follows
// the source does the same within its Interval; if the key was sealing, the source gets a new one. The revocation holds here, at once or after Timeout,
// even if that fails: the errors are those of Update, and match ErrNotRevoked unless the write was made all the same. The zero ID is a *KeyError with ErrKeyID.
func (k *Keyring) Revoke(ctx context.Context, id KeyID) error {
	if id == (KeyID{}) {
		return &KeyError{Err: ErrKeyID} // an ID that could not be read
	}
	if k.follower == nil {
		return k.revoke(id)
	}
	return k.follower.revoke(ctx, id)
}

func (k *Keyring) revoke(id KeyID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, now := k.load(), k.now()
	if len(old.keys) == 0 {
		return &KeyError{Err: ErrNoUsableKey}
	}
	keys := slices.Clone(old.keys)
	i := slices.IndexFunc(keys, func(o ringKey) bool { return o.id == id })
	switch {
	case i < 0:
		if len(keys) >= maxEntries {
			return &KeyError{ID: id, Err: ErrTooManyKeys}
		}
		keys = append(keys, ringKey{Key: RevokedKey(id).revoke(now), use: newKeyUse(id, now)})
	case !keys[i].Revoked():
		keys[i].Key, keys[i].kept = keys[i].Key.revoke(now), false
	}
	if !slices.ContainsFunc(keys, func(o ringKey) bool { return o.usable() && !o.retired(now) }) {
		minted := GenerateKey(time.Time{}, time.Time{})
		keys = append(keys, ringKey{Key: minted, use: newKeyUse(minted.id, now)})
	}
	k.ring.Store(makeRing(keys, k.lifetime))
	return nil
}

// reread looks at the ring's source because of keys that the ring does not have, at most once a second, and reports whether it did.
func (k *Keyring) reread(ctx context.Context, absent []KeyID) bool {
	return k.follower != nil && k.follower.await(ctx, absent)
}

// Keys returns the ring's keys, newest activation first, without those that
// the last Replace, or the source, did not list and that go on opening.
func (k *Keyring) Keys() []Key {
	r := k.load()
	keys := make([]Key, 0, len(r.keys))
	for i := range r.keys {
		if !r.keys[i].kept {
			keys = append(keys, r.keys[i].Key)
		}
	}
	return keys
}

// SealingKey returns the ID of the key that seals at the time now. The error is
// a *KeyError with ErrNoUsableKey.
func (k *Keyring) SealingKey(now time.Time) (KeyID, error) {
	s, err := k.load().sealing(now)
	if err != nil {
		return KeyID{}, err
	}
	return s.id, nil
}

var emptyRing ring

func (k *Keyring) load() *ring {
	if r := k.ring.Load(); r != nil {
		return r
	}
	return &emptyRing
}

// retired reports whether the key has stopped opening.
func (k *ringKey) retired(now time.Time) bool { return !k.until.IsZero() && !now.Before(k.until) }

func (r *ring) sealing(now time.Time) (*ringKey, error) {
	var earliest, kept, last *ringKey
	for i := range r.keys {
		k := &r.keys[i]
		switch {
		case !k.usable():
		case k.retired(now):
			if last == nil || k.until.After(last.until) {
				last = k
			}
		case k.kept:
			kept = cmp.Or(kept, k)
		case !k.activate.After(now):
			return k, nil
		default:
			earliest = k
		}
	}
	k := cmp.Or(earliest, kept, last)
	if k == nil {
		return nil, &KeyError{Err: ErrNoUsableKey}
	}
	return k, nil
}

// opening returns the key with this ID if it opens at the time now.
func (r *ring) opening(id KeyID, now time.Time) (*ringKey, error) {
	k := r.byID[id]
	switch {
	case k == nil:
		return nil, errAbsentKey
	case k.Revoked():
		return nil, ErrRevokedKey
	case k.opens(r, now):
		return k, nil
	}
	return nil, ErrUnknownKey
}

func (k *ringKey) opens(r *ring, now time.Time) bool {
	if !k.usable() || !k.retired(now) {
		return k.usable()
	}
	last, err := r.sealing(now)
	return err == nil && last == k
}

// oldest returns the unretired key that has been active for longest.
func (r *ring) oldest(now time.Time) (*ringKey, error) {
	for i := len(r.keys) - 1; i >= 0; i-- {
		if k := &r.keys[i]; k.opens(r, now) {
			return k, nil
		}
	}
	return nil, &KeyError{Err: ErrNoUsableKey}
}

// stale reports whether a cookie sealed with k should be sealed anew: k no
// longer seals. A key that does not seal yet is no reason.
func (r *ring) stale(k *ringKey, now time.Time) bool {
	s, err := r.sealing(now)
	return err == nil && s.id != k.id && !k.activate.After(now)
}

func (r *ring) state(k *ringKey, now time.Time) KeyState {
	sealing, err := r.sealing(now)
	switch {
	case k.Revoked():
		return KeyRevoked
	case err == nil && sealing.id == k.id:
		return KeySealing
	case !k.usable() || k.retired(now):
		return KeyGone
	case k.activate.After(now):
		return KeyAnnounced
	}
	return KeyRetiring
}

// tooEarly returns the keys that would retire before the sessions sealed with
// them have ended: before their successor's activate plus the lifetime plus skew.
func (r *ring) tooEarly(lifetime time.Duration) (ids []KeyID) {
	var successor *ringKey
	for i := range r.keys {
		k := &r.keys[i]
		if k.usable() && k.kept {
			continue
		}
		if successor != nil && k.usable() && !k.retire.IsZero() && k.retire.Before(successor.activate.Add(lifetime+clockSkew)) {
			ids = append(ids, k.id)
		}
		if k.succeeds() {
			successor = k
		}
	}
	return ids
}
