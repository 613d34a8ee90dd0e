package signed_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

func attackNone(t *testing.T, a *target) {
	spellings := []string{"none", "None", "NONE", "nOnE", "none ", " none", "n\\u006fne", "", "null", "unsecured"}
	for _, alg := range spellings {
		for _, header := range []string{
			a.replaced(t, `"alg":"`+a.algorithm()+`"`, `"alg":"`+alg+`"`),
			`{"alg":"` + alg + `"}`,
			`{"alg":"` + alg + `","typ":"JWT"}`,
		} {
			text := encode([]byte(header)) + "." + encode([]byte(a.claims))
			for _, signature := range []string{"", encode(a.signature), encode(make([]byte, len(a.signature)))} {
				a.refused(t, text+"."+signature, hardtack.ErrMalformed, hardtack.ErrUnknownKey)
			}
			a.refused(t, text)
		}
	}
	for _, alg := range []string{"null", "0", "false", "[]", `["` + a.algorithm() + `"]`, "{}"} {
		header := a.replaced(t, `"alg":"`+a.algorithm()+`"`, `"alg":`+alg)
		a.refused(t, a.key.mint(t, header, a.claims))
	}
	a.refused(t, a.key.mint(t, a.replaced(t, `"alg":"`+a.algorithm()+`",`, ""), a.claims))
	a.refused(t, encode([]byte(a.header))+"."+encode([]byte(a.claims))+".")
}

func attackConfusion(t *testing.T, a *target) {
	if _, symmetric := a.key.verify.([]byte); symmetric {
		// The other way round: a secret that is no public key must not be taken for one.
		for _, method := range []string{"RS256", "PS256", "ES256", "EdDSA", "HS384", "HS512"} {
			a.refused(t, a.key.mint(t, a.replaced(t, a.algorithm(), method), a.claims))
		}
		return
	}
	for form, secret := range publicForms(t, a.key.verify) {
		for _, method := range []*jwt.SigningMethodHMAC{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
			t.Run(form+" "+method.Name, func(t *testing.T) {
				forger := signer{method, secret, nil}
				a.refused(t, forger.mint(t, a.replaced(t, a.algorithm(), method.Name), a.claims))
				a.refused(t, forger.mint(t, a.header, a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
				a.refused(t, forger.mint(t, `{"alg":"`+method.Name+`"}`, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
			})
		}
	}
}

// A key signs with its own algorithm only, even where the attacker has another that is good.
func attackAlgorithms(t *testing.T, a *target) {
	for _, alg := range []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448", "eddsa", "hs256", "HS256 ", "dir", "RSA-OAEP"} {
		if alg != a.algorithm() {
			a.refused(t, a.key.mint(t, a.replaced(t, `"`+a.algorithm()+`"`, `"`+alg+`"`), a.claims))
		}
	}
	for _, other := range algorithms {
		if string(other) == a.algorithm() {
			continue
		}
		s := derive(t, other, secretOf("attacked"))
		a.refused(t, s.mint(t, a.replaced(t, a.algorithm(), string(other)), a.claims))
		a.refused(t, s.mint(t, a.header, a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
	}
}

func attackKid(t *testing.T, a *target) {
	_, kid, _ := strings.Cut(a.header, `"kid":"`)
	kid, _, _ = strings.Cut(kid, `"`)
	empty := signer{jwt.SigningMethodHS256, []byte{}, nil} // the content of /dev/null
	for _, other := range []string{
		"../../../../../../dev/null", "/dev/null", "/proc/sys/kernel/randomize_va_space", "..\\\\..\\\\nul", "file:///dev/null", "http://127.0.0.1/key",
		"' OR '1'='1", "x' UNION SELECT 'key';--", "key; DROP TABLE keys", "$(id)", "|id", "\\u0000", "", " ", "0", "*", "%", strings.Repeat("A", 1<<10), strings.Repeat("A", 7000), strings.Repeat("A", 1<<20),
		"00000000", "ffffffff", strings.ToUpper("abcdef01"), kid + " ", " " + kid, kid + "\\u0000", kid + "0", kid[:1], "0x" + kid, "\\uff10",
	} {
		header := a.replaced(t, `"kid":"`+kid+`"`, `"kid":"`+other+`"`)
		a.refused(t, a.key.mint(t, header, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
		a.refused(t, empty.mint(t, header, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
		a.refused(t, empty.mint(t, strings.Replace(header, a.algorithm(), "HS256", 1), a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
	}
	for _, other := range []string{"null", "0", "1e2", "true", "[]", `["` + kid + `"]`, `{"` + kid + `":1}`} {
		header := a.replaced(t, `"kid":"`+kid+`"`, `"kid":`+other)
		a.refused(t, a.key.mint(t, header, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
	}
	// One key's token under the ID of another.
	a.refused(t, a.key.mint(t, a.replaced(t, kid, a.otherID), a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
	// No ID at all.
	for _, member := range []string{`,"kid":"` + kid + `"`, `"kid":"` + kid + `",`} {
		if strings.Contains(a.header, member) {
			a.refused(t, a.key.mint(t, strings.Replace(a.header, member, "", 1), a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
		}
	}
}

func attackDuplicateHeader(t *testing.T, a *target) {
	for _, member := range []string{`"alg":"none"`, `"alg":"` + a.algorithm() + `"`, `"alg":"HS256"`, `"kid":"` + a.otherID + `"`, `"kid":""`, `"typ":"JWT"`, `"\u0061lg":"none"`, `"x":{"y":1,"y":2}`} {
		a.refused(t, a.key.mint(t, a.with(member), a.claims))
		a.refused(t, a.key.mint(t, a.header[:len(a.header)-1]+","+member+"}", a.claims))
	}
}

func attackDuplicateClaims(t *testing.T, a *target) {
	for _, member := range []string{`"sub":"admin"`, `"exp":9999999999`, `"iss":"https://shop.example"`, `"aud":"shop"`, `"\u0073ub":"admin"`, `"x":1,"x":1`, `"x":{"y":1,"y":2}`, `"x":[{"y":1,"y":2}]`} {
		a.refused(t, a.key.mint(t, a.header, "{"+member+","+a.claims[1:]))
		a.refused(t, a.key.mint(t, a.header, a.claims[:len(a.claims)-1]+","+member+"}"))
	}
}

func attackExtensions(t *testing.T, a *target) {
	for _, member := range []string{
		`"crit":[]`, `"crit":["exp"]`, `"crit":["b64"]`, `"crit":["http://example.com/UNDEFINED"],"http://example.com/UNDEFINED":true`, `"crit":null`,
		`"zip":"DEF"`, `"zip":""`, `"b64":false`, `"b64":true`, `"b64":false,"crit":["b64"]`, `"enc":"A256GCM"`, `"enc":"A128CBC-HS256","zip":"DEF"`,
	} {
		a.refused(t, a.key.mint(t, a.with(member), a.claims))
	}
	// Compressed claims, signed as they are.
	a.refused(t, a.key.mint(t, a.header, "\x78\x9c\xab\x56\x2a\x2e\x4d\x52\xb2\x52\x4a\x4c\xc9\xcd\xcc\x53\xaa\x05\x00"))
}

func attackKeysInHeader(t *testing.T, a *target) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a key was fetched") }))
	defer server.Close()
	attacker := derive(t, signed.EdDSA, secretOf("attacker"))
	switch a.key.method {
	case jwt.SigningMethodES256:
		attacker = derive(t, signed.ES256, secretOf("attacker"))
	case jwt.SigningMethodHS256:
		attacker = derive(t, signed.HS256, secretOf("attacker"))
	case jwt.SigningMethodRS256, jwt.SigningMethodPS256:
		attacker = rsaSigner(t)
		attacker.method = a.key.method
	}
	jwk := string(publicForms(t, derive(t, signed.EdDSA, secretOf("attacker")).verify)["JWK"])
	for _, member := range []string{
		`"jku":"` + server.URL + `/jwks.json"`, `"x5u":"` + server.URL + `/cert.pem"`, `"jwk":` + jwk, `"jwk":{"kty":"oct","k":"` + encode(secretOf("attacker")) + `"}`,
		`"x5c":["` + base64.StdEncoding.EncodeToString(make([]byte, 300)) + `"]`, `"x5t":"` + encode(make([]byte, 20)) + `"`, `"x5t#S256":"` + encode(make([]byte, 32)) + `"`,
	} {
		a.refused(t, attacker.mint(t, a.with(member), a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
		a.refused(t, attacker.mint(t, `{`+member+`,"alg":"`+a.algorithm()+`"}`, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
	}
	a.refused(t, attacker.mint(t, a.header, a.claims), hardtack.ErrForged)
}

func attackNumbers(t *testing.T, a *target) {
	for _, name := range []string{"exp", "iat", "nbf"} {
		begin := strings.Index(a.claims, `"`+name+`":`)
		if begin < 0 {
			continue
		}
		begin += len(name) + 3
		end := begin + strings.IndexAny(a.claims[begin:], ",}")
		for _, number := range []string{
			"1e400", "-1e400", "1e308", "1e309", "9223372036854775807", "9223372036854775808", "18446744073709551616", "99999999999999999999999999999999", "281474976711",
			"-1", "-1774832400", "NaN", "nan", "Infinity", "-Infinity", "+1774832400", "01774832400", "0x69c8d010", "1_774_832_400", ".5", "1.", "1e", "",
			`"1774832400"`, `"NaN"`, `"0x1p30"`, `"Infinity"`, "true", "null", "[]", "{}", "[1774832400]", strings.Repeat("9", 4000),
		} {
			if a.foreign && (name == "iat" && json.Valid([]byte(number)) || number == "null" || number == `"1774832400"`) {
				continue // live sessions of golang-jwt may have these
			}
			a.refused(t, a.key.mint(t, a.header, a.claims[:begin]+number+a.claims[end:]))
		}
		if a.foreign {
			if name != "iat" {
				a.refused(t, a.key.mint(t, a.header, a.claims[:begin]+"253402300800"+a.claims[end:])) // the year 10000
			}
		} else { // one spelling of each number is good
			for _, number := range []string{a.claims[begin:end] + ".0", a.claims[begin:end] + "e0", "-0", "0.5", "1.7748324e9"} {
				a.refused(t, a.key.mint(t, a.header, a.claims[:begin]+number+a.claims[end:]))
			}
		}
	}
}

func attackType(t *testing.T, a *target) {
	_, typ, _ := strings.Cut(a.header, `"typ":"`)
	typ, _, _ = strings.Cut(typ, `"`)
	for _, other := range []string{"", "jwt", "JOSE", "at+jwt", "logout+jwt", "dpop+jwt", strings.ToLower(typ) + " ", "application/" + typ, "__Host-other+jwt", "session+jwt", "__host-session+jwt"} {
		a.refused(t, a.key.mint(t, a.replaced(t, `"typ":"`+typ+`"`, `"typ":"`+other+`"`), a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
	}
	for _, other := range []string{"null", "1", "[]", `["` + typ + `"]`} {
		a.refused(t, a.key.mint(t, a.replaced(t, `"typ":"`+typ+`"`, `"typ":`+other), a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
	}
	for _, member := range []string{`,"typ":"` + typ + `"`, `"typ":"` + typ + `",`} {
		if strings.Contains(a.header, member) {
			a.refused(t, a.key.mint(t, strings.Replace(a.header, member, "", 1), a.claims), hardtack.ErrMalformed, hardtack.ErrForged)
		}
	}
}

func attackNested(t *testing.T, a *target) {
	a.refused(t, a.key.mint(t, a.header, a.value))
	a.refused(t, a.key.mint(t, a.with(`"cty":"JWT"`), a.value))
	a.refused(t, a.key.mint(t, a.header, `"`+a.value+`"`))
	a.refused(t, a.value+"."+a.value)
	a.refused(t, encode([]byte(a.value)))
}

func attackDetached(t *testing.T, a *target) {
	header, claims, signature := encode([]byte(a.header)), encode([]byte(a.claims)), encode(a.signature)
	a.refused(t, header+".."+signature)
	a.refused(t, "."+claims+"."+signature)
	a.refused(t, header+"."+a.claims+"."+signature)
	a.refused(t, a.header+"."+a.claims+"."+signature)
	// RFC 7797: the claims as they are.
	unencoded := a.with(`"b64":false,"crit":["b64"]`)
	text := encode([]byte(unencoded)) + "." + a.claims
	raw, err := a.key.method.Sign(text, a.key.sign)
	require.NoError(t, err)
	a.refused(t, text+"."+encode(raw))
	a.refused(t, encode([]byte(unencoded))+".."+encode(raw))
	a.refused(t, a.key.mint(t, a.header, ""))
}

func attackSpelling(t *testing.T, a *target) {
	for i := range 3 {
		p := strings.Split(a.value, ".")
		for _, change := range []func(string) string{
			func(s string) string { return s + "=" },
			func(s string) string { return s + "==" },
			func(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) + " " },
			func(s string) string { return s + "\n" },
			func(s string) string { return "\r\n" + s },
			func(s string) string { return s[:4] + "\n" + s[4:] },
			func(s string) string { return s + " " },
			func(s string) string { return " " + s },
			func(s string) string { return s + "\t" },
			func(s string) string { return s + "\x00" },
			func(s string) string { return s + "\u200b" },
			func(s string) string { return s + "A" },
			func(s string) string { return s + "AA" },
			func(s string) string { return s + "AAAA" },
			func(s string) string { return s[:len(s)-1] },
			func(s string) string { return s[:len(s)-1] + "+" },
			func(s string) string { return s[:len(s)-1] + "/" },
			func(s string) string { return "%65" + s[1:] },
			func(s string) string { return strings.ToUpper(s) },
		} {
			q := append([]string(nil), p...)
			q[i] = change(q[i])
			if q[i] != p[i] {
				a.refused(t, strings.Join(q, "."), hardtack.ErrMalformed, hardtack.ErrForged)
			}
		}
		// Bits that the last character has too many.
		if n := len(p[i]); n%4 != 0 {
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			q := append([]string(nil), p...)
			q[i] = p[i][:n-1] + string(alphabet[strings.IndexByte(alphabet, p[i][n-1])|1])
			a.refused(t, strings.Join(q, "."))
		}
	}
	for _, value := range []string{" " + a.value, a.value + " ", a.value + "\n", "\n" + a.value, `"` + a.value + `"`, "." + a.value, a.value + ".", strings.Replace(a.value, ".", "..", 1), "Bearer " + a.value} {
		a.refused(t, value)
	}
	// What the application itself might have signed, but did not write so.
	if !a.foreign {
		for _, claims := range []string{" " + a.claims, a.claims + "\n", "{ " + a.claims[1:], strings.Replace(a.claims, ":", ": ", 1), strings.Replace(a.claims, `"sub"`, `"SUB"`, 1), strings.Replace(a.claims, `"sub"`, `"s\u0075b"`, 1), strings.Replace(a.claims, "alice", `\u0061lice`, 1), strings.Replace(a.claims, `"aud":"shop"`, `"aud":["shop"]`, 1)} {
			require.NotEqual(t, a.claims, claims)
			a.refused(t, a.key.mint(t, a.header, claims))
		}
		for _, header := range []string{" " + a.header, a.header + "\n", "{ " + a.header[1:], strings.Replace(a.header, `"kid"`, `"KID"`, 1), strings.Replace(a.header, "alg", `\u0061lg`, 1)} {
			a.refused(t, a.key.mint(t, header, a.claims))
		}
	}
	for _, trailing := range []string{"{}", "x", "}", "null"} {
		a.refused(t, a.key.mint(t, a.header+trailing, a.claims))
		a.refused(t, a.key.mint(t, a.header, a.claims+trailing))
	}
	for _, not := range []string{"null", "[]", "1", `""`, "true", "{", "{}", strings.Repeat("[", 3000), strings.Repeat(`{"a":`, 900)} {
		a.refused(t, a.key.mint(t, not, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
		if not != "{}" || !a.foreign {
			a.refused(t, a.key.mint(t, a.header, not))
		}
	}
}

func attackSignatures(t *testing.T, a *target) {
	text := a.value[:strings.LastIndexByte(a.value, '.')+1]
	n := len(a.signature)
	for _, signature := range [][]byte{
		make([]byte, n), make([]byte, n-1), make([]byte, n+1), make([]byte, 1), make([]byte, 2*n), make([]byte, 4000),
		a.signature[:n-1], a.signature[1:], a.signature[:n/2], append([]byte{0}, a.signature...), append(append([]byte(nil), a.signature...), 0),
		append(append([]byte(nil), a.signature...), a.signature...),
	} {
		reasons := []error{hardtack.ErrForged}
		if !a.foreign && len(signature) != n {
			reasons[0] = hardtack.ErrMalformed // whatever the key
		}
		a.refused(t, text+encode(signature), reasons...)
	}
	switch a.algorithm() {
	case "ES256":
		attackECDSA(t, a, text)
	case "EdDSA":
		// S plus the order of the group is the same to a verifier that does not look.
		order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
		s := make([]byte, 32)
		for i := range s {
			s[i] = a.signature[63-i]
		}
		sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
		other := append([]byte(nil), a.signature...)
		for i := range sum {
			other[63-i] = sum[i]
		}
		a.refused(t, text+encode(other), hardtack.ErrForged)
		// The neutral element as R and as key, S zero: what passes where keys of small order do.
		neutral := append([]byte{1}, make([]byte, 63)...)
		a.refused(t, text+encode(neutral), hardtack.ErrForged)
	}
}

func attackECDSA(t *testing.T, a *target, text string) {
	order := elliptic.P256().Params().N
	number := func(x *big.Int) []byte { return x.FillBytes(make([]byte, 32)) }
	zero, one, largest := new(big.Int), big.NewInt(1), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	r, s := new(big.Int).SetBytes(a.signature[:32]), new(big.Int).SetBytes(a.signature[32:])
	for _, x := range []*big.Int{zero, one, order, largest, new(big.Int).Add(order, one)} {
		for _, y := range []*big.Int{zero, one, order, largest} {
			a.refused(t, text+encode(append(number(x), number(y)...)), hardtack.ErrForged)
		}
		a.refused(t, text+encode(append(number(x), number(s)...)), hardtack.ErrForged)
		a.refused(t, text+encode(append(number(r), number(x)...)), hardtack.ErrForged)
	}
	asn1, err := ecdsa.SignASN1(rand.Reader, a.key.sign.(*ecdsa.PrivateKey), secretOf("x"))
	require.NoError(t, err)
	a.refused(t, text+encode(asn1), hardtack.ErrMalformed, hardtack.ErrForged)

	// Whoever has a token can make another one of the same content: (r, n−s). It is the same session.
	twin := text + encode(append(number(r), number(new(big.Int).Sub(order, s))...))
	require.NotEqual(t, a.value, twin)
	assert.Equal(t, open(t, a.codec, a.b, a.value), open(t, a.codec, a.b, twin))
}

func attackJWE(t *testing.T, a *target) {
	header := encode([]byte(`{"alg":"dir","enc":"A256GCM","kid":"` + a.otherID + `"}`))
	claims := encode([]byte(a.claims))
	for _, value := range []string{header + ".." + encode(make([]byte, 12)) + "." + claims + "." + encode(make([]byte, 16)), header + "." + claims + "." + claims + "." + claims + "." + claims} {
		a.refused(t, value)
	}
	// In three parts, signed by us, it is still none of ours.
	a.refused(t, a.key.mint(t, `{"alg":"dir","enc":"A256GCM"}`, a.claims), hardtack.ErrMalformed, hardtack.ErrUnknownKey)
}

func attackJSONSerialization(t *testing.T, a *target) {
	header, claims, signature := encode([]byte(a.header)), encode([]byte(a.claims)), encode(a.signature)
	a.refused(t, `{"payload":"`+claims+`","protected":"`+header+`","signature":"`+signature+`"}`)
	a.refused(t, `{"payload":"`+claims+`","signatures":[{"protected":"`+header+`","signature":"`+signature+`"}]}`)
	a.refused(t, encode([]byte(`{"payload":"`+claims+`","protected":"`+header+`","signature":"`+signature+`"}`)))
}

func attackGarbage(t *testing.T, a *target) {
	for _, value := range []string{
		"", ".", "..", "...", "....", "a", "a.b", "a.b.c", "A.B.C", "AA.AA.AA", "\x00.\x00.\x00", "ü.ü.ü", "null", "{}", strings.Repeat("A", 8192), strings.Repeat(".", 8192), strings.Repeat("A.", 4096),
		strings.Repeat("A", 1<<20), a.value + strings.Repeat("A", 1<<20), strings.Repeat("A", 4000) + "." + strings.Repeat("A", 4000) + ".AAAA",
	} {
		a.refused(t, value, hardtack.ErrMalformed)
	}
}

func attackEveryPosition(t *testing.T, a *target) {
	reasons := []error{hardtack.ErrMalformed, hardtack.ErrForged, hardtack.ErrUnknownKey}
	for i := range a.value {
		for _, c := range []byte{a.value[i] ^ 1, a.value[i] ^ 2, a.value[i] ^ 0x20, a.value[i] ^ 0x80, 'A', '.'} {
			if c != a.value[i] {
				a.refused(t, a.value[:i]+string([]byte{c})+a.value[i+1:], reasons...)
			}
		}
		a.refused(t, a.value[:i], reasons...)
		a.refused(t, a.value[i+1:], reasons...)
		a.refused(t, a.value[:i]+a.value[i+1:], reasons...)
	}
}

func attackClaims(t *testing.T, a *target) {
	signature := encode(a.signature)
	for _, claims := range []string{strings.Replace(a.claims, "alice", "admin", 1), strings.Replace(a.claims, "user", "root", 1), "{}", "null"} {
		a.refused(t, encode([]byte(a.header))+"."+encode([]byte(claims))+"."+signature, hardtack.ErrForged)
	}
	for _, claim := range []string{`"iss":"https://shop.example"`, `"aud":"shop"`, `"aud":["shop"]`} {
		if strings.Contains(a.claims, claim+",") {
			a.refused(t, a.key.mint(t, a.header, strings.Replace(a.claims, claim+",", "", 1)), hardtack.ErrForged)
			other := strings.NewReplacer("shop", "Shop").Replace(claim)
			a.refused(t, a.key.mint(t, a.header, strings.Replace(a.claims, claim, other, 1)), hardtack.ErrForged)
		}
	}
}
