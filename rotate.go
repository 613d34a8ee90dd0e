package hardtack

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// SecretSize is the size of a key's secret in bytes.
const SecretSize = seal.SecretSize

// maxKeys bounds a ring, and with it the lineage in a token.
const maxKeys = 128

// KeyID names a key. It follows from the key's secret (docs/format.md), is
// sent in the clear with every cookie, and may be logged.
type KeyID [4]byte

// String returns the ID as 8 hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns what String does.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads 8 hexadecimal digits.
func (id *KeyID) UnmarshalText(text []byte) error {
	var v KeyID
	if len(text) != hex.EncodedLen(len(v)) {
		return fmt.Errorf("hardtack: key ID of %d characters, want %d", len(text), hex.EncodedLen(len(v)))
	}
	if _, err := hex.Decode(v[:], text); err != nil {
		return fmt.Errorf("hardtack: key ID: %w", err)
	}
	*id = v
	return nil
}

// Key is one key of a ring: a secret and when it is used. It is a value that
// can be copied. However it is printed, its secret is not. The zero Key is
// not valid.
type Key struct {
	id               KeyID
	material         *keyMaterial // nil once revoked
	activate, retire time.Time
}

// keyMaterial holds pointers: fmt follows one, to this, for verbs that do not
// fit a pointer, but no second one.
type keyMaterial struct {
	secret *[SecretSize]byte
	seal   *seal.Key
}

// NewKey returns a key with a secret of exactly 32 random bytes, which it
// copies. The key seals from activate on (the zero time: always) and opens
// until retire (the zero time: for ever). Its errors are *KeyError.
func NewKey(secret []byte, activate, retire time.Time) (Key, error) {
	if len(secret) != SecretSize {
		return Key{}, &KeyError{Err: fmt.Errorf("%w, but %d", ErrKeyLength, len(secret))}
	}
	own := [SecretSize]byte(secret)
	m := &keyMaterial{secret: &own}
	id := KeyID(seal.IDOf(m.secret))
	if id == (KeyID{}) {
		return Key{}, &KeyError{Err: ErrKeyID} // reserved for records; one secret in 2^32
	}
	if !retire.IsZero() && !retire.After(activate) {
		return Key{}, &KeyError{ID: id, Err: ErrKeyTimes}
	}
	var err error
	if m.seal, err = seal.NewKey(m.secret); err != nil {
		return Key{}, &KeyError{ID: id, Err: err}
	}
	return Key{id: id, material: m, activate: activate, retire: retire}, nil
}

// NewKeyWithID is NewKey for a secret that is stored with its ID. If they do
// not belong together, the error is a *KeyError with ErrKeyID.
func NewKeyWithID(id KeyID, secret []byte, activate, retire time.Time) (Key, error) {
	k, err := NewKey(secret, activate, retire)
	if err == nil && k.id != id {
		return Key{}, &KeyError{ID: id, Err: ErrKeyID}
	}
	return k, err
}

// GenerateKey returns a key with a new random secret. It panics if retire is
// not after activate.
func GenerateKey(activate, retire time.Time) Key {
	secret := make([]byte, SecretSize)
	for {
		rand.Read(secret)
		k, err := NewKey(secret, activate, retire)
		if err == nil {
			return k
		}
		if !errors.Is(err, ErrKeyID) { // the reserved ID, one secret in 2^32
			panic(err)
		}
	}
}

// RevokedKey returns what a ring remembers of a revoked key: that no cookie
// sealed with it, and no later cookie of such a session, is to be accepted.
// It should stay in the ring until the last such session has ended.
func RevokedKey(id KeyID) Key { return Key{id: id} }

// ID returns the key's ID.
func (k Key) ID() KeyID { return k.id }

// Activate returns from when on the key seals.
func (k Key) Activate() time.Time { return k.activate }

// Retire returns until when the key opens; the zero time means for ever.
func (k Key) Retire() time.Time { return k.retire }

// Revoked reports whether the key was revoked.
func (k Key) Revoked() bool { return k.material == nil }

// ExposeSecret returns a copy of the 32 secret bytes, for storing the key; nil if it was revoked.
func (k Key) ExposeSecret() []byte {
	if k.material == nil {
		return nil
	}
	return slices.Clone(k.material.secret[:])
}

// String names the key by its ID, and never prints the secret.
func (k Key) String() string {
	if k.Revoked() {
		return "key " + k.id.String() + " (revoked)"
	}
	return "key " + k.id.String()
}

// Format prints String for every verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue logs the key's ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns String, so that JSON shows no secret either.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func (k *Key) retired(now time.Time) bool { return !k.retire.IsZero() && !now.Before(k.retire) }

// Keyring holds the keys that seal and open cookies. The sealing key is the
// newest whose activate has passed by the clock of the Jar that asks; if none
// has, the earliest. Every key that is neither retired nor revoked opens.
//
// A Keyring is safe for concurrent use; its readers take no lock. Several Jars
// may share one. The zero Keyring has no keys and is refused by New.
type Keyring struct {
	mu   sync.Mutex // serialises writers
	ring atomic.Pointer[ring]
}

// ring is one state of a Keyring, immutable.
type ring struct {
	keys []ringKey // newest activation first, one order on every server
	byID map[KeyID]*ringKey
}

type ringKey struct {
	Key
	// kept: a replacement did not list this key, which is not retired. It
	// goes on opening, and seals only when nothing else can.
	kept bool
}

// NewKeyring returns a ring of these keys. Its errors are *KeyError: no key,
// one ID twice, more than 128 keys.
func NewKeyring(keys ...Key) (*Keyring, error) {
	r, err := newRing(keys, nil)
	if err != nil {
		return nil, err
	}
	k := new(Keyring)
	k.ring.Store(r)
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

func newRing(keys []Key, old *ring) (*ring, error) {
	r := &ring{byID: make(map[KeyID]*ringKey, len(keys))}
	usable := false
	for _, k := range keys {
		if k.id == (KeyID{}) {
			return nil, &KeyError{Err: ErrKeyID}
		}
		if slices.ContainsFunc(r.keys, func(o ringKey) bool { return o.id == k.id }) {
			return nil, &KeyError{ID: k.id, Err: ErrDuplicateKey}
		}
		if old != nil && k.material != nil {
			if o := old.byID[k.id]; o != nil {
				if o.material == nil {
					k = o.Key // revoked stays revoked
				} else if *o.material.secret == *k.material.secret {
					k.material = o.material // keep its cache of derived keys warm
				} else {
					return nil, &KeyError{ID: k.id, Err: ErrDuplicateKey}
				}
			}
		}
		usable = usable || k.material != nil
		r.keys = append(r.keys, ringKey{Key: k})
	}
	if !usable {
		return nil, &KeyError{Err: ErrNoUsableKey}
	}
	if old != nil {
		for _, o := range old.keys {
			if !slices.ContainsFunc(r.keys, func(k ringKey) bool { return k.id == o.id }) &&
				(o.Revoked() || !o.retired(time.Now())) {
				o.kept = true
				r.keys = append(r.keys, o)
			}
		}
	}
	// Revoked ones do not count: they are never in a lineage, and there must
	// always be room to revoke.
	secrets := 0
	for i := range r.keys {
		if !r.keys[i].Revoked() {
			secrets++
		}
	}
	if secrets > maxKeys {
		return nil, &KeyError{Err: ErrTooManyKeys}
	}
	slices.SortFunc(r.keys, func(a, b ringKey) int {
		return cmp.Or(b.activate.Compare(a.activate), slices.Compare(a.id[:], b.id[:]))
	})
	for i := range r.keys {
		r.byID[r.keys[i].id] = &r.keys[i]
	}
	return r, nil
}

// Replace puts keys in place of the ring's, in one step, while requests run.
// Keys that are not listed any more but neither retired nor revoked go on
// opening, so that a list rolled back by accident logs nobody out; a key that
// was revoked stays revoked. On an error, a *KeyError, the ring is as it was.
func (k *Keyring) Replace(keys ...Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, err := newRing(keys, k.ring.Load())
	if err != nil {
		return err
	}
	k.ring.Store(r)
	return nil
}

// Revoke ends, from now on, every session that is sealed with the key or was
// sealed with it before, and forgets the key's secret. If no other key can seal, a new
// random one takes its place. An ID that the ring does not have is remembered too.
func (k *Keyring) Revoke(id KeyID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.ring.Load()
	if old == nil {
		return &KeyError{Err: ErrNoUsableKey}
	}
	keys := []Key{RevokedKey(id)}
	usable := false
	for _, o := range old.keys {
		if o.id != id {
			keys = append(keys, o.Key)
			usable = usable || !o.Revoked() && !o.retired(time.Now())
		}
	}
	if !usable {
		keys = append(keys, GenerateKey(time.Time{}, time.Time{}))
	}
	r, err := newRing(keys, nil)
	if err != nil {
		return err
	}
	for i := range r.keys {
		o := old.byID[r.keys[i].id]
		r.keys[i].kept = o != nil && o.kept && o.id != id
	}
	k.ring.Store(r)
	return nil
}

// Keys returns the ring's keys, newest activation first, without those that
// the last Replace did not list and that go on opening.
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

func (r *ring) sealing(now time.Time) (*ringKey, error) {
	var earliest, kept *ringKey
	for i := range r.keys {
		k := &r.keys[i]
		switch {
		case k.Revoked() || k.retired(now):
		case k.kept:
			kept = k
		case !k.activate.After(now):
			return k, nil
		default:
			earliest = k
		}
	}
	if earliest = cmp.Or(earliest, kept); earliest == nil {
		return nil, &KeyError{Err: ErrNoUsableKey}
	}
	return earliest, nil
}

// opening returns the key with this ID if it opens at the time now.
func (r *ring) opening(id KeyID, now time.Time) (*ringKey, error) {
	k := r.byID[id]
	switch {
	case k == nil:
		return nil, ErrUnknownKey
	case k.Revoked():
		return nil, ErrRevokedKey
	case k.retired(now):
		return nil, ErrUnknownKey
	}
	return k, nil
}

// oldest returns the unretired key that has been active for longest.
func (r *ring) oldest(now time.Time) (*ringKey, error) {
	for i := len(r.keys) - 1; i >= 0; i-- {
		if k := &r.keys[i]; !k.Revoked() && !k.retired(now) {
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

// tooEarly returns the first key that retires before the sessions sealed with
// it have ended: before its successor's activate plus the lifetime plus skew.
func (r *ring) tooEarly(lifetime time.Duration) (KeyID, bool) {
	var successor *ringKey
	for i := range r.keys {
		k := &r.keys[i]
		if k.Revoked() || k.kept {
			continue
		}
		if successor != nil && !k.retire.IsZero() && k.retire.Before(successor.activate.Add(lifetime+clockSkew)) {
			return k.id, true
		}
		successor = k
	}
	return KeyID{}, false
}
