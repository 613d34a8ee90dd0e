package signed_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

var handBinding = hardtack.Binding{Name: "token", Now: epoch}

func hmacSigner(secret string) signer {
	return signer{jwt.SigningMethodHS256, []byte(secret), []byte(secret)}
}

// at returns a NumericDate that far from epoch.
func at(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(epoch.Add(d)) }

func openError(t testing.TB, c hardtack.Codec, b hardtack.Binding, value string) error {
	t.Helper()
	var rec hardtack.Record
	err := c.Open(t.Context(), b, value, &rec)
	if err != nil {
		assert.Zero(t, rec)
	}
	return err
}

func TestForeignAlgorithms(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	rsa := rsaSigner(t)
	all := map[signed.Algorithm]signer{
		"HS256": {jwt.SigningMethodHS256, []byte("x"), []byte("x")}, // short, as they are in the wild
		"HS384": {jwt.SigningMethodHS384, []byte("secret"), []byte("secret")},
		"HS512": {jwt.SigningMethodHS512, []byte("secret"), []byte("secret")},
		"RS256": rsa,
		"RS384": {jwt.SigningMethodRS384, rsa.sign, rsa.verify},
		"RS512": {jwt.SigningMethodRS512, rsa.sign, rsa.verify},
		"PS256": {jwt.SigningMethodPS256, rsa.sign, rsa.verify},
		"PS384": {jwt.SigningMethodPS384, rsa.sign, rsa.verify},
		"PS512": {jwt.SigningMethodPS512, rsa.sign, rsa.verify},
		"ES256": handSigner(t, "ES256"),
		"ES384": {jwt.SigningMethodES384, p384, &p384.PublicKey},
		"ES512": {jwt.SigningMethodES512, p521, &p521.PublicKey},
		"EdDSA": handSigner(t, "EdDSA"),
	}
	for a, s := range all {
		t.Run(string(a), func(t *testing.T) {
			codec := handCodec(t, nil, signed.VerifyKey{Algorithm: a, Key: s.verify})
			value := byHand(t, s, "", handClaims{jwt.RegisteredClaims{Subject: "alice", ID: "1", IssuedAt: at(-time.Hour), ExpiresAt: at(time.Hour)}, "tea"})
			rec := open(t, codec, handBinding, value)
			var data cart
			require.NoError(t, rec.Serializer.Unmarshal(rec.Payload, &data))
			assert.Equal(t, cart{Items: []string{"tea"}}, data)
			assert.Equal(t, "alice", rec.Subject)
			assert.Equal(t, at(-time.Hour).Unix(), rec.Created.Unix())
			assert.Equal(t, rec.Created, rec.Issued)
			assert.Equal(t, at(time.Hour).Unix(), rec.Expires.Unix())
			assert.Equal(t, hardtack.KindInline, rec.Kind)
			assert.Equal(t, hardtack.CBOR{}, rec.Serializer)
			assert.Zero(t, rec.Key)
			assert.Zero(t, rec.Seed)
			assert.Len(t, rec.ID, 22)
			// An RSA key has one algorithm here, although it could sign with six.
			for b, other := range all {
				if b != a {
					value := byHand(t, other, "", handClaims{jwt.RegisteredClaims{ExpiresAt: at(time.Hour)}, "tea"})
					assert.ErrorIs(t, openError(t, codec, handBinding, value), hardtack.ErrMalformed)
				}
			}
		})
	}
}

func TestForeignKeys(t *testing.T) {
	claims := handClaims{jwt.RegisteredClaims{ExpiresAt: at(time.Hour)}, "tea"}
	named := signed.VerifyKey{ID: "named", Algorithm: "HS256", Key: []byte("named")}
	codec := handCodec(t, nil, named,
		signed.VerifyKey{Algorithm: "HS256", Key: []byte("one")}, signed.VerifyKey{Algorithm: "HS256", Key: []byte("two")},
		signed.VerifyKey{Algorithm: "EdDSA", Key: handSigner(t, "EdDSA").verify})
	for _, test := range []struct {
		secret, kid string
		want        error
	}{
		{"named", "named", nil},
		{"one", "", nil},
		{"two", "", nil},
		{"two", "whatever", nil},
		{"named", "", hardtack.ErrForged},
		{"named", "Named", hardtack.ErrForged},
		{"one", "named", hardtack.ErrForged},
		{"three", "", hardtack.ErrForged},
		{"", "", hardtack.ErrForged},
	} {
		err := openError(t, codec, handBinding, byHand(t, hmacSigner(test.secret), test.kid, claims))
		if test.want == nil {
			assert.NoError(t, err, test)
		} else {
			assert.ErrorIs(t, err, test.want, test)
		}
	}
	assert.NoError(t, openError(t, codec, handBinding, byHand(t, handSigner(t, "EdDSA"), "", claims)))

	only := handCodec(t, nil, named)
	assert.ErrorIs(t, openError(t, only, handBinding, byHand(t, hmacSigner("named"), "other", claims)), hardtack.ErrUnknownKey)
	assert.ErrorIs(t, openError(t, only, handBinding, byHand(t, hmacSigner("named"), "", claims)), hardtack.ErrUnknownKey)

	// The secret is copied.
	secret := []byte("copied")
	codec = handCodec(t, nil, signed.VerifyKey{Algorithm: "HS256", Key: secret})
	clear(secret)
	assert.NoError(t, openError(t, codec, handBinding, byHand(t, hmacSigner("copied"), "", claims)))
}

func TestForeignClaims(t *testing.T) {
	s := hmacSigner("secret")
	key := signed.VerifyKey{Algorithm: "HS256", Key: []byte("secret")}
	strict := handCodec(t, func(f *signed.ForeignConfig[handClaims, cart]) { f.Issuer, f.Audience, f.Type = "i", "a", "at+jwt" }, key)
	lax := handCodec(t, nil, key)
	header := `{"alg":"HS256","typ":"at+jwt"}`
	rest := fmt.Sprintf(`,"exp":%d}`, epoch.Unix()+1000)
	for claims, want := range map[string]error{
		`{"iss":"i","aud":"a"`:             nil,
		`{"iss":"i","aud":["a"]`:           nil,
		`{"iss":"i","aud":["b","a"]`:       nil,
		`{"iss":"i","aud":[]`:              hardtack.ErrForged,
		`{"iss":"i","aud":["b"]`:           hardtack.ErrForged,
		`{"iss":"i","aud":"A"`:             hardtack.ErrForged,
		`{"iss":"i","aud":["ab"]`:          hardtack.ErrForged,
		`{"iss":"i","aud":{"a":"a"}`:       hardtack.ErrForged,
		`{"iss":"i","aud":["a",1]`:         hardtack.ErrForged,
		`{"iss":"i","aud":null`:            hardtack.ErrForged,
		`{"iss":"i"`:                       hardtack.ErrForged,
		`{"aud":"a"`:                       hardtack.ErrForged,
		`{"iss":"I","aud":"a"`:             hardtack.ErrForged,
		`{"iss":["i"],"aud":"a"`:           hardtack.ErrForged,
		`{"ISS":"i","aud":"a"`:             hardtack.ErrForged,
		`{"iss":"i","aud":"a","EXP":1`:     nil,
		`{"iss":"i","aud":"a","iss":"i"`:   hardtack.ErrPayload,
		`{"iss":"i","aud":"a","nbf":"1"`:   nil,
		`{"iss":"i","aud":"a","nbf":"x"`:   hardtack.ErrPayload,
		`{"iss":"i","aud":"a","iat":null`:  nil,
		`{"iss":"i","aud":"a","iat":"now"`: hardtack.ErrPayload, // the application's own type does not take it
		`{"iss":"i","aud":"a","name":"<>"`: nil,
	} {
		err := openError(t, strict, handBinding, s.mint(t, header, claims+rest))
		if want == nil {
			assert.NoError(t, err, claims)
		} else {
			assert.ErrorIs(t, err, want, claims)
		}
	}
	good := `{"iss":"i","aud":"a"` + rest
	for _, other := range []string{`{"alg":"HS256"}`, `{"alg":"HS256","typ":"JWT"}`, `{"alg":"HS256","typ":"AT+JWT"}`} {
		assert.ErrorIs(t, openError(t, strict, handBinding, s.mint(t, other, good)), hardtack.ErrForged)
		assert.NoError(t, openError(t, lax, handBinding, s.mint(t, other, good)))
	}
	// What was not asked for is not looked at.
	assert.NoError(t, openError(t, lax, handBinding, s.mint(t, `{"alg":"HS256","x5t":"a","cty":"b"}`, `{"iss":"x","aud":"y"`+rest)))
}

func TestForeignTimes(t *testing.T) {
	s := hmacSigner("secret")
	const maxAge = 2 * time.Hour
	key := signed.VerifyKey{Algorithm: "HS256", Key: []byte("secret")}
	without := handCodec(t, nil, key)
	with := handCodec(t, func(f *signed.ForeignConfig[handClaims, cart]) { f.MaxAge = maxAge }, key)
	now := epoch.Truncate(time.Second)
	b := hardtack.Binding{Name: "token", Now: now}
	mint := func(claims string, args ...any) string {
		return s.mint(t, `{"alg":"HS256","typ":"JWT"}`, fmt.Sprintf(claims, args...))
	}
	n := now.Unix()
	for name, test := range map[string]struct {
		codec            *signed.ForeignCodec
		claims           string
		created, expires time.Time
		err              error
	}{
		"iat and exp":              {without, fmt.Sprintf(`{"iat":%d,"exp":%d}`, n-60, n+60), now.Add(-time.Minute), now.Add(time.Minute), nil},
		"exp alone":                {without, fmt.Sprintf(`{"exp":%d}`, n+60), now.Add(time.Minute - 24*time.Hour), now.Add(time.Minute), nil},
		"exp alone, max age":       {with, fmt.Sprintf(`{"exp":%d}`, n+60), now.Add(time.Minute - maxAge), now.Add(time.Minute), nil},
		"exp beyond max age":       {with, fmt.Sprintf(`{"exp":%d}`, n+86400), time.Time{}, time.Time{}, hardtack.ErrPayload},
		"iat and max age":          {with, fmt.Sprintf(`{"iat":%d}`, n-60), now.Add(-time.Minute), now.Add(maxAge - time.Minute), nil},
		"iat, exp and max age":     {with, fmt.Sprintf(`{"iat":%d,"exp":%d}`, n-60, n+86400), now.Add(-time.Minute), now.Add(maxAge - time.Minute), nil},
		"fractions":                {without, fmt.Sprintf(`{"iat":%d.5,"exp":%d.25}`, n-60, n+60), now.Add(-59500 * time.Millisecond), now.Add(60250 * time.Millisecond), nil},
		"exponents":                {without, `{"iat":1.7e9,"exp":1.8E+9}`, time.Unix(1.7e9, 0), time.Unix(1.7e9, 0).Add(24 * time.Hour), nil},
		"already over":             {without, fmt.Sprintf(`{"exp":%d}`, n-1), now.Add(-time.Second - 24*time.Hour), now.Add(-time.Second), nil},
		"1970":                     {without, `{"iat":0,"exp":0}`, time.Time{}, time.Time{}, hardtack.ErrPayload},
		"no iat":                   {without, fmt.Sprintf(`{"iat":0,"exp":%d}`, n+60), now.Add(time.Minute - 24*time.Hour), now.Add(time.Minute), nil},
		"in quotes":                {without, fmt.Sprintf(`{"iat":"%d","exp":"%d"}`, n-60, n+60), now.Add(-time.Minute), now.Add(time.Minute), nil},
		"no time":                  {without, fmt.Sprintf(`{"iat":null,"nbf":null,"exp":%d}`, n+60), now.Add(time.Minute - 24*time.Hour), now.Add(time.Minute), nil},
		"clock skew":               {without, fmt.Sprintf(`{"iat":%d,"nbf":%d,"exp":%d}`, n+120, n+120, n+600), now, now.Add(10 * time.Minute), nil},
		"iat ahead":                {without, fmt.Sprintf(`{"iat":%d,"exp":%d}`, n+121, n+600), now, now.Add(10 * time.Minute), nil},
		"nbf ahead":                {without, fmt.Sprintf(`{"iat":%d,"nbf":%d.5,"exp":%d}`, n, n+120, n+600), time.Time{}, time.Time{}, hardtack.ErrNotYetValid},
		"neither":                  {without, `{}`, time.Time{}, time.Time{}, hardtack.ErrPayload},
		"iat alone":                {without, fmt.Sprintf(`{"iat":%d}`, n), now, now.Add(24 * time.Hour), nil},
		"nbf alone":                {with, fmt.Sprintf(`{"nbf":%d}`, n), time.Time{}, time.Time{}, hardtack.ErrPayload},
		"neither, although maxAge": {with, `{}`, time.Time{}, time.Time{}, hardtack.ErrPayload},
	} {
		t.Run(name, func(t *testing.T) {
			if test.err != nil {
				assert.ErrorIs(t, openError(t, test.codec, b, mint("%s", test.claims)), test.err)
				return
			}
			rec := open(t, test.codec, b, mint("%s", test.claims))
			assert.True(t, test.created.Equal(rec.Created), "%v, want %v", rec.Created, test.created)
			assert.True(t, test.expires.Equal(rec.Expires), "%v, want %v", rec.Expires, test.expires)
			assert.True(t, rec.Created.Equal(rec.Issued))
		})
	}
}

// validated is a claims type with a rule of its own.
type validated struct {
	handClaims
	Banned bool `json:"banned"`
}

func (v validated) Validate() error {
	if v.Banned {
		return errors.New("confidential: " + v.Name)
	}
	return nil
}

func TestForeignData(t *testing.T) {
	s := hmacSigner("secret")
	codec, err := signed.NewForeignCodec(signed.ForeignConfig[validated, cart]{
		Keys: []signed.VerifyKey{{Algorithm: "HS256", Key: []byte("secret")}}, MaxAge: time.Hour,
		From: func(c *validated) (cart, error) {
			if c.Name == "" {
				return cart{}, errors.New("confidential: no name")
			}
			return cart{Items: []string{c.Name}}, nil
		},
		Subject: func(c *cart) string { return "user " + c.Items[0] },
	})
	require.NoError(t, err)
	mint := func(claims string) string {
		return s.mint(t, `{"alg":"HS256"}`, fmt.Sprintf(`{%s,"exp":%d,"sub":"alice"}`, claims, epoch.Unix()+60))
	}
	assert.Equal(t, "user tea", open(t, codec, handBinding, mint(`"name":"tea"`)).Subject)
	for _, claims := range []string{`"name":""`, `"name":"confidential","banned":true`, `"name":7`, `"name":"confidential","banned":"yes"`} {
		err := openError(t, codec, handBinding, mint(claims))
		assert.ErrorIs(t, err, hardtack.ErrPayload, claims)
		assert.NotContains(t, err.Error(), "confidential")
	}

	// Any type of claims will do, maps as well; and what sub is not text is nobody.
	loose, err := signed.NewForeignCodec(signed.ForeignConfig[jwt.MapClaims, map[string]any]{
		Keys: []signed.VerifyKey{{Algorithm: "HS256", Key: []byte("secret")}}, MaxAge: time.Hour,
		From: func(c *jwt.MapClaims) (map[string]any, error) { return *c, nil },
	})
	require.NoError(t, err)
	rec := open(t, loose, handBinding, s.mint(t, `{"alg":"HS256"}`, fmt.Sprintf(`{"exp":%d,"sub":42,"iat":"2026-03-29T01:00:00Z"}`, epoch.Unix()+60)))
	assert.Empty(t, rec.Subject)
	var m map[string]any
	require.NoError(t, rec.Serializer.Unmarshal(rec.Payload, &m))
	assert.EqualValues(t, 42, m["sub"])

	// Data that has no encoding.
	odd, err := signed.NewForeignCodec(signed.ForeignConfig[jwt.MapClaims, any]{
		Keys: []signed.VerifyKey{{Algorithm: "HS256", Key: []byte("secret")}}, MaxAge: time.Hour,
		From: func(*jwt.MapClaims) (any, error) { return func() {}, nil },
	})
	require.NoError(t, err)
	assert.ErrorIs(t, openError(t, odd, handBinding, mint(`"name":"tea"`)), hardtack.ErrPayload)
}

func TestForeignSizes(t *testing.T) {
	s := hmacSigner("secret")
	codec := handCodec(t, nil, signed.VerifyKey{Algorithm: "HS256", Key: []byte("secret")})
	claims := func(n int) handClaims {
		return handClaims{jwt.RegisteredClaims{ExpiresAt: at(time.Hour)}, strings.Repeat("a", n)}
	}
	small := byHand(t, s, "", claims(6000))
	require.Less(t, len(small), 8193)
	assert.NoError(t, openError(t, codec, handBinding, small))
	big := byHand(t, s, "", claims(6100))
	require.Greater(t, len(big), 8192)
	assert.ErrorIs(t, openError(t, codec, handBinding, big), hardtack.ErrMalformed)
	assert.NoError(t, openError(t, codec, handBinding, byHand(t, s, strings.Repeat("k", 1900), claims(1))))
	assert.ErrorIs(t, openError(t, codec, handBinding, byHand(t, s, strings.Repeat("k", 2100), claims(1))), hardtack.ErrMalformed)
}

// Tokens that need not be unique name no session: of two visitors with the same one, each has his own.
func TestForeignTwins(t *testing.T) {
	for _, unique := range []bool{false, true} {
		codec := handCodec(t, func(f *signed.ForeignConfig[handClaims, cart]) { f.Unique, f.MaxAge = unique, time.Hour }, signed.VerifyKey{Algorithm: "HS256", Key: []byte("secret")})
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iat": epoch.Unix(), "name": "anybody"}).SignedString([]byte("secret"))
		require.NoError(t, err)
		jar, err := hardtack.NewHybrid[cart](hardtack.Config{
			Keys: hardtack.EphemeralKeyring(), Now: func() time.Time { return epoch }, Formerly: []hardtack.Former{{Name: "token", Codec: codec}},
		}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
		require.NoError(t, err)
		var ids []string
		for range 2 {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: "token", Value: token})
			s, err := jar.Get(r)
			require.NoError(t, err)
			ids = append(ids, s.ID())
		}
		assert.Equal(t, unique, ids[0] == ids[1])
	}
	var none *signed.ForeignCodec
	require.ErrorContains(t, none.CheckConfig(&hardtack.Config{}, hardtack.CodecOfFormer), "NewForeignCodec")
	require.ErrorContains(t, new(signed.Codec).CheckConfig(&hardtack.Config{}, hardtack.CodecOfJar), "NewCodec")
}
