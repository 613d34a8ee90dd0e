package signed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// What opens has one spelling: sealing what came of it gives the same bytes again, but for the signature.
func FuzzOpen(f *testing.F) {
	ring := ringOf(f, keyOf(f, "fuzz", epoch.Add(-time.Minute), time.Time{}), keyOf(f, "older", epoch.Add(-time.Hour), time.Time{}))
	b := hardtack.Binding{Name: cookieName, Audience: "shop", Now: epoch}
	var codecs []*signed.Codec
	for _, a := range algorithms {
		c := newCodec(f, ring, signed.Options{Algorithm: a, Issuer: "i"})
		codecs = append(codecs, c)
		for _, payload := range []string{"1", `{"a":[1,"<",null]}`} {
			f.Add(seal(f, c, b, record(payload)))
		}
	}
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, value string) {
		for _, c := range codecs {
			var rec hardtack.Record
			if c.Open(t.Context(), b, value, &rec) != nil {
				assert.Zero(t, rec)
				continue
			}
			again := seal(t, c, b, &rec)
			assert.Equal(t, value[:strings.LastIndexByte(value, '.')], again[:strings.LastIndexByte(again, '.')])
		}
	})
}

// The same with claims that nobody had to guess a signature for.
func FuzzClaims(f *testing.F) {
	ring := ringOf(f, keyOf(f, "fuzz", time.Time{}, time.Time{}))
	b := hardtack.Binding{Name: cookieName, Audience: "shop", Now: epoch}
	codec := newCodec(f, ring, signed.Options{Algorithm: signed.HS256, Issuer: "i"})
	key := derive(f, signed.HS256, secretOf("fuzz"))
	good := seal(f, codec, b, record(`{"a":[1,"<",null]}`))
	header, claims, _ := parts(f, good)
	f.Add(claims)
	f.Add(strings.Replace(claims, `"rev":3`, `"rev":3,"idle":true,"pending":true,"keys":["01020304"]`, 1))
	f.Add(strings.Replace(claims, `alice`, `\u003c\u2028\ud83c\udf6a}},\"session\":`, 1))
	f.Add(strings.Replace(claims, `"session":`, `"session":1,"session":`, 1))
	f.Add("{}")
	f.Fuzz(func(t *testing.T, claims string) {
		value := key.mint(t, header, claims)
		var rec hardtack.Record
		if codec.Open(t.Context(), b, value, &rec) != nil {
			assert.Zero(t, rec)
			return
		}
		if len(rec.Lineage) == 0 { // Seal drops the keys that the ring does not have
			assert.Equal(t, value, seal(t, codec, b, &rec))
		}
		assert.Len(t, rec.ID, 22)
		assert.False(t, rec.Issued.Before(rec.Created) || rec.Expires.Before(rec.Created))
	})
}

// Whatever the application's own key has signed, a ForeignCodec either refuses it or makes a session with an end of it.
func FuzzForeign(f *testing.F) {
	key := hmacSigner("secret")
	codec := handCodec(f, func(c *signed.ForeignConfig[handClaims, cart]) { c.MaxAge = time.Hour }, signed.VerifyKey{Algorithm: "HS256", Key: []byte("secret")})
	header, claims, _ := parts(f, byHand(f, key, "k", handClaims{jwt.RegisteredClaims{Subject: "alice", IssuedAt: at(0), ExpiresAt: at(time.Hour)}, "tea"}))
	f.Add(header, claims)
	f.Add(`{"alg":"HS256","alg":"none"}`, `{"exp":1e99}`)
	f.Add(`{"alg":"HS256"}`, `{"iat":1774749599.5,"aud":["a"],"name":"\ud800"}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		var rec hardtack.Record
		if codec.Open(t.Context(), handBinding, key.mint(t, header, claims), &rec) != nil {
			assert.Zero(t, rec)
			return
		}
		assert.Contains(t, header, "alg")
		assert.False(t, rec.Created.IsZero() || rec.Expires.IsZero() || rec.Issued.After(epoch.Add(2*time.Minute)))
		assert.Len(t, rec.ID, 22)
		var data cart
		require.NoError(t, rec.Serializer.Unmarshal(rec.Payload, &data))
	})
}
