package hardtack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Codec turns the record of a session into a cookie's value and back. The
// default seals it (docs/format.md); others read and write the formats of
// other libraries. A Codec must be safe for concurrent use.
type Codec interface {
	// Seal appends the cookie's value to dst and returns it with the ID of
	// the key it used, zero if it has none. It does not keep rec. Of rec it may change Created, Issued and
	// Expires, to what Open will make of the value.
	Seal(ctx context.Context, dst []byte, b Binding, rec *Record) ([]byte, KeyID, error)

	// Open authenticates value and fills rec: at least Created, Issued, Expires,
	// Serializer and Payload. In a hybrid Jar, Kind, Revision and Idle must come back as they went in, and Seed
	// or ID must identify the session. It may do I/O within ctx. Its
	// errors match one of the reasons that Get gives, and reveal nothing of
	// value; it leaves the expiry to the Jar unless only it can know it.
	Open(ctx context.Context, b Binding, value string, rec *Record) error

	// Encrypts reports whether the value hides the session's data. NewHybrid
	// refuses a Codec that does not.
	Encrypts() bool
}

// ConfigChecker is a Codec that does not go with every Config.
type ConfigChecker interface {
	Codec
	// CheckConfig returns why the codec cannot be used with c, whose defaults are filled in, in this place. The reason goes
	// into a *ConfigError for Codec, or for an entry of Formerly.
	CheckConfig(c *Config, place CodecPlace) error
}

// CodecPlace is where a Config has a Codec.
type CodecPlace int

const (
	// CodecOfJar: Config.Codec of a stateless Jar, reads and writes.
	CodecOfJar CodecPlace = iota
	// CodecOfHybrid: Config.Codec of a hybrid Jar.
	CodecOfHybrid
	// CodecOfFormer: in Config.Formerly, reads only.
	CodecOfFormer
)

// Binding is what a cookie's value belongs to: a Codec must not open it under another.
type Binding struct {
	Name     string // of the cookie, with its prefix
	Audience string
	Now      time.Time
}

// Kind says where a session's data is.
type Kind byte

const (
	// KindInline: in the cookie.
	KindInline = Kind(seal.Inline)
	// KindPending: in the cookie, but the store may have a newer state.
	KindPending = Kind(seal.Pending)
	// KindReference: in the store.
	KindReference = Kind(seal.Reference)
)

// Seed is the secret from which a session's ID, locator and record key
// follow. It does not print.
type Seed [seal.SeedSize]byte

// Format prints a placeholder for every verb.
func (Seed) Format(f fmt.State, _ rune) { io.WriteString(f, "[seed]") }

// MarshalText returns a placeholder, so that JSON shows no seed either.
func (Seed) MarshalText() ([]byte, error) { return []byte("[seed]"), nil }

// Record is what a Codec stores of a session.
type Record struct {
	Kind Kind
	// Seed is zero if the format has none; then ID is set, if it has one of its own.
	Seed Seed
	// ID is the session's public identity, 22 characters of base64url. A former format's may have another form, and be a secret; the
	// session then gets a seed that follows from it. No two sessions may have the same: a format that cannot promise that leaves it
	// empty, and each request begins with another identity until the session is saved.
	ID       string
	Subject  string
	Created  time.Time
	Issued   time.Time // when the cookie was made
	Expires  time.Time // the absolute end
	Revision uint64    // rises with each save
	Idle     bool      // idle time is tracked

	// Key sealed the cookie that the session was read from, and Lineage those
	// before it. Seal is given both as Open has set them.
	Key     KeyID
	Lineage []KeyID
	// Stale is set by Open if the cookie should be written anew.
	Stale bool

	// Serializer wrote Payload. Open's Payload may point into memory that
	// nobody else writes to.
	Serializer Serializer
	Payload    []byte

	deflated      []byte    // Payload as it was compressed when it was opened, for a Touch: it may not fit otherwise
	size          int       // of the presented cookie, name plus value
	sealedExpires time.Time // as the presented cookie has it, whatever the configuration says today
}

// SealedCodec is the default Codec: encrypted and authenticated with the keys
// of a ring. It is safe for concurrent use.
type SealedCodec struct {
	keys        *Keyring
	serializers []Serializer
	binding     atomic.Pointer[cachedBinding]

	compressor Compressor // nil: none
	padTo      int        // 0: not padded
	mostPlain  int        // what padding does not exceed
}

type cachedBinding struct {
	name, audience string
	seal.Binding
}

// NewSealedCodec returns the Codec of docs/format.md. It opens payloads that
// CBOR, JSON or one of the given serializers wrote.
func NewSealedCodec(keys *Keyring, serializers ...Serializer) *SealedCodec {
	return &SealedCodec{keys: keys, serializers: append(slices.Clone(serializers), CBOR{}, JSON{})}
}

// with returns a codec of the same keys that also opens what the configured serializer wrote, and compresses and pads as configured.
func (c *SealedCodec) with(config *Config) *SealedCodec {
	return &SealedCodec{keys: c.keys, serializers: append([]Serializer{config.Serializer}, c.serializers...), compressor: config.InsecureCompression,
		padTo: config.PadTo, mostPlain: seal.MostPlain(config.Budget.Max - len(config.Name))}
}

// Encrypts returns true.
func (*SealedCodec) Encrypts() bool { return true }

// CheckConfig implements ConfigChecker: a Jar's own codec has the ring of the Jar.
func (c *SealedCodec) CheckConfig(config *Config, place CodecPlace) error {
	switch {
	case c == nil || c.keys == nil:
		return errors.New("was not made by NewSealedCodec with a ring")
	case place != CodecOfFormer && c.keys != config.Keys:
		return errors.New("was made with another ring than Keys")
	}
	return nil
}

func (c *SealedCodec) bind(b Binding) seal.Binding {
	if p := c.binding.Load(); p != nil && p.name == b.Name && p.audience == b.Audience {
		return p.Binding
	}
	p := &cachedBinding{b.Name, b.Audience, seal.NewBinding(b.Audience, b.Name)}
	c.binding.Store(p)
	return p.Binding
}

// Seal implements Codec with the ring's sealing key. Its errors are those of the
// ring (*KeyError) and of sessions that have no encoding.
func (c *SealedCodec) Seal(_ context.Context, dst []byte, b Binding, rec *Record) ([]byte, KeyID, error) {
	ring := c.keys.load()
	key, err := ring.sealing(b.Now)
	if err != nil {
		return nil, KeyID{}, err
	}
	var subject [64]byte // room for most, so that no copy is allocated
	env := seal.Envelope{
		Kind:     seal.Kind(rec.Kind),
		Idle:     rec.Idle,
		Seed:     rec.Seed,
		Created:  rec.Created.UnixMilli(),
		Issued:   rec.Issued.UnixMilli(),
		Expires:  rec.Expires.UnixMilli(),
		Revision: rec.Revision,
	}
	for _, id := range ring.lineage(rec, key.id) {
		env.Lineage = append(env.Lineage, id[:]...)
	}
	if rec.Kind != KindReference {
		env.Serializer = rec.Serializer.SerializerID()
		env.Subject = append(subject[:0], rec.Subject...)
		if env.Payload, env.Compressed = rec.deflated, true; rec.deflated == nil {
			env.Payload, env.Compressed = deflate(c.compressor, rec.Payload)
		}
	}
	env.PadTo(c.padTo, c.mostPlain)
	dst, err = key.material.seal.Seal(dst, c.bind(b), &env)
	return dst, key.id, err
}

// lineage returns the keys that sealed rec before, as far as the ring knows
// them, without the one that seals it now.
func (r *ring) lineage(rec *Record, now KeyID) (ids []KeyID) {
	if len(rec.Lineage) == 0 && (rec.Key == now || rec.Key == (KeyID{})) {
		return nil
	}
	for i := 0; i <= len(rec.Lineage); i++ {
		id := rec.Key
		if i < len(rec.Lineage) {
			id = rec.Lineage[i]
		} else if slices.Contains(rec.Lineage, id) {
			continue
		}
		if id != now && r.byID[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Open implements Codec.
func (c *SealedCodec) Open(_ context.Context, b Binding, value string, rec *Record) error {
	id, err := seal.Peek(value)
	if err != nil {
		return err
	}
	ring := c.keys.load()
	key, err := ring.opening(KeyID(id), b.Now)
	if err != nil {
		if seal.WellFormed(value) != nil {
			return ErrMalformed
		}
		return c.keys.refusal(KeyID(id), err)
	}
	var env seal.Envelope
	if _, err := key.material.seal.Open(make([]byte, 0, len(value)*3/4), c.bind(b), value, &env); err != nil {
		return err
	}
	var deflated []byte
	if env.Compressed {
		deflated = env.Payload
		if env.Payload, err = inflate(env.Payload); err != nil {
			return err
		}
	}
	*rec = Record{
		Kind:     Kind(env.Kind),
		Seed:     env.Seed,
		Subject:  string(env.Subject),
		Created:  time.UnixMilli(env.Created),
		Issued:   time.UnixMilli(env.Issued),
		Expires:  time.UnixMilli(env.Expires),
		Revision: env.Revision,
		Idle:     env.Idle,
		Key:      key.id,
		Stale:    ring.stale(key, b.Now),
		Payload:  env.Payload,
		deflated: deflated,
	}
	for l := env.Lineage; len(l) > 0; l = l[len(KeyID{}):] {
		rec.Lineage = append(rec.Lineage, KeyID(l[:len(KeyID{})]))
	}
	if err := c.keys.CheckLineage(key.id, rec.Lineage); err != nil {
		return err
	}
	if rec.Kind != KindReference {
		rec.Serializer, err = c.serializer(env.Serializer)
	}
	return err
}

func (c *SealedCodec) serializer(id byte) (Serializer, error) {
	for _, s := range c.serializers {
		if s.SerializerID() == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: written by serializer %d, which is not configured", ErrPayload, id)
}
