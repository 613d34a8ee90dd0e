package hardtack

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// SecretSize is the size of a key's secret in bytes.
const SecretSize = seal.SecretSize

// KeyID names a key. It follows from the key's secret (docs/format.md), is
// sent in the clear with every cookie, and may be logged.
type KeyID [4]byte

// ParseKeyID reads 8 hexadecimal digits, as String writes them.
func ParseKeyID(text string) (id KeyID, err error) {
	err = id.UnmarshalText([]byte(text))
	return id, err
}

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
		return errors.New("hardtack: key ID is not hexadecimal")
	}
	*id = v
	return nil
}

// Key is one key of a ring or a KeySet: an ID, when the key is used, and its secret, in the clear or
// wrapped. A key that was revoked or erased has no secret any more, only the memory that it was
// there. It is a value that can be copied. However it is printed, its secret is not. The zero Key is
// not valid.
type Key struct {
	id                                 KeyID
	form                               keyForm
	material                           *keyMaterial // of a clear key
	wrapped                            *[]byte      // of a wrapped key
	created, activate, retire, revoked time.Time
}

// keyForm is what of a key is there.
type keyForm byte

const (
	keyNone    keyForm = iota // the zero Key
	keyClear                  // its secret
	keyWrapped                // its secret, wrapped by a KeyWrapper
	keyErased                 // nothing but ID and times: it retired
	keyRevoked                // nothing but ID and when it was revoked
)

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
	var err error
	if m.seal, err = seal.NewKey(m.secret); err != nil {
		return Key{}, &KeyError{ID: id, Err: err}
	}
	return Key{id: id, form: keyClear, material: m}.WithTimes(activate, retire)
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
// It should stay in the ring until the last such session has ended: a Lifetime from when it was revoked.
func RevokedKey(id KeyID) Key { return Key{id: id, form: keyRevoked} }

// WithTimes returns the key with other times, as in NewKey. A retire that is not after activate is a
// *KeyError with ErrKeyTimes.
func (k Key) WithTimes(activate, retire time.Time) (Key, error) {
	if !retire.IsZero() && !retire.After(activate) {
		return Key{}, &KeyError{ID: k.id, Err: ErrKeyTimes}
	}
	k.activate, k.retire = activate, retire
	return k, nil
}

// ID returns the key's ID.
func (k Key) ID() KeyID { return k.id }

// Created returns when the key was made, the zero time if that is not known.
func (k Key) Created() time.Time { return k.created }

// Activate returns from when on the key seals.
func (k Key) Activate() time.Time { return k.activate }

// Retire returns until when the key opens; the zero time means for ever.
func (k Key) Retire() time.Time { return k.retire }

// Revoked reports whether the key was revoked.
func (k Key) Revoked() bool { return k.form == keyRevoked }

// RevokedAt returns when the key was revoked, the zero time if it was not or that is not known.
func (k Key) RevokedAt() time.Time { return k.revoked }

// Erased reports whether the key has retired and its secret was forgotten.
func (k Key) Erased() bool { return k.form == keyErased }

// Wrapped reports whether the key's secret is there only as a KeyWrapper has wrapped it.
func (k Key) Wrapped() bool { return k.form == keyWrapped }

// ExposeSecret returns a copy of the 32 secret bytes, for storing the key; nil if the key was revoked or erased, or is wrapped.
func (k Key) ExposeSecret() []byte {
	if k.form != keyClear {
		return nil
	}
	return slices.Clone(k.material.secret[:])
}

// String names the key by its ID, and never prints the secret.
func (k Key) String() string {
	switch k.form {
	case keyRevoked:
		return "key " + k.id.String() + " (revoked)"
	case keyErased:
		return "key " + k.id.String() + " (erased)"
	case keyWrapped:
		return "key " + k.id.String() + " (wrapped)"
	}
	return "key " + k.id.String()
}

// Format prints String for every verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue logs the key's ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns String, so that JSON shows no secret either.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// usable reports whether the key's secret is there, so that it can seal and open in its time.
func (k *Key) usable() bool { return k.form == keyClear || k.form == keyWrapped }

// succeeds reports whether the key has sealed, or will: then its predecessor seals until it begins.
func (k *Key) succeeds() bool {
	return k.usable() || k.Erased() || k.Revoked() && !k.activate.IsZero() && !k.activate.After(k.revoked)
}

// forgettable reports whether nothing need be remembered of a revoked key: no session that was sealed with it can be alive, whatever
// the Lifetime, and no server that slept comes back with it. Since when the key is revoked must be known; ParseSecrets says 1970 where it is not.
func (k *Key) forgettable(now time.Time) bool {
	return k.Revoked() && k.revoked.Unix() > 0 && now.After(k.revoked.Add(maxLifetime+clockSkew))
}

// erase returns what is remembered of a key that has retired.
func (k Key) erase() Key {
	return Key{id: k.id, form: keyErased, created: k.created, activate: k.activate, retire: k.retire}
}

// revoke returns what is remembered of a key that was revoked.
func (k Key) revoke(now time.Time) Key {
	return Key{id: k.id, form: keyRevoked, created: k.created, activate: k.activate, revoked: now}
}

// KeyWrapper keeps secrets of keys from whoever can read where they are stored: a key management
// service, or a file encrypted with age. It must be safe for concurrent use. It is given 32 bytes at a time.
//
// A wrapper that only the holders of its own secret can use for wrapping keeps those out as well who can write to the store. One
// that anybody can wrap for, with a public key, does not: they could add a key of their own.
type KeyWrapper interface {
	// Wrap encrypts the 32 bytes of a key's secret. It does not keep secret. At most 8192 bytes may come of it.
	Wrap(ctx context.Context, secret []byte) (wrapped []byte, err error)
	// Unwrap returns what Wrap was given. It neither keeps nor changes wrapped. Its error must not contain secrets.
	Unwrap(ctx context.Context, wrapped []byte) (secret []byte, err error)
}

const maxWrapped = 8192 // bytes

// wrap returns the key with its secret wrapped, as it is if it has none in the clear.
func (k Key) wrap(ctx context.Context, w KeyWrapper) (Key, error) {
	if k.form != keyClear {
		return k, nil
	}
	wrapped, err := w.Wrap(ctx, slices.Clone(k.material.secret[:]))
	if err == nil && (len(wrapped) == 0 || len(wrapped) > maxWrapped) {
		err = fmt.Errorf("its wrapper made %d bytes of its secret, not 1 to %d", len(wrapped), maxWrapped)
	}
	if err != nil {
		return Key{}, &KeyError{ID: k.id, Err: fmt.Errorf("%w: %w", ErrKeyWrapping, err)}
	}
	own := slices.Clone(wrapped)
	k.form, k.material, k.wrapped = keyWrapped, nil, &own
	return k, nil
}

// unwrap returns the key with its secret in the clear, as it is if it is not wrapped.
func (k Key) unwrap(ctx context.Context, w KeyWrapper) (Key, error) {
	if k.form != keyWrapped {
		return k, nil
	}
	secret, err := w.Unwrap(ctx, slices.Clone(*k.wrapped))
	if err != nil {
		return Key{}, &KeyError{ID: k.id, Err: fmt.Errorf("%w: %w", ErrKeyWrapping, err)}
	}
	clear, err := NewKeyWithID(k.id, secret, k.activate, k.retire)
	clear.created = k.created
	return clear, err
}
