package hardtack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	keySetVersion = 1
	// maxEntries bounds a KeySet with its revoked keys, which do not count as keys.
	maxEntries = 1024
	// maxRetain is what the longest Lifetime needs.
	maxRetain = maxLifetime + clockSkew
	// lastYear leaves room for sums with what JSON has for a time.
	lastYear = 9000
	// MaxKeySetSize is the largest encoded KeySet in bytes.
	MaxKeySetSize = 1 << 20
)

// KeySet is what a key file holds, or another KeySource: keys with their times, in the clear or wrapped,
// and what is remembered of those that are gone. docs/rotation.md has its encoding. The methods that change
// something return a new KeySet, which shares no memory that anybody writes to.
type KeySet struct {
	// Retain is how long a key opens after its successor has begun to seal: the longest Lifetime of
	// the Jars that use the keys plus 2 minutes. 0 means that this is not known; then no method sets when a key retires.
	Retain time.Duration
	// Keys are in the order of their activation, the newest first, when they were changed by a method.
	Keys []Key
}

// document is the JSON of a KeySet.
type document struct {
	Version int             `json:"version"`
	Retain  string          `json:"retain,omitempty"`
	Keys    []documentedKey `json:"keys"`
}

type documentedKey struct {
	ID       KeyID     `json:"id"`
	Secret   []byte    `json:"secret,omitempty"`
	Wrapped  []byte    `json:"wrapped,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	Activate time.Time `json:"activate,omitzero"`
	Retire   time.Time `json:"retire,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
}

// ParseKeySet reads what Encode has written, or somebody by hand. It is strict: unknown fields, a field that occurs twice, a second document, an ID
// that does not belong to its secret, one that occurs twice, more than 128 keys and more than 1 MiB are refused.
// The error matches ErrKeySet, and where a key is at fault it contains a *KeyError.
func ParseKeySet(data []byte) (KeySet, error) {
	s, err := parseKeySet(data)
	if err != nil {
		return KeySet{}, fmt.Errorf("%w: %w", ErrKeySet, err)
	}
	return s, nil
}

func parseKeySet(data []byte) (s KeySet, err error) {
	switch {
	case len(data) > MaxKeySetSize:
		return s, fmt.Errorf("%d bytes long, more than %d", len(data), MaxKeySetSize)
	case len(bytes.TrimSpace(data)) == 0:
		return s, errors.New("empty")
	}
	if err := strictNames(json.NewDecoder(bytes.NewReader(data)), 0); err != nil {
		return s, harmlessJSON(err)
	}
	var doc document
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return s, harmlessJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return s, errors.New("something follows the JSON object")
	}
	if doc.Version != keySetVersion {
		return s, fmt.Errorf("its version is %d, this program reads %d", doc.Version, keySetVersion)
	}
	if doc.Retain != "" {
		if s.Retain, err = time.ParseDuration(doc.Retain); err != nil || s.Retain <= 0 || s.Retain > maxRetain {
			return KeySet{}, fmt.Errorf("retain is not a positive duration of at most %v, such as 24h2m", maxRetain)
		}
	}
	if len(doc.Keys) > maxEntries {
		return KeySet{}, &KeyError{Err: fmt.Errorf("%w; %d entries, %d are the most with revoked ones", ErrTooManyKeys, len(doc.Keys), maxEntries)}
	}
	for _, e := range doc.Keys {
		k, err := e.key()
		if err != nil {
			return KeySet{}, err
		}
		s.Keys = append(s.Keys, k)
	}
	return s, s.check()
}

// errNames: a field occurs twice, or in other letters. encoding/json would take the last of them, in part.
var errNames = errors.New("a field occurs twice, or is written in other letters; " + fieldNames)

const fieldNames = "the fields are version, retain, keys, and for a key id, secret, wrapped, created, activate, retire, revoked"

// strictNames reads one value and refuses objects in which a name occurs twice or has capital letters.
func strictNames(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth > 3 {
		return errNames // an unknown field, in any case
	}
	names := make(map[string]bool)
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			text, _ := name.(string)
			if names[text] || strings.ContainsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' }) {
				return errNames
			}
			names[text] = true
		}
		if err := strictNames(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// harmlessJSON returns err without what it quotes: a broken document may have a secret anywhere.
func harmlessJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, errNames):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("not JSON: it ends too early")
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: a fault at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("the wrong kind of value at byte %d", kind.Offset)
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return errors.New("it has a field that this program does not know; " + fieldNames)
	}
	return errors.New("a value is not of its form: id is 8 hexadecimal digits, secret and wrapped are base64, times are as in RFC 3339")
}

func (e *documentedKey) key() (k Key, err error) {
	forms := 0
	for _, there := range []bool{len(e.Secret) > 0, len(e.Wrapped) > 0, !e.Revoked.IsZero()} {
		if there {
			forms++
		}
	}
	for _, at := range []time.Time{e.Created, e.Activate, e.Retire, e.Revoked} {
		if at.Year() > lastYear {
			return k, &KeyError{ID: e.ID, Err: fmt.Errorf("has a time after the year %d", lastYear)}
		}
	}
	switch {
	case e.ID == (KeyID{}):
		return k, &KeyError{Err: ErrKeyID}
	case forms > 1:
		return k, &KeyError{ID: e.ID, Err: errors.New("more than one of secret, wrapped and revoked")}
	case len(e.Secret) > 0:
		k, err = NewKeyWithID(e.ID, e.Secret, e.Activate, e.Retire)
	case len(e.Wrapped) > maxWrapped:
		return k, &KeyError{ID: e.ID, Err: fmt.Errorf("%d wrapped bytes, more than %d", len(e.Wrapped), maxWrapped)}
	case len(e.Wrapped) > 0:
		k, err = Key{id: e.ID, form: keyWrapped, wrapped: &e.Wrapped}.WithTimes(e.Activate, e.Retire)
	case !e.Revoked.IsZero():
		k = Key{id: e.ID, form: keyRevoked, activate: e.Activate, revoked: e.Revoked}
	case e.Retire.IsZero():
		return k, &KeyError{ID: e.ID, Err: errors.New("has no secret, and no time at which it retired or was revoked")}
	default:
		k = Key{id: e.ID, form: keyErased, activate: e.Activate, retire: e.Retire}
	}
	k.created = e.Created
	return k, err
}

// check refuses what no ring could be made of.
func (s KeySet) check() error {
	seen := make(map[KeyID]bool, len(s.Keys))
	keys := 0
	for _, k := range s.Keys {
		switch {
		case k.form == keyNone, k.id == (KeyID{}):
			return &KeyError{Err: ErrKeyID}
		case seen[k.id]:
			return &KeyError{ID: k.id, Err: ErrDuplicateKey}
		}
		seen[k.id] = true
		if !k.Revoked() {
			keys++
		}
	}
	switch {
	case keys > maxKeys || len(s.Keys) > maxEntries:
		return &KeyError{Err: ErrTooManyKeys}
	case !slices.ContainsFunc(s.Keys, func(k Key) bool { return k.usable() }):
		return &KeyError{Err: ErrNoUsableKey}
	}
	return nil
}

// Encode returns the KeySet as JSON, for storing it. It contains the secrets of the keys that are not
// wrapped. The errors are those of ParseKeySet.
func (s KeySet) Encode() ([]byte, error) {
	doc := document{Version: keySetVersion, Keys: []documentedKey{}}
	if s.Retain > 0 {
		doc.Retain = s.Retain.String()
	}
	for _, k := range s.Keys {
		e := documentedKey{ID: k.id, Created: k.created.UTC(), Activate: k.activate.UTC(), Retire: k.retire.UTC(), Revoked: k.revoked.UTC()}
		switch k.form {
		case keyClear:
			e.Secret = k.material.secret[:]
		case keyWrapped:
			e.Wrapped = *k.wrapped
		case keyRevoked:
			if e.Revoked.IsZero() {
				return nil, fmt.Errorf("%w: %w", ErrKeySet, &KeyError{ID: k.id, Err: errors.New("is revoked, but not since when")})
			}
		}
		doc.Keys = append(doc.Keys, e)
	}
	err := s.check()
	var data []byte
	if err == nil {
		data, err = json.MarshalIndent(doc, "", "  ")
	}
	if err == nil {
		data = append(data, '\n')
		_, err = parseKeySet(data) // what nobody could read again must not get into a source
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeySet, err)
	}
	return data, nil
}

// Wrap returns the KeySet with all secrets wrapped by w. The error is a *KeyError that matches ErrKeyWrapping.
func (s KeySet) Wrap(ctx context.Context, w KeyWrapper) (KeySet, error) {
	return s.each(func(k Key) (Key, error) { return k.wrap(ctx, w) })
}

// Unwrap returns the KeySet with all secrets in the clear. The error is a *KeyError, which matches ErrKeyWrapping if w
// refused, and ErrKeyID if what w gave is the secret of another key.
func (s KeySet) Unwrap(ctx context.Context, w KeyWrapper) (KeySet, error) {
	return s.each(func(k Key) (Key, error) { return k.unwrap(ctx, w) })
}

func (s KeySet) each(f func(Key) (Key, error)) (KeySet, error) {
	out := KeySet{Retain: s.Retain, Keys: make([]Key, len(s.Keys))}
	for i, k := range s.Keys {
		var err error
		if out.Keys[i], err = f(k); err != nil {
			return KeySet{}, err
		}
	}
	return out, nil
}

// Find returns the key with this ID.
func (s KeySet) Find(id KeyID) (Key, bool) {
	i := s.index(id)
	if i < 0 {
		return Key{}, false
	}
	return s.Keys[i], true
}

func (s KeySet) index(id KeyID) int {
	return slices.IndexFunc(s.Keys, func(k Key) bool { return k.id == id })
}

// clone returns a copy in order.
func (s KeySet) clone() KeySet {
	s.Keys = slices.Clone(s.Keys)
	slices.SortStableFunc(s.Keys, func(a, b Key) int { return newestFirst(&a, &b) })
	return s
}
