package signed

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack"
)

// derivedKeys are the key pairs of a ring's keys under one algorithm, kept because deriving takes longer than verifying.
// There are never more than the ring has had keys since the last forget.
type derivedKeys struct {
	ring   *hardtack.Keyring
	scheme *scheme

	opened atomic.Uint64

	mu   sync.RWMutex
	byID map[hardtack.KeyID]*keyPair
}

// forgetEvery is after how many openings a process that does nothing else looks for keys to forget.
const forgetEvery = 256

func newDerivedKeys(ring *hardtack.Keyring, s *scheme) *derivedKeys {
	return &derivedKeys{ring: ring, scheme: s, byID: make(map[hardtack.KeyID]*keyPair)}
}

// sealing returns the key that signs at the time now.
func (d *derivedKeys) sealing(now time.Time) (hardtack.KeyID, *keyPair, error) {
	key, err := d.ring.KeyForSealing(now)
	if err != nil {
		return hardtack.KeyID{}, nil, err
	}
	d.forget(now)
	pair, err := d.of(key, now)
	return key.ID(), pair, err
}

// opening returns the key with this ID if it verifies at the time now. Its errors are the ring's.
func (d *derivedKeys) opening(id hardtack.KeyID, now time.Time) (pair *keyPair, stale bool, err error) {
	key, stale, err := d.ring.KeyForOpening(id, now)
	if err != nil {
		if d.cached(id) != nil {
			d.forget(now)
		}
		return nil, false, err
	}
	if d.opened.Add(1)%forgetEvery == 0 { // others have other times for it
		d.forget(now)
	}
	pair, err = d.of(key, now)
	return pair, stale, err
}

func (d *derivedKeys) cached(id hardtack.KeyID) *keyPair {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byID[id]
}

func (d *derivedKeys) of(key hardtack.Key, now time.Time) (*keyPair, error) {
	if pair := d.cached(key.ID()); pair != nil {
		return pair, nil
	}
	pair, err := deriveKey(d.scheme, key)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, _, err := d.ring.KeyForOpening(key.ID(), now); err == nil { // it may have been revoked meanwhile
		d.byID[key.ID()] = pair
	}
	return pair, nil
}

// forget drops the keys that the ring no longer opens with, revoked ones above all.
func (d *derivedKeys) forget(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.byID, func(id hardtack.KeyID, _ *keyPair) bool {
		_, _, err := d.ring.KeyForOpening(id, now)
		return err != nil
	})
}
