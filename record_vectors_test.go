package hardtack_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// rvStore has one record.
type rvStore struct {
	locator string
	data    []byte
}

func (s rvStore) Find(_ context.Context, id string) ([]byte, bool, error) {
	return s.data, id == s.locator, nil
}
func (rvStore) Commit(context.Context, string, []byte, time.Time) error { return nil }
func (rvStore) Delete(context.Context, string) error                    { return nil }

// Only with this is a record that is too old noticed.
func (rvStore) CompareAndSwap(context.Context, string, int64, int64, []byte, time.Time) (bool, error) {
	return false, nil
}

func TestRecordVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("internal", "seal", "testdata", "vectors.json"))
	require.NoError(t, err)
	var file struct {
		Records []struct {
			Name, Reason, Locator string
			SessionID             string `json:"session_id"`
			Seed, Record          jrHex
			Least                 uint64 `json:"least_revision,string"`
			Sealed                *struct {
				Fields struct{ Subject, Payload jrHex }
			}
		}
	}
	require.NoError(t, json.Unmarshal(data, &file))
	require.NotEmpty(t, file.Records)
	reasons := map[string]error{
		"forged": hardtack.ErrForged, "missing": hardtack.ErrRecordMissing, "ended": hardtack.ErrEnded,
	}
	created := time.UnixMilli(1767225600000)
	for _, v := range file.Records {
		t.Run(v.Name, func(t *testing.T) {
			if v.Name == "another locator" {
				t.Skip("a Jar asks only for the locator of the seed")
			}
			keys := hardtack.EphemeralKeyring()
			rec := hardtack.Record{Kind: hardtack.KindReference, Seed: hardtack.Seed(v.Seed), Created: created, Issued: created,
				Expires: created.Add(24 * time.Hour), Revision: v.Least}
			token, _, err := hardtack.NewSealedCodec(keys).Seal(t.Context(), nil,
				hardtack.Binding{Name: hardtack.DefaultName, Now: created}, &rec)
			require.NoError(t, err)
			j, err := hardtack.NewHybrid[string](hardtack.Config{Keys: keys, Now: func() time.Time { return created }},
				rvStore{v.Locator, v.Record})
			require.NoError(t, err)
			s, err := j.Get(jrRequest(hardtack.DefaultName + "=" + string(token)))
			if v.Reason != "" {
				require.NotNil(t, reasons[v.Reason])
				require.ErrorIs(t, err, reasons[v.Reason])
				assert.True(t, s.IsNew())
				assert.Empty(t, s.Data)
				return
			}
			if len(v.Sealed.Fields.Payload) == 0 {
				require.ErrorIs(t, err, hardtack.ErrPayload)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, v.SessionID, s.ID())
			assert.Equal(t, string(v.Sealed.Fields.Subject), s.Subject())
			want := ""
			require.NoError(t, hardtack.CBOR{}.Unmarshal(v.Sealed.Fields.Payload, &want))
			assert.Equal(t, want, s.Data)
		})
	}
}
