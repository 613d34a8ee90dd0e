package hardtack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultInterval    = 10 * time.Second
	defaultKeysTimeout = 5 * time.Second

	// rereadPause is the time between two readings of the source because of unknown keys, maxWaiting how many requests
	// wait for one, and rereadWait how long: clients can send unknown keys at will.
	rereadPause = time.Second
	maxWaiting  = 64
	rereadWait  = 2 * time.Second

	// nearEnd is when a sealing key without a successor becomes a fault.
	nearEnd = 7 * 24 * time.Hour
)

// KeyringConfig says how a ring follows its source. The zero value is good for a file.
type KeyringConfig struct {
	_ struct{}

	// Interval is the longest pause between two looks at the source; 10 s by default. Each is up to a tenth shorter, so that
	// servers do not ask all at once.
	Interval time.Duration
	// Timeout bounds one look; 5 s by default. A Wrapper that takes longer for all keys together gets several looks, at the start too.
	Timeout time.Duration
	// Rotation replaces keys when their time has come, by whichever server sees it first. The source must be a KeyStore, and the same one for
	// all servers: where each has a file of its own, each would make keys that the others lack. Nil: somebody else rotates, or nobody.
	Rotation *RotationPolicy
	// MustExist makes a source without keys an error. Otherwise a KeyStore gets its first key then; of several
	// servers that start at once, one makes it.
	MustExist bool
	// NoReread: a cookie with an unknown key ID does not make the ring look at its source at once. For drills.
	NoReread bool

	// Wrapper wraps the secrets in the source and unwraps them. Secrets in the clear are then refused.
	Wrapper KeyWrapper
	// InsecurePlaintextKeys allows secrets in the clear: in a KeyStore that is not a ConfidentialKeyStore, where whoever
	// reads a backup can then forge sessions; and besides wrapped ones, while a source moves to a Wrapper.
	InsecurePlaintextKeys bool

	// Observer hears what happens to the ring.
	Observer KeyObserver
	// Now is the ring's clock; by default the machine's, and from the first Jar on that Jar's. For tests and drills.
	Now func() time.Time
}

// OpenKeyring returns a ring with the keys in source, which it follows from then on until Close. It reads the source before it returns. A source
// that cannot be read later, or holds something broken, leaves the ring as it is; KeyObserver and Health tell.
//
// A cookie whose key the ring does not know makes it look at once, at most once a second; the request waits for it.
//
// The error joins a *ConfigError for each fault of c, or matches ErrKeySource, ErrNoKeySet, ErrKeySet, ErrPlaintextKey,
// ErrKeyWrapped, ErrKeyWrapping or ErrKeysChanged. ctx bounds OpenKeyring, not the ring.
func OpenKeyring(ctx context.Context, source KeySource, c KeyringConfig) (*Keyring, error) {
	if err := c.setDefaults(source); err != nil {
		return nil, err
	}
	k := new(Keyring)
	if c.Now != nil {
		k.clock.Store(&c.Now)
	}
	f := &follower{ring: k, source: source, config: c, busy: make(chan struct{}, 1), opened: make(map[KeyID]unwrapped)}
	f.store, _ = source.(KeyStore)
	f.life, f.end = context.WithCancel(context.Background())
	k.follower = f
	for {
		had := len(f.opened)
		err := f.look(ctx)
		if err == nil || k.ring.Load() != nil {
			break
		}
		// A wrapper that takes a second a key gets on with each look.
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || len(f.opened) == had {
			f.end()
			return nil, err
		}
	}
	f.running.Go(f.poll)
	return k, nil
}

func (c *KeyringConfig) setDefaults(source KeySource) error {
	if c.Interval == 0 {
		c.Interval = defaultInterval
	}
	if c.Timeout == 0 {
		c.Timeout = defaultKeysTimeout
	}
	c.Observer = c.Observer.complete()
	var faults []error
	fault := func(field, value, reason string) {
		faults = append(faults, &ConfigError{Type: "KeyringConfig", Field: field, Value: value, Reason: reason})
	}
	_, writable := source.(KeyStore)
	if source == nil {
		fault("(source)", "", "is nil")
	}
	if c.Interval < 10*time.Millisecond {
		fault("Interval", c.Interval.String(), "must be at least 10 ms")
	}
	if c.Timeout < 0 {
		fault("Timeout", c.Timeout.String(), "must not be negative")
	}
	if c.Rotation != nil {
		policy := c.Rotation.withDefaults()
		c.Rotation = &policy
		if !writable {
			fault("Rotation", "", "needs a source that can be written")
		}
		faults = append(faults, policy.Validate(c.Interval, 0))
	}
	if writable && !confidential(source) && c.Wrapper == nil && !c.InsecurePlaintextKeys {
		fault("Wrapper", "", "is required for a source that others may read, such as a database and its backups; InsecurePlaintextKeys does without")
	}
	return errors.Join(faults...)
}

// KeyChange is what has become of a ring.
type KeyChange struct {
	Added, Removed, Revoked []KeyID
	// Sealing is the key that seals now.
	Sealing KeyID
}

// KeyObserver hears what happens to a ring that follows a source. Nil functions are not called. The others are called
// by one goroutine at a time and must not call the ring's Close, Refresh, Update, Restore or Revoke, which wait for it. None of their arguments is secret.
type KeyObserver struct {
	// Changed: the source has given other keys. Not called for those that OpenKeyring begins with.
	Changed func(ctx context.Context, change KeyChange)
	// Fault: what Health reports is another than before, and is not nil; or the source has lost something that is about to be put back.
	Fault func(ctx context.Context, err error)
	// Recovered: what Fault told of is over.
	Recovered func(ctx context.Context)
}

func (o KeyObserver) complete() KeyObserver {
	if o.Changed == nil {
		o.Changed = func(context.Context, KeyChange) {}
	}
	if o.Fault == nil {
		o.Fault = func(context.Context, error) {}
	}
	if o.Recovered == nil {
		o.Recovered = func(context.Context) {}
	}
	return o
}

// follower keeps a ring as its source has it.
type follower struct {
	ring   *Keyring
	source KeySource
	store  KeyStore // source, nil if it cannot be written
	config KeyringConfig

	busy    chan struct{}       // held by whoever reads or writes the source, and for what follows
	data    []byte              // as it was last taken over
	set     KeySet              // data
	opened  map[KeyID]unwrapped // keys that were wrapped
	pending atomic.Bool         // a revocation could not be written
	faulty  string              // what was last reported
	looked  atomic.Pointer[look]
	revoked atomic.Pointer[map[KeyID]bool] // in the source
	keeping atomic.Int64                   // the Retain that the keys are kept by

	mu      sync.Mutex // for what follows
	next    *reread
	last    time.Time           // of a reread
	absent  map[KeyID]time.Time // unknown keys that a reread has not brought, and when
	inHand  map[KeyID]int       // revocations that are being written: none of them is a fault yet
	closed  bool
	running sync.WaitGroup
	waiting atomic.Int32

	life context.Context // until Close
	end  context.CancelFunc
}

// look is how it went the last time.
type look struct {
	at   time.Time // by the machine's clock
	good time.Time // when the source was last read, by the ring's clock
	err  error
}

// unwrapped is a key that was wrapped, and how.
type unwrapped struct {
	wrapped []byte
	key     Key
}

// reread is a look at the source that is to come.
type reread struct{ done chan struct{} }

func (f *follower) poll() {
	for {
		pause := f.config.Interval - rand.N(f.config.Interval/10+1)
		select {
		case <-time.After(pause):
			_ = f.look(f.life) // Health has it
		case <-f.life.Done():
			return
		}
	}
}

// exclusively runs do, bounded by Timeout, while nobody else does.
func (f *follower) exclusively(ctx context.Context, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, f.config.Timeout)
	defer cancel()
	select {
	case f.busy <- struct{}{}:
		defer func() { <-f.busy }()
	case <-limited.Done():
		return fmt.Errorf("%w: %w", ErrKeySource, context.Cause(limited))
	}
	return do(limited)
}

// look takes over what the source has, and puts there what is due.
func (f *follower) look(ctx context.Context) error {
	return f.exclusively(ctx, func(limited context.Context) error { return f.reported(ctx, limited) })
}

// reported is a step of which Health and the observer hear, unless the caller, or Close, has cut it short.
func (f *follower) reported(ctx, limited context.Context) error {
	err := f.step(limited)
	if ctx.Err() == nil {
		f.report(ctx, err)
	}
	return err
}

func (f *follower) step(ctx context.Context) error {
	for range maxUpdates {
		data, err := loadKeys(ctx, f.source)
		if err != nil {
			return err
		}
		if data != nil {
			if err := f.take(ctx, data); err != nil {
				return f.named(err)
			}
		}
		due, changed, err := f.due(ctx, data != nil)
		if err != nil || !changed {
			return f.named(err)
		}
		if f.config.Wrapper != nil {
			if due, err = due.Wrap(ctx, f.config.Wrapper); err != nil {
				return err
			}
		}
		written, err := due.Encode()
		if err != nil {
			return err
		}
		swapped, err := f.store.SwapKeys(ctx, data, written)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrKeySource, err)
		}
		if swapped {
			f.pending.Store(false)
			return f.take(ctx, written)
		}
	}
	return ErrKeysChanged
}

// named says which source it is that err is about.
func (f *follower) named(err error) error {
	if name, ok := f.source.(fmt.Stringer); ok && err != nil {
		return fmt.Errorf("%v: %w", name, err)
	}
	return err
}

// take makes the ring what data says.
func (f *follower) take(ctx context.Context, data []byte) error {
	if f.data != nil && bytes.Equal(data, f.data) {
		return nil
	}
	set, err := ParseKeySet(data)
	if err != nil {
		return err
	}
	keys := slices.Clone(set.Keys)
	for i, k := range keys {
		if keys[i], err = f.open(ctx, k); err != nil {
			return err
		}
	}
	keeping := set.Retain
	if f.config.Rotation != nil {
		keeping = max(keeping, f.config.Rotation.Retain)
	}
	f.keeping.Store(int64(keeping))
	before := f.ring.load()
	if err := f.ring.set(keys); err != nil {
		return err
	}
	f.data, f.set = bytes.Clone(data), set
	revoked := make(map[KeyID]bool)
	for _, k := range set.Keys {
		if k.Revoked() {
			revoked[k.id] = true
		}
	}
	f.revoked.Store(&revoked)
	maps.DeleteFunc(f.opened, func(id KeyID, _ unwrapped) bool {
		k, _ := set.Find(id)
		return !k.Wrapped()
	})
	if len(before.keys) > 0 {
		f.changed(ctx, before, f.ring.load())
	}
	return nil
}

// open returns k with its secret in the clear.
func (f *follower) open(ctx context.Context, k Key) (Key, error) {
	switch w := f.config.Wrapper; {
	case k.form == keyClear && !f.config.InsecurePlaintextKeys && (w != nil || !f.plaintext()):
		return Key{}, &KeyError{ID: k.id, Err: ErrPlaintextKey}
	case k.form != keyWrapped:
		return k, nil
	case w == nil:
		return Key{}, &KeyError{ID: k.id, Err: ErrKeyWrapped}
	default:
		had, ok := f.opened[k.id]
		if !ok || !bytes.Equal(had.wrapped, *k.wrapped) {
			clear, err := k.unwrap(ctx, w)
			if err != nil {
				return Key{}, err
			}
			had = unwrapped{*k.wrapped, clear}
			f.opened[k.id] = had // also if another key fails: a slow wrapper gets there in the end
		}
		clear := had.key
		clear.created, clear.activate, clear.retire = k.created, k.activate, k.retire
		return clear, nil
	}
}

// plaintext reports whether the source may hold secrets in the clear, without being told so.
func (f *follower) plaintext() bool { return f.store == nil || confidential(f.source) }

// due returns what the source should hold, and whether it does not yet.
func (f *follower) due(ctx context.Context, there bool) (due KeySet, changed bool, err error) {
	now := f.ring.now()
	switch {
	case !there && f.data == nil: // the very beginning
		if f.store == nil || f.config.MustExist {
			return KeySet{}, false, ErrNoKeySet
		}
		if f.config.Rotation != nil {
			due.Retain = f.config.Rotation.Retain
		}
		due, _ = due.Announce(now, now)
		return due, true, nil
	case f.config.Rotation == nil && !there:
		return KeySet{}, false, ErrNoKeySet
	case f.config.Rotation == nil && !f.pending.Load():
		return f.set, false, nil
	case f.config.Rotation == nil:
		due = f.set.clone()
		changed = f.restore(ctx, &due, now)
		f.pending.Store(changed) // or somebody else has written it
		return due, changed, nil
	}
	due = f.set.clone()
	if !there {
		f.fault(ctx, ErrNoKeySet)
		changed = true
	}
	if f.restore(ctx, &due, now) {
		changed = true
	}
	if plan := f.config.Rotation.Plan(due, now); !plan.Empty() {
		due, changed = due.Apply(plan, now), true
	}
	return due, changed, nil
}

// restore puts into s what the ring knows and the source has lost, and reports whether there was something: a source that went back in time would
// otherwise log people out when servers start, and give a revoked key back.
func (f *follower) restore(ctx context.Context, s *KeySet, now time.Time) (restored bool) {
	sealing, had := s.sealing(now)
	for _, k := range f.ring.load().keys {
		i := s.index(k.id)
		lost := false
		switch {
		case k.usable() && (i < 0 || s.Keys[i].Erased()):
			// Not what another server, whose clock is ahead, has erased or forgotten.
			lost = k.until.IsZero() || now.Add(clockSkew).Before(k.until)
		case k.Revoked() && (i < 0 || !s.Keys[i].Revoked()):
			lost = !k.forgettable(now.Add(2*clockSkew)) && !f.isInHand(k.id)
		}
		if !lost {
			continue
		}
		restored = true
		reason := ErrKeyMissing
		if k.Revoked() {
			reason = ErrNotRevoked
		}
		f.fault(ctx, &KeyError{ID: k.id, Err: reason})
		if i < 0 {
			s.Keys = append(s.Keys, k.Key)
		} else {
			s.Keys[i] = k.Key
		}
	}
	if !restored {
		return false
	}
	// What has sealed in between opens until those sessions have ended.
	if after, _ := s.sealing(now); had && after.id != sealing.id && s.Retain > 0 {
		if k := &s.Keys[s.index(sealing.id)]; k.usable() {
			k.retire = later(k.retire, now.Add(s.Retain))
		}
	}
	return true
}

// fault tells the observer of a fault that is about to be mended; report says when it is.
func (f *follower) fault(ctx context.Context, err error) {
	if f.faulty != err.Error() {
		f.faulty = err.Error()
		f.config.Observer.Fault(ctx, err)
	}
}

// changed tells the observer how one ring differs from the other.
func (f *follower) changed(ctx context.Context, before, after *ring) {
	var c KeyChange
	for i := range after.keys {
		k := &after.keys[i]
		was := before.byID[k.id]
		switch {
		case k.Revoked() && (was == nil || !was.Revoked()):
			c.Revoked = append(c.Revoked, k.id)
		case was == nil:
			c.Added = append(c.Added, k.id)
		}
	}
	for i := range before.keys {
		if k := &before.keys[i]; after.byID[k.id] == nil {
			c.Removed = append(c.Removed, k.id)
		}
	}
	if s, err := after.sealing(f.ring.now()); err == nil {
		c.Sealing = s.id
	}
	if len(c.Added)+len(c.Removed)+len(c.Revoked) > 0 || !slices.EqualFunc(before.keys, after.keys, sameTimes) {
		f.config.Observer.Changed(ctx, c)
	}
}

func sameTimes(a, b ringKey) bool {
	return a.id == b.id && a.activate.Equal(b.activate) && a.retire.Equal(b.retire)
}

// report remembers how a look went and tells the observer what is new.
func (f *follower) report(ctx context.Context, err error) {
	now := look{at: time.Now(), err: err}
	if last := f.looked.Load(); last != nil {
		now.good = last.good
	}
	if err == nil {
		now.good = f.ring.now()
	}
	f.looked.Store(&now)
	if f.ring.ring.Load() == nil {
		return // OpenKeyring returns the error
	}
	text := ""
	fault := f.ring.Health().Err()
	if fault != nil {
		text = fault.Error()
	}
	switch {
	case text == f.faulty:
	case text != "":
		f.config.Observer.Fault(ctx, fault)
	default:
		f.config.Observer.Recovered(ctx)
	}
	f.faulty = text
}

// retain is how long keys open after their successors' activate, 0 if that is not known.
func (f *follower) retain() time.Duration { return time.Duration(f.keeping.Load()) }

// await waits for a look at the source that has yet to begin, and reports whether it was made. One that has not brought these keys
// is not repeated before Interval: what seals is in the source.
func (f *follower) await(ctx context.Context, absent []KeyID) bool {
	if _, fixed := f.source.(envKeys); fixed || f.config.NoReread || f.sought(absent) {
		return false
	}
	defer f.waiting.Add(-1)
	if f.waiting.Add(1) > maxWaiting {
		return false
	}
	next := f.upcoming()
	if next == nil {
		return false
	}
	timer := time.NewTimer(rereadWait)
	defer timer.Stop()
	select {
	case <-next.done:
		f.seek(absent)
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// maxSought bounds the unknown keys that are remembered.
const maxSought = 256

// sought reports whether a look of late has brought none of these keys.
func (f *follower) sought(absent []KeyID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range absent {
		if at, ok := f.absent[id]; !ok || time.Since(at) > f.config.Interval {
			return false
		}
	}
	return true
}

// seek remembers which of the keys a look has not brought.
func (f *follower) seek(absent []KeyID) {
	if last := f.looked.Load(); last == nil || last.err != nil {
		return // it says nothing of what is there
	}
	ring, now := f.ring.load(), time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range absent {
		if ring.byID[id] != nil {
			continue
		}
		if f.absent == nil || len(f.absent) >= maxSought {
			f.absent = make(map[KeyID]time.Time)
		}
		f.absent[id] = now
	}
}

// upcoming returns the next look because of an unknown key, nil if there will be none.
func (f *follower) upcoming() *reread {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != nil || f.closed {
		return f.next
	}
	next := &reread{make(chan struct{})}
	pause := time.Until(f.last.Add(rereadPause))
	f.next = next
	f.running.Go(func() {
		defer close(next.done)
		select {
		case <-time.After(pause):
		case <-f.life.Done():
		}
		f.mu.Lock()
		f.next, f.last = nil, time.Now()
		f.mu.Unlock()
		_ = f.look(f.life)
	})
	return next
}

func (f *follower) close() {
	f.mu.Lock()
	f.closed = true // so that nothing begins while we wait
	f.mu.Unlock()
	f.end()
	f.running.Wait()
}

// update changes the source, and the ring with it.
func (f *follower) update(ctx context.Context, change func(KeySet) (KeySet, error)) error {
	if f.store == nil {
		return ErrReadOnlyKeys
	}
	return f.exclusively(ctx, func(limited context.Context) error {
		_, err := updateKeys(limited, f.store, f.config.Wrapper, f.config.InsecurePlaintextKeys, func(s KeySet) (KeySet, error) {
			if len(s.Keys) == 0 {
				s = f.set.clone() // the source has lost everything
			}
			return change(s)
		})
		if err != nil {
			return err
		}
		return f.reported(ctx, limited)
	})
}

// takeInHand keeps a revocation that has yet to be written from being a fault, until done is called.
func (f *follower) takeInHand(id KeyID) (done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inHand == nil {
		f.inHand = make(map[KeyID]int)
	}
	f.inHand[id]++
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.inHand[id]--; f.inHand[id] == 0 {
			delete(f.inHand, id)
		}
	})
}

func (f *follower) isInHand(id KeyID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inHand[id] > 0
}

// revoke does so here first if another key can seal. Otherwise the source comes first, so that all servers get the same new key; and one
// that neither answers nor heeds its context is not waited for.
func (f *follower) revoke(ctx context.Context, id KeyID) error {
	now := f.ring.now()
	if slices.ContainsFunc(f.ring.load().keys, func(k ringKey) bool { return k.id != id && k.usable() && !k.retired(now) }) {
		if err := f.ring.revoke(id); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, f.config.Timeout)
	defer cancel()
	written := make(chan error, 1)
	done := f.takeInHand(id)
	defer done()
	go func() {
		err := f.update(limited, func(s KeySet) (KeySet, error) { return s.Revoke(id, now), nil })
		done()
		if err != nil && f.store != nil {
			_ = f.look(limited) // its answer may have been lost
		}
		written <- err
	}()
	var err error
	select {
	case err = <-written:
	case <-limited.Done():
		err = fmt.Errorf("%w: %w", ErrKeySource, context.Cause(limited))
	}
	if k := f.ring.load().byID[id]; k == nil || !k.Revoked() {
		if local := f.ring.revoke(id); local != nil {
			return errors.Join(err, local)
		}
	}
	if err == nil || (*f.revoked.Load())[id] {
		return err // nil, or how a write failed that was made all the same
	}
	f.pending.Store(f.store != nil)
	return fmt.Errorf("%w: %w", &KeyError{ID: id, Err: ErrNotRevoked}, err)
}

// Update changes the keys in the ring's source, and the ring with them: change gets what is there and returns what is to be there, by the methods
// of KeySet. It is called again if another server was faster. The secrets of keys that are wrapped stay so.
//
// A ring without a source, or with one that cannot be written, gives ErrReadOnlyKeys. The other errors
// are those of UpdateKeys.
func (k *Keyring) Update(ctx context.Context, change func(KeySet) (KeySet, error)) error {
	if k.follower == nil {
		return ErrReadOnlyKeys
	}
	return k.follower.update(ctx, change)
}

// Restore puts back into the ring's source what the ring knows and the source has lost: keys that have neither retired nor been
// revoked, and revocations. A ring with a Rotation policy does so by itself; for others it is how to make good a key file that was
// overwritten with an older one. The errors are those of Update.
func (k *Keyring) Restore(ctx context.Context) error {
	return k.Update(ctx, func(s KeySet) (KeySet, error) {
		k.follower.restore(ctx, &s, k.now())
		return s, nil
	})
}

// Refresh looks at the ring's source now, and does what its policy finds due. A ring without a source has nothing to do. The errors are those of
// OpenKeyring; the ring is as it was then, and goes on.
func (k *Keyring) Refresh(ctx context.Context) error {
	if k.follower == nil {
		return nil
	}
	return k.follower.look(ctx)
}

// Close ends following the source, and waits until a look that goes on has ended. The ring keeps the keys it has. A second Close does
// nothing; nor does one of a ring without a source.
func (k *Keyring) Close() error {
	if k.follower != nil {
		k.follower.close()
	}
	return nil
}

// KeyHealth is the state of a ring, for a health check.
type KeyHealth struct {
	// Sealing is the key that seals now.
	Sealing KeyID
	// Loaded is when the source was last read successfully, by the ring's clock; the zero time for a ring without a source.
	Loaded time.Time
	// Faults are what should be seen to. None of them is an outage yet. They match, by errors.Is, ErrKeySource and the other errors of
	// OpenKeyring: the source could not be read, or written where that was due; ErrKeyMissing, ErrNotRevoked, ErrRetiresEarly, ErrNoSuccessor and ErrKeyInFuture, in a *KeyError.
	Faults []error
}

// Err joins the Faults; nil if there are none.
func (h KeyHealth) Err() error { return errors.Join(h.Faults...) }

// MarshalJSON writes the faults as texts.
func (h KeyHealth) MarshalJSON() ([]byte, error) {
	faults := make([]string, len(h.Faults))
	for i, err := range h.Faults {
		faults[i] = err.Error()
	}
	return json.Marshal(struct {
		Sealing KeyID
		Loaded  time.Time `json:",omitzero"`
		Faults  []string
	}{h.Sealing, h.Loaded, faults})
}

// Health returns the state of the ring.
func (k *Keyring) Health() KeyHealth {
	k.mu.Lock()
	r, now, lifetime := k.load(), k.now(), k.lifetime
	k.mu.Unlock()
	var h KeyHealth
	if k.follower != nil {
		h.Loaded = k.follower.health(&h)
	}
	sealing, err := r.sealing(now)
	if err != nil {
		h.Faults = append(h.Faults, err)
		return h
	}
	h.Sealing = sealing.id
	if lifetime > 0 {
		for _, id := range r.tooEarly(lifetime) {
			h.Faults = append(h.Faults, &KeyError{ID: id, Err: ErrRetiresEarly})
		}
	}
	if sealing.activate.After(now.Add(clockSkew)) {
		h.Faults = append(h.Faults, &KeyError{ID: sealing.id, Err: ErrKeyInFuture})
	}
	followed := false
	for i := range r.keys {
		k := &r.keys[i]
		if k.kept && k.usable() && !k.retired(now) {
			h.Faults = append(h.Faults, &KeyError{ID: k.id, Err: ErrKeyMissing})
		}
		followed = followed || k.usable() && !k.kept && newestFirst(&k.Key, &sealing.Key) < 0
	}
	if !followed && !sealing.retire.IsZero() && now.Add(nearEnd).After(sealing.retire) {
		h.Faults = append(h.Faults, &KeyError{ID: sealing.id, Err: ErrNoSuccessor})
	}
	return h
}

// health adds what is wrong with the source, and returns when it was last good.
func (f *follower) health(h *KeyHealth) time.Time {
	last := f.looked.Load()
	if last == nil {
		return time.Time{}
	}
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	switch late := time.Since(last.at); {
	case last.err != nil:
		h.Faults = append(h.Faults, last.err)
	case !closed && late > 2*(f.config.Interval+f.config.Timeout):
		h.Faults = append(h.Faults, fmt.Errorf("%w: it does not answer", ErrKeySource))
	}
	if revoked := f.revoked.Load(); revoked != nil {
		now := f.ring.now().Add(2 * clockSkew)
		for _, k := range f.ring.load().keys {
			if k.Revoked() && !(*revoked)[k.id] && !k.forgettable(now) && !f.isInHand(k.id) {
				h.Faults = append(h.Faults, &KeyError{ID: k.id, Err: ErrNotRevoked})
			}
		}
	}
	return last.good
}
