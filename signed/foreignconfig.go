package signed

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hardtack-go/hardtack"
)

const longestLifetime = 400 * 24 * time.Hour // of a Jar

// ForeignConfig says how an application has made its JWT cookies so far, and what becomes of them. C is the type of its claims, into which
// encoding/json decodes them, and T that of the Jar's data.
type ForeignConfig[C, T any] struct {
	_ struct{}

	// Keys that the tokens were signed with. Required.
	Keys []VerifyKey
	// Issuer, if set, must be the claim iss.
	Issuer string
	// Audience, if set, must be the claim aud, or one of its entries.
	Audience string
	// Type, if set, must be the header's typ; golang-jwt writes "JWT".
	Type string
	// MaxAge is how long a token is good for, from iat to exp, the longest that there is. A token without exp ends so long after its iat. Required; at most 400 days, and
	// at most the Jar's Lifetime, since a Jar ends every session a Lifetime after it began.
	MaxAge time.Duration
	// Unique says that no two tokens have the same claims: each has a jti, or a session ID, of its own. A hybrid Jar can then refuse a copy of a token whose session was
	// ended, and parallel first requests agree on the session's ID. Do not set it otherwise: two visitors whose tokens are the same would become one session.
	Unique bool
	// From makes the session's data of the claims. Required. Its error, of which only the type is passed on, refuses the token with ErrPayload. So does one of C's own
	// methods Validate or Valid, if it has one. It has to do with all tokens that the keys verify: there is no other codec to try after it.
	From func(*C) (T, error)
	// Subject says whose session it is, by its data. If nil, it is the claim sub, if that is text.
	Subject func(*T) string
	// Payload is how the data reaches the Jar; nil means CBOR. It matters for data that CBOR does not encode, such as a type with methods for JSON: set it to
	// the Jar's Serializer.
	Payload hardtack.Serializer
}

// NewForeignCodec returns a Codec for tokens as f says. Its error joins a *hardtack.ConfigError for each fault.
func NewForeignCodec[C, T any](f ForeignConfig[C, T]) (*ForeignCodec, error) {
	var wrong faults
	c := &ForeignCodec{
		named:    make(map[string]*foreignKey),
		issuer:   f.Issuer,
		audience: f.Audience,
		kind:     f.Type,
		maxAge:   f.MaxAge,
		unique:   f.Unique,
	}
	for i, k := range f.Keys {
		in := fmt.Sprintf("Keys[%d].", i)
		key, field, reason := k.check()
		switch {
		case field == "Algorithm":
			wrong.add("ForeignConfig", in+field, strconv.Quote(string(k.Algorithm)), "%s", reason)
		case key == nil:
			wrong.add("ForeignConfig", in+field, "", "%s (%s)", reason, k.Algorithm)
		case k.ID == "":
			c.unnamed = append(c.unnamed, key)
		case c.named[k.ID] != nil:
			wrong.add("ForeignConfig", in+"ID", strconv.Quote(k.ID), "is another key's already")
		default:
			c.named[k.ID] = key
		}
	}
	if len(f.Keys) == 0 {
		wrong.add("ForeignConfig", "Keys", "", "is empty")
	}
	if len(c.unnamed) > maxUnnamed {
		wrong.add("ForeignConfig", "Keys", "", "has %d keys without ID, of which at most %d are tried", len(c.unnamed), maxUnnamed)
	}
	if f.MaxAge < time.Second || f.MaxAge > longestLifetime {
		wrong.add("ForeignConfig", "MaxAge", f.MaxAge.String(), "must be between 1 s and 400 days: how long a token is good for")
	}
	if f.From == nil {
		wrong.add("ForeignConfig", "From", "", "is required: it makes the session's data of the claims")
	}
	if wrong != nil {
		return nil, errors.Join(wrong...)
	}
	if f.Payload == nil {
		f.Payload = hardtack.CBOR{}
	}
	c.payload = f.Payload
	c.decode = f.decode
	return c, nil
}

// decode returns the session's data, encoded, and its subject, if there is a function for it.
func (f ForeignConfig[C, T]) decode(text []byte) (of *string, payload []byte, err error) {
	var claims C
	if err = json.Unmarshal(text, &claims); err != nil {
		return nil, nil, err
	}
	if err := validate(&claims, claims); err != nil {
		return nil, nil, err
	}
	t, err := f.From(&claims)
	if err != nil {
		return nil, nil, err
	}
	if f.Subject != nil {
		s := f.Subject(&t)
		of = &s
	}
	payload, err = f.Payload.Marshal(&t)
	return of, payload, err
}

// validate calls the method by which golang-jwt, of version 5 or before, has the application look at its claims: that of the first that has one.
func validate(claims ...any) error {
	for _, c := range claims {
		switch v := c.(type) {
		case interface{ Validate() error }:
			return v.Validate()
		case interface{ Valid() error }:
			return v.Valid()
		}
	}
	return nil
}
