package signed

import (
	"encoding/base64"
	"strings"

	"github.com/hardtack-go/hardtack"
)

// maxToken is the longest value that is looked at, in characters; a Jar gives none that is longer.
const maxToken = 8192

// segments are base64url without padding, in the one spelling that each content has.
var segments = base64.RawURLEncoding.Strict()

// token is a JWS in its compact serialization, taken apart but not yet verified.
type token struct {
	signed    string // header.claims, as it is signed
	header    []byte
	claims    []byte
	signature []byte
}

// parseToken takes value apart. It looks at no JSON. The error is ErrMalformed.
func parseToken(value string) (t token, err error) {
	// The decoder would skip line breaks.
	if len(value) > maxToken || strings.Count(value, ".") != 2 || strings.ContainsAny(value, "\r\n") {
		return t, hardtack.ErrMalformed
	}
	last := strings.LastIndexByte(value, '.')
	t.signed = value[:last]
	header, claims, _ := strings.Cut(t.signed, ".")
	for _, s := range []struct {
		text string
		to   *[]byte
	}{{header, &t.header}, {claims, &t.claims}, {value[last+1:], &t.signature}} {
		if *s.to, err = segments.DecodeString(s.text); err != nil || len(*s.to) == 0 {
			return token{}, hardtack.ErrMalformed
		}
	}
	return t, nil
}

// appendToken appends the token that sign makes of header and claims.
func appendToken(dst, header, claims []byte, sign func(signed string) ([]byte, error)) ([]byte, error) {
	begin := len(dst)
	dst = segments.AppendEncode(dst, header)
	dst = append(dst, '.')
	dst = segments.AppendEncode(dst, claims)
	signature, err := sign(string(dst[begin:]))
	if err != nil {
		return nil, err
	}
	dst = append(dst, '.')
	return segments.AppendEncode(dst, signature), nil
}
