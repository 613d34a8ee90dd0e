package gorilla_test

import (
	"encoding/gob"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// What gorilla/sessions does is the reference: every case here runs against its own CookieStore and against ours, stateless and hybrid, over
// HTTPS and with a browser's cookie jar.

type (
	refItem struct {
		Name  string
		Count int
		Tags  map[string][]int
	}
	refKey     struct{ A, B int }
	refUnknown struct{ Secret string } // nobody registers it
)

func init() {
	gob.Register(refItem{})
	gob.Register(refKey{})
	gob.Register(time.Time{})
	gob.Register(map[string]any{})
	gob.Register(map[any]any{})
}

// kind is a way to make a store.
type kind struct {
	name string
	make func(t testing.TB) (sessions.Store, *sessions.Options)
}

var (
	refHash  = []byte("0123456789abcdef0123456789abcdef")
	refBlock = []byte("fedcba9876543210fedcba9876543210")
)

var reference = kind{"gorilla", func(testing.TB) (sessions.Store, *sessions.Options) {
	s := sessions.NewCookieStore(refHash, refBlock)
	return s, s.Options
}}

var ours = []kind{
	{"stateless", func(t testing.TB) (sessions.Store, *sessions.Options) {
		s := newStore(t, gorilla.StoreConfig{})
		return s, s.Options
	}},
	{"hybrid", func(t testing.TB) (sessions.Store, *sessions.Options) {
		s := newStore(t, gorilla.StoreConfig{Overflow: newMemory()})
		return s, s.Options
	}},
	{"stored", func(t testing.TB) (sessions.Store, *sessions.Options) { // everything goes to the store
		c := gorilla.StoreConfig{Overflow: newMemory()}
		c.Config.Budget = hardtack.Budget{Inline: 256, LowWater: 1}
		s := newStore(t, c)
		return s, s.Options
	}},
}

// writesOld writes gorilla's own format, with its own differences.
var writesOld = kind{"WriteOld", func(t testing.TB) (sessions.Store, *sessions.Options) {
	s := newStore(t, gorilla.StoreConfig{OldKeyPairs: [][]byte{refHash, refBlock}, WriteOld: true})
	return s, s.Options
}}

func newMemory() *hardtack.MemoryStore {
	return hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
}

// newStore makes a Store, with a ring of its own if c has none.
func newStore(t testing.TB, c gorilla.StoreConfig) *gorilla.Store {
	if c.Config.Keys == nil {
		c.Config.Keys = hardtack.EphemeralKeyring()
	}
	s, err := gorilla.NewStore(c)
	require.NoError(t, err)
	return s
}

// site is a server whose handler is told with every visit what to do, and the browser that visits it.
type site struct {
	t        testing.TB
	store    sessions.Store
	options  *sessions.Options
	server   *httptest.Server
	browser  *http.Client
	handlers chan http.HandlerFunc
}

func newSite(t testing.TB, k kind) *site {
	store, options := k.make(t)
	s := &site{t: t, store: store, options: options, handlers: make(chan http.HandlerFunc, 1)}
	s.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (<-s.handlers)(w, r) }))
	t.Cleanup(s.server.Close)
	s.browser = s.server.Client()
	s.forget()
	return s
}

// forget gives the browser an empty cookie jar.
func (s *site) forget() {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	s.browser.Jar = jar
}

// at visits a path, and returns the lines that set cookies. h must not end the test: it runs in the server.
func (s *site) at(path string, h http.HandlerFunc) []string {
	s.t.Helper()
	s.handlers <- h
	res, err := s.browser.Get(s.server.URL + path)
	require.NoError(s.t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, res.Body.Close())
	return res.Header["Set-Cookie"]
}

func (s *site) visit(h http.HandlerFunc) []string {
	s.t.Helper()
	return s.at("/", h)
}

// change gets the session of this name, lets f change it, and saves it. Neither may fail.
func (s *site) change(name string, f func(*sessions.Session)) []string {
	s.t.Helper()
	return s.visit(func(w http.ResponseWriter, r *http.Request) {
		session, err := s.store.Get(r, name)
		assert.NoError(s.t, err)
		f(session)
		assert.NoError(s.t, session.Save(r, w))
	})
}

// look gets the session of this name and lets f look at it.
func (s *site) look(name string, f func(*sessions.Session, error)) {
	s.t.Helper()
	s.visit(func(_ http.ResponseWriter, r *http.Request) { f(s.store.Get(r, name)) })
}

// set saves one value.
func (s *site) set(name string, key, value any) []string {
	s.t.Helper()
	return s.change(name, func(session *sessions.Session) { session.Values[key] = value })
}

// present has the browser hold this cookie.
func (s *site) present(name, value string) {
	u, err := url.Parse(s.server.URL)
	require.NoError(s.t, err)
	s.browser.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

// holds returns the value of the browser's cookie, empty if it has none.
func (s *site) holds(name string) string {
	u, err := url.Parse(s.server.URL)
	require.NoError(s.t, err)
	for _, c := range s.browser.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// parse returns the only cookie that is set.
func parse(t testing.TB, lines []string) *http.Cookie {
	require.Len(t, lines, 1)
	c, err := http.ParseSetCookie(lines[0])
	require.NoError(t, err)
	return c
}

var referenceCases = []struct {
	name string
	run  func(t *testing.T, s *site)
}{
	{"no cookie is a new session without an error", func(t *testing.T, s *site) {
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.True(t, session.IsNew)
			assert.NotNil(t, session.Values)
			assert.Empty(t, session.Values)
			assert.Equal(t, "session", session.Name())
			assert.Equal(t, s.store, session.Store())
		})
	}},
	{"values of every kind come back with their types", func(t *testing.T, s *site) {
		at := time.Date(2031, 2, 3, 4, 5, 6, 7, time.UTC)
		values := map[any]any{
			"text": "日本語", "int": 42, "negative": int64(-1), "big": uint64(1 << 63), "bool": true, "float": 1.5,
			"bytes": []byte{0, 255}, "time": at, "nothing": nil, "empty": "", "rune": 'x',
			"struct": refItem{"n", 3, map[string][]int{"a": {1, 2}}},
			"map":    map[string]any{"inner": map[any]any{1: "one", "deep": refItem{Name: "d"}}},
			"list":   []any{"a", 1, refItem{Name: "l"}},
			7:        "an int as key", refKey{1, 2}: "a struct as key", true: "a bool as key",
		}
		s.change("session", func(session *sessions.Session) {
			for k, v := range values {
				session.Values[k] = v
			}
		})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.False(t, session.IsNew)
			assert.Equal(t, values, session.Values)
		})
	}},
	{"a pointer comes back as what it points to", func(t *testing.T, s *site) {
		s.set("session", "item", &refItem{Name: "x"})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.Equal(t, refItem{Name: "x"}, session.Values["item"])
		})
	}},
	{"a value can be changed and removed", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.set("session", "b", 2)
		s.change("session", func(session *sessions.Session) {
			session.Values["a"] = 3
			delete(session.Values, "b")
		})
		s.look("session", func(session *sessions.Session, _ error) {
			assert.Equal(t, map[any]any{"a": 3}, session.Values)
		})
	}},
	{"what is not saved is lost", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.look("session", func(session *sessions.Session, _ error) { session.Values["a"] = 2 })
		s.look("session", func(session *sessions.Session, _ error) { assert.Equal(t, 1, session.Values["a"]) })
	}},
	{"a session without values is a session", func(t *testing.T, s *site) {
		s.change("session", func(*sessions.Session) {})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.False(t, session.IsNew)
			assert.NotNil(t, session.Values)
			assert.Empty(t, session.Values)
		})
	}},
	{"values can be another map, or nil", func(t *testing.T, s *site) {
		s.change("session", func(session *sessions.Session) { session.Values = map[any]any{"a": 1} })
		s.look("session", func(session *sessions.Session, _ error) { assert.Equal(t, 1, session.Values["a"]) })
		s.change("session", func(session *sessions.Session) { session.Values = nil })
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.False(t, session.IsNew)
			assert.NotNil(t, session.Values)
			assert.Empty(t, session.Values)
		})
	}},
	{"flashes are read once, each under its key", func(t *testing.T, s *site) {
		s.change("session", func(session *sessions.Session) {
			assert.Empty(t, session.Flashes())
			session.AddFlash("one")
			session.AddFlash(&refItem{Name: "two"})
			session.AddFlash("other", "warnings")
		})
		s.change("session", func(session *sessions.Session) {
			assert.Equal(t, []any{"one", refItem{Name: "two"}}, session.Flashes())
			assert.Empty(t, session.Flashes())
		})
		s.change("session", func(session *sessions.Session) {
			assert.Empty(t, session.Flashes())
			assert.Equal(t, []any{"other"}, session.Flashes("warnings"))
		})
		s.look("session", func(session *sessions.Session, _ error) { assert.Empty(t, session.Flashes("warnings")) })
	}},
	{"several sessions of one request are saved at once", func(t *testing.T, s *site) {
		lines := s.visit(func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"a", "b", "c"} {
				session, err := s.store.Get(r, name)
				assert.NoError(t, err)
				session.Values["name"] = name
			}
			assert.NoError(t, sessions.Save(r, w))
		})
		assert.Len(t, lines, 3)
		for _, name := range []string{"a", "b", "c"} {
			s.look(name, func(session *sessions.Session, _ error) {
				assert.Equal(t, map[any]any{"name": name}, session.Values)
			})
		}
	}},
	{"sessions.Save saves them also for a copy of the request", func(t *testing.T, s *site) {
		s.visit(func(w http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			session.Values["a"] = 1
			r = r.WithContext(r.Context())
			again, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			assert.Same(t, session, again)
			assert.NoError(t, sessions.Save(r, w))
		})
		s.look("session", func(session *sessions.Session, _ error) { assert.Equal(t, 1, session.Values["a"]) })
	}},
	{"a session is saved with a request that has not seen it", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.visit(func(w http.ResponseWriter, r *http.Request) {
			before := r.Clone(r.Context())
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			session.Values["b"] = 2
			assert.NoError(t, session.Save(before, w))
		})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.Equal(t, map[any]any{"a": 1, "b": 2}, session.Values)
		})
	}},
	{"Get gives one session per request, New another each time", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.visit(func(_ http.ResponseWriter, r *http.Request) {
			first, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			second, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			assert.Same(t, first, second)
			first.Values["a"] = 2
			other, err := s.store.New(r, "session")
			assert.NoError(t, err)
			assert.NotSame(t, first, other)
			assert.Equal(t, 1, other.Values["a"])
			assert.False(t, other.IsNew)
		})
	}},
	{"what New gives can be saved, by the store too", func(t *testing.T, s *site) {
		s.visit(func(w http.ResponseWriter, r *http.Request) {
			session, err := s.store.New(r, "session")
			assert.NoError(t, err)
			session.Values["a"] = 1
			assert.NoError(t, s.store.Save(r, w, session))
		})
		s.look("session", func(session *sessions.Session, _ error) { assert.Equal(t, 1, session.Values["a"]) })
	}},
	{"what New gives is not saved by sessions.Save", func(t *testing.T, s *site) {
		lines := s.visit(func(w http.ResponseWriter, r *http.Request) {
			_, err := s.store.New(r, "session")
			assert.NoError(t, err)
			assert.NoError(t, sessions.Save(r, w))
		})
		assert.Empty(t, lines)
	}},
	{"the registry can be asked directly", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.visit(func(w http.ResponseWriter, r *http.Request) {
			session, err := sessions.GetRegistry(r).Get(s.store, "session")
			assert.NoError(t, err)
			session.Values["b"] = 2
			assert.NoError(t, sessions.GetRegistry(r).Save(w))
		})
		s.look("session", func(session *sessions.Session, _ error) {
			assert.Equal(t, map[any]any{"a": 1, "b": 2}, session.Values)
		})
	}},
	{"a session made by hand takes the place of the cookie's", func(t *testing.T, s *site) {
		for i := range 2 {
			s.visit(func(w http.ResponseWriter, r *http.Request) {
				session := sessions.NewSession(s.store, "session")
				session.Values["i"] = i
				session.Options.Path = "/"
				assert.NoError(t, session.Save(r, w))
			})
			s.look("session", func(session *sessions.Session, err error) {
				assert.NoError(t, err)
				assert.Equal(t, map[any]any{"i": i}, session.Values)
			})
		}
	}},
	{"a second save in one response counts", func(t *testing.T, s *site) {
		s.visit(func(w http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			for i := range 3 {
				session.Values["i"] = i
				assert.NoError(t, session.Save(r, w))
			}
		})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.Equal(t, 2, session.Values["i"])
		})
	}},
	{"MaxAge below 0 deletes", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.change("session", func(session *sessions.Session) { session.Options.MaxAge = -1 })
		assert.Empty(t, s.holds("session"))
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.True(t, session.IsNew)
			assert.Empty(t, session.Values)
		})
	}},
	{"MaxAge below 0 expires a cookie that was not presented", func(t *testing.T, s *site) {
		c := parse(t, s.change("session", func(session *sessions.Session) { session.Options.MaxAge = -1 }))
		assert.Equal(t, -1, c.MaxAge) // what net/http makes of Max-Age=0
	}},
	{"a deleted session can be saved again in the same response", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		s.visit(func(w http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			session.Options.MaxAge = -1
			assert.NoError(t, session.Save(r, w))
			session.Options.MaxAge = 60
			session.Values = map[any]any{"b": 2}
			assert.NoError(t, session.Save(r, w))
		})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.Equal(t, map[any]any{"b": 2}, session.Values)
		})
	}},
	{"MaxAge is the cookie's Max-Age, 0 means none", func(t *testing.T, s *site) {
		assert.Equal(t, 30*24*60*60, parse(t, s.set("session", "a", 1)).MaxAge)
		for _, age := range []int{60, 0, 86400, 60} {
			c := parse(t, s.change("session", func(session *sessions.Session) { session.Options.MaxAge = age }))
			assert.Equal(t, age, c.MaxAge)
			s.look("session", func(session *sessions.Session, err error) {
				assert.NoError(t, err)
				assert.Equal(t, 1, session.Values["a"])
			})
		}
	}},
	{"every save begins Max-Age anew", func(t *testing.T, s *site) {
		for i := range 3 {
			assert.Equal(t, 30*24*60*60, parse(t, s.set("session", "a", i)).MaxAge)
		}
	}},
	{"the store's Options are copied into each session", func(t *testing.T, s *site) {
		s.visit(func(_ http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			assert.Equal(t, *s.options, *session.Options)
			session.Options.Path = "/elsewhere"
			session.Options.MaxAge = 7
			assert.Equal(t, "/", s.options.Path)
			other, err := s.store.Get(r, "other")
			assert.NoError(t, err)
			assert.Equal(t, "/", other.Options.Path)
		})
	}},
	{"the store's Options apply to new sessions only", func(t *testing.T, s *site) {
		s.visit(func(_ http.ResponseWriter, r *http.Request) {
			session, err := s.store.New(r, "session")
			assert.NoError(t, err)
			s.options.Path = "/foo"
			assert.Equal(t, "/", session.Options.Path)
		})
	}},
	{"a session can be given Options of its own", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		c := parse(t, s.change("session", func(session *sessions.Session) {
			session.Options = &sessions.Options{Path: "/", MaxAge: 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
		}))
		assert.Equal(t, http.SameSiteStrictMode, c.SameSite)
		assert.Equal(t, 60, c.MaxAge)
		assert.True(t, c.Secure)
		assert.True(t, c.HttpOnly)
		s.look("session", func(session *sessions.Session, _ error) { assert.Equal(t, 1, session.Values["a"]) })
	}},
	{"a path of its own confines the session", func(t *testing.T, s *site) {
		s.options.Path = "/app"
		s.at("/app/", func(w http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			session.Values["a"] = 1
			assert.NoError(t, session.Save(r, w))
		})
		s.at("/app/x", func(_ http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			assert.Equal(t, 1, session.Values["a"])
		})
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.True(t, session.IsNew)
		})
	}},
	{"a path changed between Get and Save keeps the values", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		c := parse(t, s.change("session", func(session *sessions.Session) {
			session.Values["b"] = 2
			session.Options.Path = "/app"
		}))
		assert.Equal(t, "/app", c.Path)
		s.at("/app/x", func(_ http.ResponseWriter, r *http.Request) {
			session, err := s.store.Get(r, "session")
			assert.NoError(t, err)
			assert.Equal(t, map[any]any{"a": 1, "b": 2}, session.Values)
		})
	}},
	{"a domain is sent without its dot", func(t *testing.T, s *site) {
		s.options.Domain = ".example.com"
		assert.Equal(t, "example.com", parse(t, s.set("session", "a", 1)).Domain)
	}},
	{"Partitioned and SameSite=None are heeded", func(t *testing.T, s *site) {
		s.options.Partitioned, s.options.SameSite = true, http.SameSiteNoneMode
		c := parse(t, s.set("session", "a", 1))
		assert.True(t, c.Partitioned)
		assert.Equal(t, http.SameSiteNoneMode, c.SameSite)
	}},
	{"a name that no cookie can have is an error", func(t *testing.T, s *site) {
		for _, name := range []string{"", "my session", "session:key", "a;b", "a=b", "ü", "a\n"} {
			s.look(name, func(session *sessions.Session, err error) {
				assert.ErrorContains(t, err, "invalid character in cookie name")
				assert.Nil(t, session)
			})
		}
	}},
	{"a cookie that was altered is an error and a new session, which can be saved", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		good := s.holds("session")
		middle := len(good) / 2
		other := byte('A')
		if good[middle] == other {
			other = 'B'
		}
		for _, value := range []string{good[:middle] + string(other) + good[middle+1:], good[:middle], good + good, "x", "=", strings.Repeat("A", 200)} {
			s.present("session", value)
			s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, err := s.store.Get(r, "session")
				assert.Error(t, err)
				if assert.NotNil(t, session) {
					assert.True(t, session.IsNew)
					assert.NotNil(t, session.Values)
					assert.Empty(t, session.Values)
				}
				again, err := s.store.Get(r, "session")
				assert.Error(t, err, "the second Get says so too")
				assert.Same(t, session, again)
				session.Values["b"] = 2
				assert.NoError(t, session.Save(r, w))
			})
			s.look("session", func(session *sessions.Session, err error) {
				assert.NoError(t, err)
				assert.Equal(t, map[any]any{"b": 2}, session.Values)
			})
		}
	}},
	{"an empty cookie is an error and a new session", func(t *testing.T, s *site) {
		s.visit(func(_ http.ResponseWriter, r *http.Request) {
			r.Header.Set("Cookie", "session=")
			session, err := s.store.Get(r, "session")
			assert.Error(t, err)
			assert.True(t, session.IsNew)
		})
	}},
	{"a session does not open under another name", func(t *testing.T, s *site) {
		s.set("one", "a", 1)
		s.present("two", s.holds("one"))
		s.look("two", func(session *sessions.Session, err error) {
			assert.Error(t, err)
			assert.True(t, session.IsNew)
			assert.Empty(t, session.Values)
		})
	}},
	{"a value that gob does not know is an error, and nothing is written", func(t *testing.T, s *site) {
		s.set("session", "a", 1)
		for _, value := range []any{refUnknown{"x"}, func() {}, make(chan int), []refUnknown{{"x"}}} {
			lines := s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, err := s.store.Get(r, "session")
				assert.NoError(t, err)
				session.Values["unknown"] = value
				assert.Error(t, session.Save(r, w))
			})
			assert.Empty(t, lines)
		}
		s.look("session", func(session *sessions.Session, err error) {
			assert.NoError(t, err)
			assert.Equal(t, map[any]any{"a": 1}, session.Values)
		})
	}},
	{"one of several that cannot be saved does not keep the others back", func(t *testing.T, s *site) {
		lines := s.visit(func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"good", "bad"} {
				session, err := s.store.Get(r, name)
				assert.NoError(t, err)
				session.Values["a"] = 1
			}
			bad, err := s.store.Get(r, "bad")
			assert.NoError(t, err)
			bad.Values["a"] = refUnknown{}
			var several sessions.MultiError
			if assert.ErrorAs(t, sessions.Save(r, w), &several) {
				assert.Len(t, several, 1)
			}
		})
		assert.Equal(t, "good", parse(t, lines).Name)
	}},
}

func TestStoreReference(t *testing.T) {
	for _, k := range append([]kind{reference, writesOld}, ours...) {
		t.Run(k.name, func(t *testing.T) {
			for _, c := range referenceCases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(t, newSite(t, k))
				})
			}
		})
	}
}
