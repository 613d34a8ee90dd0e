package webtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func serve(t *testing.T, a App, store hardtack.Store) *Browser {
	t.Helper()
	handler, err := a.New(hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
	require.NoError(t, err)
	return Serve(t, handler)
}

func memory() *hardtack.MemoryStore { return hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}) }

func noSession(t *testing.T, a App) {
	b := serve(t, a, memory())
	for range 2 {
		assert.Empty(t, b.OK(t, "GET", "/"))
		assert.Nil(t, b.Cookie(t, a.Cookie), "looking makes no session")
		status, _ := b.Do(t, "GET", "/account")
		assert.Equal(t, http.StatusUnauthorized, status)
		status, _ = b.Do(t, "POST", "/login")
		assert.Equal(t, http.StatusBadRequest, status, "nobody's name")
	}
	assert.Empty(t, b.OK(t, "POST", "/remove").Items, "of an empty cart")
}

func visit(t *testing.T, a App) {
	for mode, store := range map[string]hardtack.Store{"hybrid": memory(), "stateless": nil} {
		t.Run(mode, func(t *testing.T) {
			b := serve(t, a, store)
			v := b.OK(t, "POST", "/items", "note", "tea")
			assert.Equal(t, []string{"tea"}, v.Items)
			cookie := b.Cookie(t, a.Cookie)
			require.NotNil(t, cookie)
			assert.Equal(t, len(cookie.Name)+len(cookie.Value), v.CookieBytes)

			v = b.OK(t, "POST", "/login", "user", "Zoë Ø.")
			assert.Equal(t, "Zoë Ø.", v.User)
			assert.Equal(t, []string{"tea"}, v.Items, "the cart is kept")
			assert.Equal(t, []string{"Welcome, Zoë Ø."}, v.Flashes)
			v = b.OK(t, "GET", "/")
			assert.Equal(t, "Zoë Ø.", v.User)
			assert.Empty(t, v.Flashes, "a flash is shown once")
			assert.Equal(t, "Zoë Ø.", b.OK(t, "GET", "/account").User)

			assert.Equal(t, []string{"tea", "rum"}, b.OK(t, "POST", "/items", "note", "rum").Items)
			assert.Equal(t, []string{"tea"}, b.OK(t, "POST", "/remove").Items)

			assert.Empty(t, b.OK(t, "POST", "/logout"))
			assert.Nil(t, b.Cookie(t, a.Cookie))
			status, _ := b.Do(t, "GET", "/account")
			assert.Equal(t, http.StatusUnauthorized, status)
			assert.Empty(t, b.OK(t, "POST", "/logout"), "again")
			assert.Equal(t, []string{"oil"}, b.OK(t, "POST", "/items", "note", "oil").Items, "a new session")
		})
	}
}

// Whoever has planted a cookie gets nothing of what follows the login, wherever the session is.
func loginRenews(t *testing.T, a App) {
	for name, size := range map[string]int{"inline": 10, "stored": 5000} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, a, memory())
			thief := b.Another(t)
			note := Note(size)
			b.OK(t, "POST", "/items", "note", note)
			planted := b.Cookie(t, a.Cookie).Value
			v := b.OK(t, "POST", "/login", "user", "ada")
			assert.Equal(t, []string{note}, v.Items)

			thief.SetCookie(t, a.Cookie, planted)
			assert.Empty(t, thief.OK(t, "GET", "/").User)
			status, _ := thief.Do(t, "GET", "/account")
			assert.Equal(t, http.StatusUnauthorized, status)

			thief.SetCookie(t, a.Cookie, b.Cookie(t, a.Cookie).Value)
			b.OK(t, "POST", "/login", "user", "ada") // the same user, but who knows the cookie?
			assert.Equal(t, []string{note, "rum"}, b.OK(t, "POST", "/items", "note", "rum").Items)
			assert.NotContains(t, thief.OK(t, "GET", "/").Items, "rum")
			assert.Equal(t, "ada", b.OK(t, "GET", "/account").User)
		})
	}
}

// reference is more than a cookie takes whose session is in the store.
const reference = 400

func overflowsAndReturns(t *testing.T, a App) {
	store := memory()
	b := serve(t, a, store)
	b.OK(t, "POST", "/login", "user", "ada")
	var notes []string
	largest := 0
	for {
		notes = append(notes, Note(200))
		v := b.OK(t, "POST", "/items", "note", notes[len(notes)-1])
		require.Equal(t, notes, v.Items)
		if v.CookieBytes < largest {
			assert.Less(t, v.CookieBytes, reference)
			break
		}
		largest = v.CookieBytes
		require.LessOrEqual(t, largest, 3072)
	}
	assert.Greater(t, largest, 2500, "the cookie is used")
	assert.Equal(t, 1, store.Len())
	v := b.OK(t, "POST", "/items", "note", Note(50_000))
	assert.Less(t, v.CookieBytes, reference)
	assert.Equal(t, notes, b.OK(t, "POST", "/remove").Items)

	for {
		notes = notes[:len(notes)-1]
		v := b.OK(t, "POST", "/remove")
		require.Equal(t, notes, v.Items)
		assert.Equal(t, "ada", v.User)
		if v.CookieBytes > reference {
			break
		}
		require.Greater(t, len(notes), 3, "it comes back")
	}
	assert.Equal(t, notes, b.OK(t, "GET", "/").Items)
}

func tooLarge(t *testing.T, a App) {
	b := serve(t, a, nil)
	b.OK(t, "POST", "/items", "note", "tea")
	status, _ := b.Do(t, "POST", "/items", "note", Note(5000))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
	assert.Equal(t, []string{"tea"}, b.OK(t, "GET", "/").Items, "as before")

	b = serve(t, a, memory())
	b.OK(t, "POST", "/items", "note", "tea")
	status, _ = b.Do(t, "POST", "/items", "note", Note(2<<20))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status, "larger than a record may be")
	assert.Equal(t, []string{"tea"}, b.OK(t, "GET", "/").Items)
}

// fragile is a store that can be away.
type fragile struct {
	*hardtack.MemoryStore
	down atomic.Bool
}

var errDown = errors.New("connection refused")

func (f *fragile) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if f.down.Load() {
		return nil, false, errDown
	}
	return f.MemoryStore.Find(ctx, id)
}

func (f *fragile) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	if f.down.Load() {
		return errDown
	}
	return f.MemoryStore.Commit(ctx, id, data, expires)
}

func (f *fragile) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	if f.down.Load() {
		return false, errDown
	}
	return f.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

func (f *fragile) Delete(ctx context.Context, id string) error {
	if f.down.Load() {
		return errDown
	}
	return f.MemoryStore.Delete(ctx, id)
}

// An outage logs nobody out, and shows nobody an empty cart.
func storeAway(t *testing.T, a App) {
	store := &fragile{MemoryStore: memory()}
	small := serve(t, a, store)
	large := small.Another(t)
	note := Note(5000)
	small.OK(t, "POST", "/login", "user", "ada")
	large.OK(t, "POST", "/login", "user", "eve")
	large.OK(t, "POST", "/items", "note", note)
	kept := large.Cookie(t, a.Cookie).Value

	store.down.Store(true)
	assert.Equal(t, "ada", small.OK(t, "GET", "/account").User)
	assert.Equal(t, []string{"tea"}, small.OK(t, "POST", "/items", "note", "tea").Items)
	for _, request := range [][]string{{"GET", "/"}, {"GET", "/account"}, {"POST", "/items", "note", "tea"}, {"POST", "/remove"}, {"POST", "/login", "user", "bob"}} {
		status, _ := large.Do(t, request[0], request[1], request[2:]...)
		assert.Equal(t, http.StatusServiceUnavailable, status, request)
		require.NotNil(t, large.Cookie(t, a.Cookie), request)
		require.Equal(t, kept, large.Cookie(t, a.Cookie).Value, request)
	}
	status, _ := small.Do(t, "POST", "/items", "note", note)
	assert.Equal(t, http.StatusServiceUnavailable, status, "it would have to be stored")

	store.down.Store(false)
	v := large.OK(t, "GET", "/")
	assert.Equal(t, "eve", v.User)
	assert.Equal(t, []string{note}, v.Items)
	assert.Equal(t, []string{"tea"}, small.OK(t, "GET", "/").Items)
}

// Whoever logs out is told that not all is done, but the browser's cookie goes in any case.
func logoutWithoutStore(t *testing.T, a App) {
	store := &fragile{MemoryStore: memory()}
	b := serve(t, a, store)
	b.OK(t, "POST", "/login", "user", "ada")
	b.OK(t, "POST", "/items", "note", Note(5000))
	store.down.Store(true)
	status, _ := b.Do(t, "POST", "/logout")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Nil(t, b.Cookie(t, a.Cookie))
	assert.Empty(t, b.OK(t, "GET", "/"))
}

func logoutEndsCopies(t *testing.T, a App) {
	b := serve(t, a, memory())
	b.OK(t, "POST", "/login", "user", "ada")
	b.OK(t, "POST", "/items", "note", Note(5000))
	thief := b.Another(t)
	thief.SetCookie(t, a.Cookie, b.Cookie(t, a.Cookie).Value)
	require.Equal(t, "ada", thief.OK(t, "GET", "/account").User)
	b.OK(t, "POST", "/logout")
	status, _ := thief.Do(t, "GET", "/account")
	assert.Equal(t, http.StatusUnauthorized, status)
	v := thief.OK(t, "GET", "/")
	assert.Empty(t, v.User)
	assert.Empty(t, v.Items)
}

func tampered(t *testing.T, a App) {
	b := serve(t, a, memory())
	b.OK(t, "POST", "/login", "user", "ada")
	value := b.Cookie(t, a.Cookie).Value
	for i := 0; i < len(value); i += 7 {
		other := "A"
		if value[i] == 'A' {
			other = "B"
		}
		forger := b.Another(t)
		forger.SetCookie(t, a.Cookie, value[:i]+other+value[i+1:])
		v := forger.OK(t, "GET", "/")
		assert.Empty(t, v.User, i)
		status, _ := forger.Do(t, "GET", "/account")
		assert.Equal(t, http.StatusUnauthorized, status, i)
		assert.Equal(t, []string{"tea"}, forger.OK(t, "POST", "/items", "note", "tea").Items, "a new session")
	}
	assert.Equal(t, "ada", b.OK(t, "GET", "/account").User)
}

// A cookie that another server's keys have sealed opens nothing.
func foreign(t *testing.T, a App) {
	b, other := serve(t, a, memory()), serve(t, a, memory())
	b.OK(t, "POST", "/login", "user", "ada")
	other.SetCookie(t, a.Cookie, b.Cookie(t, a.Cookie).Value)
	assert.Empty(t, other.OK(t, "GET", "/").User)
}

func crossOrigin(t *testing.T, a App) {
	b := serve(t, a, memory())
	request, err := http.NewRequestWithContext(t.Context(), "POST", b.URL+"/login", strings.NewReader("user=eve"))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := b.client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
	assert.Nil(t, b.Cookie(t, a.Cookie))
}

// visitors use one server at once, and each has a session of their own.
func visitors(t *testing.T, a App) {
	first := serve(t, a, memory())
	var wg sync.WaitGroup
	for i := range 12 {
		b := first.Another(t)
		wg.Go(func() {
			user := fmt.Sprint("user-", i)
			_, v, err := b.do("POST", "/login", "user", user)
			assert.NoError(t, err)
			assert.Equal(t, []string{"Welcome, " + user}, v.Flashes)
			var notes []string
			for n := range 15 {
				note := fmt.Sprint(user, "-", n, Note(50*i))
				notes = append(notes, note)
				status, v, err := b.do("POST", "/items", "note", note)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, user, v.User)
				assert.Equal(t, notes, v.Items)
			}
			_, v, err = b.do("POST", "/logout")
			assert.NoError(t, err)
			assert.Empty(t, v)
		})
	}
	wg.Wait()
}

// Requests of one browser at once: each note is in the cart, or the answer was 409.
func concurrentSaves(t *testing.T, a App) {
	b := serve(t, a, memory())
	stored := Note(5000)
	b.OK(t, "POST", "/items", "note", stored)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		added = []string{stored}
	)
	for i := range 20 {
		wg.Go(func() {
			note := fmt.Sprint("note-", i)
			status, _, err := b.do("POST", "/items", "note", note)
			if !assert.NoError(t, err) || status == http.StatusConflict {
				return
			}
			assert.Equal(t, http.StatusOK, status)
			mu.Lock()
			defer mu.Unlock()
			added = append(added, note)
		})
	}
	wg.Wait()
	assert.Greater(t, len(added), 1, "somebody is first")
	assert.ElementsMatch(t, added, b.OK(t, "GET", "/").Items)
}
