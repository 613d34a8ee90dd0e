package gorilla_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"

	"github.com/hardtack-go/hardtack"
)

// differences are those from a CookieStore that are on purpose. Each visits a site and says what it saw; the Store's documentation has
// them in words.
var differences = []struct {
	name         string
	see          func(t *testing.T, s *site) any
	gorilla, our any
	but          map[string]any // what a kind of ours does otherwise than the others
}{
	{
		name: "SameSite by default",
		see: func(t *testing.T, s *site) any {
			return []http.SameSite{s.options.SameSite, parse(t, s.set("session", "a", 1)).SameSite}
		},
		gorilla: []http.SameSite{http.SameSiteNoneMode, http.SameSiteNoneMode},
		our:     []http.SameSite{http.SameSiteLaxMode, http.SameSiteLaxMode},
	},
	{
		name: "SameSite of Options that do not say",
		see: func(t *testing.T, s *site) any {
			return parse(t, s.change("session", func(session *sessions.Session) { session.Options = &sessions.Options{Path: "/"} })).SameSite
		},
		gorilla: http.SameSite(0),
		our:     http.SameSiteLaxMode,
	},
	{
		name:    "HttpOnly by default",
		see:     func(t *testing.T, s *site) any { return parse(t, s.set("session", "a", 1)).HttpOnly },
		gorilla: false,
		our:     true,
	},
	{
		name: "HttpOnly and Secure switched off",
		see: func(t *testing.T, s *site) any {
			s.options.HttpOnly, s.options.Secure = false, false
			c := parse(t, s.set("session", "a", 1))
			return []bool{c.HttpOnly, c.Secure}
		},
		gorilla: []bool{false, false},
		our:     []bool{true, true},
	},
	{
		name:    "Expires beside Max-Age",
		see:     func(t *testing.T, s *site) any { return !parse(t, s.set("session", "a", 1)).Expires.IsZero() },
		gorilla: true,
		our:     false,
	},
	{
		name: "the value of a deleted cookie",
		see: func(t *testing.T, s *site) any {
			c := parse(t, s.change("session", func(session *sessions.Session) { session.Options.MaxAge = -1 }))
			return c.Value != ""
		},
		gorilla: true,
		our:     false,
	},
	{
		name: "the largest session of a long name: is it one that browsers keep?",
		see: func(t *testing.T, s *site) any {
			name := strings.Repeat("n", 200)
			var lines []string
			for size := 3000; size > 0 && lines == nil; size -= 10 {
				lines = s.visit(func(w http.ResponseWriter, r *http.Request) {
					session, err := s.store.Get(r, name)
					assert.NoError(t, err)
					session.Values["text"] = strings.Repeat("x", size)
					_ = session.Save(r, w)
				})
			}
			return len(name)+len(parse(t, lines).Value) <= 4096
		},
		gorilla: false,
		our:     true,
	},
	{
		name: "the error of a session that is too large",
		see: func(t *testing.T, s *site) any {
			var err error
			lines := s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, getErr := s.store.Get(r, "session")
				assert.NoError(t, getErr)
				session.Values["text"] = strings.Repeat("x", 5000)
				err = session.Save(r, w)
			})
			if err == nil {
				assert.Len(t, lines, 1)
				return "none"
			}
			assert.Empty(t, lines)
			if size := (*hardtack.SizeError)(nil); errors.As(err, &size) {
				return fmt.Sprintf("%T, limit %d", size, size.Limit)
			}
			return fmt.Sprintf("%T", err)
		},
		gorilla: "securecookie.MultiError",
		our:     "*hardtack.SizeError, limit 4096",
		but:     map[string]any{"hybrid": "none", "stored": "none"},
	},
	{
		name: "Session.ID",
		see: func(t *testing.T, s *site) any {
			var ids []string
			s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, err := s.store.Get(r, "session")
				assert.NoError(t, err)
				ids = append(ids, session.ID)
				assert.NoError(t, session.Save(r, w))
				ids = append(ids, session.ID)
			})
			s.look("session", func(session *sessions.Session, _ error) { ids = append(ids, session.ID) })
			assert.Equal(t, []string{ids[0], ids[0], ids[0]}, ids)
			return len(ids[0])
		},
		gorilla: 0,
		our:     22,
	},
	{
		name: "the error of an altered cookie",
		see: func(t *testing.T, s *site) any {
			s.set("session", "a", 1)
			value := s.holds("session")
			s.present("session", value[:len(value)-8]+"AAAAAAAA")
			var types []string
			s.look("session", func(_ *sessions.Session, err error) {
				if errors.Is(err, hardtack.ErrForged) {
					types = append(types, "hardtack.ErrForged")
				}
				if securecookie := (securecookie.Error)(nil); errors.As(err, &securecookie) {
					types = append(types, "securecookie.Error")
				}
			})
			return types
		},
		gorilla: []string{"securecookie.Error"},
		our:     []string{"hardtack.ErrForged"},
	},
	{
		name: "of a bad and a good cookie of one name, the first is bad",
		see: func(t *testing.T, s *site) any {
			s.set("session", "a", 1)
			good := s.holds("session")
			var got any
			s.visit(func(_ http.ResponseWriter, r *http.Request) {
				r.Header.Set("Cookie", "session=bad; session="+good)
				session, _ := s.store.Get(r, "session")
				got = session.Values["a"]
			})
			return got
		},
		gorilla: nil,
		our:     1,
	},
	{
		name: "Options.Path empty",
		see: func(t *testing.T, s *site) any {
			s.options.Path = ""
			return parse(t, s.set("session", "a", 1)).Path
		},
		gorilla: "",
		our:     "/",
	},
	{
		name: "a name that no cookie can have, given to New",
		see: func(t *testing.T, s *site) any {
			var errs [2]string
			lines := s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, err := s.store.New(r, "my session")
				errs = [2]string{fmt.Sprintf("%T", err), fmt.Sprintf("%T", session.Save(r, w))}
				assert.NotNil(t, session.Values)
			})
			assert.Empty(t, lines, "neither can be written")
			return errs
		},
		gorilla: [2]string{"<nil>", "<nil>"},
		our:     [2]string{"*errors.joinError", "*errors.joinError"},
	},
	{
		name: "Options of a session set to nil",
		see: func(t *testing.T, s *site) (seen any) {
			s.visit(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if recover() != nil {
						seen = "panic"
					}
				}()
				session, err := s.store.Get(r, "session")
				assert.NoError(t, err)
				session.Options = nil
				seen = session.Save(r, w)
			})
			return seen
		},
		gorilla: "panic",
		our:     nil,
	},
	{
		name: "shared caches are told not to keep the response",
		see: func(t *testing.T, s *site) (seen any) {
			s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, err := s.store.Get(r, "session")
				assert.NoError(t, err)
				assert.NoError(t, session.Save(r, w))
				seen = []string{w.Header().Get("Cache-Control"), w.Header().Get("Vary")}
			})
			return seen
		},
		gorilla: []string{"", ""},
		our:     []string{"private", "Cookie"},
	},
	{
		name: "two saves in one response set",
		see: func(t *testing.T, s *site) any {
			return len(s.visit(func(w http.ResponseWriter, r *http.Request) {
				session, err := s.store.Get(r, "session")
				assert.NoError(t, err)
				assert.NoError(t, session.Save(r, w))
				assert.NoError(t, session.Save(r, w))
			}))
		},
		gorilla: 2,
		our:     1,
	},
}

func TestStoreDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			assert.Equal(t, d.gorilla, d.see(t, newSite(t, reference)), "gorilla")
			for _, k := range ours {
				want := d.our
				if v, ok := d.but[k.name]; ok {
					want = v
				}
				assert.Equal(t, want, d.see(t, newSite(t, k)), k.name)
			}
		})
	}
}

// A CookieStore without a block key signs only: what is in the cookie can be read.
func TestStoreEncryptsWithoutABlockKey(t *testing.T) {
	signed := kind{"signed", func(testing.TB) (sessions.Store, *sessions.Options) {
		s := sessions.NewCookieStore(refHash)
		return s, s.Options
	}}
	const secret = "a secret that is easily found"
	for _, k := range append([]kind{signed, reference}, ours...) {
		s := newSite(t, k)
		s.set("session", "text", secret)
		assert.Equal(t, k.name == "signed", readable(s.holds("session"), secret), k.name)
	}
}

// readable reports whether text can be seen in a cookie's value, unpacked as gorilla packs it.
func readable(value, text string) bool {
	for range 3 {
		if strings.Contains(value, text) {
			return true
		}
		parts := strings.Split(value, "|")
		raw, err := base64Decode(parts[min(1, len(parts)-1)])
		if err != nil {
			return false
		}
		value = string(raw)
	}
	return false
}

func base64Decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
