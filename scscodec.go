package hardtack

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// SCSConfig says how an SCSCodec reads the sessions of github.com/alexedwards/scs/v2. T is the type of the Jar's data.
type SCSConfig[T any] struct {
	// Store is the SessionManager's Store. Required; shared. FindCtx is preferred where it has it.
	Store SCSStore
	// Decode is the Decode of the SessionManager's Codec, scs.GobCodec{}.Decode by its default. Required. For gob, the types in the
	// values must be registered as the application has done.
	Decode func([]byte) (deadline time.Time, values map[string]any, err error)
	// HashTokenInStore is that of the SessionManager.
	HashTokenInStore bool
	// Lifetime is that of the SessionManager, which is 24 h unless it was set. Required: scs does not say when a session began.
	Lifetime time.Duration
	// StoreTimeout bounds each look into the store; 0 means 2 s.
	StoreTimeout time.Duration

	// From makes the session's data of scs's values. It may keep them. Required.
	From func(values map[string]any) (T, error)
	// Subject says whose session it is, by its data; nil means that this is not known.
	Subject func(*T) string
	// Payload is how the data reaches the Jar; nil means CBOR. It matters for data that CBOR does not encode.
	Payload Serializer
}

// SCSCodec is a Codec for Config.Formerly: its cookie is a token of github.com/alexedwards/scs/v2, and the session in the store. It reads only,
// and leaves the session there: a copy of the token can be presented for as long as the session would have
// lived and the Jar has this entry. A hybrid Jar refuses it once the session was ended, and 10 minutes after it was renewed, unless the
// ring's oldest key has retired or been revoked since it moved. Make one with NewSCSCodec; it is safe for concurrent use.
//
// The session keeps its deadline. Its errors are ErrMalformed, ErrRecordMissing, ErrPayload and, when the store
// cannot be asked, ErrStoreUnavailable: the cookie is then kept.
type SCSCodec[T any] struct {
	config SCSConfig[T]
	store  *storeCaller
}

// NewSCSCodec returns an SCSCodec. Its error joins a *ConfigError for each fault.
func NewSCSCodec[T any](c SCSConfig[T]) (*SCSCodec[T], error) {
	var faults []error
	fault := func(field, value, reason string) {
		faults = append(faults, &ConfigError{Type: "SCSConfig", Field: field, Value: value, Reason: reason})
	}
	store := FromSCS(c.Store)
	if store == nil {
		fault("Store", "", "is required: that of the SessionManager")
	}
	if c.Decode == nil {
		fault("Decode", "", "is required: scs.GobCodec{}.Decode, or that of the SessionManager's own Codec")
	}
	if c.From == nil {
		fault("From", "", "is required: it makes the session's data of scs's values")
	}
	if c.Lifetime < time.Second || c.Lifetime > maxLifetime {
		fault("Lifetime", c.Lifetime.String(), "must be that of the SessionManager, between 1 s and 400 days")
	}
	if c.Payload == nil {
		c.Payload = CBOR{}
	}
	if c.StoreTimeout == 0 {
		c.StoreTimeout = defaultStoreTimeout
	}
	if c.StoreTimeout < 0 {
		fault("StoreTimeout", c.StoreTimeout.String(), "must not be negative")
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	unheard := func(context.Context, string, error) {} // the Jar tells its Observer
	return &SCSCodec[T]{c, newStoreCaller(store, c.StoreTimeout, unheard)}, nil
}

// Format prints a placeholder for every verb: a store may have a password in it.
func (*SCSCodec[T]) Format(f fmt.State, _ rune) { io.WriteString(f, "scs codec") }

// Encrypts returns true: the cookie is a random token.
func (*SCSCodec[T]) Encrypts() bool { return true }

// CheckConfig implements ConfigChecker.
func (c *SCSCodec[T]) CheckConfig(config *Config, place CodecPlace) error {
	switch {
	case c == nil || c.store == nil:
		return errors.New("was not made by NewSCSCodec")
	case place != CodecOfFormer:
		return errReadsOnly
	}
	if config.Lifetime < c.config.Lifetime {
		return fmt.Errorf("reads sessions of %v, longer than Lifetime (%v), so the older ones would be refused: raise Lifetime, or lower that of SCSConfig", c.config.Lifetime, config.Lifetime)
	}
	return nil
}

var errReadsOnly = errors.New("only reads: it can be one of Formerly")

// Seal returns an error.
func (*SCSCodec[T]) Seal(context.Context, []byte, Binding, *Record) ([]byte, KeyID, error) {
	return nil, KeyID{}, fmt.Errorf("hardtack: the scs codec %w", errReadsOnly)
}

// Open implements Codec.
func (c *SCSCodec[T]) Open(ctx context.Context, b Binding, value string, rec *Record) error {
	if !ValidRecordID(value) {
		return ErrMalformed // scs's tokens have the form of our locators
	}
	id := value
	if c.config.HashTokenInStore {
		sum := sha256.Sum256([]byte(value))
		id = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	encoded, found, err := c.store.find(ctx, id)
	switch {
	case err != nil:
		return err
	case !found:
		return ErrRecordMissing
	}
	deadline, values, err := c.config.Decode(encoded)
	if err != nil {
		return fmt.Errorf("%w: SCSConfig.Decode: %T", ErrPayload, err) // its words may quote the data
	}
	data, err := c.config.From(values)
	if err != nil {
		return fmt.Errorf("%w: SCSConfig.From: %T", ErrPayload, err)
	}
	payload, err := c.config.Payload.Marshal(&data)
	if err != nil {
		return fmt.Errorf("%w: SCSConfig.Payload: %T", ErrPayload, err)
	}
	subject := ""
	if c.config.Subject != nil {
		subject = c.config.Subject(&data)
	}
	// scs does not say when a session began: not later than now.
	began := earlier(deadline.Add(-c.config.Lifetime), b.Now)
	*rec = Record{
		Kind: KindInline,
		// Some databases compare without case: what such a one takes for the same token must be the same session.
		ID:         strings.ToLower(value),
		Subject:    subject,
		Created:    began,
		Issued:     began,
		Expires:    deadline,
		Serializer: c.config.Payload,
		Payload:    payload,
	}
	return nil
}

var _ ConfigChecker = (*SCSCodec[int])(nil)
