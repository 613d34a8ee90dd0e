package storetest

import (
	"net/http/httptest"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func pingThere(t *tester) {
	require.NoError(t, t.Ping(t.Context()))
	if t.again != nil {
		require.NoError(t, t.again.Ping(t.Context()))
	}
}

// awayMethods: without its server, every method fails within its deadline.
func awayMethods(t *tester) {
	silent(t, t.newClient(t.Away), func(name string, err error) {
		if t.AwayIs != nil {
			assert.ErrorIs(t, err, t.AwayIs, name)
		}
	})
}

type jarData struct{ Note string }

func newJar(t *tester, store hardtack.Store) *hardtack.Jar[jarData] {
	jar, err := hardtack.NewHybrid[jarData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), StoreTimeout: grace}, store)
	require.NoError(t, err)
	return jar
}

// awayJar: what a Jar makes of it.
func awayJar(t *tester) {
	jar := newJar(t, t.Away)
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, err := jar.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	s.Data.Note = strings.Repeat("n", 5000)
	_, err = jar.Save(w, r, s)
	t.saw(err)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.Empty(t, w.Result().Cookies())
}

// jarHybrid: a session outgrows its cookie, is read back, returns, and ends.
func jarHybrid(t *tester) {
	jar := newJar(t, t.store.raw)
	cookie := ""
	visit := func(f func(w *httptest.ResponseRecorder, s *hardtack.Session[jarData]) error) error {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		s, err := jar.Get(r)
		if err != nil && cookie != "" {
			return err
		}
		if err := f(w, s); err != nil {
			return err
		}
		for _, c := range w.Result().Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		return nil
	}
	save := func(n int, where hardtack.Where) {
		t.Helper()
		require.NoError(t, visit(func(w *httptest.ResponseRecorder, s *hardtack.Session[jarData]) error {
			r := httptest.NewRequest("GET", "/", nil)
			s.Data.Note = strings.Repeat("n", n)
			placed, err := jar.Save(w, r, s)
			assert.Equal(t, where, placed.Where)
			return err
		}))
		require.NoError(t, visit(func(_ *httptest.ResponseRecorder, s *hardtack.Session[jarData]) error {
			assert.Len(t, s.Data.Note, n, "read back")
			return nil
		}))
	}
	save(50, hardtack.InCookie)
	save(5000, hardtack.InStore)
	reference := cookie
	save(t.size(300_000)/4*3, hardtack.InStore)
	save(50, hardtack.InCookie)
	save(6000, hardtack.InStore)
	require.NoError(t, visit(func(w *httptest.ResponseRecorder, s *hardtack.Session[jarData]) error {
		return jar.Delete(w, httptest.NewRequest("GET", "/", nil), s)
	}))
	cookie = reference
	require.ErrorIs(t, visit(func(*httptest.ResponseRecorder, *hardtack.Session[jarData]) error { return nil }), hardtack.ErrEnded)
}
