package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

// life is what is known of a key. Its times are the drill's, except seen.
type life struct {
	id                        hardtack.KeyID
	created, activate, retire time.Time
	revoked                   time.Time
	seen                      time.Time // real time: when the drill first saw it in the file
	forgotten                 bool      // the file no longer has its ID

	sealed, opened int // cookies, as the clients saw it
	refused        int // of its cookies after their end
	lost           int
}

// ledger follows the key file, as one who only reads.
type ledger struct {
	mu    sync.Mutex
	keys  []*life // in the order of their announcement
	byID  map[hardtack.KeyID]*life
	fault error // the first time the file could not be read
}

// look takes over what the file has.
func (l *ledger) look(ctx context.Context, source hardtack.KeySource) {
	data, err := source.LoadKeys(ctx)
	if ctx.Err() != nil || data == nil && err == nil {
		return
	}
	var set hardtack.KeySet
	if err == nil {
		set, err = hardtack.ParseKeySet(data)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.fault == nil {
			l.fault = fmt.Errorf("the key file could not be read: %w", err)
		}
		return
	}
	l.take(set)
}

func (l *ledger) take(set hardtack.KeySet) {
	for i := len(set.Keys) - 1; i >= 0; i-- { // the oldest first
		k := set.Keys[i]
		got := l.of(k.ID())
		if k.Revoked() {
			got.revoked = k.RevokedAt()
			continue
		}
		got.created, got.activate = k.Created(), k.Activate()
		if k.Retire().After(got.retire) {
			got.retire = k.Retire()
		}
	}
	for _, got := range l.keys {
		_, there := set.Find(got.id)
		got.forgotten = !there && !got.activate.IsZero()
	}
}

// of returns the key with this ID; one that is new gets a place.
func (l *ledger) of(id hardtack.KeyID) *life {
	got := l.byID[id]
	if got == nil {
		got = &life{id: id, seen: time.Now()}
		l.keys = append(l.keys, got)
		l.byID[id] = got
	}
	return got
}

// change counts something of a key.
func (l *ledger) change(id hardtack.KeyID, f func(*life)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.of(id))
}

// key returns what is known of a key.
func (l *ledger) key(id hardtack.KeyID) life {
	l.mu.Lock()
	defer l.mu.Unlock()
	return *l.of(id)
}

// all returns a copy of everything.
func (l *ledger) all() []life {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := make([]life, len(l.keys))
	for i, k := range l.keys {
		keys[i] = *k
	}
	return keys
}

// sealing returns the index, among all, of the key that seals at a time of the drill; -1 if there is none.
func sealing(keys []life, now time.Time) int {
	newest := -1
	for i, k := range keys {
		if !k.activate.IsZero() && k.revoked.IsZero() && !k.activate.After(now) && (newest < 0 || k.activate.After(keys[newest].activate)) {
			newest = i
		}
	}
	return newest
}

// age returns how many keys have begun to seal since this one, at a time of the drill.
func (l *ledger) age(id hardtack.KeyID, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, n := l.of(id).activate, 0
	for _, k := range l.keys {
		if k.activate.After(own) && !k.activate.After(now) {
			n++
		}
	}
	return n
}
