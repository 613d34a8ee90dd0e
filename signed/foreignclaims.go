package signed

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hardtack-go/hardtack"
)

// lastSecond is the end of the year 9999: what is later is no time that anybody meant.
const lastSecond = 253402300799

// foreignHeader is what of a token's header matters.
type foreignHeader struct{ algorithm, key, kind string }

// parseForeignHeader reads a header that nobody has verified yet. The error is ErrMalformed.
func parseForeignHeader(data []byte) (h foreignHeader, err error) {
	if len(data) > maxForeignHeader {
		return h, hardtack.ErrMalformed
	}
	members, err := parseObject(data)
	if err != nil {
		return h, err
	}
	// What jwk, jku, x5c and x5u say about keys is not looked at. These say that the claims are not simply there.
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if members[name] != nil {
			return h, hardtack.ErrMalformed
		}
	}
	parseText(members["alg"], &h.algorithm) // what is not text is no algorithm, and no key's ID or type
	parseText(members["kid"], &h.key)
	parseText(members["typ"], &h.kind)
	return h, nil
}

// foreignClaims are the registered claims that matter. Times are nil if they are not there.
type foreignClaims struct {
	issuer, subject            string
	audience                   []string
	issued, notBefore, expires *time.Time
}

// parseForeignClaims reads claims whose signature holds. The error is ErrMalformed.
func parseForeignClaims(data []byte) (*foreignClaims, error) {
	members, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	c := new(foreignClaims)
	parseText(members["iss"], &c.issuer) // what is not text is no issuer, and no subject
	parseText(members["sub"], &c.subject)
	var one string
	if parseText(members["aud"], &one) {
		c.audience = []string{one}
	} else if json.Unmarshal(members["aud"], &c.audience) != nil {
		c.audience = nil
	}
	for _, m := range []struct {
		name string
		to   **time.Time
	}{{"iat", &c.issued}, {"nbf", &c.notBefore}, {"exp", &c.expires}} {
		t, ok := parseNumericDate(members[m.name])
		if !ok && m.name != "iat" { // which limits nothing: golang-jwt does not look at it
			return nil, hardtack.ErrMalformed
		}
		*m.to = t
	}
	return c, nil
}

// parseNumericDate reads seconds, which may have a fraction (RFC 7519). It is as lenient as golang-jwt, whose users' sessions these are: null is none,
// 0 as well, since that is what an empty field becomes, and a number may be in quotes.
func parseNumericDate(number json.RawMessage) (t *time.Time, ok bool) {
	if number == nil || string(number) == "null" {
		return nil, true
	}
	text := string(number)
	parseText(number, &text)
	var seconds float64
	if json.Unmarshal([]byte(text), &seconds) != nil || seconds < 0 || seconds > lastSecond {
		return nil, false
	}
	if seconds == 0 {
		return nil, true
	}
	at := time.UnixMilli(int64(seconds * 1000))
	return &at, true
}

func parseText(data json.RawMessage, to *string) bool {
	return len(data) > 0 && data[0] == '"' && json.Unmarshal(data, to) == nil
}

// parseObject reads a JSON object in which no name is there twice, at whatever depth: two readers could take it for two things. The error is ErrMalformed.
func parseObject(data []byte) (members map[string]json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if !uniqueNames(d) || json.Unmarshal(data, &members) != nil || members == nil {
		return nil, hardtack.ErrMalformed
	}
	return members, nil
}

// uniqueNames reads one value.
func uniqueNames(d *json.Decoder) bool {
	t, err := d.Token()
	if err != nil {
		return false
	}
	switch t {
	case json.Delim('{'):
		seen := make(map[string]bool)
		for d.More() {
			t, err := d.Token()
			name, ok := t.(string)
			if err != nil || !ok || seen[name] || !uniqueNames(d) {
				return false
			}
			seen[name] = true
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			if !uniqueNames(d) {
				return false
			}
		}
		_, err = d.Token()
	}
	return err == nil
}
