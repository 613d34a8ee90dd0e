//go:build unix

package request

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
)

// contender is a way to keep a session.
type contender struct {
	name   string
	open   func(dir string) (*app, error) // in an empty folder
	server bool                           // needs one that Go has not
}

var contenders = []contender{
	{name: "none", open: openNone},
	{name: "hardtack-stateless", open: openStateless(plainly)},
	{name: "hardtack-stateless-handler", open: openStateless(wrapped)},
	{name: "hardtack-inline", open: openInline(plainly)},
	{name: "hardtack-inline-handler", open: openInline(wrapped)},
	{name: "hardtack-memory", open: openStored(memoryPlace)},
	{name: "hardtack-sqlite", open: openStored(sqlitePlace)},
	{name: "hardtack-redis", open: openStored(redisPlace), server: true},
	{name: "hardtack-postgres", open: openStored(postgresPlace), server: true},
	{name: "gorilla-cookie", open: openGorillaCookie},
	{name: "gorilla-file", open: openGorillaFile},
	{name: "scs-memory", open: openSCS(scsMemory)},
	{name: "scs-redis", open: openSCS(scsRedis), server: true},
	{name: "scs-sqlite", open: openSCS(scsSQLite)},
}

// contendersBy returns those with the names, in the order of contenders.
func contendersBy(names ...string) (found []contender) {
	for _, c := range contenders {
		if slices.Contains(names, c.name) {
			found = append(found, c)
		}
	}
	if len(found) != len(names) {
		panic(fmt.Sprintf("not all of %q are contenders", names))
	}
	return found
}

// visit is what a request does with its session. It takes and returns a copy, which costs less than an allocation.
type visit[T any] func(T) (after T, save bool, err error)

var errNotFound = errors.New("the session is not the one that was begun")

func begin(session.Account) (session.Account, bool, error) { return session.NewAccount(), true, nil }

func look(a session.Account) (session.Account, bool, error) {
	if a.UserID != session.UserID {
		return a, false, errNotFound
	}
	return a, false, nil
}

// change swaps two values of the same length.
func change(a session.Account) (session.Account, bool, error) {
	if a.Locale == "de-AT" {
		a.Locale = "de-CH"
	} else {
		a.Locale = "de-AT"
	}
	_, _, err := look(a)
	return a, true, err
}

// operation is what a benchmark has each request do.
type operation[T any] struct {
	name, method string
	visit        visit[T]
}

var operations = []operation[session.Account]{{"read", http.MethodGet, look}, {"write", http.MethodPost, change}}

// app is a contender that runs. It is for one goroutine; its handlers are for many.
type app struct {
	handler func(visit[session.Account]) http.Handler
	jar     *hardtack.Jar[session.Account] // nil unless it is hardtack
	place   *place                         // nil if the sessions are in the cookies alone

	cookies []string // of the sessions begun, each name=value
	filled  int      // the sessions beside
}

func (a *app) close() error {
	if a.place == nil {
		return nil
	}
	return a.place.close()
}

// sessions returns the cookies of n sessions, and begins those that are missing.
func (a *app) sessions(n int) ([]string, error) {
	for h := a.handler(begin); len(a.cookies) < n; {
		cookie, err := firstCookie(h)
		if err != nil {
			return nil, err
		}
		a.cookies = append(a.cookies, cookie)
	}
	return a.cookies[:n], nil
}

// firstCookie returns the cookie that the handler sets when a session begins, or nothing if it sets none.
func firstCookie(h http.Handler) (string, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, newRequest(http.MethodPost))
	if w.Code != http.StatusOK {
		return "", fmt.Errorf("a session cannot be begun: %s", w.Body)
	}
	pair, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return pair, nil
}

// newRequest returns a request with the cookies, but for those that are empty.
func newRequest(method string, cookies ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	cookies = slices.DeleteFunc(cookies, func(c string) bool { return c == "" })
	if len(cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	return r
}

// requests returns a request of each of n sessions.
func (a *app) requests(t testing.TB, method string, n int) (requests []*http.Request) {
	cookies, err := a.sessions(n)
	require.NoError(t, err)
	for _, c := range cookies {
		requests = append(requests, newRequest(method, c))
	}
	return requests
}

// apps opens each contender once, for all cells of a benchmark.
type apps struct {
	top  *testing.B
	open map[string]*app
}

// newApps returns apps that are closed with b.
func newApps(b *testing.B) *apps {
	a := &apps{b, map[string]*app{}}
	b.Cleanup(a.close)
	return a
}

func (a *apps) get(b *testing.B, c contender) *app {
	if a.open[c.name] == nil {
		opened, err := c.open(a.top.TempDir())
		require.NoError(b, err)
		a.open[c.name] = opened
	}
	return a.open[c.name]
}

func (a *apps) close() {
	for name, opened := range a.open {
		if err := opened.close(); err != nil {
			a.top.Errorf("%s: %v", name, err)
		}
	}
	clear(a.open)
}

var ok = []byte("ok")

func openNone(string) (*app, error) { return &app{handler: bare[session.Account]}, nil }

// bare has no session.
func bare[T any](visit[T]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(ok) })
}

func fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
