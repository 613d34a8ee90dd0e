package signed_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"io"
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

type publicKey struct{ Kty, Use, Alg, Kid, Crv, X, Y string }

func jwksHandler(t testing.TB, clock *clock, codecs ...*signed.Codec) http.Handler {
	t.Helper()
	h, err := signed.JWKSHandler(signed.JWKSOptions{Now: clock.now}, codecs...)
	require.NoError(t, err)
	return h
}

func publicKeys(t testing.TB, h http.Handler) (keys []publicKey) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, 200, w.Code)
	var set struct{ Keys []publicKey }
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&set))
	return set.Keys
}

func ids(keys []publicKey) (ids []string) {
	for _, k := range keys {
		id, algorithm, _ := strings.Cut(k.Kid, "-")
		if algorithm != k.Alg {
			id = k.Kid
		}
		ids = append(ids, id)
	}
	return ids
}

// verifier makes a key of what a JWK says, as a service of somebody else would.
func (k publicKey) verifier(t testing.TB) any {
	t.Helper()
	require.Equal(t, "sig", k.Use)
	x := decode(t, k.X)
	require.Len(t, x, 32)
	if k.Kty == "OKP" {
		require.Equal(t, publicKey{"OKP", "sig", "EdDSA", k.Kid, "Ed25519", k.X, ""}, k)
		return ed25519.PublicKey(x)
	}
	require.Equal(t, publicKey{"EC", "sig", "ES256", k.Kid, "P-256", k.X, k.Y}, k)
	require.Len(t, decode(t, k.Y), 32)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), decode(t, k.Y)...))
	require.NoError(t, err)
	return key
}

func TestJWKSVerifies(t *testing.T) {
	for _, a := range []signed.Algorithm{signed.EdDSA, signed.ES256} {
		t.Run(string(a), func(t *testing.T) {
			clock := newClock()
			ring := ringOf(t, keyOf(t, "jwks", time.Time{}, time.Time{}))
			codec := newCodec(t, ring, signed.Options{Algorithm: a, Issuer: "https://shop.example"})
			jar := newJar[cart](t, hardtack.Config{Keys: ring, Codec: codec, Serializer: hardtack.JSON{}, Audience: "shop", Now: clock.now})
			pair := start(t, jar, "alice", cart{Items: []string{"tea"}})
			keys := publicKeys(t, jwksHandler(t, clock, codec))
			require.Len(t, keys, 1)
			var claims struct {
				jwt.RegisteredClaims
				Session cart `json:"session"`
			}
			token, err := jwt.ParseWithClaims(valueOf(pair), &claims, func(t2 *jwt.Token) (any, error) {
				assert.Equal(t, keys[0].Kid, t2.Header["kid"])
				return keys[0].verifier(t), nil
			}, jwt.WithValidMethods([]string{string(a)}), jwt.WithIssuer("https://shop.example"), jwt.WithAudience("shop"), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(clock.now))
			require.NoError(t, err)
			assert.Equal(t, "__Host-session+jwt", token.Header["typ"])
			assert.Equal(t, "alice", claims.Subject)
			assert.Equal(t, []string{"tea"}, claims.Session.Items)
			_, s := resume(t, jar, pair)
			assert.Equal(t, s.ID(), claims.ID)
		})
	}
}

// The keys that are there are those that a token can be verified with now or soon.
func TestJWKSKeys(t *testing.T) {
	clock := newClock()
	announced := keyOf(t, "announced", epoch.Add(time.Hour), time.Time{})
	sealing := keyOf(t, "sealing", epoch.Add(-time.Hour), time.Time{})
	retiring := keyOf(t, "retiring", epoch.Add(-48*time.Hour), epoch.Add(time.Minute))
	retired := keyOf(t, "retired", epoch.Add(-72*time.Hour), epoch.Add(-time.Minute))
	revoked := keyOf(t, "revoked", epoch.Add(-96*time.Hour), time.Time{})
	ring := ringOf(t, announced, sealing, retiring, retired, revoked)
	require.NoError(t, ring.Revoke(t.Context(), revoked.ID()))
	ed, es := newCodec(t, ring, signed.Options{}), newCodec(t, ring, signed.Options{Algorithm: signed.ES256})
	h := jwksHandler(t, clock, ed)
	names := func(keys ...hardtack.Key) (names []string) {
		for _, k := range keys {
			names = append(names, k.ID().String())
		}
		return names
	}
	assert.Equal(t, names(announced, sealing, retiring), ids(publicKeys(t, h)))
	clock.add(2 * time.Minute)
	assert.Equal(t, names(announced, sealing), ids(publicKeys(t, h)))
	require.NoError(t, ring.Revoke(t.Context(), announced.ID()))
	assert.Equal(t, names(sealing), ids(publicKeys(t, h)))
	// Several codecs of one ring: each of its own algorithm, none twice.
	both := publicKeys(t, jwksHandler(t, clock, es, ed, newCodec(t, ring, signed.Options{Issuer: "x"})))
	assert.Equal(t, names(sealing, sealing), ids(both))
	assert.Equal(t, []string{"ES256", "EdDSA"}, []string{both[0].Alg, both[1].Alg})
	assert.NotEqual(t, both[0].Kid, both[1].Kid, "verifiers look a key up by its name")
}

func TestJWKSShowsNoPrivateHalf(t *testing.T) {
	clock := newClock()
	var keys []hardtack.Key
	var secrets [][]byte
	for _, name := range []string{"a", "b", "c", "d"} {
		keys = append(keys, keyOf(t, name, time.Time{}, time.Time{}))
		secrets = append(secrets, secretsOf(t, secretOf(name))...)
	}
	ring := ringOf(t, keys...)
	h := jwksHandler(t, clock, newCodec(t, ring, signed.Options{}), newCodec(t, ring, signed.Options{Algorithm: signed.ES256}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	body := w.Body.String()
	assertNoSecret(t, body, secrets...)
	var set struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &set))
	assert.Len(t, set.Keys, 8)
	for _, k := range set.Keys {
		for _, private := range []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
			assert.NotContains(t, k, private)
		}
		assert.Equal(t, "sig", k["use"])
	}
}

func TestJWKSOverHTTP(t *testing.T) {
	clock := newClock()
	ring := ringOf(t, keyOf(t, "over HTTP", time.Time{}, time.Time{}))
	h, err := signed.JWKSHandler(signed.JWKSOptions{MaxAge: 90 * time.Second, Now: clock.now}, newCodec(t, ring, signed.Options{}))
	require.NoError(t, err)
	server := httptest.NewServer(h)
	defer server.Close()
	do := func(method string, header ...string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w, err := server.Client().Do(r)
		require.NoError(t, err)
		defer w.Body.Close()
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		return w, string(body)
	}
	first, body := do("GET")
	assert.Equal(t, 200, first.StatusCode)
	assert.Equal(t, "application/jwk-set+json", first.Header.Get("Content-Type"))
	assert.Equal(t, "public, max-age=90", first.Header.Get("Cache-Control"))
	tag := first.Header.Get("ETag")
	assert.Regexp(t, `^"[0-9a-f]{32}"$`, tag, "a strong one")
	assert.Empty(t, first.Header.Get("Access-Control-Allow-Origin"))
	assert.Empty(t, first.Header.Get("Last-Modified"))

	again, same := do("GET")
	assert.Equal(t, body, same)
	assert.Equal(t, tag, again.Header.Get("ETag"))

	head, none := do("HEAD")
	assert.Equal(t, 200, head.StatusCode)
	assert.Empty(t, none)
	assert.Equal(t, int64(len(body)), head.ContentLength)

	// Whatever else is asked for, what a cache may keep is the whole set.
	for _, header := range [][]string{{"If-Match", `"x"`}, {"Range", "bytes=0-3"}, {"Range", "bytes=0-1,3-4"}, {"Range", "bytes=9999-"}, {"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"}} {
		w, all := do("GET", header...)
		assert.Equal(t, 200, w.StatusCode, header)
		assert.Equal(t, body, all)
	}
	for _, match := range []string{tag, "*", `"x", ` + tag, "W/" + tag} {
		w, none := do("GET", "If-None-Match", match)
		assert.Equal(t, 304, w.StatusCode, match)
		assert.Empty(t, none)
		assert.Equal(t, tag, w.Header.Get("ETag"))
		assert.Equal(t, "public, max-age=90", w.Header.Get("Cache-Control"))
	}

	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		w, text := do(method)
		assert.Equal(t, 405, w.StatusCode)
		assert.Equal(t, "GET, HEAD", w.Header.Get("Allow"))
		assert.NotContains(t, text, "kty")
	}

	require.NoError(t, ring.Replace(append(ring.Keys(), hardtack.GenerateKey(epoch.Add(time.Hour), time.Time{}))...))
	w, changed := do("GET", "If-None-Match", tag)
	assert.Equal(t, 200, w.StatusCode)
	assert.NotEqual(t, tag, w.Header.Get("ETag"))
	assert.Equal(t, 2, strings.Count(changed, `"kty"`))

	assert.Equal(t, "public, max-age=300", defaultCacheControl(t, ring))
}

func defaultCacheControl(t *testing.T, ring *hardtack.Keyring) string {
	h, err := signed.JWKSHandler(signed.JWKSOptions{}, newCodec(t, ring, signed.Options{}))
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Header().Get("Cache-Control")
}
