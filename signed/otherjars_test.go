package signed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// A token of one jar does not open in another, whatever sets them apart.
func TestOtherJars(t *testing.T) {
	key := keyOf(t, "jars", time.Time{}, time.Time{})
	ring := ringOf(t, key)
	type jar struct {
		ring           *hardtack.Keyring
		algorithm      signed.Algorithm
		issuer, claim  string
		name, audience string
	}
	base := jar{ring: ring, algorithm: signed.EdDSA, issuer: "i", claim: "session", name: cookieName, audience: "a"}
	all := map[string]jar{"base": base}
	for name, change := range map[string]func(*jar){
		"ring":                      func(j *jar) { j.ring = ringOf(t, keyOf(t, "other jars", time.Time{}, time.Time{})) },
		"ES256":                     func(j *jar) { j.algorithm = signed.ES256 },
		"HS256":                     func(j *jar) { j.algorithm = signed.HS256 },
		"issuer":                    func(j *jar) { j.issuer = "I" },
		"no issuer":                 func(j *jar) { j.issuer = "" },
		"claim":                     func(j *jar) { j.claim = "Session" },
		"name":                      func(j *jar) { j.name = "__Host-Session" },
		"longer name":               func(j *jar) { j.name = "__Host-session2" },
		"audience":                  func(j *jar) { j.audience = "A" },
		"no audience":               func(j *jar) { j.audience = "" },
		"audience that is replaced": func(j *jar) { j.audience = "\ufffd" },
	} {
		j := base
		change(&j)
		all[name] = j
	}
	for from, f := range all {
		codec := newCodec(t, f.ring, signed.Options{Algorithm: f.algorithm, Issuer: f.issuer, Claim: f.claim})
		value := seal(t, codec, hardtack.Binding{Name: f.name, Audience: f.audience, Now: epoch}, record("1"))
		for to, j := range all {
			t.Run(from+" to "+to, func(t *testing.T) {
				codec := newCodec(t, j.ring, signed.Options{Algorithm: j.algorithm, Issuer: j.issuer, Claim: j.claim})
				var rec hardtack.Record
				err := codec.Open(t.Context(), hardtack.Binding{Name: j.name, Audience: j.audience, Now: epoch}, value, &rec)
				if from == to {
					assert.NoError(t, err)
				} else {
					assert.Error(t, err)
					assert.Zero(t, rec)
				}
				bad := hardtack.Binding{Name: j.name, Audience: "\xff", Now: epoch}
				assert.Error(t, codec.Open(t.Context(), bad, value, &rec), "an audience that is not UTF-8 is nobody's")
			})
		}
	}
}

// Claims that only the holder of the key can sign, and that hold together nowhere.
func TestAuthenticNonsense(t *testing.T) {
	ring := ringOf(t, keyOf(t, "nonsense", time.Time{}, time.Time{}))
	id, err := ring.SealingKey(epoch)
	require.NoError(t, err)
	a := &target{
		codec: newCodec(t, ring, signed.Options{Algorithm: signed.HS256}),
		b:     hardtack.Binding{Name: cookieName, Now: epoch},
		key:   derive(t, signed.HS256, secretOf("nonsense")),
	}
	a.set(t, seal(t, a.codec, a.b, record("[1]")))
	for name, change := range map[string][2]string{
		"version":           {`"v":1`, `"v":2`},
		"no version":        {`"v":1,`, ``},
		"another claim":     {`"jti"`, `"admin":true,"jti"`},
		"in private claim":  {`"v":1`, `"v":1,"x":1`},
		"iat":               {`"iat":1774749599`, `"iat":1774749598`},
		"nbf":               {`"nbf":1774749599`, `"nbf":1774749600`},
		"issued":            {`"issued":1774749599678`, `"issued":1774749598999`},
		"created later":     {`"created":1774745999678`, `"created":1774749599679`},
		"created negative":  {`"created":1774745999678`, `"created":-1`},
		"created huge":      {`"created":1774745999678`, `"created":281474976710656`},
		"created too huge":  {`"created":1774745999678`, `"created":1e99`},
		"rev negative":      {`"rev":3`, `"rev":-1`},
		"rev huge":          {`"rev":3`, `"rev":18446744073709551616`},
		"rev fraction":      {`"rev":3`, `"rev":3.0`},
		"idle false":        {`"rev":3`, `"rev":3,"idle":false`},
		"pending number":    {`"rev":3`, `"rev":3,"pending":1`},
		"empty lineage":     {`"rev":3`, `"rev":3,"keys":[]`},
		"own key":           {`"rev":3`, `"rev":3,"keys":["` + id.String() + `"]`},
		"a key twice":       {`"rev":3`, `"rev":3,"keys":["01020304","01020304"]`},
		"no key":            {`"rev":3`, `"rev":3,"keys":["x"]`},
		"key in capitals":   {`"rev":3`, `"rev":3,"keys":["0102030A"]`},
		"too many keys":     {`"rev":3`, `"rev":3,"keys":[` + manyKeys(128) + `]`},
		"empty subject":     {`"sub":"alice"`, `"sub":""`},
		"subject not UTF-8": {"alice", "\xff"},
		"subject escaped":   {"alice", `\u00fc`},
		"short jti":         {"Iig6GpU9NPN9QF5OpD53pQ", "Iig6GpU9NPN9QF5OpD53p"},
		"jti bits":          {"Iig6GpU9NPN9QF5OpD53pQ", "Iig6GpU9NPN9QF5OpD53pR"},
		"jti path":          {"Iig6GpU9NPN9QF5OpD53pQ", "../../../../etc/passwd"},
		"no jti":            {`"jti":"Iig6GpU9NPN9QF5OpD53pQ",`, ""},
		"order":             {`"iat":1774749599,"nbf":1774749599`, `"nbf":1774749599,"iat":1774749599`},
		"no data":           {`,"session":[1]`, ``},
		"data empty":        {`"session":[1]`, `"session":`},
		"data spaced":       {`"session":[1]`, `"session":[1 ]`},
		"data not escaped":  {`"session":[1]`, `"session":"<"`},
		"data not UTF-8":    {`"session":[1]`, "\"session\":\"\xff\""},
		"data twice":        {`"session":[1]`, `"session":[1],"session":[2]`},
		"more after data":   {`"session":[1]`, `"session":[1],"exp":9`},
		"iss":               {`{"sub"`, `{"iss":"","sub"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, a.claims, change[0])
			a.refused(t, a.key.mint(t, a.header, strings.Replace(a.claims, change[0], change[1], 1)))
		})
	}
	a.refused(t, a.key.mint(t, a.header, `{"iss":"x",`+a.claims[1:]), hardtack.ErrForged)
	many := a.key.mint(t, a.header, strings.Replace(a.claims, `"rev":3`, `"rev":3,"keys":[`+manyKeys(127)+`]`, 1))
	assert.Len(t, open(t, a.codec, a.b, many).Lineage, 127)
}

func manyKeys(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"%08x"`, i+1)
	}
	return strings.Join(ids, ",")
}
