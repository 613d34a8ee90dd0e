package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// payload returns the encoded size of a cart with items of these notes.
func payload(t *testing.T, notes ...int) int {
	t.Helper()
	var c cart
	for _, n := range notes {
		c.Items = append(c.Items, item{text(n)})
	}
	data, err := hardtack.CBOR{}.Marshal(&c)
	require.NoError(t, err)
	return len(data)
}

func TestNoSession(t *testing.T) {
	b := newBrowser(t, serverConfig{Store: memory()})
	for range 2 {
		a := b.do(t, "GET", "/api/session")
		require.Equal(t, http.StatusOK, a.status)
		assert.Empty(t, a.setCookie, "reading makes no session")
		assert.True(t, a.New)
		assert.Zero(t, a.Items)
		assert.Empty(t, a.Key)
		assert.Empty(t, a.Refused)
		assert.Equal(t, placement{Where: "none", Reason: hardtack.ReasonNew}, a.Placement)
	}
}

func TestHybridOverflowsAndReturns(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	key := keys.Keys()[0].ID().String()
	b := newBrowser(t, serverConfig{Session: hardtack.Config{Keys: keys}, Store: memory()})

	a := b.do(t, "POST", "/api/items?count=1&note=40")
	require.Equal(t, http.StatusOK, a.status)
	size := len(a.cookie(t)) - len("=")
	first := a.state
	assert.True(t, first.New)
	assert.Empty(t, first.Key, "no cookie was presented")
	assert.Equal(t, placement{"cookie", hardtack.ReasonFits, payload(t, 40), size, 3072}, first.Placement)
	assert.WithinDuration(t, time.Now(), first.Created, 10*time.Second)
	assert.Equal(t, 24*time.Hour, first.Expires.Sub(first.Created))

	a = b.do(t, "GET", "/api/session")
	assert.Empty(t, a.setCookie, "a read writes nothing")
	assert.False(t, a.New)
	assert.Equal(t, key, a.Key)
	assert.Equal(t, 1, a.Items)
	assert.Equal(t, placement{"cookie", hardtack.ReasonPresented, payload(t, 40), size, 3072}, a.Placement)

	a = b.do(t, "POST", "/api/items?count=5&note=500")
	require.Equal(t, http.StatusOK, a.status)
	reference := len(a.cookie(t)) - len("=")
	assert.Less(t, reference, 256)
	assert.Equal(t, placement{"store", hardtack.ReasonOver, payload(t, 40, 500, 500, 500, 500, 500), reference, 3072}, a.Placement)
	assert.Equal(t, first.ID, a.ID, "the session keeps its identity")
	assert.Equal(t, 6, a.Items)

	a = b.do(t, "POST", "/api/items?count=10&note=1000")
	assert.Empty(t, a.setCookie, "the reference still serves")
	assert.Equal(t, 16, a.Items)
	assert.Equal(t, "store", a.Placement.Where)
	assert.Equal(t, reference, a.Placement.CookieBytes)
	assert.Equal(t, 16, b.ok(t, "GET", "/api/session").Items)

	s := b.ok(t, "DELETE", "/api/items?count=11")
	assert.Equal(t, 5, s.Items)
	assert.Equal(t, "store", s.Placement.Where, "under Inline, but not under LowWater")
	assert.Equal(t, hardtack.ReasonStays, s.Placement.Reason)

	a = b.do(t, "DELETE", "/api/items?count=2")
	assert.Equal(t, placement{"cookie", hardtack.ReasonReturned, payload(t, 40, 500, 500), len(a.cookie(t)) - len("="), 2304}, a.Placement)
	assert.Equal(t, 3, a.Items)

	s = b.ok(t, "GET", "/api/session")
	assert.Equal(t, 3, s.Items)
	assert.Equal(t, "cookie", s.Placement.Where)
	assert.Equal(t, first.ID, s.ID)
	assert.Zero(t, b.ok(t, "DELETE", "/api/items").Items)
	assert.Empty(t, b.do(t, "GET", "/api/session").setCookie)
}

func TestLoginRenews(t *testing.T) {
	for name, query := range map[string]string{"inline": "count=2&note=10", "stored": "count=2&note=5000"} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, serverConfig{Store: memory()})
			before := b.ok(t, "POST", "/api/items?"+query)
			after := b.ok(t, "POST", "/api/login?user="+url.QueryEscape("Zoë Ø."))
			assert.Equal(t, "Zoë Ø.", after.User)
			assert.NotEqual(t, before.ID, after.ID)
			assert.Len(t, after.ID, 22)
			assert.Equal(t, 2, after.Items)
			assert.Equal(t, before.Placement.Where, after.Placement.Where)

			now := b.ok(t, "GET", "/api/session")
			assert.Equal(t, after.ID, now.ID)
			assert.Equal(t, "Zoë Ø.", now.User)
			assert.Equal(t, 2, now.Items)
		})
	}
}

func TestLogout(t *testing.T) {
	b := newBrowser(t, serverConfig{Store: memory()})
	before := b.ok(t, "POST", "/api/login?user=ada")
	a := b.do(t, "POST", "/api/logout")
	require.Equal(t, http.StatusOK, a.status)
	require.Len(t, a.setCookie, 1)
	assert.Contains(t, a.setCookie[0], "Max-Age=0")
	assert.Empty(t, a.User)
	assert.Empty(t, a.Key)
	assert.NotEqual(t, before.ID, a.ID)
	assert.Equal(t, placement{Where: "none", Reason: hardtack.ReasonEnded}, a.Placement)
	assert.Equal(t, "none", b.ok(t, "GET", "/api/session").Placement.Where)
	assert.Equal(t, http.StatusOK, b.do(t, "POST", "/api/logout").status, "twice is as good")
}

func TestLogoutEverywhere(t *testing.T) {
	store := memory()
	config := serverConfig{Session: hardtack.Config{Keys: hardtack.EphemeralKeyring()}, Store: store}
	here, there, other := newBrowser(t, config), newBrowser(t, config), newBrowser(t, config)
	for b, user := range map[*browser]string{here: "ada", there: "ada", other: "bob"} {
		b.ok(t, "POST", "/api/login?user="+user)
		require.Equal(t, "store", b.ok(t, "POST", "/api/items?count=5&note=1000").Placement.Where)
	}
	here.ok(t, "POST", "/api/logout?everywhere=1")
	assert.Equal(t, "none", here.ok(t, "GET", "/api/session").Placement.Where)
	assert.Equal(t, "ended", there.ok(t, "GET", "/api/session").Refused)
	assert.Equal(t, "bob", other.ok(t, "GET", "/api/session").User)

	alone := newBrowser(t, serverConfig{})
	alone.ok(t, "POST", "/api/login?user=ada")
	assert.Equal(t, http.StatusBadRequest, alone.do(t, "POST", "/api/logout?everywhere=1").status)
	assert.Equal(t, "ada", alone.ok(t, "GET", "/api/session").User)
}

func TestTooLargeForStateless(t *testing.T) {
	b := newBrowser(t, serverConfig{Session: hardtack.Config{IdleTimeout: time.Hour}})
	fits := 0
	for note := 2800; ; note++ {
		require.Less(t, note, 3100)
		b.ok(t, "DELETE", "/api/items")
		a := b.do(t, "POST", "/api/items?note="+itoa(note))
		if a.status == http.StatusOK {
			fits = a.Placement.CookieBytes
			assert.Equal(t, 4096, a.Placement.Limit)
			continue
		}
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.status)
		assert.Equal(t, "too_large", a.error)
		assert.Equal(t, 4097, a.big.CookieBytes)
		assert.Equal(t, 4096, a.big.Limit)
		assert.Equal(t, 1, a.big.Over)
		require.Len(t, a.big.Largest, 1)
		assert.Equal(t, "Items", a.big.Largest[0].Field)
		assert.Greater(t, a.big.Largest[0].Bytes, note)
		assert.Empty(t, a.setCookie)
		break
	}
	assert.Equal(t, 4096, fits)

	b.ok(t, "POST", "/api/items?count=3&note=50")
	before := b.ok(t, "GET", "/api/session")
	a := b.do(t, "POST", "/api/items?count=1000&note=1000")
	assert.Equal(t, http.StatusRequestEntityTooLarge, a.status)
	assert.Equal(t, a.big.CookieBytes-4096, a.big.Over)
	assert.Empty(t, a.setCookie)
	assert.Equal(t, before, b.ok(t, "GET", "/api/session"))
}

func TestTooLargeForARecord(t *testing.T) {
	b := newBrowser(t, serverConfig{Store: memory()})
	b.ok(t, "POST", "/api/items?count=3&note=5000")
	before := b.ok(t, "GET", "/api/session")
	a := b.do(t, "POST", "/api/items?count=20&note=100000")
	assert.Equal(t, http.StatusRequestEntityTooLarge, a.status)
	assert.Equal(t, "too_large", a.error)
	assert.Zero(t, a.big.CookieBytes)
	assert.Equal(t, 1<<20, a.big.Limit)
	assert.Equal(t, a.big.RecordBytes-1<<20, a.big.Over)
	assert.Empty(t, a.setCookie)
	assert.Equal(t, before, b.ok(t, "GET", "/api/session"))
}

func TestStoreAway(t *testing.T) {
	store := &fragile{MemoryStore: memory()}
	b := newBrowser(t, serverConfig{Store: store})
	before := b.ok(t, "POST", "/api/items?count=3&note=5000")

	store.down.Store(true)
	for _, r := range [][2]string{
		{"GET", "/api/session"}, {"POST", "/api/items"}, {"DELETE", "/api/items"}, {"POST", "/api/login?user=ada"},
	} {
		a := b.do(t, r[0], r[1])
		assert.Equal(t, http.StatusServiceUnavailable, a.status, r)
		assert.Equal(t, "store_unavailable", a.error, r)
		assert.Empty(t, a.setCookie, r)
	}

	store.down.Store(false)
	now := b.ok(t, "GET", "/api/session")
	assert.Equal(t, before.ID, now.ID, "the outage has logged nobody out")
	assert.Equal(t, 3, now.Items)

	store.down.Store(true)
	a := b.do(t, "POST", "/api/logout")
	assert.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Len(t, a.setCookie, 1)
	assert.Contains(t, a.setCookie[0], "Max-Age=0")
	assert.Equal(t, "none", b.ok(t, "GET", "/api/session").Placement.Where)

	assert.Equal(t, 1, b.ok(t, "POST", "/api/items?note=40").Items, "small sessions need no store")
	a = b.do(t, "POST", "/api/items?note=5000")
	assert.Equal(t, http.StatusServiceUnavailable, a.status)
	assert.Empty(t, a.setCookie)
	assert.Equal(t, 1, b.ok(t, "GET", "/api/session").Items)
}

func TestConflict(t *testing.T) {
	t.Run("of a session that has been renewed", func(t *testing.T) {
		shop := newShop(t, serverConfig{Store: memory()})
		old := cookieOf(t, shop, "count=3&note=5000")
		login := ask(t, shop, "POST", "/api/login?user=ada", old)
		require.Equal(t, http.StatusOK, login.status)

		a := ask(t, shop, "POST", "/api/items", old)
		assert.Equal(t, http.StatusConflict, a.status)
		assert.Equal(t, "conflict", a.error)
		assert.Empty(t, a.setCookie)
		a = ask(t, shop, "GET", "/api/session", old)
		assert.Equal(t, 3, a.Items, "a login whose response was lost does not lose the cart")
		assert.Empty(t, a.User)
		assert.Equal(t, 3, ask(t, shop, "GET", "/api/session", login.cookie(t)).Items)
	})
	t.Run("of a login with a change", func(t *testing.T) {
		store := &fragile{MemoryStore: memory()}
		shop := newShop(t, serverConfig{Store: store})
		cookie := cookieOf(t, shop, "count=3&note=5000")
		var other answer
		hook := func() { other = ask(t, shop, "POST", "/api/items", cookie) }
		store.beforeSwap.Store(&hook)
		a := ask(t, shop, "POST", "/api/login?user=ada", cookie)
		require.Equal(t, http.StatusOK, other.status)
		assert.Equal(t, http.StatusConflict, a.status)
		assert.Equal(t, "conflict", a.error)
		assert.Empty(t, a.setCookie)
		assert.Equal(t, 4, ask(t, shop, "GET", "/api/session", cookie).Items)
	})
	t.Run("of a change with a logout", func(t *testing.T) {
		store := &fragile{MemoryStore: memory()}
		shop := newShop(t, serverConfig{Store: store})
		cookie := cookieOf(t, shop, "count=3&note=5000")
		hook := func() { ask(t, shop, "POST", "/api/logout", cookie) }
		store.beforeSwap.Store(&hook)
		a := ask(t, shop, "POST", "/api/items", cookie)
		assert.Equal(t, http.StatusConflict, a.status)
		assert.Empty(t, a.setCookie)
		assert.Equal(t, "ended", ask(t, shop, "GET", "/api/session", cookie).Refused)
	})
}

func TestParallelChangesAllCount(t *testing.T) {
	b := newBrowser(t, serverConfig{Store: memory()})
	b.ok(t, "POST", "/api/items?count=1&note=5000")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			a := b.do(t, "POST", "/api/items")
			assert.Equal(t, http.StatusOK, a.status)
		})
	}
	all.Wait()
	assert.Equal(t, 51, b.ok(t, "GET", "/api/session").Items)
}

func TestRefused(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	var clock clock
	store := memory()
	config := serverConfig{Session: hardtack.Config{Keys: keys, IdleTimeout: time.Hour, Now: clock.now}, Store: store}
	shop := newShop(t, config)
	small := cookieOf(t, shop, "count=2&note=20")

	value := strings.TrimPrefix(small, "__Host-session=")
	flipped := []byte(small)
	if middle := len(flipped) / 2; flipped[middle] == 'A' {
		flipped[middle] = 'B'
	} else {
		flipped[middle] = 'A'
	}

	for _, c := range []struct {
		refused, cookie string
	}{
		{"", ""},
		{"", "other=" + value},
		{"malformed", "__Host-session="},
		{"malformed", "__Host-session=ahoy"},
		{"malformed", small + "="},
		{"malformed", "__Host-session=" + strings.Repeat("A", 5000)},
		{"forged", string(flipped)},
		{"forged", "__Host-session=" + value[:(len(value)-8)/4*4]},
		{"forged", small + "AAAA"},
		{"unknown_key", cookieOf(t, newShop(t, serverConfig{}), "note=20")},
		{"payload", cookieOfStranger(t, config.Session)},
		{"record_missing", cookieOf(t, newShop(t, serverConfig{Session: config.Session, Store: memory()}), "note=5000")},
		{"ended", func() string {
			stored := cookieOf(t, shop, "note=5000")
			require.Equal(t, http.StatusOK, ask(t, shop, "POST", "/api/logout", stored).status)
			return stored
		}()},
	} {
		assertRefused(t, shop, c.refused, c.cookie)
	}

	accepted := func() {
		t.Helper()
		a := ask(t, shop, "GET", "/api/session", small)
		assert.Equal(t, 2, a.Items)
		assert.Empty(t, a.Refused)
	}
	accepted()
	clock.advance(-3 * time.Minute)
	assertRefused(t, shop, "not_yet_valid", small)
	clock.advance(62 * time.Minute)
	accepted()
	clock.advance(2 * time.Minute)
	assertRefused(t, shop, "idle", small)
	clock.advance(24 * time.Hour)
	assertRefused(t, shop, "expired", small)
	clock.advance(-25 * time.Hour)
	accepted()

	// A change begins anew, and says why.
	a := ask(t, shop, "POST", "/api/items?count=1", string(flipped))
	assert.Equal(t, "forged", a.Refused)
	assert.Equal(t, 1, a.Items)
	assert.Len(t, a.setCookie, 1)

	require.NoError(t, keys.Revoke(t.Context(), keys.Keys()[0].ID()))
	assertRefused(t, shop, "revoked_key", small)
}

func assertRefused(t *testing.T, shop http.Handler, refused, cookie string) {
	t.Helper()
	a := ask(t, shop, "GET", "/api/session", cookie)
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, refused, a.Refused, cookie)
	assert.True(t, a.New)
	assert.Zero(t, a.Items)
	assert.Empty(t, a.Key)
	assert.Equal(t, "none", a.Placement.Where)
	assert.Empty(t, a.setCookie, "a refusal deletes no cookie")
}

// cookieOfStranger returns a cookie of the shop's keys whose data is no cart.
func cookieOfStranger(t *testing.T, c hardtack.Config) string {
	t.Helper()
	jar, err := hardtack.New[string](c)
	require.NoError(t, err)
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, err := jar.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	s.Data = "no cart"
	_, err = jar.Save(w, r, s)
	require.NoError(t, err)
	return answer{setCookie: w.Header().Values("Set-Cookie")}.cookie(t)
}

func TestReadTouches(t *testing.T) {
	var clock clock
	shop := newShop(t, serverConfig{Session: hardtack.Config{IdleTimeout: time.Hour, Now: clock.now}})
	cookie := cookieOf(t, shop, "note=20")
	assert.Empty(t, ask(t, shop, "GET", "/api/session", cookie).setCookie)
	clock.advance(7 * time.Minute)
	assert.NotEqual(t, cookie, ask(t, shop, "GET", "/api/session", cookie).cookie(t))
}

func TestBadRequests(t *testing.T) {
	shop := newShop(t, serverConfig{Store: memory()})
	for _, r := range [][2]string{
		{"POST", "/api/items?count=0"},
		{"POST", "/api/items?count=-1"},
		{"POST", "/api/items?count=1001"},
		{"POST", "/api/items?count=many"},
		{"POST", "/api/items?count="},
		{"POST", "/api/items?count=99999999999999999999"},
		{"POST", "/api/items?note=-1"},
		{"POST", "/api/items?note=100001"},
		{"POST", "/api/items?note=1e3"},
		{"POST", "/api/items?count=1000&note=100000"},
		{"DELETE", "/api/items?count=0"},
		{"DELETE", "/api/items?count=1001"},
		{"POST", "/api/login"},
		{"POST", "/api/login?user="},
		{"POST", "/api/login?user=" + strings.Repeat("a", 65)},
		{"POST", "/api/login?user=%ff"},
	} {
		a := ask(t, shop, r[0], r[1], "")
		assert.Equal(t, http.StatusBadRequest, a.status, r)
		assert.Equal(t, "bad_request", a.error, r)
		assert.NotEmpty(t, a.detail, r)
		assert.Empty(t, a.setCookie, r)
	}
	assert.Equal(t, http.StatusOK, ask(t, shop, "POST", "/api/login?user="+strings.Repeat("a", 64), "").status)
}

func TestCartIsBounded(t *testing.T) {
	b := newBrowser(t, serverConfig{Store: memory()})
	for range maxItems / maxCount {
		b.ok(t, "POST", "/api/items?count="+itoa(maxCount))
	}
	a := b.do(t, "POST", "/api/items")
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, maxItems, b.ok(t, "GET", "/api/session").Items)
}

func TestCrossOrigin(t *testing.T) {
	shop := newShop(t, serverConfig{})
	for _, r := range []struct {
		method, path, header, value string
		status                      int
	}{
		{"POST", "/api/items", "Sec-Fetch-Site", "cross-site", http.StatusForbidden},
		{"POST", "/api/login?user=eve", "Sec-Fetch-Site", "same-site", http.StatusForbidden},
		{"DELETE", "/api/items", "Origin", "https://evil.example", http.StatusForbidden},
		{"POST", "/api/logout", "Origin", "null", http.StatusForbidden},
		{"POST", "/api/items", "Sec-Fetch-Site", "same-origin", http.StatusOK},
		{"POST", "/api/items", "Origin", "http://example.com", http.StatusOK}, // httptest's host
		{"GET", "/api/session", "Sec-Fetch-Site", "cross-site", http.StatusOK},
	} {
		request := httptest.NewRequest(r.method, r.path, nil)
		request.Header.Set(r.header, r.value)
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, request)
		a := readAnswer(t, w.Code, w.Header(), w.Body)
		assert.Equal(t, r.status, a.status, r)
		if r.status == http.StatusForbidden {
			assert.Equal(t, "cross_origin", a.error, r)
			assert.Empty(t, a.setCookie, r)
		}
	}
}

func TestConfigAndPage(t *testing.T) {
	get := func(shop http.Handler, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		h := w.Header()
		assert.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", path)
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		assert.NotEmpty(t, h.Get("Referrer-Policy"), path)
		return w
	}
	hybrid := newShop(t, serverConfig{Store: memory(), StoreName: "memory", Session: hardtack.Config{IdleTimeout: time.Hour}})
	assert.JSONEq(t, `{"mode":"hybrid","store":"memory","max":4096,"inline":3072,"low_water":2304,
		"lifetime_seconds":86400,"idle_seconds":3600,"cookie_name":"__Host-session"}`, get(hybrid, "/api/config").Body.String())
	stateless := newShop(t, serverConfig{Session: hardtack.Config{InsecureDevelopment: true}})
	assert.JSONEq(t, `{"mode":"stateless","store":"","max":4096,"inline":3072,"low_water":2304,
		"lifetime_seconds":86400,"idle_seconds":0,"cookie_name":"session"}`, get(stateless, "/api/config").Body.String())

	for path, kind := range map[string]string{"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css"} {
		w := get(hybrid, path)
		assert.Equal(t, http.StatusOK, w.Code, path)
		assert.Contains(t, w.Header().Get("Content-Type"), kind, path)
		assert.Empty(t, w.Header().Values("Set-Cookie"), path)
	}
	assert.Equal(t, http.StatusNotFound, get(hybrid, "/keys.go").Code)
	assert.Equal(t, http.StatusMethodNotAllowed, get(hybrid, "/api/login").Code)
}
