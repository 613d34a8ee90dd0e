package hardtack_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

var errMwFn = errors.New("fn says no")

func TestUpdateOutsideHandler(t *testing.T) {
	mwModes(t, func(t *testing.T, hybrid bool) {
		g := newMwRig(t, hybrid)
		for i := 1; i <= 3; i++ {
			w := httptest.NewRecorder()
			p, err := g.jar.Update(w, g.request(t.Context()), func(s *mwSession) error {
				assert.Equal(t, i == 1, s.IsNew())
				s.Data.N++
				return nil
			})
			require.NoError(t, err)
			assert.Equal(t, hardtack.InCookie, p.Where)
			g.take(w.Header())
			assert.Equal(t, i, g.data().N)
		}
	})
}

func TestUpdateRefusedCookie(t *testing.T) {
	g := newMwRig(t, false)
	g.cookies[hardtack.DefaultName] = "garbage"
	w := httptest.NewRecorder()
	_, err := g.jar.Update(w, g.request(t.Context()), func(s *mwSession) error {
		assert.True(t, s.IsNew())
		s.Data.N = 1
		return nil
	})
	require.NoError(t, err)
	g.take(w.Header())
	assert.Equal(t, 1, g.data().N)
}

func TestUpdateStoreAway(t *testing.T) {
	g := newMwRig(t, true)
	g.login(mwData{N: 1, Text: mwBig})
	g.store.away.Store(true)
	w := httptest.NewRecorder()
	_, err := g.jar.Update(w, g.request(t.Context()), func(*mwSession) error {
		assert.Fail(t, "fn ran")
		return nil
	})
	assert.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Empty(t, w.Header())
}

func TestUpdateTooLarge(t *testing.T) {
	g := newMwRig(t, false)
	g.login(mwData{N: 1})
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		_, err := g.jar.Update(w, r, func(s *mwSession) error { s.Data.Text = mwBig; return nil })
		var size *hardtack.SizeError
		if assert.ErrorAs(t, err, &size) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})
	assert.Equal(t, http.StatusRequestEntityTooLarge, a.StatusCode)
	assert.Equal(t, mwData{N: 1}, g.data())
}

func TestUpdateGoesOnFromTheWinner(t *testing.T) {
	for _, within := range []bool{false, true} {
		g := newMwRig(t, true)
		g.login(mwData{N: 1, Text: mwBig})
		runs := 0
		update := func(w http.ResponseWriter, r *http.Request) {
			p, err := g.jar.Update(w, r, func(s *mwSession) error {
				if runs++; runs == 1 {
					g.elsewhere(mwData{N: 40, Text: mwBig})
				}
				s.Data.N++
				return nil
			})
			assert.NoError(t, err)
			assert.Equal(t, hardtack.InStore, p.Where)
		}
		if within {
			a := g.do(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				update(w, r)
				assert.Equal(t, 41, s.Data.N, "whoever holds the session sees the outcome")
			})
			assert.Equal(t, http.StatusOK, a.StatusCode)
			assert.Equal(t, int64(4), g.store.writes.Load(), "one lost, one won, none at the end")
		} else {
			update(httptest.NewRecorder(), g.request(t.Context()))
		}
		assert.Equal(t, 2, runs)
		assert.Equal(t, 41, g.data().N)
		assert.Equal(t, 1, g.events.count("conflict"))
	}
}

func TestUpdateErrorRestores(t *testing.T) {
	for name, d := range map[string]*mwData{
		"fresh": nil, "inline": {N: 1}, "stored": {N: 1, Text: mwBig},
	} {
		t.Run(name, func(t *testing.T) {
			g := newMwRig(t, true)
			want := mwData{}
			if d != nil {
				g.login(*d)
				want = *d
			}
			writes, sealed := g.store.writes.Load(), g.events.count("sealed")
			a := g.do(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				id := s.ID()
				_, err := g.jar.Update(w, r, func(s *mwSession) error {
					s.Data = mwData{N: 2, Text: "changed"}
					s.Renew()
					s.SetSubject("alice")
					return errMwFn
				})
				assert.Equal(t, errMwFn, err)
				assert.Equal(t, want, s.Data)
				assert.Equal(t, id, s.ID())
				assert.Empty(t, s.Subject())
			})
			assert.Equal(t, http.StatusOK, a.StatusCode)
			assert.Empty(t, a.lines())
			assert.Equal(t, writes, g.store.writes.Load())
			assert.Equal(t, sealed, g.events.count("sealed"))
		})
	}
}

func TestUpdateErrorKeepsWhatTheHandlerChanged(t *testing.T) {
	g := newMwRig(t, false)
	g.login(mwData{N: 1})
	g.do(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.Text = "before"
		_, err := g.jar.Update(w, r, func(s *mwSession) error { s.Data.N = 2; return errMwFn })
		assert.ErrorIs(t, err, errMwFn)
	})
	assert.Equal(t, mwData{N: 1, Text: "before"}, g.data())
}

func TestUpdateErrorAfterAConflict(t *testing.T) {
	g := newMwRig(t, true)
	g.login(mwData{N: 1, Text: mwBig})
	runs := 0
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		_, err := g.jar.Update(w, r, func(s *mwSession) error {
			if runs++; runs == 2 {
				assert.Equal(t, 40, s.Data.N)
				s.Data.N = 3
				return errMwFn
			}
			g.elsewhere(mwData{N: 40, Text: mwBig})
			s.Data.N = 2
			return nil
		})
		assert.Equal(t, errMwFn, err)
	})
	assert.Equal(t, http.StatusOK, a.StatusCode)
	assert.Equal(t, int64(3), g.store.writes.Load(), "the winner's state is not written again")
	assert.Equal(t, 40, g.data().N)
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &mwClock{}
		jar, err := hardtack.NewHybrid[mwData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: clock.Now}, newMwStore(clock))
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		_, err = jar.Update(w, r, func(s *mwSession) error { s.Data.Text = mwBig; return nil })
		require.NoError(t, err)
		r.AddCookie(w.Result().Cookies()[0])

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		runs := 0
		_, err = jar.Update(w, r.WithContext(ctx), func(s *mwSession) error {
			other, err := jar.Get(r)
			assert.NoError(t, err)
			other.Data.N++
			_, err = jar.Save(httptest.NewRecorder(), r, other)
			assert.NoError(t, err)
			if runs++; runs == 5 {
				cancel()
			}
			s.Data.N = -1
			return nil
		})
		assert.Error(t, err)
		assert.Equal(t, 5, runs)
		s, err := jar.Get(r)
		require.NoError(t, err)
		assert.Equal(t, 5, s.Data.N)
	})
}
