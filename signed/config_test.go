package signed_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// faultsOf returns the fields of all *hardtack.ConfigError in err, which must have nothing else.
func faultsOf(t *testing.T, err error) (fields []string) {
	t.Helper()
	require.Error(t, err)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, e := range joined.Unwrap() {
		fault := (*hardtack.ConfigError)(nil)
		require.ErrorAs(t, e, &fault)
		assert.NotEmpty(t, fault.Reason)
		assert.True(t, strings.HasPrefix(e.Error(), "hardtack: signed."), e.Error())
		fields = append(fields, strings.TrimPrefix(fault.Type, "signed.")+"."+fault.Field)
	}
	return fields
}

func TestNewCodecFaults(t *testing.T) {
	c, err := signed.NewCodec(nil, signed.Options{Algorithm: "RS256", Issuer: "\xff", Claim: "EXP"})
	assert.Nil(t, c)
	assert.Equal(t, []string{"Options.(keys)", "Options.Algorithm", "Options.Issuer", "Options.Claim"}, faultsOf(t, err))
	ring := hardtack.EphemeralKeyring()
	for _, claim := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "hardtack", "Hardtack", "\xff", strings.Repeat("a", 256)} {
		_, err := signed.NewCodec(ring, signed.Options{Claim: claim})
		assert.Equal(t, []string{"Options.Claim"}, faultsOf(t, err), "%q", claim)
	}
	for _, a := range []signed.Algorithm{"none", "eddsa", "HS384", " ", "Ed25519"} {
		_, err := signed.NewCodec(ring, signed.Options{Algorithm: a})
		assert.Equal(t, []string{"Options.Algorithm"}, faultsOf(t, err), "%q", a)
	}
	_, err = signed.NewCodec(ring, signed.Options{Issuer: strings.Repeat("a", 256)})
	assert.Equal(t, []string{"Options.Issuer"}, faultsOf(t, err))
	_, err = signed.NewCodec(ring, signed.Options{Issuer: strings.Repeat("a", 255), Claim: strings.Repeat("<", 255)})
	assert.NoError(t, err)
}

func configFaults(t *testing.T, err error, field string) string {
	t.Helper()
	fault := (*hardtack.ConfigError)(nil)
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, field, fault.Field)
	return fault.Reason
}

func TestCodecInConfig(t *testing.T) {
	ring := hardtack.EphemeralKeyring()
	codec := newCodec(t, ring, signed.Options{})
	good := hardtack.Config{Keys: ring, Codec: codec, Serializer: hardtack.JSON{}}
	_, err := hardtack.New[cart](good)
	require.NoError(t, err)

	_, err = hardtack.NewHybrid[cart](good, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "stateless")

	c := good
	c.Serializer = nil
	_, err = hardtack.New[cart](c)
	assert.Contains(t, configFaults(t, err, "Codec"), "hardtack.JSON{}")

	c = good
	c.Keys = hardtack.EphemeralKeyring()
	_, err = hardtack.New[cart](c)
	assert.Contains(t, configFaults(t, err, "Codec"), "another ring")

	c = good
	c.Audience = "\xff"
	_, err = hardtack.New[cart](c)
	assert.Contains(t, configFaults(t, err, "Codec"), "UTF-8")

	// As a former format it goes with every ring and Jar.
	c = hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: []hardtack.Former{{Codec: codec}}}
	_, err = hardtack.New[cart](c)
	assert.NoError(t, err)
	_, err = hardtack.NewHybrid[cart](c, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	assert.NoError(t, err)
}

func TestForeignCodecInConfig(t *testing.T) {
	codec := handCodec(t, func(f *signed.ForeignConfig[handClaims, cart]) { f.MaxAge = 48 * time.Hour }, signed.VerifyKey{Algorithm: "HS256", Key: []byte("secret")})
	assert.False(t, codec.Encrypts())
	ring := hardtack.EphemeralKeyring()
	_, err := hardtack.New[cart](hardtack.Config{Keys: ring, Codec: codec, Lifetime: 48 * time.Hour})
	assert.Contains(t, configFaults(t, err, "Codec"), "Formerly")
	_, err = hardtack.NewHybrid[cart](hardtack.Config{Keys: ring, Codec: codec, Lifetime: 48 * time.Hour}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	assert.Error(t, err)
	_, err = hardtack.New[cart](hardtack.Config{Keys: ring, Lifetime: 48*time.Hour - 1, Formerly: []hardtack.Former{{Name: "old", Codec: codec}}})
	assert.Contains(t, configFaults(t, err, "Formerly[0].Codec"), "raise it to MaxAge (48h0m0s)")
	_, err = hardtack.New[cart](hardtack.Config{Keys: ring, Lifetime: 48 * time.Hour, Formerly: []hardtack.Former{{Name: "old", Codec: codec}}})
	assert.NoError(t, err)

	_, _, err = codec.Seal(t.Context(), nil, hardtack.Binding{}, record("1"))
	assert.ErrorContains(t, err, "only reads")
}

func TestForeignConfigFaults(t *testing.T) {
	_, err := signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{MaxAge: -1})
	assert.Equal(t, []string{"ForeignConfig.Keys", "ForeignConfig.MaxAge", "ForeignConfig.From"}, faultsOf(t, err))

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	data := func(*handClaims) (cart, error) { return cart{}, nil }
	for name, test := range map[string]struct {
		key   signed.VerifyKey
		field string
	}{
		"no algorithm":           {signed.VerifyKey{Key: []byte("a")}, "Algorithm"},
		"none":                   {signed.VerifyKey{Algorithm: "none", Key: []byte("a")}, "Algorithm"},
		"lower case":             {signed.VerifyKey{Algorithm: "hs256", Key: []byte("a")}, "Algorithm"},
		"HS256 without":          {signed.VerifyKey{Algorithm: "HS256"}, "Key"},
		"HS256 empty":            {signed.VerifyKey{Algorithm: "HS256", Key: []byte{}}, "Key"},
		"HS256 text":             {signed.VerifyKey{Algorithm: "HS256", Key: "secret"}, "Key"},
		"HS256 with RSA":         {signed.VerifyKey{Algorithm: "HS256", Key: &rsaKey.PublicKey}, "Key"},
		"HS256 with PEM":         {signed.VerifyKey{Algorithm: "HS256", Key: publicForms(t, &rsaKey.PublicKey)["PEM"]}, "Key"},
		"HS512 with DER":         {signed.VerifyKey{Algorithm: "HS512", Key: publicForms(t, &p256.PublicKey)["DER"]}, "Key"},
		"HS384 with EdDSA":       {signed.VerifyKey{Algorithm: "HS384", Key: public}, "Key"},
		"RS256 with HMAC":        {signed.VerifyKey{Algorithm: "RS256", Key: []byte("a")}, "Key"},
		"RS256 with private":     {signed.VerifyKey{Algorithm: "RS256", Key: rsaKey}, "Key"},
		"RS256 by value":         {signed.VerifyKey{Algorithm: "RS256", Key: rsaKey.PublicKey}, "Key"},
		"RS256 nil":              {signed.VerifyKey{Algorithm: "RS256", Key: (*rsa.PublicKey)(nil)}, "Key"},
		"RS256 zero":             {signed.VerifyKey{Algorithm: "RS256", Key: new(rsa.PublicKey)}, "Key"},
		"PS512 too small":        {signed.VerifyKey{Algorithm: "PS512", Key: &rsa.PublicKey{N: big.NewInt(3233), E: 17}}, "Key"},
		"ES256 with P-384":       {signed.VerifyKey{Algorithm: "ES256", Key: &p384.PublicKey}, "Key"},
		"ES384 with P-256":       {signed.VerifyKey{Algorithm: "ES384", Key: &p256.PublicKey}, "Key"},
		"ES256 with private":     {signed.VerifyKey{Algorithm: "ES256", Key: p256}, "Key"},
		"ES256 nil":              {signed.VerifyKey{Algorithm: "ES256", Key: (*ecdsa.PublicKey)(nil)}, "Key"},
		"ES256 off its curve":    {signed.VerifyKey{Algorithm: "ES256", Key: &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}}, "Key"},
		"EdDSA with private":     {signed.VerifyKey{Algorithm: "EdDSA", Key: private}, "Key"},
		"EdDSA short":            {signed.VerifyKey{Algorithm: "EdDSA", Key: public[:31]}, "Key"},
		"EdDSA with plain bytes": {signed.VerifyKey{Algorithm: "EdDSA", Key: []byte(public)}, "Key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{Keys: []signed.VerifyKey{test.key}, MaxAge: time.Hour, From: data})
			assert.Equal(t, []string{"ForeignConfig.Keys[0]." + test.field}, faultsOf(t, err))
		})
	}

	_, err = signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{MaxAge: time.Hour, From: data, Keys: []signed.VerifyKey{
		{ID: "a", Algorithm: "HS256", Key: []byte("1")}, {ID: "b", Algorithm: "EdDSA", Key: []byte("2")}, {ID: "a", Algorithm: "HS256", Key: []byte("3")},
	}})
	assert.Equal(t, []string{"ForeignConfig.Keys[1].Key", "ForeignConfig.Keys[2].ID"}, faultsOf(t, err))

	var keys []signed.VerifyKey
	for range 5 {
		keys = append(keys, signed.VerifyKey{Algorithm: "HS256", Key: []byte("1")})
	}
	_, err = signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{MaxAge: time.Hour, From: data, Keys: keys})
	assert.Equal(t, []string{"ForeignConfig.Keys"}, faultsOf(t, err))
	_, err = signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{From: data, Keys: keys[:4], MaxAge: 400*24*time.Hour + 1})
	assert.Equal(t, []string{"ForeignConfig.MaxAge"}, faultsOf(t, err))
	_, err = signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{From: data, Keys: keys[:4], MaxAge: 400 * 24 * time.Hour})
	assert.NoError(t, err)
}

func TestJWKSFaults(t *testing.T) {
	ring := hardtack.EphemeralKeyring()
	good := newCodec(t, ring, signed.Options{})
	secret := newCodec(t, ring, signed.Options{Algorithm: signed.HS256})
	_, err := signed.JWKSHandler(signed.JWKSOptions{MaxAge: time.Millisecond}, good, secret, nil)
	assert.Equal(t, []string{"JWKSOptions.MaxAge", "JWKSOptions.(codecs)[1]", "JWKSOptions.(codecs)[2]"}, faultsOf(t, err))
	_, err = signed.JWKSHandler(signed.JWKSOptions{MaxAge: 25 * time.Hour})
	assert.Equal(t, []string{"JWKSOptions.MaxAge", "JWKSOptions.(codecs)"}, faultsOf(t, err))
	assert.True(t, errors.As(err, new(*hardtack.ConfigError)))
}
