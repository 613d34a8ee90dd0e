package hardtack_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

// Somebody was faster, and Save said so. What was read before must not come back with a Touch, neither the handler's own nor that of Handler.
func TestTouchAfterALostSave(t *testing.T) {
	for name, faster := range map[string]struct {
		does func(*hyVisit) error
		want error
	}{
		"saved": {func(v *hyVisit) error { _, err := v.Add("acknowledged"); return err }, hardtack.ErrConflict},
		"ended": {func(v *hyVisit) error { return v.Delete() }, hardtack.ErrEnded},
	} {
		for _, update := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				g := newHyRig(t)
				_, pending := g.returned()
				w := httptest.NewRecorder()
				g.Jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s, err := g.Jar.From(r.Context())
					require.NoError(t, err)
					s.Data.Items = append(s.Data.Items, "mine")
					require.NoError(t, faster.does(g.must(pending)))
					if update {
						_, err = g.Jar.Update(w, r, func(*hySession) error { return nil })
					} else {
						_, err = g.Jar.Save(w, r, s)
					}
					assert.ErrorIs(t, err, faster.want)
					_, err = g.Jar.Touch(w, r, s)
					assert.NoError(t, err)
					w.WriteHeader(http.StatusConflict)
				})).ServeHTTP(w, hybridtest.Request(pending))
				_, set := hybridtest.Sets(w.Header())
				assert.False(t, set)
			})
		}
	}
}

func TestTouchAfterAnOverflowThatMeetsAnEnd(t *testing.T) {
	g := newHyRig(t, func(c *hardtack.Config) { c.IdleTimeout = time.Hour })
	cookie := g.inline()
	g.Clock.Advance(10 * time.Minute)
	v := g.must(cookie)
	require.NoError(t, g.must(cookie).Delete())
	_, err := v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrEnded)
	_, err = v.Touch()
	require.NoError(t, err)
	g.silent(v)
}

// A visitor who comes every minute is active, however slow the store is.
func TestTouchOfASlowStore(t *testing.T) {
	for name, pending := range map[string]bool{"stored": false, "pending, away": true} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t, func(c *hardtack.Config) { c.IdleTimeout = 10 * time.Minute })
			cookie := g.stored()
			if pending {
				_, cookie = g.returned()
			}
			g.Faults.Set(func(op string) error {
				g.Clock.Advance(1500 * time.Millisecond)
				if pending {
					return errors.New("no answer")
				}
				return nil
			}, nil)
			for range 30 {
				g.Clock.Advance(time.Minute)
				v := g.must(cookie)
				_, err := v.Touch()
				require.NoError(t, err)
				cookie = v.After(cookie)
			}
		})
	}
}

func TestTouchOfAFormerStoresWhatWasRead(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	pair := jrStart(t, jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "old", Serializer: mwNone{}}), jrData{N: 1})
	j := jrNew[jrData](t, hardtack.Config{Keys: keys, Formerly: []hardtack.Former{{Name: "old", Codec: hardtack.NewSealedCodec(keys, mwNone{})}}})
	r, s := jrOpen(t, j, pair)
	s.Data.N = 99 // not saved
	lines := jrTouch(t, j, r, s)
	require.NotEmpty(t, lines)
	_, s = jrOpen(t, j, jrPair(lines[len(lines)-1]))
	assert.Equal(t, 1, s.Data.N)
}
