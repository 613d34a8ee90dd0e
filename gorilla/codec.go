package gorilla

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/hardtack-go/hardtack"
)

// DefaultMaxAge is how long gorilla/securecookie accepts a value unless it is told otherwise.
const DefaultMaxAge = 30 * 24 * time.Hour

const (
	// maxMaxAge is the longest Lifetime of a Jar.
	maxMaxAge = 400 * 24 * time.Hour
	// maxPairs bounds the work for a forged value.
	maxPairs = 16
)

// CodecConfig says what a Codec reads and writes. V is the type of gorilla's values: map[any]any for those of gorilla/sessions, else
// what the application gives to SecureCookie.Encode. T is the type of the Jar's data.
type CodecConfig[V, T any] struct {
	// KeyPairs are hash key, block key, hash key, block key and so on, as for securecookie.CodecsFromPairs: a
	// block key may be nil, or the last one missing, for values that are signed only. All of them read, the first pair writes. Required; copied.
	KeyPairs [][]byte
	// Serializer of gorilla's values; nil means securecookie.GobEncoder. For gob, the types in the values must be
	// registered as the application has done.
	Serializer securecookie.Serializer
	// HashFunc and BlockFunc are as in securecookie; nil means SHA-256 and AES.
	HashFunc  func() hash.Hash
	BlockFunc func(key []byte) (cipher.Block, error)
	// MaxAge is how long a value is accepted after it was written; 0 means DefaultMaxAge, and 400 days are the most. A securecookie whose
	// MaxAge is 0 accepts values for ever: choose how long that shall be.
	MaxAge time.Duration

	// From makes the session's data of gorilla's values. It may keep them. Required unless V is T.
	From func(V) (T, error)
	// To makes gorilla's values of the session's data. Without it the Codec only reads, unless V is T.
	To func(T) (V, error)
	// Subject says whose session it is, by its data; nil means that this is not known.
	Subject func(*T) string
	// Payload is how the data reaches the Jar; nil means CBOR. It matters for data that CBOR does not encode.
	Payload hardtack.Serializer
}

// Codec is a hardtack.Codec for the values of gorilla/securecookie. It is safe for concurrent use.
//
// The format has a time and nothing else besides the values. So a session is Created anew with each Save, its Expires is MaxAge later, and in a Jar whose
// Config.Codec this is, ID changes with each Save, IdleTimeout must be 0, and a Subject must follow from the data. It cannot be that of a hybrid
// Jar. Its errors are ErrMalformed, ErrForged and ErrPayload.
//
// A value with a block key is encrypted by AES in counter mode, and no two are the same: it names its session. A value
// without one can be read by anybody, and two visitors with the same data at the same second have the same. Such a session has another ID with each request until a Jar of another
// format saves it, and a hybrid Jar cannot refuse a copy of its old cookie when it was ended.
type Codec[V, T any] struct {
	config CodecConfig[V, T]
	pairs  []pair

	// For Store:
	begins        func(data *T, written time.Time) // tells the data when it was written, and has the Jar alone say when the session ends
	forgetSubject bool                             // rather than not write it
}

// pair is a hash key and perhaps a block key.
type pair struct {
	*securecookie.SecureCookie
	encrypts bool
}

var _ hardtack.ConfigChecker = (*Codec[int, int])(nil)

// NewCodec returns a Codec. Its error joins a *hardtack.ConfigError for each fault.
func NewCodec[V, T any](c CodecConfig[V, T]) (*Codec[V, T], error) {
	var faults []error
	fault := func(field, value, reason string) {
		faults = append(faults, &hardtack.ConfigError{Type: "CodecConfig", Field: field, Value: value, Reason: reason})
	}
	codec := &Codec[V, T]{config: c}
	codec.config.KeyPairs = nil // the keys are in pairs
	if c.Serializer == nil {
		codec.config.Serializer = securecookie.GobEncoder{}
	}
	if c.Payload == nil {
		codec.config.Payload = hardtack.CBOR{}
	}
	if c.MaxAge == 0 {
		codec.config.MaxAge = DefaultMaxAge
	}
	if codec.config.MaxAge < time.Second || codec.config.MaxAge > maxMaxAge {
		fault("MaxAge", c.MaxAge.String(), "must be between 1 s and 400 days")
	}
	if from, same := any(identity[V]).(func(V) (T, error)); same {
		if c.From == nil {
			codec.config.From = from
		}
		if c.To == nil {
			codec.config.To = any(identity[V]).(func(T) (V, error))
		}
	}
	if codec.config.From == nil {
		fault("From", "", "is required: it makes the session's data of gorilla's values")
	}
	switch n := (len(c.KeyPairs) + 1) / 2; {
	case n == 0:
		fault("KeyPairs", "", "is required: a hash key at least")
	case n > maxPairs:
		fault("KeyPairs", "", fmt.Sprintf("are %d, at most %d are allowed", n, maxPairs))
	default:
		for i := range n {
			pair, err := codec.pair(c.KeyPairs[2*i:])
			if err != nil {
				// securecookie names the size of a key at most.
				fault(fmt.Sprintf("KeyPairs[%d]", 2*i), "", "does not work: "+err.Error())
				continue
			}
			codec.pairs = append(codec.pairs, pair)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return codec, nil
}

func identity[V any](v V) (V, error) { return v, nil }

// pair makes a pair of the first two keys.
func (c *Codec[V, T]) pair(keys [][]byte) (pair, error) {
	hashKey := append([]byte(nil), keys[0]...)
	var blockKey []byte
	if len(keys) > 1 && keys[1] != nil {
		blockKey = append([]byte{}, keys[1]...)
	}
	s := securecookie.New(hashKey, blockKey)
	if c.config.HashFunc != nil {
		s.HashFunc(c.config.HashFunc)
	}
	if c.config.BlockFunc != nil && blockKey != nil {
		s.BlockFunc(c.config.BlockFunc)
	}
	// The age is checked by the Jar's clock, the length by its budget. What is wrong with the keys, securecookie says at the first use.
	s.MaxAge(0).MaxLength(0).SetSerializer(securecookie.NopEncoder{})
	if _, err := s.Encode("name", []byte("value")); err != nil {
		return pair{}, err
	}
	return pair{s.SetSerializer(c.config.Serializer), blockKey != nil}, nil
}

// Format prints a placeholder for every verb: there are keys in it.
func (c *Codec[V, T]) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("gorilla/securecookie codec"))
}

// Encrypts reports whether the first pair has a block key.
func (c *Codec[V, T]) Encrypts() bool { return c != nil && len(c.pairs) > 0 && c.pairs[0].encrypts }

// CheckConfig implements hardtack.ConfigChecker.
func (c *Codec[V, T]) CheckConfig(config *hardtack.Config, place hardtack.CodecPlace) error {
	if c == nil || len(c.pairs) == 0 {
		return errors.New("was not made by NewCodec")
	}
	if config.Lifetime < c.config.MaxAge {
		return fmt.Errorf("accepts values for %v, longer than Lifetime (%v), so the older ones would be refused: raise Lifetime, or lower the codec's MaxAge", c.config.MaxAge, config.Lifetime)
	}
	switch {
	case place == hardtack.CodecOfFormer:
	case place == hardtack.CodecOfHybrid:
		return errors.New("is gorilla's format, which cannot say that a session is in the store: it can be one of Formerly, or that of a stateless Jar")
	case c.config.To == nil:
		return errors.New("has no To, so it only reads: it can be one of Formerly")
	case config.IdleTimeout != 0:
		return errors.New("is gorilla's format, which has no idle time: IdleTimeout must be 0; the codec's MaxAge counts from the last Save")
	}
	return nil
}

// Seal implements hardtack.Codec. The time in the value is that of time.Now, to the second.
func (c *Codec[V, T]) Seal(_ context.Context, dst []byte, b hardtack.Binding, rec *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	if c.config.To == nil {
		return nil, hardtack.KeyID{}, errors.New("hardtack: the gorilla codec has no To, so it only reads")
	}
	var data T
	if err := rec.Serializer.Unmarshal(rec.Payload, &data); err != nil {
		return nil, hardtack.KeyID{}, err
	}
	if rec.Subject != c.subject(&data) && !c.forgetSubject {
		return nil, hardtack.KeyID{}, errors.New("hardtack: gorilla's format has no subject: it must be one that CodecConfig.Subject finds in the data")
	}
	values, err := c.config.To(data)
	if err != nil {
		return nil, hardtack.KeyID{}, err
	}
	value, err := c.pairs[0].Encode(b.Name, values)
	rec.Created, rec.Issued, rec.Expires = b.Now, b.Now, c.expires(b.Now) // what Open makes of it
	return append(dst, value...), hardtack.KeyID{}, err
}

// expires returns when a session ends that was written then.
func (c *Codec[V, T]) expires(written time.Time) time.Time {
	if c.begins != nil {
		return written.Add(maxMaxAge)
	}
	return written.Add(c.config.MaxAge)
}

func (c *Codec[V, T]) subject(data *T) string {
	if c.config.Subject == nil {
		return ""
	}
	return c.config.Subject(data)
}

// Open implements hardtack.Codec.
func (c *Codec[V, T]) Open(_ context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	written, err := writtenAt(value)
	if err != nil {
		return err
	}
	values, encrypted, err := c.decode(b.Name, value)
	if err != nil {
		return err
	}
	if b.Now.Before(written) {
		written = b.Now // gorilla takes it too, from a server whose clock is ahead
	}
	data, err := c.config.From(values)
	if err != nil {
		return fmt.Errorf("%w: CodecConfig.From: %T", hardtack.ErrPayload, err) // its words may quote the data
	}
	if c.begins != nil {
		c.begins(&data, written)
	}
	payload, err := c.config.Payload.Marshal(&data)
	if err != nil {
		return fmt.Errorf("%w: CodecConfig.Payload: %T", hardtack.ErrPayload, err)
	}
	*rec = hardtack.Record{
		Kind:       hardtack.KindInline,
		Subject:    c.subject(&data),
		Created:    written,
		Issued:     written,
		Expires:    c.expires(written),
		Serializer: c.config.Payload,
		Payload:    payload,
	}
	if encrypted {
		// There is a random IV in it. Of a value that is signed only there may be others like it, of other visitors.
		sum := sha256.Sum256([]byte(value))
		rec.ID = base64.RawURLEncoding.EncodeToString(sum[:16])
	}
	return nil
}

// errUndecoded does not have securecookie's words, which may quote the data.
var errUndecoded = fmt.Errorf("%w: gorilla/securecookie cannot decode it: are its types registered with gob as before, and is the block key the right one?", hardtack.ErrPayload)

// decode tries the pairs, as securecookie.DecodeMulti does: two may share a hash key, and only one of them decrypt.
func (c *Codec[V, T]) decode(name, value string) (values V, encrypted bool, err error) {
	err = hardtack.ErrForged
	for _, p := range c.pairs {
		var v V
		fault := p.Decode(name, value, &v)
		if fault == nil {
			return v, p.encrypts, nil
		}
		if !errors.Is(fault, securecookie.ErrMacInvalid) {
			err = errUndecoded
		}
	}
	return values, false, err
}

// writtenAt returns the time in a value, which is base64 of time|data|MAC. Nothing has authenticated it yet. Of all the texts that base64
// decodes to the same bytes only one is accepted, so that nobody can make two sessions of one value.
func writtenAt(value string) (time.Time, error) {
	raw, err := base64.URLEncoding.DecodeString(value)
	if err != nil || base64.URLEncoding.EncodeToString(raw) != value {
		return time.Time{}, hardtack.ErrMalformed
	}
	parts := strings.SplitN(string(raw), "|", 3)
	seconds, err := strconv.ParseInt(parts[0], 10, 64)
	// To the year 9999.
	if len(parts) < 3 || err != nil || seconds <= 0 || seconds >= 253402300800 {
		return time.Time{}, hardtack.ErrMalformed
	}
	return time.Unix(seconds, 0), nil
}
