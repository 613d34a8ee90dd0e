package signed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack"
)

const (
	defaultClaim = "session"
	maxName      = 255
)

// Options says how a Codec signs. The zero value signs with EdDSA, names no issuer, and has the data in the claim "session".
type Options struct {
	_ struct{}

	// Algorithm of the ring's keys in this codec; EdDSA by default.
	Algorithm Algorithm
	// Issuer is the claim iss, at most 255 bytes. Empty, the default, means that there is none, and that a token with one is refused.
	Issuer string
	// Claim has the session's data; "session" by default, at most 255 bytes. It cannot be one of the registered claims of RFC 7519, or "hardtack".
	Claim string
}

// Codec is a hardtack.Codec whose cookie is a JWT. Its data is signed, not encrypted: whoever sees the cookie can read it. It is
// for Config.Codec of a stateless Jar, whose Serializer must be hardtack.JSON{}, and for Config.Formerly of any Jar. It is safe for concurrent use.
type Codec struct {
	keys          *derivedKeys
	issuer        string
	beforePayload []byte
	header        atomic.Pointer[header] // of the last cookie name
}

var _ hardtack.ConfigChecker = (*Codec)(nil)

// NewCodec returns a Codec that signs with keys derived from those of the ring, which is shared, not copied. Its error joins a *hardtack.ConfigError for each fault.
func NewCodec(keys *hardtack.Keyring, o Options) (*Codec, error) {
	var f faults
	if keys == nil {
		f.add("Options", "(keys)", "", "is nil")
	}
	s := schemeOf(o.Algorithm)
	if s == nil {
		f.add("Options", "Algorithm", strconv.Quote(string(o.Algorithm)), "is none of EdDSA, ES256 and HS256")
	}
	if len(o.Issuer) > maxName || !utf8.ValidString(o.Issuer) {
		f.add("Options", "Issuer", "", "is not UTF-8 of at most %d bytes", maxName)
	}
	if o.Claim == "" {
		o.Claim = defaultClaim
	}
	if len(o.Claim) > maxName || !utf8.ValidString(o.Claim) {
		f.add("Options", "Claim", "", "is not UTF-8 of at most %d bytes", maxName)
	}
	for _, taken := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", privateClaim} {
		if strings.EqualFold(o.Claim, taken) {
			f.add("Options", "Claim", strconv.Quote(o.Claim), "is taken: verifiers give it another meaning")
		}
	}
	if f != nil {
		return nil, errors.Join(f...)
	}
	return &Codec{
		keys:          newDerivedKeys(keys, s),
		issuer:        o.Issuer,
		beforePayload: []byte("}," + quote(o.Claim) + ":"),
	}, nil
}

// Algorithm returns what the codec signs with, and accepts.
func (c *Codec) Algorithm() Algorithm { return c.keys.scheme.name }

// Encrypts returns false.
func (*Codec) Encrypts() bool { return false }

// CheckConfig implements hardtack.ConfigChecker.
func (c *Codec) CheckConfig(config *hardtack.Config, place hardtack.CodecPlace) error {
	if c == nil || c.keys == nil {
		return errors.New("was not made by NewCodec")
	}
	var err []error
	switch place {
	case hardtack.CodecOfHybrid:
		err = append(err, errors.New("is for stateless Jars: what it signs can be read by everybody"))
	case hardtack.CodecOfJar:
		if _, ok := config.Serializer.(hardtack.JSON); !ok {
			err = append(err, errors.New("needs Serializer: hardtack.JSON{}, so that others can read the claim with the data"))
		}
		if config.Keys != c.keys.ring {
			err = append(err, errors.New("was made with another ring than Keys"))
		}
	}
	if !utf8.ValidString(config.Audience) {
		err = append(err, errors.New("needs an Audience in UTF-8"))
	}
	return errors.Join(err...)
}

// Seal implements hardtack.Codec with the ring's sealing key. Its errors are those of the ring (*hardtack.KeyError), and of sessions that have no
// encoding: a Serializer other than JSON, a subject that is not UTF-8, an ID that is not 22 characters of base64url.
func (c *Codec) Seal(_ context.Context, dst []byte, b hardtack.Binding, rec *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	none := hardtack.KeyID{}
	id, pair, err := c.keys.sealing(b.Now)
	if err != nil {
		return nil, none, err
	}
	if rec.Serializer == nil || rec.Serializer.SerializerID() != (hardtack.JSON{}).SerializerID() {
		return nil, none, errors.New("hardtack/signed: the session's data was not written by hardtack.JSON")
	}
	own := *rec
	own.Lineage = c.keys.ring.LineageOf(rec, id)
	claims, err := c.encodeClaims(b.Audience, &own)
	if err != nil {
		return nil, none, fmt.Errorf("hardtack/signed: %w", err)
	}
	dst, err = appendToken(dst, c.headerOf(b.Name).with(id), claims, func(signed string) ([]byte, error) {
		return c.keys.scheme.method.Sign(signed, pair.sign)
	})
	return dst, id, err
}

// Open implements hardtack.Codec. The algorithm is the codec's, the key the one whose ID is in the header, and nothing is read from the claims before their
// signature holds. ErrMalformed: no token of this format under this cookie's name, in its one spelling. ErrForged: the signature does not hold, or issuer or audience are others.
// ErrUnknownKey, ErrRevokedKey. The ID is that of the claim jti; the seed stays zero.
func (c *Codec) Open(_ context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	t, err := parseToken(value)
	if err != nil || len(t.signature) != c.keys.scheme.signature {
		return hardtack.ErrMalformed
	}
	id, err := c.headerOf(b.Name).key(t.header)
	if err != nil {
		return err
	}
	pair, stale, err := c.keys.opening(id, b.Now)
	if err != nil {
		return err
	}
	if c.keys.scheme.method.Verify(t.signed, t.signature, pair.verify) != nil {
		return hardtack.ErrForged
	}
	var own hardtack.Record
	if err := c.decodeClaims(b, t.claims, &own); err != nil {
		return err
	}
	own.Key, own.Stale = id, stale
	if slices.Contains(own.Lineage, id) {
		return hardtack.ErrMalformed
	}
	if err := c.keys.ring.CheckLineage(id, own.Lineage); err != nil {
		return err
	}
	*rec = own
	return nil
}

func (c *Codec) headerOf(cookie string) *header {
	if h := c.header.Load(); h != nil && h.name == cookie {
		return h
	}
	h := newHeader(c.keys.scheme, cookie)
	c.header.Store(h)
	return h
}

// String names the format and the algorithm.
func (c *Codec) String() string { return "signed.Codec (" + string(c.Algorithm()) + ")" }

// Format prints String for every verb.
func (c *Codec) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }
