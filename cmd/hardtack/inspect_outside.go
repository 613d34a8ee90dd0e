package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/seal"
)

// The bytes of a token before its ciphertext (docs/format.md).
const (
	keyAt       = 1
	prefixAt    = 5
	prefixBytes = 12

	shortestBytes = seal.Overhead + 27 // of a token
)

// outside is what a token tells without a key.
type outside struct {
	Version     int            `json:"version"`
	Key         hardtack.KeyID `json:"key"`
	NoncePrefix string         `json:"nonce_prefix"`
	Characters  int            `json:"characters"`
	Bytes       int            `json:"bytes"`
	// SealedBytes is the size of what is inside: the payload and about 30 bytes more.
	SealedBytes int `json:"sealed_bytes"`
	// CookieBytes is name plus value, of Limit that browsers keep.
	CookieBytes int `json:"cookie_bytes"`
	Limit       int `json:"limit"`
}

// look returns what value tells from outside, or why it is not a token.
func look(name, value string) (*outside, *refusal) {
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || seal.WellFormed(value) != nil {
		return nil, malformed(value)
	}
	return &outside{
		Version:     int(raw[0]),
		Key:         hardtack.KeyID(raw[keyAt:]),
		NoncePrefix: hex.EncodeToString(raw[prefixAt : prefixAt+prefixBytes]),
		Characters:  len(value),
		Bytes:       len(raw),
		SealedBytes: len(raw) - seal.Overhead,
		CookieBytes: len(name) + len(value),
		Limit:       maxCookie,
	}, nil
}

// malformed says what is wrong with a value that is not a token, and what may have happened to it.
func malformed(value string) *refusal {
	r := &refusal{Code: "malformed"}
	switch {
	case value == "":
		r.Reason = "the value is empty"
		return r
	case len(value) > seal.MaxText:
		r.Reason = fmt.Sprintf("%d characters, more than the %d of the longest token", len(value), seal.MaxText)
		return r
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if at := strings.IndexFunc(value, func(c rune) bool { return !strings.ContainsRune(alphabet, c) }); at >= 0 {
		r.Reason = foreign(value, at)
		if mended := mend(value); mended != value && seal.WellFormed(mended) == nil {
			r.hint("without that it is a token: something on its way has changed it")
		}
		return r
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	switch {
	case len(value)%4 == 1:
		r.Reason = fmt.Sprintf("no base64 has %d characters: at least one is missing, or too many", len(value))
	case err != nil:
		r.Reason = "not base64url"
	case raw[0] != seal.Version:
		r.Reason = fmt.Sprintf("version %d; this program knows version %d: another program's cookie, or its beginning is missing", raw[0], seal.Version)
	case len(raw) < shortestBytes:
		r.Reason = fmt.Sprintf("%d bytes, too short for a token: its end is missing", len(raw))
	default:
		r.Reason = "the unused bits of its last character are not zero: its end is missing or was changed"
	}
	return r
}

// foreign says which character does not belong there.
func foreign(value string, at int) string {
	c := value[at]
	switch {
	case c == '"' && at == 0:
		return "the value stands in quotes, which are part of it for the library"
	case c == '=' && strings.Trim(value[at:], "=") == "":
		return "the value ends with base64 padding (=), which tokens do not have"
	case c == '+' || c == '/':
		return fmt.Sprintf("%q at character %d: base64, but not base64url", c, at+1)
	case c == '%':
		return fmt.Sprintf("a percent sign at character %d: the value was escaped as in a URL", at+1)
	case c == '\n' || c == '\r':
		return fmt.Sprintf("a line break at character %d", at+1)
	case c == '.':
		return fmt.Sprintf("a dot at character %d: a JWT, or another program's cookie", at+1)
	case c < 0x80:
		return fmt.Sprintf("%q at character %d is not of base64url", c, at+1)
	}
	return fmt.Sprintf("what is at character %d is not of base64url", at+1)
}

var mender = strings.NewReplacer("+", "-", "/", "_", "%2B", "-", "%2b", "-", "%2F", "_", "%2f", "_", "%3D", "", "%3d", "", "=", "", `"`, "", "%22", "",
	" ", "", "\t", "", "\r", "", "\n", "")

// mend undoes what usually happens to values on their way.
func mend(value string) string { return mender.Replace(value) }
