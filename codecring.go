package hardtack

import (
	"slices"
	"time"
)

// What a Codec of another format needs of a ring, to rotate as the sealed one does.

// KeyForSealing returns the key that seals at the time now. The error is a *KeyError with ErrNoUsableKey.
func (k *Keyring) KeyForSealing(now time.Time) (Key, error) {
	s, err := k.load().sealing(now)
	if err != nil {
		return Key{}, err
	}
	return s.Key, nil
}

// KeyForOpening returns the key with this ID if it opens at the time now, and whether what it has sealed should be written anew, which
// is a Record's Stale. The errors match ErrUnknownKey or ErrRevokedKey; a Codec must return them as they are, so that the Jar knows whose
// key it was: it counts them, and looks for one that the ring lacks in the ring's source.
func (k *Keyring) KeyForOpening(id KeyID, now time.Time) (key Key, stale bool, err error) {
	ring := k.load()
	o, err := ring.opening(id, now)
	if err != nil {
		return Key{}, false, k.refusal(id, err)
	}
	return o.Key, ring.stale(o, now), nil
}

// OpeningKeys returns the keys that open at the time now or will seal later, newest activation first. Their secrets are there.
func (k *Keyring) OpeningKeys(now time.Time) (keys []Key) {
	ring := k.load()
	for i := range ring.keys {
		if o := &ring.keys[i]; o.opens(ring, now) {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// LineageOf returns the Lineage to be written with rec when the key seals it: the keys that sealed the session before, as far as the ring
// knows them.
func (k *Keyring) LineageOf(rec *Record, sealing KeyID) []KeyID {
	return k.load().lineage(rec, sealing)
}

// CheckLineage returns an error that matches ErrRevokedKey if one of these keys, which sealed a session before the key that its cookie is
// sealed with, was revoked. A Codec must return it as it is.
func (k *Keyring) CheckLineage(sealed KeyID, lineage []KeyID) error {
	ring := k.load()
	if slices.ContainsFunc(lineage, func(id KeyID) bool { o := ring.byID[id]; return o != nil && o.Revoked() }) {
		return k.refusal(sealed, ErrRevokedKey)
	}
	return nil
}

// keyRefusal is a cookie's refusal for its key.
type keyRefusal struct {
	ring *Keyring
	id   KeyID
	err  error // ErrUnknownKey, errAbsentKey or ErrRevokedKey
}

func (k *Keyring) refusal(id KeyID, err error) error { return &keyRefusal{k, id, err} }

func (e *keyRefusal) Error() string { return e.err.Error() }
func (e *keyRefusal) Unwrap() error { return e.err }
