package hardtack_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

func TestReasons(t *testing.T) {
	type rig struct {
		clock         *hybridtest.Clock
		config        hardtack.Config
		faults        *hybridtest.Faults
		inline, large string // name=value
	}
	hybrid := func(t *testing.T, g *rig) *hardtack.Jar[hyData] {
		j, err := hardtack.NewHybrid[hyData](g.config, g.faults.Store())
		require.NoError(t, err)
		return j
	}
	for _, c := range []struct {
		name string
		want error
		do   func(t *testing.T, g *rig) (cookie string)
	}{
		{"no cookie", hardtack.ErrNoCookie, func(*testing.T, *rig) string { return "" }},
		{"malformed", hardtack.ErrMalformed, func(*testing.T, *rig) string { return "__Host-session=x" }},
		{"unknown key", hardtack.ErrUnknownKey, func(_ *testing.T, g *rig) string {
			g.config.Keys = hardtack.EphemeralKeyring()
			return g.inline
		}},
		{"forged", hardtack.ErrForged, func(_ *testing.T, g *rig) string {
			b := []byte(g.inline)
			if i := len(b) - 20; b[i] == 'A' {
				b[i] = 'B'
			} else {
				b[i] = 'A'
			}
			return string(b)
		}},
		{"other audience", hardtack.ErrForged, func(_ *testing.T, g *rig) string {
			g.config.Audience = "another"
			return g.inline
		}},
		{"expired", hardtack.ErrExpired, func(_ *testing.T, g *rig) string {
			g.clock.Advance(25 * time.Hour)
			return g.inline
		}},
		{"idle", hardtack.ErrIdle, func(_ *testing.T, g *rig) string {
			g.clock.Advance(2 * time.Hour)
			return g.inline
		}},
		{"not yet valid", hardtack.ErrNotYetValid, func(_ *testing.T, g *rig) string {
			g.clock.Advance(-3 * time.Minute)
			return g.inline
		}},
		{"revoked key", hardtack.ErrRevokedKey, func(t *testing.T, g *rig) string {
			id, err := g.config.Keys.SealingKey(g.clock.Now())
			require.NoError(t, err)
			require.NoError(t, g.config.Keys.Revoke(t.Context(), id))
			return g.inline
		}},
		{"payload", hardtack.ErrPayload, func(t *testing.T, g *rig) string {
			return jrStart(t, jrNew[string](t, g.config), "text")
		}},
		{"record missing", hardtack.ErrRecordMissing, func(_ *testing.T, g *rig) string {
			g.faults = &hybridtest.Faults{Inner: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.clock.Now})}
			return g.large
		}},
		{"ended", hardtack.ErrEnded, func(t *testing.T, g *rig) string {
			j := hybrid(t, g)
			r, s := jrOpen(t, j, g.large)
			require.NoError(t, j.Delete(httptest.NewRecorder(), r, s))
			return g.large
		}},
		{"store unavailable", hardtack.ErrStoreUnavailable, func(_ *testing.T, g *rig) string {
			g.faults.Fail("find")
			return g.large
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &rig{clock: hybridtest.NewClock(jrEpoch)}
			g.config = hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: g.clock.Now, IdleTimeout: time.Hour}
			g.faults = &hybridtest.Faults{Inner: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.clock.Now})}
			j := hybrid(t, g)
			g.inline = jrStart(t, j, hyData{Note: hybridtest.Note(hybridtest.Small)})
			g.large = jrStart(t, j, hyData{Note: hybridtest.Note(hybridtest.Large)})
			cookie := c.do(t, g)
			r := jrRequest()
			if cookie != "" {
				r = jrRequest(cookie)
			}
			s, err := hybrid(t, g).Get(r)
			require.ErrorIs(t, err, c.want)
			require.NotNil(t, s)
			assert.True(t, s.IsNew())
			assert.Zero(t, s.Data)
			assert.Empty(t, s.Subject())

			w := httptest.NewRecorder()
			j = hybrid(t, g)
			j.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, err := j.Get(r)
				assert.ErrorIs(t, err, c.want)
			})).ServeHTTP(w, r)
			assert.Empty(t, w.Header()["Set-Cookie"])
		})
	}
}

func TestStatelessMeetsReference(t *testing.T) {
	config := hardtack.Config{Keys: hardtack.EphemeralKeyring()}
	h, err := hardtack.NewHybrid[hyData](config, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	pair := jrStart(t, h, hyData{Note: hybridtest.Note(hybridtest.Large)})

	j := jrNew[hyData](t, config)
	r := jrRequest(pair)
	s, err := j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.True(t, s.IsNew())
	assert.Zero(t, s.Data)
	w := httptest.NewRecorder()
	_, err = j.Save(w, r, s)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Empty(t, w.Header()["Set-Cookie"])
	w = httptest.NewRecorder()
	require.ErrorIs(t, j.Delete(w, r, s), hardtack.ErrStoreUnavailable)
	require.Len(t, w.Result().Cookies(), 1)
	assert.Negative(t, w.Result().Cookies()[0].MaxAge)

	config.StoreRetired = true
	j = jrNew[hyData](t, config)
	r = jrRequest(pair)
	s, err = j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	assert.True(t, s.IsNew())
	assert.Zero(t, s.Data)
	jrPut(t, j, r, s)
}
