package signed_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

var background = context.Background() // within rapid, which has no other

func TestRoundTrip(t *testing.T) {
	for _, a := range algorithms {
		t.Run(string(a), func(t *testing.T) {
			key := keyOf(t, "round trip", time.Time{}, time.Time{})
			c := newCodec(t, ringOf(t, key), signed.Options{Algorithm: a, Issuer: "https://shop.example", Claim: "cart"})
			assert.Equal(t, a, c.Algorithm())
			assert.False(t, c.Encrypts())
			b := hardtack.Binding{Name: cookieName, Audience: "shop", Now: epoch}
			for _, pending := range []bool{false, true} {
				rec := record(`{"n":1}`)
				rec.Idle = pending
				if pending {
					rec.Kind = hardtack.KindPending
				}
				got := open(t, c, b, seal(t, c, b, rec))
				assert.Equal(t, rec.Kind, got.Kind)
				assert.Equal(t, rec.ID, got.ID)
				assert.Zero(t, got.Seed)
				assert.Equal(t, rec.Subject, got.Subject)
				assert.True(t, rec.Created.Equal(got.Created))
				assert.True(t, rec.Issued.Equal(got.Issued))
				assert.Equal(t, rec.Expires.Truncate(time.Second).Add(time.Second).Unix(), got.Expires.Unix(), "to the second that follows")
				assert.Equal(t, rec.Revision, got.Revision)
				assert.Equal(t, rec.Idle, got.Idle)
				assert.Equal(t, key.ID(), got.Key)
				assert.Empty(t, got.Lineage)
				assert.False(t, got.Stale)
				assert.Equal(t, hardtack.JSON{}, got.Serializer)
				assert.JSONEq(t, `{"n":1}`, string(got.Payload))
			}
		})
	}
}

// The tokens of a release must be readable by the next one, so their bytes are fixed: those of golang-jwt and encoding/json as well.
func TestGolden(t *testing.T) {
	key := keyOf(t, "golden", time.Time{}, time.Time{})
	older := keyOf(t, "older", time.Time{}, time.Time{})
	ring := ringOf(t, key)
	require.NoError(t, ring.Replace(keyOf(t, "golden", epoch.Add(-time.Minute), time.Time{}), older))
	rec := record(`{"html":"<b>&</b>","line":"\u2028","n":1e3}`)
	rec.Subject = "a\"\\/<>&'\b\f\n\r\t\x00\x1f\x7f\u2028\u2029\u00fc\U0001f36a"
	rec.Idle, rec.Kind, rec.Key = true, hardtack.KindPending, older.ID()
	b := hardtack.Binding{Name: cookieName, Audience: "shop", Now: epoch}
	for _, a := range algorithms {
		c := newCodec(t, ring, signed.Options{Algorithm: a, Issuer: "https://shop.example"})
		value := seal(t, c, b, rec)
		header, claims, signature := parts(t, value)
		assert.Equal(t, fmt.Sprintf(`{"alg":"%s","kid":"%v-%[1]s","typ":"__Host-session+jwt"}`, a, key.ID()), header)
		assert.Equal(t, `{"iss":"https://shop.example","aud":"shop",`+
			`"sub":"a\"\\/\u003c\u003e\u0026'\b\f\n\r\t\u0000\u001f`+"\x7f"+`\u2028\u2029ü🍪",`+
			`"jti":"Iig6GpU9NPN9QF5OpD53pQ","iat":1774749599,"nbf":1774749599,"exp":1774832400,`+
			`"hardtack":{"v":1,"created":1774745999678,"issued":1774749599678,"rev":3,"idle":true,"pending":true,"keys":["`+older.ID().String()+`"]},`+
			`"session":{"html":"\u003cb\u003e\u0026\u003c/b\u003e","line":"\u2028","n":1e3}}`, claims)
		// The signature is as the specification says.
		s := derive(t, a, secretOf("golden"))
		assert.NoError(t, s.method.Verify(value[:strings.LastIndexByte(value, '.')], signature, s.verify))
		if a != signed.ES256 { // which draws a random number
			assert.Equal(t, s.mint(t, header, claims), value)
		}
	}
}

func TestKeysAreAsSpecified(t *testing.T) {
	data, err := os.ReadFile("../internal/seal/testdata/vectors.json")
	require.NoError(t, err)
	var vectors struct {
		Keys []struct{ Secret, SigningKey string }
	}
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(data), "signing_key", "signingKey")), &vectors))
	require.NotEmpty(t, vectors.Keys)
	for _, v := range vectors.Keys {
		secret, err := hex.DecodeString(v.Secret)
		require.NoError(t, err)
		signing, err := hex.DecodeString(v.SigningKey)
		require.NoError(t, err)
		require.Len(t, signing, 32)
		key, err := hardtack.NewKey(secret, time.Time{}, time.Time{})
		require.NoError(t, err)
		for _, a := range algorithms {
			b := hardtack.Binding{Name: cookieName, Now: epoch}
			value := seal(t, newCodec(t, ringOf(t, key), signed.Options{Algorithm: a}), b, record("1"))
			_, _, signature := parts(t, value)
			s := deriveFrom(t, a, signing)
			assert.NoError(t, s.method.Verify(value[:strings.LastIndexByte(value, '.')], signature, s.verify))
		}
	}
}

// A verifier that knows nothing of us takes what we write.
func TestClaimsForVerifiers(t *testing.T) {
	ring := ringOf(t, keyOf(t, "verifiers", time.Time{}, time.Time{}))
	b := hardtack.Binding{Name: "id", Now: epoch}
	rec := record(`["a"]`)
	rec.Subject = ""
	_, claims, _ := parts(t, seal(t, newCodec(t, ring, signed.Options{Claim: "https://shop.example/cart"}), b, rec))
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(claims), &m))
	for _, absent := range []string{"iss", "aud", "sub", "session"} {
		assert.NotContains(t, m, absent)
	}
	assert.Equal(t, []any{"a"}, m["https://shop.example/cart"])
	assert.Equal(t, m["iat"], m["nbf"])
	assert.LessOrEqual(t, m["iat"].(float64), float64(epoch.UnixMilli())/1000, "it is valid at once")
}

func TestAnyJSONSurvives(t *testing.T) {
	ring := ringOf(t, keyOf(t, "any JSON", time.Time{}, time.Time{}))
	b := hardtack.Binding{Name: cookieName, Now: epoch}
	c := newCodec(t, ring, signed.Options{Algorithm: signed.HS256})
	through := func(t require.TestingT, data any) {
		payload, err := hardtack.JSON{}.Marshal(data)
		require.NoError(t, err)
		rec := record(string(payload))
		value, _, err := c.Seal(background, nil, b, rec)
		require.NoError(t, err)
		var got hardtack.Record
		require.NoError(t, c.Open(background, b, string(value), &got))
		require.Equal(t, string(payload), string(got.Payload))
		again, _, err := c.Seal(background, nil, b, &got)
		require.NoError(t, err)
		require.Equal(t, string(value), string(again))
	}
	for _, data := range []any{
		nil, true, 0, "", []any{}, map[string]any{}, "\u2028\u2029", "<script>&amp;</script>", "\xff\xfe", "a\x00b", `},"session":1`, `"}}`, map[string]any{"": ""},
		json.Number("123456789012345678901234567890"), json.Number("-0.1e-300"), json.RawMessage(" [ 1 , { \"a\" : \"<\" } ] "),
		map[string]any{"session": map[string]any{"hardtack": map[string]any{"v": 2}}, "}": "},\"session\":"},
		strings.Repeat("ü", 2000), time.Unix(0, 1), []byte{0, 255}, struct{ A, a int }{1, 2},
	} {
		through(t, data)
	}
	deep := "1"
	for range 500 {
		deep = `{"a":[` + deep + `]}`
	}
	through(t, json.RawMessage(deep))
	rapid.Check(t, func(t *rapid.T) { through(t, anyJSON(4).Draw(t, "data")) })
}

// anyJSON draws what encoding/json can write.
func anyJSON(depth int) *rapid.Generator[any] {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"<", ">", "&", "\u2028", "\u2029", `"`, `\`, "}", `},"session":`, "\xed\xa0\x80"}))
	choices := []*rapid.Generator[any]{
		text.AsAny(), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
	}
	if depth > 0 {
		choices = append(choices, rapid.SliceOfN(anyJSON(depth-1), 0, 4).AsAny(), rapid.MapOfN(text, anyJSON(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(choices...)
}

// What is in a session that is not its data survives too.
func TestAnySessionSurvives(t *testing.T) {
	ring := ringOf(t, keyOf(t, "any session", time.Time{}, time.Time{}))
	rapid.Check(t, func(t *rapid.T) {
		c, err := signed.NewCodec(ring, signed.Options{Algorithm: signed.HS256, Issuer: rapid.StringN(0, 20, 255).Draw(t, "issuer")})
		require.NoError(t, err)
		b := hardtack.Binding{Name: cookieName, Audience: rapid.StringN(0, 20, 255).Draw(t, "audience"), Now: epoch}
		created := rapid.Int64Range(0, 1<<47).Draw(t, "created")
		issued := created + rapid.Int64Range(0, 1<<46).Draw(t, "issued")
		rec := record("{}")
		rec.Created, rec.Issued = time.UnixMilli(created), time.UnixMilli(issued)
		rec.Expires = time.UnixMilli(created + 1000*rapid.Int64Range(0, 1<<36).Draw(t, "lifetime"))
		rec.Subject = rapid.String().Draw(t, "subject")
		rec.ID = encode(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		rec.Revision = rapid.Uint64().Draw(t, "revision")
		rec.Idle = rapid.Bool().Draw(t, "idle")
		rec.Kind = rapid.SampledFrom([]hardtack.Kind{hardtack.KindInline, hardtack.KindPending}).Draw(t, "kind")
		value, _, err := c.Seal(background, nil, b, rec)
		require.NoError(t, err)
		var got hardtack.Record
		require.NoError(t, c.Open(background, b, string(value), &got))
		require.Equal(t, (rec.Expires.UnixMilli()+999)/1000, got.Expires.Unix())
		got.Expires, got.Key = rec.Expires, hardtack.KeyID{}
		require.Equal(t, *rec, got)
	})
}

func TestSealRefuses(t *testing.T) {
	ring := ringOf(t, keyOf(t, "refuses", time.Time{}, time.Time{}))
	c := newCodec(t, ring, signed.Options{})
	good := hardtack.Binding{Name: cookieName, Now: epoch}
	for name, change := range map[string]func(*hardtack.Record, *hardtack.Binding){
		"reference":              func(r *hardtack.Record, _ *hardtack.Binding) { r.Kind = hardtack.KindReference },
		"no ID":                  func(r *hardtack.Record, _ *hardtack.Binding) { r.ID = "" },
		"short ID":               func(r *hardtack.Record, _ *hardtack.Binding) { r.ID = r.ID[:21] },
		"long ID":                func(r *hardtack.Record, _ *hardtack.Binding) { r.ID += "A" },
		"very long ID":           func(r *hardtack.Record, _ *hardtack.Binding) { r.ID = strings.Repeat("A", 1000) },
		"ID with trailing bits":  func(r *hardtack.Record, _ *hardtack.Binding) { r.ID = r.ID[:21] + "R" },
		"ID with line break":     func(r *hardtack.Record, _ *hardtack.Binding) { r.ID = r.ID[:21] + "\n" },
		"ID with more and break": func(r *hardtack.Record, _ *hardtack.Binding) { r.ID += "\n" },
		"subject not UTF-8":      func(r *hardtack.Record, _ *hardtack.Binding) { r.Subject = "a\xff" },
		"audience not UTF-8":     func(_ *hardtack.Record, b *hardtack.Binding) { b.Audience = "a\xff" },
		"issued before created":  func(r *hardtack.Record, _ *hardtack.Binding) { r.Issued = r.Created.Add(-time.Millisecond) },
		"expires before created": func(r *hardtack.Record, _ *hardtack.Binding) { r.Expires = r.Created.Add(-time.Millisecond) },
		"before 1970":            func(r *hardtack.Record, _ *hardtack.Binding) { r.Created = time.UnixMilli(-1) },
		"zero time":              func(r *hardtack.Record, _ *hardtack.Binding) { r.Created = time.Time{} },
		"far future":             func(r *hardtack.Record, _ *hardtack.Binding) { r.Expires = time.UnixMilli(281474976710001) },
		"CBOR":                   func(r *hardtack.Record, _ *hardtack.Binding) { r.Serializer = hardtack.CBOR{} },
		"no serializer":          func(r *hardtack.Record, _ *hardtack.Binding) { r.Serializer = nil },
		"no data":                func(r *hardtack.Record, _ *hardtack.Binding) { r.Payload = nil },
		"data not JSON":          func(r *hardtack.Record, _ *hardtack.Binding) { r.Payload = []byte(`{"a":1},"exp":2`) },
	} {
		t.Run(name, func(t *testing.T) {
			rec, b := record(`"confidential"`), good
			change(rec, &b)
			value, id, err := c.Seal(t.Context(), nil, b, rec)
			require.Error(t, err)
			assert.Empty(t, value)
			assert.Zero(t, id)
			for _, secret := range []string{"confidential", "alice", "Iig6"} {
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
	last := record("1")
	last.Expires = time.UnixMilli(281474976710000)
	assert.Equal(t, last.Expires, open(t, c, good, seal(t, c, good, last)).Expires)
}

// One codec may serve a Jar under its present name and its former ones.
func TestSeveralNames(t *testing.T) {
	c := newCodec(t, ringOf(t, keyOf(t, "names", time.Time{}, time.Time{})), signed.Options{})
	one, other := hardtack.Binding{Name: "one", Now: epoch}, hardtack.Binding{Name: "two", Now: epoch}
	for range 2 {
		for _, b := range []hardtack.Binding{one, other} {
			value := seal(t, c, b, record("1"))
			header, _, _ := parts(t, value)
			assert.Contains(t, header, `"typ":"`+b.Name+`+jwt"`)
			open(t, c, b, value)
			open(t, c, b, value)
		}
	}
}

func TestSealWithoutKeys(t *testing.T) {
	_, _, err := newCodec(t, new(hardtack.Keyring), signed.Options{}).Seal(t.Context(), nil, hardtack.Binding{Name: cookieName, Now: epoch}, record("1"))
	assert.ErrorIs(t, err, hardtack.ErrNoUsableKey)
	assert.ErrorAs(t, err, new(*hardtack.KeyError))
}

func TestSealAppends(t *testing.T) {
	c := newCodec(t, ringOf(t, keyOf(t, "appends", time.Time{}, time.Time{})), signed.Options{})
	b := hardtack.Binding{Name: cookieName, Now: epoch}
	value, _, err := c.Seal(t.Context(), []byte("prefix"), b, record("1"))
	require.NoError(t, err)
	assert.Equal(t, "prefix"+seal(t, c, b, record("1")), string(value))
}
