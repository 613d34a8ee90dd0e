package hardtack

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// KeySource is where a KeySet is kept. It must be safe for concurrent use.
type KeySource interface {
	// LoadKeys returns the KeySet as Encode has written it, or nil if there is none yet. It obeys ctx. A source that is a fmt.Stringer is called by that name in
	// errors. The
	// caller does not change what it returns. Its error must not contain secrets.
	LoadKeys(ctx context.Context) ([]byte, error)
}

// KeyStore is a KeySource that can be written, so that a ring can rotate itself and a revocation reaches all servers.
//
// Secrets are wrapped before they are written, or KeyringConfig.InsecurePlaintextKeys must be set: who reads
// the store, or a backup of it, could forge sessions.
type KeyStore interface {
	KeySource
	// SwapKeys puts new in place of old, in one step that only one of several callers can make, and reports
	// whether it did: not if the store no longer, or not yet, has exactly old. A nil old means that there is nothing. After an error
	// it may have been done. It keeps neither slice.
	SwapKeys(ctx context.Context, old, new []byte) (swapped bool, err error)
}

// ConfidentialKeyStore is a KeyStore that only those can read who may have the keys, such as a file of mode 0600. It may hold secrets in the clear.
type ConfidentialKeyStore interface {
	KeyStore
	// ConfidentialKeys does nothing.
	ConfidentialKeys()
}

func confidential(s KeySource) bool {
	_, ok := s.(ConfidentialKeyStore)
	return ok
}

// KeySourceFunc is a function as a KeySource: one that asks a secrets manager, for example. It returns the KeySet as JSON
// (docs/rotation.md); for plain secrets, what Encode makes of ParseSecrets.
type KeySourceFunc func(ctx context.Context) ([]byte, error)

// LoadKeys calls f.
func (f KeySourceFunc) LoadKeys(ctx context.Context) ([]byte, error) {
	if f == nil {
		return nil, errors.New("the function is nil")
	}
	return f(ctx)
}

// EnvKeys is an environment variable as a KeySource. No cookie makes a ring look at it again: others cannot change it. It holds the JSON of a KeySet, or what
// ParseSecrets reads: one or more secrets, the first of which seals.
func EnvKeys(name string) KeySource { return envKeys(name) }

type envKeys string

func (name envKeys) String() string { return "environment variable " + string(name) }

func (name envKeys) LoadKeys(context.Context) ([]byte, error) {
	value := strings.TrimSpace(os.Getenv(string(name)))
	switch {
	case value == "":
		return nil, nil
	case strings.HasPrefix(value, "{"):
		return []byte(value), nil
	}
	s, err := ParseSecrets(value)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", name, err)
	}
	return s.Encode()
}

// ParseSecrets reads keys as they stand in an environment variable: 32 bytes each in base64 (either alphabet, padded or not) or
// 64 hexadecimal digits, separated by commas or spaces. One key seals: the first, or with activation times the newest whose time has come.
//
//	SECRET
//	NEWSECRET,OLDSECRET
//	NEWSECRET;activate=2030-06-01T00:00:00Z,OLDSECRET;retire=2030-06-02T00:02:00Z
//	NEWSECRET,revoked:5d0c11fe
//
// The first of those without a time counts as activated latest, in 1970; a revoked one is never forgotten. The errors match ErrKeySet.
func ParseSecrets(text string) (KeySet, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
	var s KeySet
	for i, field := range fields {
		k, err := parseSecret(field, time.Unix(int64(len(fields)-i), 0).UTC())
		if err != nil {
			return KeySet{}, fmt.Errorf("%w: key %d: %w", ErrKeySet, i+1, err)
		}
		s.Keys = append(s.Keys, k)
		if len(s.Keys) > maxEntries {
			return KeySet{}, fmt.Errorf("%w: %w", ErrKeySet, &KeyError{Err: ErrTooManyKeys})
		}
	}
	if err := s.check(); err != nil {
		return KeySet{}, fmt.Errorf("%w: %w", ErrKeySet, err)
	}
	return s, nil
}

func parseSecret(field string, activate time.Time) (Key, error) {
	if text, ok := strings.CutPrefix(field, "revoked:"); ok {
		var id KeyID
		if err := id.UnmarshalText([]byte(text)); err != nil || id == (KeyID{}) {
			return Key{}, errors.New("what follows revoked: is not a key ID of 8 hexadecimal digits")
		}
		return RevokedKey(id).revoke(time.Unix(0, 0).UTC()), nil
	}
	secret, options, _ := strings.Cut(field, ";")
	var retire time.Time
	for options != "" {
		var option string
		option, options, _ = strings.Cut(options, ";")
		name, value, _ := strings.Cut(option, "=")
		at, err := time.Parse(time.RFC3339, value)
		switch {
		case name != "activate" && name != "retire":
			return Key{}, errors.New("an option that is neither activate nor retire")
		case err != nil:
			return Key{}, fmt.Errorf("%s is not a time as in RFC 3339", name)
		case name == "activate":
			activate = at
		default:
			retire = at
		}
	}
	raw, err := decodeSecret(secret)
	if err != nil {
		return Key{}, err
	}
	return NewKey(raw, activate, retire)
}

func decodeSecret(text string) ([]byte, error) {
	if len(text) == hex.EncodedLen(SecretSize) {
		if raw, err := hex.DecodeString(text); err == nil {
			return raw, nil
		}
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("neither base64 nor hexadecimal") // the decoder's words tell nothing more, and no secret must stand here
	}
	return raw, nil
}

// UpdateKeys changes what is in a store: it reads the KeySet, lets change make another of it, and puts that in its place unless somebody was
// faster; then it begins anew, up to 10 times. If there is none, change is given the zero KeySet. New
// secrets are wrapped by w; without w they stay in the clear, which a store that is not a ConfidentialKeyStore must not
// hold, so that w may only be nil for one of those or if change adds none. What change returns unchanged is not written.
//
// It returns what is there now. The errors match ErrKeySource, ErrKeySet, ErrPlaintextKey, ErrKeyWrapping, ErrKeysChanged, or are change's.
func UpdateKeys(ctx context.Context, store KeyStore, w KeyWrapper, change func(KeySet) (KeySet, error)) (KeySet, error) {
	return updateKeys(ctx, store, w, false, change)
}

const maxUpdates = 10

func updateKeys(ctx context.Context, store KeyStore, w KeyWrapper, plaintext bool, change func(KeySet) (KeySet, error)) (KeySet, error) {
	plaintext = plaintext || confidential(store)
	for range maxUpdates {
		old, err := loadKeys(ctx, store)
		if err != nil {
			return KeySet{}, err
		}
		var s KeySet
		if old != nil {
			if s, err = ParseKeySet(old); err != nil {
				return KeySet{}, err
			}
		}
		changed, err := change(s.clone()) // which may write to it
		if err != nil {
			return KeySet{}, err
		}
		if w != nil {
			if changed, err = changed.Wrap(ctx, w); err != nil {
				return KeySet{}, err
			}
		} else if !plaintext {
			if err := changed.allWrapped(); err != nil {
				return KeySet{}, err
			}
		}
		data, err := changed.Encode()
		if err != nil {
			return KeySet{}, err
		}
		if old != nil {
			before, err := s.clone().Encode()
			after, _ := changed.clone().Encode()
			if err == nil && bytes.Equal(before, after) {
				return s, nil
			}
		}
		swapped, err := store.SwapKeys(ctx, old, data)
		if err != nil {
			return KeySet{}, fmt.Errorf("%w: %w", ErrKeySource, err)
		}
		if swapped {
			return changed, nil
		}
	}
	return KeySet{}, ErrKeysChanged
}

func loadKeys(ctx context.Context, source KeySource) ([]byte, error) {
	data, err := source.LoadKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeySource, err)
	}
	return data, nil
}

func (s KeySet) allWrapped() error {
	for _, k := range s.Keys {
		if k.form == keyClear {
			return &KeyError{ID: k.id, Err: ErrPlaintextKey}
		}
	}
	return nil
}
