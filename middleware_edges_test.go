package hardtack_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

// An authentication in between has looked at the session, or changed it.
func TestHandlerWithinItselfSharesTheSession(t *testing.T) {
	for name, between := range map[string]func(*mwSession){
		"read":    func(*mwSession) {},
		"changed": func(s *mwSession) { s.Data.Text += "seen" },
	} {
		for where, text := range map[string]string{"inline": "", "stored": mwBig} {
			t.Run(name+", "+where, func(t *testing.T) {
				g := newMwRig(t, true, func(c *hardtack.Config) { c.IdleTimeout = time.Hour })
				g.login(mwData{N: 1, Text: text})
				g.clock.Advance(10 * time.Minute) // a Touch is due
				inner := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					g.from(r).Data.N = 2
					io.WriteString(w, "ok")
				}))
				want := mwSession{Data: mwData{N: 2, Text: text}}
				between(&want)
				a := g.do(func(w http.ResponseWriter, r *http.Request) {
					between(g.from(r))
					inner.ServeHTTP(w, r)
				})
				assert.Equal(t, http.StatusOK, a.StatusCode)
				assert.Equal(t, want.Data, g.data())
			})
		}
	}
}

// A handler may make requests of its own, in its context. Those of somebody else are somebody else's.
func TestHandlerWithinItselfForAnother(t *testing.T) {
	g := newMwRig(t, false)
	g.login(mwData{N: 1})
	another := jrRequest(jrStart(t, g.jar, mwData{N: 100}))
	h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.from(r).Data.N++ }))
	sub := httptest.NewRecorder()
	g.do(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N = 2
		h.ServeHTTP(sub, another.WithContext(r.Context()))
	})
	assert.Equal(t, 2, g.data().N)
	_, s := jrOpen(t, g.jar, jrPair(sub.Header().Get("Set-Cookie")))
	assert.Equal(t, 101, s.Data.N)
}

// Handler must not bring back what fn has ended, or saved.
func TestUpdateWhoseFunctionDoesMore(t *testing.T) {
	banned := errors.New("banned")
	for name, c := range map[string]struct {
		fn   func(*mwRig, http.ResponseWriter, *http.Request, *mwSession) error
		want error
		n    int
	}{
		"deletes": {func(g *mwRig, w http.ResponseWriter, r *http.Request, s *mwSession) error {
			return g.jar.Delete(w, r, s)
		}, hardtack.ErrNoCookie, 0},
		"saves": {func(g *mwRig, w http.ResponseWriter, r *http.Request, s *mwSession) error {
			s.Data.N = 2
			_, err := g.jar.Save(w, r, s)
			return err
		}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			g := newMwRig(t, false, func(c *hardtack.Config) { c.IdleTimeout = time.Hour })
			g.login(mwData{N: 1})
			g.clock.Advance(10 * time.Minute)
			g.do(func(w http.ResponseWriter, r *http.Request) {
				_, err := g.jar.Update(w, r, func(s *mwSession) error {
					require.NoError(t, c.fn(g, w, r, s))
					return banned
				})
				assert.ErrorIs(t, err, banned)
				w.WriteHeader(http.StatusForbidden)
			})
			s, err := g.jar.Get(g.request(t.Context()))
			assert.ErrorIs(t, err, c.want)
			assert.Equal(t, c.n, s.Data.N)
		})
	}
}

// A change from before could not be made again after a conflict, so it is told of and not dropped.
func TestUpdateAfterAChangeOfTheHandler(t *testing.T) {
	for _, conflict := range []bool{false, true} {
		g := newMwRig(t, true)
		g.login(mwData{N: 1, Text: mwBig})
		runs := 0
		g.do(func(w http.ResponseWriter, r *http.Request) {
			g.from(r).Data.Text = mwBig + "before"
			_, err := g.jar.Update(w, r, func(s *mwSession) error {
				if runs++; conflict {
					g.elsewhere(mwData{N: 40, Text: mwBig})
				}
				s.Data.N++
				return nil
			})
			if conflict {
				assert.ErrorIs(t, err, hardtack.ErrConflict)
			} else {
				assert.NoError(t, err)
			}
		})
		want := mwData{N: 2, Text: mwBig + "before"}
		if conflict {
			want = mwData{N: 40, Text: mwBig}
		}
		assert.Equal(t, want, g.data())
		assert.Equal(t, 1, runs)
	}
}

// What the writer below cannot do does not begin the response.
func TestHandlerOnAPlainWriter(t *testing.T) {
	for name, try := range map[string]func(*http.ResponseController) error{
		"flush":  (*http.ResponseController).Flush,
		"hijack": func(c *http.ResponseController) error { _, _, err := c.Hijack(); return err },
	} {
		for _, nested := range []bool{false, true} {
			g := newMwRig(t, false)
			h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				assert.ErrorIs(t, try(http.NewResponseController(w)), http.ErrNotSupported, name)
				s.Data.N = 7
			}))
			if nested {
				config := g.config
				config.Name = "__Host-other"
				other, err := hardtack.New[mwOld](config)
				require.NoError(t, err)
				h = other.Handler(h)
			}
			w := &mwNull{http.Header{}}
			h.ServeHTTP(w, jrRequest())
			assert.Len(t, w.header["Set-Cookie"], 1, "%s, nested %v", name, nested)
		}
	}
}

// Two sessions were presented. Delete ends both, also after Update had to read the newer one again.
func TestDeleteAfterAConflictEndsAll(t *testing.T) {
	g := newHyRig(t)
	older := g.stored()
	g.Clock.Advance(time.Second)
	newer := g.stored()
	r, w := hybridtest.Request(newer), httptest.NewRecorder()
	r.Header.Add("Cookie", hardtack.DefaultName+"="+older)
	var s *hySession
	runs := 0
	_, err := g.Jar.Update(w, r, func(own *hySession) error {
		if s = own; runs == 0 {
			_, err := g.must(newer).Add("faster")
			require.NoError(t, err)
		}
		runs++
		own.Data.Items = append(own.Data.Items, "mine")
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, runs)
	require.NoError(t, g.Jar.Delete(w, r, s))
	g.refused(newer, hardtack.ErrEnded)
	g.refused(older, hardtack.ErrEnded)
}

// The line that expires a former cookie counts once, however often the response is saved.
func TestSavesOfOneResponseCountAFormerOnce(t *testing.T) {
	g := newHyRig(t, func(c *hardtack.Config) { c.Formerly = []hardtack.Former{{Name: "old"}} })
	try := func(n int) (first, second hardtack.Where) {
		v := g.Visit("")
		v.R.Header.Set("Cookie", "old=x")
		p, err := v.Note(n)
		require.NoError(t, err)
		first = p.Where
		p, err = v.Save()
		require.NoError(t, err)
		return first, p.Where
	}
	inline := 0
	for n := 1500; n < 3000; n += 10 {
		if first, second := try(n); first == hardtack.InCookie {
			inline++
			require.Equal(t, first, second, "%d bytes", n)
		}
	}
	assert.NotZero(t, inline)
	assert.Less(t, inline, 150, "some were too large")
}
