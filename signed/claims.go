package signed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack"
)

const (
	privateClaim = "hardtack"
	maxTime      = (1<<48 - 1) / 1000 * 1000 // milliseconds: as in a sealed token, in whole seconds
	maxLineage   = 127
	idSize       = 16 // of a session ID, in bytes
)

// errOther is of an authentic token that is not meant for this jar.
var errOther = fmt.Errorf("%w: its issuer, audience or type is another", hardtack.ErrForged)

// claims are all claims but the payload, which follows them.
type claims struct {
	Issuer    string  `json:"iss,omitempty"`
	Audience  string  `json:"aud,omitempty"`
	Subject   string  `json:"sub,omitempty"`
	ID        string  `json:"jti"`
	IssuedAt  int64   `json:"iat"` // seconds, as the next two
	NotBefore int64   `json:"nbf"`
	Expires   int64   `json:"exp"`
	Private   private `json:"hardtack"` // must be the last one
}

// private is what a session has that no registered claim can hold.
type private struct {
	Version  int      `json:"v"`
	Created  int64    `json:"created"` // milliseconds
	Issued   int64    `json:"issued"`  // milliseconds
	Revision uint64   `json:"rev"`
	Idle     bool     `json:"idle,omitempty"`
	Pending  bool     `json:"pending,omitempty"`
	Lineage  []string `json:"keys,omitempty"`
}

// encodeClaims returns the claims of rec in the one form that decodeClaims accepts.
func (c *Codec) encodeClaims(audience string, rec *hardtack.Record) ([]byte, error) {
	created, issued, expires := rec.Created.UnixMilli(), rec.Issued.UnixMilli(), rec.Expires.UnixMilli()
	switch {
	case rec.Kind != hardtack.KindInline && rec.Kind != hardtack.KindPending:
		return nil, errors.New("a reference to a stored session is not for a signed token")
	case !validID(rec.ID):
		return nil, errors.New("the session's ID is not 22 characters of base64url")
	case !utf8.ValidString(rec.Subject) || !utf8.ValidString(audience):
		return nil, errors.New("subject or audience is not UTF-8")
	case created < 0 || issued < created || issued > maxTime || expires < created || expires > maxTime:
		return nil, errors.New("the session's times are out of range")
	case len(rec.Lineage) > maxLineage:
		return nil, errors.New("the session has too many keys")
	}
	iat := issued / 1000
	all := claims{
		Issuer:    c.issuer,
		Audience:  audience,
		Subject:   rec.Subject,
		ID:        rec.ID,
		IssuedAt:  iat,
		NotBefore: iat,
		Expires:   (expires + 999) / 1000,
		Private: private{
			Version:  1,
			Created:  created,
			Issued:   issued,
			Revision: rec.Revision,
			Idle:     rec.Idle,
			Pending:  rec.Kind == hardtack.KindPending,
		},
	}
	for _, id := range rec.Lineage {
		all.Private.Lineage = append(all.Private.Lineage, id.String())
	}
	head, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	payload, err := compact(rec.Payload)
	if err != nil {
		return nil, err
	}
	data := append(head[:len(head)-len("}}")], c.beforePayload...)
	return append(append(data, payload...), '}'), nil
}

// decodeClaims fills rec from claims whose signature holds. Whatever encodeClaims would have written otherwise is ErrMalformed: white space,
// a claim that is there twice or in another spelling, one that we do not know. A token of another jar is ErrForged.
func (c *Codec) decodeClaims(b hardtack.Binding, data []byte, rec *hardtack.Record) error {
	// In what encodeClaims writes, these bytes are where the payload begins: before it, quotes in text are escaped,
	// and only the private claim has a brace at its end. Elsewhere they cannot do harm, since all is compared below.
	head, payload, found := bytes.Cut(data, c.beforePayload)
	if !found || !bytes.HasSuffix(payload, []byte("}")) {
		return hardtack.ErrMalformed
	}
	var all claims
	if json.Unmarshal(slices.Concat(head, []byte("}}")), &all) != nil {
		return hardtack.ErrMalformed
	}
	if all.Issuer != c.issuer || all.Audience != b.Audience {
		return errOther
	}
	*rec = hardtack.Record{
		Kind:       hardtack.KindInline,
		ID:         all.ID,
		Subject:    all.Subject,
		Created:    time.UnixMilli(all.Private.Created),
		Issued:     time.UnixMilli(all.Private.Issued),
		Expires:    time.Unix(all.Expires, 0),
		Revision:   all.Private.Revision,
		Idle:       all.Private.Idle,
		Serializer: hardtack.JSON{},
		Payload:    payload[:len(payload)-1],
	}
	if all.Private.Pending {
		rec.Kind = hardtack.KindPending
	}
	for _, text := range all.Private.Lineage {
		id, err := hardtack.ParseKeyID(text)
		if err != nil || slices.Contains(rec.Lineage, id) {
			return hardtack.ErrMalformed
		}
		rec.Lineage = append(rec.Lineage, id)
	}
	if again, err := c.encodeClaims(b.Audience, rec); err != nil || !bytes.Equal(again, data) {
		return hardtack.ErrMalformed
	}
	return nil
}

// compact returns a JSON text as json.Marshal would write it as part of another: without white space, and in UTF-8.
func compact(text []byte) ([]byte, error) {
	out, err := json.Marshal(json.RawMessage(bytes.ToValidUTF8(text, []byte("\ufffd"))))
	if err != nil {
		return nil, fmt.Errorf("the session's data is not JSON: %T", err) // which may quote it
	}
	return out, nil
}

// quote returns text, which is UTF-8, as a JSON string.
func quote(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings have an encoding
	}
	return string(data)
}

func validID(id string) bool {
	var raw [idSize]byte
	if len(id) != segments.EncodedLen(idSize) {
		return false
	}
	n, err := segments.Decode(raw[:], []byte(id))
	return err == nil && n == idSize // fewer if there are line breaks, which the decoder skips
}
