package signed_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// The known attacks on JSON Web Tokens, each against both codecs and each algorithm. Where the attacker has no key, the token is forged; where a test
// signs with the real one, it shows that not even the application itself could make such a token pass.

// target is a codec under attack, and a token that it accepts.
type target struct {
	name           string
	foreign        bool
	codec          hardtack.Codec
	b              hardtack.Binding
	key            signer // the real one
	value          string
	header, claims string // of value
	signature      []byte
	otherID        string // of another key that the codec knows
}

func (a *target) set(t testing.TB, value string) {
	a.value = value
	a.header, a.claims, a.signature = parts(t, value)
	open(t, a.codec, a.b, value)
}

// refused asserts that value is not accepted, for one of these reasons, and that nothing comes of it.
func (a *target) refused(t *testing.T, value string, reasons ...error) {
	t.Helper()
	if len(reasons) == 0 {
		reasons = []error{hardtack.ErrMalformed}
		if a.foreign {
			reasons = append(reasons, hardtack.ErrPayload) // once the signature holds
		}
	}
	rec := hardtack.Record{Subject: "untouched"}
	err := a.codec.Open(t.Context(), a.b, value, &rec)
	require.Error(t, err, "%.300s", value)
	known := false
	for _, reason := range reasons {
		known = known || errors.Is(err, reason)
	}
	assert.True(t, known, "%v, of %.300s", err, value)
	assert.Equal(t, hardtack.Record{Subject: "untouched"}, rec)
	if len(value) > 10 {
		assert.NotContains(t, err.Error(), value[:10])
	}
}

// with returns the header with one more member in front.
func (a *target) with(member string) string { return "{" + member + "," + a.header[1:] }

// replaced returns the header with something else in it.
func (a *target) replaced(t *testing.T, old, new string) string {
	t.Helper()
	require.Contains(t, a.header, old)
	return strings.Replace(a.header, old, new, 1)
}

func (a *target) algorithm() string { return a.key.method.Alg() }

type handClaims struct {
	jwt.RegisteredClaims
	Name string `json:"name"`
}

// byHand is what an application makes with golang-jwt.
func byHand(t testing.TB, s signer, kid string, claims jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	value, err := token.SignedString(s.sign)
	require.NoError(t, err)
	return value
}

func rsaSigner(t testing.TB) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return signer{jwt.SigningMethodRS256, key, &key.PublicKey}
}

// handSigner returns keys as an application has them.
func handSigner(t testing.TB, algorithm signed.Algorithm) signer {
	t.Helper()
	switch algorithm {
	case "RS256":
		return rsaSigner(t)
	case "PS256":
		s := rsaSigner(t)
		s.method = jwt.SigningMethodPS256
		return s
	}
	return derive(t, algorithm, secretOf("by hand "+string(algorithm)))
}

func handCodec(t testing.TB, change func(*signed.ForeignConfig[handClaims, cart]), keys ...signed.VerifyKey) *signed.ForeignCodec {
	t.Helper()
	f := signed.ForeignConfig[handClaims, cart]{
		Unique: true,
		MaxAge: 24 * time.Hour,
		Keys:   keys,
		From:   func(c *handClaims) (cart, error) { return cart{Items: []string{c.Name}}, nil },
	}
	if change != nil {
		change(&f)
	}
	c, err := signed.NewForeignCodec(f)
	require.NoError(t, err)
	return c
}

func targets(t *testing.T) (all []*target) {
	t.Helper()
	for _, a := range algorithms {
		key, other := keyOf(t, "attacked", epoch, time.Time{}), keyOf(t, "other", epoch.Add(-time.Hour), time.Time{})
		ring := ringOf(t, key, other)
		x := &target{
			name:    "Codec " + string(a),
			codec:   newCodec(t, ring, signed.Options{Algorithm: a, Issuer: "https://shop.example"}),
			b:       hardtack.Binding{Name: cookieName, Audience: "shop", Now: epoch},
			key:     derive(t, a, secretOf("attacked")),
			otherID: other.ID().String() + "-" + string(a),
		}
		x.set(t, seal(t, x.codec, x.b, record(`{"role":"user"}`)))
		all = append(all, x)
	}
	for _, a := range []signed.Algorithm{signed.EdDSA, signed.ES256, signed.HS256, "RS256", "PS256"} {
		s := handSigner(t, a)
		other := derive(t, signed.HS256, secretOf("other by hand"))
		x := &target{
			name:    "ForeignCodec " + string(a),
			foreign: true,
			codec: handCodec(t, func(f *signed.ForeignConfig[handClaims, cart]) {
				f.Issuer, f.Audience, f.Type = "https://shop.example", "shop", "JWT"
			}, signed.VerifyKey{ID: "k1", Algorithm: a, Key: s.verify}, signed.VerifyKey{ID: "k2", Algorithm: "HS256", Key: other.verify}),
			b:       hardtack.Binding{Name: cookieName, Now: epoch},
			key:     s,
			otherID: "k2",
		}
		x.set(t, byHand(t, s, "k1", handClaims{jwt.RegisteredClaims{
			Issuer:    "https://shop.example",
			Subject:   "alice",
			Audience:  jwt.ClaimStrings{"shop"},
			IssuedAt:  jwt.NewNumericDate(epoch.Add(-time.Hour)),
			ExpiresAt: jwt.NewNumericDate(epoch.Add(time.Hour)),
		}, "user"}))
		all = append(all, x)
	}
	return all
}

func TestAttacks(t *testing.T) {
	for _, a := range targets(t) {
		t.Run(a.name, func(t *testing.T) {
			for _, attack := range []struct {
				name string
				run  func(*testing.T, *target)
			}{
				{"alg none", attackNone},
				{"public key as HMAC secret", attackConfusion},
				{"algorithm of another key", attackAlgorithms},
				{"kid injection", attackKid},
				{"duplicate header members", attackDuplicateHeader},
				{"duplicate claims", attackDuplicateClaims},
				{"crit, zip, b64, enc", attackExtensions},
				{"keys in the header", attackKeysInHeader},
				{"numbers", attackNumbers},
				{"typ", attackType},
				{"nested token", attackNested},
				{"detached and unencoded payload", attackDetached},
				{"white space, line breaks, padding", attackSpelling},
				{"signatures", attackSignatures},
				{"JWE", attackJWE},
				{"JSON serialization", attackJSONSerialization},
				{"not a token", attackGarbage},
				{"every position", attackEveryPosition},
				{"altered claims", attackClaims},
			} {
				t.Run(attack.name, func(t *testing.T) { attack.run(t, a) })
			}
		})
	}
}
