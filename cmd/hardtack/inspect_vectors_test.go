package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// The test vectors of docs/format.md: the same are accepted, and those that are refused for the same reasons.
func TestInspectVectors(t *testing.T) {
	type vector struct {
		Name, Reason, Text, Audience string
		CookieName                   string `json:"cookie_name"`
		SessionID                    string `json:"session_id"`
		Opens                        bool
		Now                          int64
		Retired, Revoked             []hardtack.KeyID
		LifetimeMS                   int64 `json:"lifetime_ms"`
		IdleMS                       int64 `json:"idle_timeout_ms"`
	}
	var file struct {
		Keys []struct {
			Secret string
		}
		Accepted, Refused []vector
	}
	data, err := os.ReadFile("../../internal/seal/testdata/vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, file.Accepted)
	require.NotEmpty(t, file.Refused)

	for _, v := range append(file.Accepted, file.Refused...) {
		t.Run(v.Name, func(t *testing.T) {
			now := time.UnixMilli(v.Now)
			set := hardtack.KeySet{Keys: []hardtack.Key{hardtack.GenerateKey(time.Unix(2, 0), time.Time{})}}
			for _, k := range file.Keys {
				secret, err := hex.DecodeString(k.Secret)
				require.NoError(t, err)
				key, err := hardtack.NewKey(secret, time.Unix(1, 0), time.Time{})
				require.NoError(t, err)
				if slices.Contains(v.Retired, key.ID()) {
					key, err = key.WithTimes(time.Unix(1, 0), now)
					require.NoError(t, err)
				}
				set.Keys = append(set.Keys, key)
			}
			for _, id := range v.Revoked {
				set = set.Revoke(id, now)
			}
			s := &shop{t: t}
			flags := inspectFlags{source: source{file: s.file(set)}, name: v.CookieName, audience: v.Audience}
			flags.lifetime = durationFlag(time.Duration(v.LifetimeMS) * time.Millisecond)
			flags.idle = durationFlag(time.Duration(v.IdleMS) * time.Millisecond)
			i, err := flags.inspect(t.Context(), []presented{{value: v.Text}}, now)
			require.NoError(t, err)
			var text bytes.Buffer
			i.write(&text)
			require.NoError(t, writeJSON(&text, i))
			assertVisible(t, text.String())
			c := i.Cookies[0]
			if v.Reason == "" {
				require.Nil(t, c.Refusal)
				assert.Equal(t, v.SessionID, c.Session.ID)
				return
			}
			require.NotNil(t, c.Refusal)
			assert.Equal(t, strings.ReplaceAll(v.Reason, "_", "-"), c.Refusal.Code, c.Refusal.Reason)
			assert.NotEmpty(t, c.Refusal.Reason)
			opens := v.Opens && v.Reason != "malformed" // which it is where the payload does not inflate
			assert.Equal(t, opens && len(v.Revoked) == 0 || opens && c.Session != nil, c.Session != nil)
		})
	}
}
