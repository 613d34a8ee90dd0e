package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// answer is any JSON that the shop sends.
type answer struct {
	state
	big tooLarge

	status    int
	error     string
	detail    string
	setCookie []string
	header    http.Header
}

func readAnswer(t *testing.T, status int, header http.Header, body io.Reader) answer {
	t.Helper()
	a := answer{status: status, setCookie: header.Values("Set-Cookie"), header: header}
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "application/json", header.Get("Content-Type"), "%s", data)
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	if status == http.StatusOK {
		require.NoError(t, json.Unmarshal(data, &a.state), "%s", data)
		return a
	}
	var f failure
	require.NoError(t, json.Unmarshal(data, &f), "%s", data)
	require.NoError(t, json.Unmarshal(data, &a.big), "%s", data)
	a.error, a.detail = f.Error, f.Detail
	return a
}

// browser is a client with a cookie jar.
type browser struct {
	client *http.Client
	url    string
}

func (b *browser) do(t *testing.T, method, path string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, nil)
	require.NoError(t, err)
	response, err := b.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	return readAnswer(t, response.StatusCode, response.Header, response.Body)
}

// ok is do for a request that succeeds.
func (b *browser) ok(t *testing.T, method, path string) state {
	t.Helper()
	a := b.do(t, method, path)
	require.Equal(t, http.StatusOK, a.status, "%s %s: %s %s", method, path, a.error, a.detail)
	return a.state
}

// newBrowser opens the shop that c describes, over TLS.
func newBrowser(t *testing.T, c serverConfig) *browser {
	t.Helper()
	server := httptest.NewUnstartedServer(newShop(t, c))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that Close cuts off
	server.StartTLS()
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := server.Client()
	client.Jar = jar
	return &browser{client, server.URL}
}

func newShop(t *testing.T, c serverConfig) http.Handler {
	t.Helper()
	if c.Session.Keys == nil {
		c.Session.Keys = hardtack.EphemeralKeyring()
	}
	handler, err := newServer(c)
	require.NoError(t, err)
	return handler
}

// ask sends one request with these cookies, "name=value; …", straight to the shop.
func ask(t *testing.T, shop http.Handler, method, path, cookies string) answer {
	t.Helper()
	request := httptest.NewRequest(method, path, nil)
	if cookies != "" {
		request.Header.Set("Cookie", cookies)
	}
	w := httptest.NewRecorder()
	shop.ServeHTTP(w, request)
	return readAnswer(t, w.Code, w.Header(), w.Body)
}

// cookie returns "name=value" of the only Set-Cookie line.
func (a answer) cookie(t *testing.T) string {
	t.Helper()
	require.Len(t, a.setCookie, 1)
	pair, _, _ := strings.Cut(a.setCookie[0], ";")
	return pair
}

// cookieOf returns the cookie of a new session with these items in the cart.
func cookieOf(t *testing.T, shop http.Handler, query string) string {
	t.Helper()
	a := ask(t, shop, "POST", "/api/items?"+query, "")
	require.Equal(t, http.StatusOK, a.status)
	return a.cookie(t)
}

func memory() *hardtack.MemoryStore {
	return hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
}

// clock is a time that only tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// fragile is a store that can be away, and that lets others in before a swap.
type fragile struct {
	*hardtack.MemoryStore
	down       atomic.Bool
	beforeSwap atomic.Pointer[func()]
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
	if hook := f.beforeSwap.Swap(nil); hook != nil {
		(*hook)()
	}
	return f.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

func (f *fragile) Delete(ctx context.Context, id string) error {
	if f.down.Load() {
		return errDown
	}
	return f.MemoryStore.Delete(ctx, id)
}
