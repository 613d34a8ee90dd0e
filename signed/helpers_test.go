package signed_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// epoch is where the clocks of these tests begin: not on a full second.
var epoch = time.Date(2026, 3, 29, 1, 59, 59, 678_000_000, time.UTC)

var algorithms = []signed.Algorithm{signed.EdDSA, signed.ES256, signed.HS256}

const cookieName = hardtack.DefaultName

// clock is a clock that moves when it is told to.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ns.Store(epoch.UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.ns.Load()) }
func (c *clock) add(d time.Duration) { c.ns.Add(int64(d)) }

// secretOf returns a key's 32 bytes that are the same in each run.
func secretOf(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

func keyOf(t testing.TB, name string, activate, retire time.Time) hardtack.Key {
	t.Helper()
	k, err := hardtack.NewKey(secretOf(name), activate, retire)
	require.NoError(t, err)
	return k
}

func ringOf(t testing.TB, keys ...hardtack.Key) *hardtack.Keyring {
	t.Helper()
	ring, err := hardtack.NewKeyring(keys...)
	require.NoError(t, err)
	return ring
}

func newCodec(t testing.TB, ring *hardtack.Keyring, o signed.Options) *signed.Codec {
	t.Helper()
	c, err := signed.NewCodec(ring, o)
	require.NoError(t, err)
	return c
}

// signer is a key pair as golang-jwt takes it.
type signer struct {
	method       jwt.SigningMethod
	sign, verify any
}

// derive follows docs/format.md, without a look at the package's own derivation.
func derive(t testing.TB, a signed.Algorithm, secret []byte) signer {
	t.Helper()
	return deriveFrom(t, a, expandKey(t, secret, "hardtack signing"))
}

func expandKey(t testing.TB, key []byte, info string) []byte {
	t.Helper()
	out, err := hkdf.Key(sha256.New, key, nil, info, 32)
	require.NoError(t, err)
	return out
}

// deriveFrom is derive from the signing key.
func deriveFrom(t testing.TB, a signed.Algorithm, signing []byte) signer {
	t.Helper()
	switch a {
	case signed.HS256:
		key := expandKey(t, signing, "hardtack signing HS256")
		return signer{jwt.SigningMethodHS256, key, key}
	case signed.EdDSA:
		key := ed25519.NewKeyFromSeed(expandKey(t, signing, "hardtack signing EdDSA"))
		return signer{jwt.SigningMethodEdDSA, key, key.Public()}
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), expandKey(t, signing, "hardtack signing ES256 0"))
	require.NoError(t, err)
	return signer{jwt.SigningMethodES256, key, &key.PublicKey}
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func decode(t testing.TB, segment string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(segment)
	require.NoError(t, err)
	return data
}

// mint signs this header and these claims, whatever they are.
func (s signer) mint(t testing.TB, header, claims string) string {
	t.Helper()
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	signature, err := s.method.Sign(text, s.sign)
	require.NoError(t, err)
	return text + "." + encode(signature)
}

// parts returns the header, the claims and the signature of a token.
func parts(t testing.TB, value string) (header, claims string, signature []byte) {
	t.Helper()
	p := strings.Split(value, ".")
	require.Len(t, p, 3)
	return string(decode(t, p[0])), string(decode(t, p[1])), decode(t, p[2])
}

// publicForms are the ways in which a public key is commonly at hand.
func publicForms(t testing.TB, key any) map[string][]byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	forms := map[string][]byte{
		"PEM":                block,
		"PEM without end":    bytes.TrimSpace(block),
		"DER":                der,
		"base64 of DER":      []byte(base64.StdEncoding.EncodeToString(der)),
		"base64url of DER":   []byte(encode(der)),
		"nothing":            {},
		"nothing but a zero": {0},
	}
	switch k := key.(type) {
	case ed25519.PublicKey:
		forms["raw"] = k
		forms["JWK"] = []byte(`{"kty":"OKP","crv":"Ed25519","x":"` + encode(k) + `"}`)
		forms["JWK's x"] = []byte(encode(k))
	case *ecdsa.PublicKey:
		raw, err := k.Bytes()
		require.NoError(t, err)
		forms["raw"] = raw
		forms["JWK"] = []byte(`{"kty":"EC","crv":"P-256","x":"` + encode(raw[1:33]) + `","y":"` + encode(raw[33:]) + `"}`)
		forms["JWK's x"] = []byte(encode(raw[1:33]))
	}
	return forms
}

// record returns one that a Jar could have made.
func record(payload string) *hardtack.Record {
	return &hardtack.Record{
		ID:         "Iig6GpU9NPN9QF5OpD53pQ",
		Subject:    "alice",
		Created:    epoch.Add(-time.Hour),
		Issued:     epoch,
		Expires:    epoch.Add(23 * time.Hour),
		Revision:   3,
		Serializer: hardtack.JSON{},
		Payload:    []byte(payload),
	}
}

func seal(t testing.TB, c hardtack.Codec, b hardtack.Binding, rec *hardtack.Record) string {
	t.Helper()
	value, _, err := c.Seal(t.Context(), nil, b, rec)
	require.NoError(t, err)
	return string(value)
}

func open(t testing.TB, c hardtack.Codec, b hardtack.Binding, value string) *hardtack.Record {
	t.Helper()
	var rec hardtack.Record
	require.NoError(t, c.Open(t.Context(), b, value, &rec))
	return &rec
}

// The rest is for whole Jars.

type cart struct {
	Items []string
	Total int
}

func newJar[T any](t testing.TB, c hardtack.Config) *hardtack.Jar[T] {
	t.Helper()
	j, err := hardtack.New[T](c)
	require.NoError(t, err)
	return j
}

// signedJar returns one whose cookies are signed.
func signedJar(t testing.TB, ring *hardtack.Keyring, clock *clock, a signed.Algorithm) *hardtack.Jar[cart] {
	t.Helper()
	return newJar[cart](t, hardtack.Config{
		Keys:       ring,
		Codec:      newCodec(t, ring, signed.Options{Algorithm: a}),
		Serializer: hardtack.JSON{},
		Now:        clock.now,
	})
}

// request presents the given name=value pairs.
func request(pairs ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if len(pairs) > 0 {
		r.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
	return r
}

func save[T any](t testing.TB, j *hardtack.Jar[T], r *http.Request, s *hardtack.Session[T]) (pair string) {
	t.Helper()
	w := httptest.NewRecorder()
	_, err := j.Save(w, r, s)
	require.NoError(t, err)
	return lastCookie(t, w)
}

func lastCookie(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	lines := w.Header()["Set-Cookie"]
	require.NotEmpty(t, lines)
	pair, _, _ := strings.Cut(lines[len(lines)-1], ";")
	return pair
}

// touch returns the cookie that Touch sets, "" if none.
func touch[T any](t testing.TB, j *hardtack.Jar[T], r *http.Request, s *hardtack.Session[T]) string {
	t.Helper()
	w := httptest.NewRecorder()
	_, err := j.Touch(w, r, s)
	require.NoError(t, err)
	if len(w.Header()["Set-Cookie"]) == 0 {
		return ""
	}
	return lastCookie(t, w)
}

// start makes a session and returns its cookie.
func start[T any](t testing.TB, j *hardtack.Jar[T], subject string, data T) (pair string) {
	t.Helper()
	r := request()
	s, err := j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	s.Data = data
	s.SetSubject(subject)
	return save(t, j, r, s)
}

// resume gets the session of the given cookies, which must be accepted.
func resume[T any](t testing.TB, j *hardtack.Jar[T], pairs ...string) (*http.Request, *hardtack.Session[T]) {
	t.Helper()
	r := request(pairs...)
	s, err := j.Get(r)
	require.NoError(t, err)
	require.False(t, s.IsNew())
	return r, s
}

func valueOf(pair string) string {
	_, value, _ := strings.Cut(pair, "=")
	return value
}

// keyIDOf returns which key has signed a cookie.
func keyIDOf(t testing.TB, pair string) string {
	t.Helper()
	header, _, _ := parts(t, valueOf(pair))
	var h struct{ Kid string }
	require.NoError(t, json.Unmarshal([]byte(header), &h))
	id, _, _ := strings.Cut(h.Kid, "-")
	return id
}

func p256Order() *big.Int { return new(big.Int).Set(elliptic.P256().Params().N) }

func bigOf(data []byte) *big.Int { return new(big.Int).SetBytes(data) }
