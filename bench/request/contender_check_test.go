//go:build unix

package request

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
)

// open opens the contender for a test.
func open(t *testing.T, c contender) *app {
	skipServer(t, c)
	a, err := c.open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.close()) })
	return a
}

func skipServer(t *testing.T, c contender) {
	if c.server && testing.Short() {
		t.Skip("-short: it needs a server")
	}
}

// forEach runs the test with each contender that has a session.
func forEach(t *testing.T, test func(t *testing.T, c contender, a *app)) {
	for _, c := range contenders {
		if c.name != "none" {
			t.Run(c.name, func(t *testing.T) { test(t, c, open(t, c)) })
		}
	}
}

// do has the handler answer to the session of the cookie. It returns its cookie afterwards, and whether that was set.
func do(t *testing.T, h http.Handler, cookie string) (after string, set bool) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, newRequest(http.MethodPost, cookie))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, string(ok), w.Body.String())
	lines := w.Result().Header["Set-Cookie"]
	if len(lines) == 0 {
		return cookie, false
	}
	require.Len(t, lines, 1)
	pair, _, _ := strings.Cut(lines[0], ";")
	return pair, true
}

// see returns the data that a request with the cookie finds, and has look look at it.
func see[T any](t *testing.T, handler func(visit[T]) http.Handler, look visit[T], cookie string) (found T) {
	_, set := do(t, handler(func(s T) (T, bool, error) {
		found = s
		return look(s)
	}), cookie)
	assert.False(t, set, "a read has set a cookie")
	return found
}

func TestReadsAndWrites(t *testing.T) {
	forEach(t, func(t *testing.T, _ contender, a *app) {
		cookies, err := a.sessions(2)
		require.NoError(t, err)
		assert.NotEqual(t, cookies[0], cookies[1])

		begun := session.NewAccount()
		requireSame(t, begun, see(t, a.handler, look, cookies[0]))
		changed := begun
		for _, locale := range []string{"de-CH", "de-AT", "de-CH"} {
			cookies[0], _ = do(t, a.handler(change), cookies[0])
			changed.Locale = locale
			requireSame(t, changed, see(t, a.handler, look, cookies[0]))
		}
		requireSame(t, begun, see(t, a.handler, look, cookies[1]))
	})
}

// requireSame compares what an application sees of the sessions: two times may be the same with different zones inside.
func requireSame[T any](t *testing.T, want, got T) {
	t.Helper()
	text := func(s T) string {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		return string(b)
	}
	require.Equal(t, text(want), text(got))
}

func TestPlaces(t *testing.T) {
	inCookie := map[string]bool{
		"hardtack-stateless": true, "hardtack-stateless-handler": true, "hardtack-inline": true, "hardtack-inline-handler": true, "gorilla-cookie": true,
	}
	forEach(t, func(t *testing.T, c contender, a *app) {
		const n = 3
		cookies, err := a.sessions(n)
		require.NoError(t, err)
		for i := range cookies {
			cookies[i], _ = do(t, a.handler(change), cookies[i])
			if a.jar != nil {
				s, err := a.jar.Get(newRequest(http.MethodGet, cookies[i]))
				require.NoError(t, err)
				want := hardtack.InStore
				if inCookie[c.name] {
					want = hardtack.InCookie
				}
				assert.Equal(t, want, s.Placement().Where)
			}
		}
		stored := 0
		if a.place != nil {
			stored, err = a.place.count()
			require.NoError(t, err)
		}
		if inCookie[c.name] {
			assert.Zero(t, stored)
		} else {
			assert.Equal(t, n, stored)
		}
	})
}

// A visit to no session, or to one whose cookie is spoiled, must not count as a read.
func TestNoSession(t *testing.T) {
	forEach(t, func(t *testing.T, _ contender, a *app) {
		cookies, err := a.sessions(1)
		require.NoError(t, err)
		name, value, _ := strings.Cut(cookies[0], "=")
		spoiled := name + "=" + strings.Map(func(r rune) rune {
			if r == 'A' {
				return 'B'
			}
			return 'A'
		}, value)
		for _, cookie := range []string{"", spoiled} {
			for _, op := range operations {
				w := httptest.NewRecorder()
				a.handler(op.visit).ServeHTTP(w, newRequest(op.method, cookie))
				assert.Equal(t, http.StatusInternalServerError, w.Code, op.name)
			}
		}
	})
}

// The rows that are added are what the store makes of its own saves.
func TestFill(t *testing.T) {
	const n = 2500
	fill := func(t *testing.T, p *place) []row {
		t.Cleanup(func() { assert.NoError(t, p.close()) })
		rows := newRows(n)
		require.NoError(t, p.fill(rows))
		live, err := p.count()
		require.NoError(t, err)
		assert.Equal(t, n, live)
		return []row{rows[0], rows[n/2], rows[n-1]}
	}
	for name, open := range map[string]func(string) (*hardtackPlace, error){"memory": memoryPlace, "sqlite": sqlitePlace, "redis": redisPlace} {
		t.Run("hardtack-"+name, func(t *testing.T) {
			skipServer(t, contender{server: name == "redis"})
			p, err := open(t.TempDir())
			require.NoError(t, err)
			for _, r := range fill(t, &p.place) {
				data, found, err := p.store.Find(t.Context(), r.id)
				require.NoError(t, err)
				require.True(t, found)
				assert.Equal(t, r.data, data)
				swapped, err := p.store.(hardtack.CompareAndSwapper).CompareAndSwap(t.Context(), r.id, 1, 2, r.data, r.expires)
				require.NoError(t, err)
				assert.True(t, swapped, "not of version 1")
			}
		})
	}
	for name, open := range map[string]func(string) (*scsPlace, error){"memory": scsMemory, "sqlite": scsSQLite, "redis": scsRedis} {
		t.Run("scs-"+name, func(t *testing.T) {
			skipServer(t, contender{server: name == "redis"})
			p, err := open(t.TempDir())
			require.NoError(t, err)
			find := p.store.Find
			if store, ok := p.store.(scs.CtxStore); ok {
				find = func(token string) ([]byte, bool, error) { return store.FindCtx(t.Context(), token) }
			}
			for _, r := range fill(t, &p.place) {
				data, found, err := find(r.id)
				require.NoError(t, err)
				require.True(t, found)
				assert.Equal(t, r.data, data)
			}
		})
	}
}

func TestGrow(t *testing.T) {
	for _, c := range contendersBy(live...) {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, c)
			for _, step := range []struct{ ask, live int }{{1, 1}, {40, 40}, {40, 40}, {150, 150}, {100, 150}} {
				require.Len(t, a.grow(t, http.MethodGet, step.ask), min(step.ask, visited))
				if a.place == nil {
					continue
				}
				live, err := a.place.count()
				require.NoError(t, err)
				assert.Equal(t, step.live, live)
			}
		})
	}
}

// An error of the handler must not look like a fast answer.
func TestServer(t *testing.T) {
	a := open(t, contendersBy("gorilla-cookie")[0])
	cookies, err := a.sessions(2)
	require.NoError(t, err)
	var seen int
	s := newServer(a.handler(func(before session.Account) (session.Account, bool, error) {
		seen++
		return change(before)
	}))
	for i := range 3 {
		s.serve(newRequest(http.MethodPost, cookies[i%2]))
		assert.Equal(t, i+1, seen)
		assert.Zero(t, s.w.status)
		assert.Len(t, s.w.header["Set-Cookie"], 1)
	}
	// The same request, whose context gorilla/sessions would have changed.
	r := newRequest(http.MethodPost, cookies[0])
	s.serve(r)
	r.Header.Set("Cookie", cookieName+"=spoiled")
	s.serve(r)
	assert.Equal(t, http.StatusInternalServerError, s.w.status)
}

func TestClient(t *testing.T) {
	forEach(t, func(t *testing.T, _ contender, a *app) {
		cookies, err := a.sessions(1)
		require.NoError(t, err)
		var locales []string
		server := httptest.NewServer(a.handler(func(before session.Account) (session.Account, bool, error) {
			locales = append(locales, before.Locale)
			return change(before)
		}))
		defer server.Close()
		c, err := newClient(http.MethodPost, server.URL, cookies[0])
		require.NoError(t, err)
		defer c.transport.CloseIdleConnections()
		c.run(4)
		require.NoError(t, c.err)
		assert.Len(t, c.took, 4)
		assert.Equal(t, []string{"de-AT", "de-CH", "de-AT", "de-CH"}, locales, "a write was not taken on")

		c.request.Header.Set("Cookie", "spoiled=1")
		c.run(1)
		assert.Error(t, c.err)
	})
}
