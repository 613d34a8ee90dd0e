package signed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack"
)

const (
	maxForeignHeader = 2048 // bytes
	clockSkew        = 2 * time.Minute
)

// errEndless is of a token that would be good for ever.
var errEndless = fmt.Errorf("%w: it needs exp or iat, and without iat an exp within MaxAge", hardtack.ErrPayload)

// ForeignCodec reads the JWT cookies that an application has made by hand, for instance with golang-jwt, so that their sessions go on. It is
// for Config.Formerly only: it writes nothing. It is safe for concurrent use if the functions of its ForeignConfig are.
type ForeignCodec struct {
	named                  map[string]*foreignKey
	unnamed                []*foreignKey
	issuer, audience, kind string
	maxAge                 time.Duration
	unique                 bool
	payload                hardtack.Serializer
	decode                 func(claims []byte) (subject *string, payload []byte, err error)
}

var _ hardtack.ConfigChecker = (*ForeignCodec)(nil)

// Encrypts returns false.
func (*ForeignCodec) Encrypts() bool { return false }

// CheckConfig implements hardtack.ConfigChecker.
func (c *ForeignCodec) CheckConfig(config *hardtack.Config, place hardtack.CodecPlace) error {
	if c == nil || c.decode == nil {
		return errors.New("was not made by NewForeignCodec")
	}
	if place != hardtack.CodecOfFormer {
		return errors.New("only reads, and is for Formerly")
	}
	if config.Lifetime < c.maxAge {
		return fmt.Errorf("would log out sessions that are older than Lifetime (%v): raise it to MaxAge (%v), or lower that", config.Lifetime, c.maxAge)
	}
	return nil
}

// Seal always returns an error.
func (*ForeignCodec) Seal(context.Context, []byte, hardtack.Binding, *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	return nil, hardtack.KeyID{}, errors.New("hardtack/signed: a ForeignCodec only reads")
}

// Open implements hardtack.Codec. The algorithm is the key's, and the key that whose ID the token names, else each without one in turn; nothing is read from the
// claims before their signature holds. ErrMalformed: no token in compact serialization, or of no key's algorithm; one whose header asks for more than verification (crit, b64, zip, enc); a name that is there twice; no
// time at which it ends. ErrForged: the signature does not hold, or issuer, audience or type are others. ErrUnknownKey. ErrNotYetValid: iat or nbf is more than
// 2 minutes ahead. ErrPayload: no data could be made of the claims.
//
// The record has an ID if ForeignConfig.Unique says that tokens are: it follows from what was signed, and not from the signature, which can be had in several spellings.
func (c *ForeignCodec) Open(_ context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	t, err := parseToken(value)
	if err != nil {
		return err
	}
	h, err := parseForeignHeader(t.header)
	if err != nil {
		return err
	}
	if err := c.verify(h, &t); err != nil {
		return err
	}
	// From here on nothing is ErrMalformed: of those a request may have many, since they cost next to nothing.
	claims, err := parseForeignClaims(t.claims)
	if err != nil {
		return fmt.Errorf("%w: the registered claims make no sense", hardtack.ErrPayload)
	}
	if c.kind != "" && h.kind != c.kind || c.issuer != "" && claims.issuer != c.issuer || c.audience != "" && !slices.Contains(claims.audience, c.audience) {
		return errOther
	}
	own := hardtack.Record{Kind: hardtack.KindInline, Serializer: c.payload}
	if err := c.times(claims, b.Now, &own); err != nil {
		return err
	}
	subject, payload, err := c.decode(t.claims)
	if err != nil {
		return fmt.Errorf("%w: %T", hardtack.ErrPayload, err) // its words may quote the data
	}
	own.Subject, own.Payload = claims.subject, payload
	if subject != nil {
		own.Subject = *subject
	}
	if c.unique {
		sum := sha256.Sum256([]byte(t.signed))
		own.ID = segments.EncodeToString(sum[:idSize])
	}
	*rec = own
	return nil
}

// verify checks the token's signature. The algorithm in the header is not followed: it only has to be the key's.
func (c *ForeignCodec) verify(h foreignHeader, t *token) error {
	keys := c.unnamed
	if k := c.named[h.key]; k != nil {
		keys = []*foreignKey{k}
	}
	if len(keys) == 0 {
		return hardtack.ErrUnknownKey
	}
	err := hardtack.ErrMalformed
	for _, k := range keys {
		if k.method.Alg() != h.algorithm {
			continue
		}
		if k.method.Verify(t.signed, t.signature, k.key) == nil {
			return nil
		}
		err = hardtack.ErrForged
	}
	return err
}

// times fills in when the session began and when it ends.
func (c *ForeignCodec) times(claims *foreignClaims, now time.Time, rec *hardtack.Record) error {
	if claims.notBefore != nil && claims.notBefore.After(now.Add(clockSkew)) {
		return hardtack.ErrNotYetValid
	}
	switch {
	case claims.expires != nil:
		rec.Expires = *claims.expires
	case claims.issued != nil:
		rec.Expires = claims.issued.Add(c.maxAge)
	default:
		return errEndless
	}
	if claims.issued != nil {
		rec.Created = *claims.issued
	} else if rec.Created = rec.Expires.Add(-c.maxAge); rec.Created.After(now.Add(clockSkew)) {
		return errEndless
	}
	if rec.Created.After(now) { // by another server's clock
		rec.Created = now.Truncate(time.Millisecond)
	}
	if end := rec.Created.Add(c.maxAge); rec.Expires.After(end) {
		rec.Expires = end
	}
	rec.Issued = rec.Created
	return nil
}

// String names the format.
func (*ForeignCodec) String() string { return "signed.ForeignCodec" }

// Format prints String for every verb.
func (c *ForeignCodec) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }
