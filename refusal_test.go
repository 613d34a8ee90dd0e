package hardtack_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

type jrHex []byte

func (h *jrHex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type jrVector struct {
	Name, Text, Reason, Audience string
	Opens                        bool
	CookieName                   string `json:"cookie_name"`
	SessionID                    string `json:"session_id"`
	Now                          int64
	Lifetime                     int64 `json:"lifetime_ms"`
	Idle                         int64 `json:"idle_timeout_ms"`
	Retired, Revoked             []jrHex
	Seed                         jrHex
	Fields                       struct {
		Kind                     int
		Idle                     bool
		Created, Issued, Expires int64
		Revision                 uint64 `json:",string"`
		Lineage                  []string
		Subject, Payload         jrHex
		Serializer               byte
		Compressed               bool
		Inflated                 jrHex
	}
}

type jrRaw byte

func (r jrRaw) SerializerID() byte          { return byte(r) }
func (jrRaw) Marshal(v any) ([]byte, error) { return json.Marshal(v) }
func (jrRaw) Unmarshal(b []byte, v any) error {
	return json.Unmarshal(b, v)
}

func TestVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("internal", "seal", "testdata", "vectors.json"))
	require.NoError(t, err)
	var file struct {
		Keys              []struct{ Secret jrHex }
		Accepted, Refused []jrVector
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, file.Accepted)
	require.NotEmpty(t, file.Refused)

	ring := func(t *testing.T, v jrVector) *hardtack.Keyring {
		keys := []hardtack.Key{hardtack.GenerateKey(time.Time{}, time.Time{})}
		has := func(list []jrHex, id hardtack.KeyID) bool {
			for _, l := range list {
				if string(l) == string(id[:]) {
					return true
				}
			}
			return false
		}
		for _, f := range file.Keys {
			k, err := hardtack.NewKey(f.Secret, time.Time{}, time.Time{})
			require.NoError(t, err)
			if has(v.Retired, k.ID()) {
				k, err = hardtack.NewKey(f.Secret, time.Time{}, time.UnixMilli(v.Now))
				require.NoError(t, err)
			}
			if has(v.Revoked, k.ID()) {
				k = hardtack.RevokedKey(k.ID())
			}
			keys = append(keys, k)
		}
		r := jrRing(t, keys...)
		for _, id := range v.Revoked {
			require.NoError(t, r.Revoke(t.Context(), hardtack.KeyID(id)))
		}
		return r
	}
	for _, v := range file.Accepted {
		t.Run("accepted/"+v.Name, func(t *testing.T) {
			var rec hardtack.Record
			codec := hardtack.NewSealedCodec(ring(t, v), jrRaw(128), jrRaw(255))
			b := hardtack.Binding{Name: v.CookieName, Audience: v.Audience, Now: time.UnixMilli(v.Now)}
			require.NoError(t, codec.Open(t.Context(), b, v.Text, &rec))
			f := v.Fields
			assert.EqualValues(t, f.Kind, rec.Kind)
			assert.Equal(t, string(v.Seed), string(rec.Seed[:]))
			assert.Equal(t, f.Created, rec.Created.UnixMilli())
			assert.Equal(t, f.Issued, rec.Issued.UnixMilli())
			assert.Equal(t, f.Expires, rec.Expires.UnixMilli())
			assert.Equal(t, f.Revision, rec.Revision)
			assert.Equal(t, f.Idle, rec.Idle)
			assert.Equal(t, string(f.Subject), rec.Subject)
			want := f.Payload
			if f.Compressed {
				want = f.Inflated
			}
			assert.Equal(t, string(want), string(rec.Payload))
			require.Len(t, rec.Lineage, len(f.Lineage))
			for i, id := range rec.Lineage {
				assert.Equal(t, f.Lineage[i], id.String())
			}
			if rec.Serializer != nil {
				assert.Equal(t, f.Serializer, rec.Serializer.SerializerID())
			}
		})
	}
	reasons := map[string]error{
		"malformed": hardtack.ErrMalformed, "unknown_key": hardtack.ErrUnknownKey, "forged": hardtack.ErrForged,
		"revoked_key": hardtack.ErrRevokedKey, "not_yet_valid": hardtack.ErrNotYetValid,
		"expired": hardtack.ErrExpired, "idle": hardtack.ErrIdle,
	}
	for _, v := range file.Refused {
		t.Run("refused/"+v.Name, func(t *testing.T) {
			now := time.UnixMilli(v.Now)
			want := reasons[v.Reason]
			require.NotNil(t, want)
			var rec hardtack.Record
			keys := ring(t, v)
			err := hardtack.NewSealedCodec(keys, jrRaw(128), jrRaw(255)).Open(t.Context(),
				hardtack.Binding{Name: v.CookieName, Audience: v.Audience, Now: now}, v.Text, &rec)
			switch v.Reason {
			case "not_yet_valid", "expired", "idle":
				require.NoError(t, err)
			default:
				require.ErrorIs(t, err, want)
			}
			if v.Text != strings.Trim(v.Text, " \t") || strings.Contains(v.Text, ";") {
				return // a header cannot carry it
			}
			life := time.Duration(v.Lifetime) * time.Millisecond
			if life == 0 {
				life = 400 * 24 * time.Hour
			}
			codec := hardtack.NewSealedCodec(keys, jrRaw(128))
			config := hardtack.Config{Keys: keys, Codec: codec, Name: v.CookieName, Audience: v.Audience, Lifetime: life,
				IdleTimeout: time.Duration(v.Idle) * time.Millisecond, Now: func() time.Time { return now }}
			if len(v.Retired) > 0 { // a Jar would find that its own key retires too early
				config.Keys, config.Codec = jrRing(t, jrAt(0)), nil
				config.Formerly = []hardtack.Former{{Codec: codec}}
			}
			j := jrNew[jrData](t, config)
			_, err = j.Get(jrRequest(v.CookieName + "=" + v.Text))
			require.ErrorIs(t, err, want)
		})
	}
}

func TestPayloadRefused(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	pair := jrStart(t, jrNew[string](t, hardtack.Config{Keys: keys}), "confidential")
	j := jrNew[jrData](t, hardtack.Config{Keys: keys})
	r := jrRequest(pair)
	s, err := j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrPayload)
	assert.NotContains(t, err.Error(), "confidential")
	assert.True(t, s.IsNew())
	jrPut(t, j, r, s)
	require.NoError(t, j.Delete(httptest.NewRecorder(), r, s))
}

func TestRefusalNeverWrites(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{IdleTimeout: time.Hour})
	w := httptest.NewRecorder()
	j.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := j.From(r.Context())
		assert.ErrorIs(t, err, hardtack.ErrMalformed)
	})).ServeHTTP(w, jrRequest("__Host-session=x"))
	assert.Empty(t, w.Header()["Set-Cookie"])
}
