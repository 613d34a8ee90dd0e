package interop

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxt "github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

const (
	issuer   = "https://shop.example"
	audience = "shop"
	cookie   = "__Host-session"
)

type cart struct {
	Items []string `json:"items"`
	Note  string   `json:"note,omitempty"`
}

// shop is an application with signed sessions, and its key set on the network.
type shop struct {
	ring  *hardtack.Keyring
	codec *signed.Codec
	jar   *hardtack.Jar[cart]
	jwks  string
}

func newShop(t *testing.T, alg signed.Algorithm) *shop {
	t.Helper()
	ring, err := hardtack.NewKeyring(hardtack.GenerateKey(time.Now().Add(-time.Hour), time.Time{}))
	require.NoError(t, err)
	s := &shop{ring: ring}
	s.codec, err = signed.NewCodec(ring, signed.Options{Algorithm: alg, Issuer: issuer})
	require.NoError(t, err)
	s.jar, err = hardtack.New[cart](hardtack.Config{Keys: ring, Codec: s.codec, Serializer: hardtack.JSON{}, Audience: audience})
	require.NoError(t, err)
	// A shop that changes its algorithm has both in its set.
	other := map[signed.Algorithm]signed.Algorithm{signed.EdDSA: signed.ES256, signed.ES256: signed.EdDSA}[alg]
	before, err := signed.NewCodec(ring, signed.Options{Algorithm: other, Issuer: issuer})
	require.NoError(t, err)
	handler, err := signed.JWKSHandler(signed.JWKSOptions{}, before, s.codec)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.jwks = server.URL + "/.well-known/jwks.json"
	return s
}

// session returns the cookie's value of a new session.
func (s *shop) session(t *testing.T) string {
	t.Helper()
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	session, err := s.jar.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	session.SetSubject("ada")
	session.Data = cart{Items: []string{"rope", "船乗りのパン"}, Note: "<&>\u2028"}
	_, err = s.jar.Save(w, r, session)
	require.NoError(t, err)
	return w.Result().Cookies()[0].Value
}

// forged returns token with another payload, and the signature it had.
func forged(token string) string {
	parts := strings.Split(token, ".")
	flip := map[byte]string{'A': "B"}[parts[1][10]]
	if flip == "" {
		flip = "A"
	}
	return parts[0] + "." + parts[1][:10] + flip + parts[1][11:] + "." + parts[2]
}

// verifier is somebody else's code that gets a token and the address of the key set, and returns the claims.
type verifier func(token, url string, alg signed.Algorithm) (claims map[string]any, err error)

func withGoJose(token, url string, alg signed.Algorithm) (map[string]any, error) {
	response, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var set gojose.JSONWebKeySet
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return nil, err
	}
	parsed, err := jwt.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, err
	}
	var registered jwt.Claims
	claims := make(map[string]any)
	if err := parsed.Claims(set, &registered, &claims); err != nil {
		return nil, err
	}
	return claims, registered.ValidateWithLeeway(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Subject: "ada", Time: time.Now()}, 0)
}

func withJWX(token, url string, _ signed.Algorithm) (map[string]any, error) {
	set, err := jwk.Fetch(context.Background(), url)
	if err != nil {
		return nil, err
	}
	parsed, err := jwxt.Parse([]byte(token), jwxt.WithKeySet(set), jwxt.WithIssuer(issuer), jwxt.WithAudience(audience))
	if err != nil {
		return nil, err
	}
	message, err := jws.Parse([]byte(token))
	if err != nil {
		return nil, err
	}
	if typ, _ := message.Signatures()[0].ProtectedHeaders().Type(); typ != cookie+"+jwt" {
		return nil, errors.New("another type: " + typ)
	}
	claims := make(map[string]any)
	text, err := json.Marshal(parsed)
	if err != nil {
		return nil, err
	}
	return claims, json.Unmarshal(text, &claims)
}

func (j *jose) verify(token, url string, alg signed.Algorithm) (map[string]any, error) {
	a := j.ask("verify", map[string]any{"url": url, "token": token, "options": map[string]any{
		"issuer": issuer, "audience": audience, "subject": "ada", "typ": cookie + "+jwt", "algorithms": []string{string(alg)},
		"requiredClaims": []string{"exp", "iat", "nbf", "jti"},
	}})
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Payload, nil
}

// TestOthersVerify: other implementations verify our tokens with the key set that we serve, through a rotation and a revocation.
func TestOthersVerify(t *testing.T) {
	verifiers := map[string]verifier{"go-jose": withGoJose, "jwx": withJWX}
	if !testing.Short() {
		verifiers["npm jose"] = startJose(t).verify
	} else {
		t.Log("-short: without jose, which is installed by npm")
	}
	for _, alg := range []signed.Algorithm{signed.EdDSA, signed.ES256} {
		for name, verify := range verifiers {
			t.Run(string(alg)+"/"+name, func(t *testing.T) {
				s := newShop(t, alg)
				first := s.session(t)
				check := func(token string) {
					t.Helper()
					claims, err := verify(token, s.jwks, alg)
					require.NoError(t, err)
					assert.Equal(t, map[string]any{"items": []any{"rope", "船乗りのパン"}, "note": "<&>\u2028"}, claims["session"])
					assert.Equal(t, "ada", claims["sub"])
					assert.Len(t, claims["jti"], 22)
				}
				check(first)
				_, err := verify(forged(first), s.jwks, alg)
				require.Error(t, err)
				_, err = verify(newShop(t, alg).session(t), s.jwks, alg)
				require.Error(t, err, "of another ring")

				// A key is announced: it is in the set before it signs, which it then does at once.
				old := s.ring.Keys()[0]
				announced := hardtack.GenerateKey(time.Now().Add(time.Hour), time.Time{})
				require.NoError(t, s.ring.Replace(old, announced))
				check(s.session(t))
				set, err := jwk.Fetch(t.Context(), s.jwks)
				require.NoError(t, err)
				_, there := set.LookupKeyID(announced.ID().String() + "-" + string(alg))
				assert.True(t, there)
				next, err := s.ring.Keys()[0].WithTimes(time.Now().Add(-time.Second), time.Time{})
				require.NoError(t, err)
				require.NoError(t, s.ring.Replace(old, next))
				second := s.session(t)
				require.NotEqual(t, strings.Split(first, ".")[0], strings.Split(second, ".")[0])
				check(second)
				check(first)

				require.NoError(t, s.ring.Revoke(t.Context(), old.ID()))
				fresh := s.jwks + "?" // nobody has a copy of the set from there
				_, err = verify(first, fresh, alg)
				require.Error(t, err, "of a revoked key")
				_, err = verify(second, fresh, alg)
				require.NoError(t, err)
			})
		}
	}
}

// TestOthersVerifySecret: with HS256 whoever has the secret can verify, and forge.
func TestOthersVerifySecret(t *testing.T) {
	ring, err := hardtack.NewKeyring(hardtack.GenerateKey(time.Time{}, time.Time{}))
	require.NoError(t, err)
	codec, err := signed.NewCodec(ring, signed.Options{Algorithm: signed.HS256, Issuer: issuer})
	require.NoError(t, err)
	jar, err := hardtack.New[cart](hardtack.Config{Keys: ring, Codec: codec, Serializer: hardtack.JSON{}, Audience: audience})
	require.NoError(t, err)
	token := (&shop{jar: jar}).session(t)
	secret := derive(t, derive(t, ring.Keys()[0].ExposeSecret(), "hardtack signing"), "hardtack signing HS256")
	parsed, err := jwt.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.HS256})
	require.NoError(t, err)
	var claims jwt.Claims
	require.NoError(t, parsed.Claims(secret, &claims))
	assert.Equal(t, "ada", claims.Subject)
	a := startJose(t).ask("verifySecret", map[string]any{"secret": hex.EncodeToString(secret), "token": token, "options": map[string]any{"issuer": issuer}})
	require.Empty(t, a.Error)
	assert.Equal(t, "ada", a.Payload["sub"])
}

// TestForeignReadsOthers: what other implementations sign is read as a former format.
func TestForeignReadsOthers(t *testing.T) {
	j := startJose(t)
	now := time.Now()
	for _, alg := range []signed.Algorithm{"HS256", "HS512", "RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(string(alg), func(t *testing.T) {
			request := map[string]any{"alg": alg, "kid": "old", "claims": map[string]any{
				"iss": issuer, "aud": []string{"api", audience}, "sub": "ada", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "items": []string{"rope"},
			}}
			var key any
			secret := []byte(strings.Repeat("s", 64))
			if strings.HasPrefix(string(alg), "HS") {
				request["secret"], key = hex.EncodeToString(secret), secret
			}
			signedThere := j.ask("sign", request)
			require.Empty(t, signedThere.Message)
			if key == nil {
				block, _ := pem.Decode([]byte(signedThere.Key))
				public, err := x509.ParsePKIXPublicKey(block.Bytes)
				require.NoError(t, err)
				key = crypto.PublicKey(public)
			}
			codec, err := signed.NewForeignCodec(signed.ForeignConfig[cart, cart]{
				Keys: []signed.VerifyKey{{ID: "old", Algorithm: alg, Key: key}}, Issuer: issuer, Audience: audience, Type: "JWT", MaxAge: time.Hour,
				From: func(c *cart) (cart, error) { return *c, nil },
			})
			require.NoError(t, err)
			jar, err := hardtack.New[cart](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: []hardtack.Former{{Name: "token", Codec: codec}}})
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: "token", Value: signedThere.Token})
			s, err := jar.Get(r)
			require.NoError(t, err)
			assert.Equal(t, []string{"rope"}, s.Data.Items)
			assert.Equal(t, "ada", s.Subject())
			assert.Equal(t, now.Add(time.Hour).Unix(), s.Expires().Unix())

			r = httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: "token", Value: forged(signedThere.Token)})
			_, err = jar.Get(r)
			require.ErrorIs(t, err, hardtack.ErrForged)
		})
	}
}
