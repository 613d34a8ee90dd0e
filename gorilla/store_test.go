package gorilla_test

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// rig is a Store with a clock, and a tab that keeps every cookie for ever, as a thief would.
type rig struct {
	*gorilla.Store
	t        *testing.T
	clock    *clock
	overflow *hardtack.MemoryStore // nil if stateless
	refused  []error
	former   []string
	cookies  map[string]string
	lines    []string // that the last response set
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newRig makes the Store of c. It begins at the present second, since gorilla's cookies do.
func newRig(t *testing.T, c gorilla.StoreConfig) *rig {
	g := &rig{t: t, clock: &clock{now: time.Now().Truncate(time.Second)}, cookies: make(map[string]string)}
	c.Config.Now = g.clock.Now
	c.Config.Observer.Refused = func(_ context.Context, err error) { g.refused = append(g.refused, err) }
	c.Config.Observer.Opened = func(_ context.Context, _, former string) { g.former = append(g.former, former) }
	g.Store = newStore(t, c)
	return g
}

// newStoredRig makes a Store whose sessions are nearly all in its overflow.
func newStoredRig(t *testing.T, c gorilla.StoreConfig) *rig {
	var g *rig
	overflow := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: func() time.Time { return g.clock.Now() }})
	g = &rig{clock: &clock{now: time.Now()}} // for NewHybrid, before the clock is there
	c.Overflow = overflow
	c.Config.Budget = hardtack.Budget{Inline: 256, LowWater: 1}
	g = newRig(t, c)
	g.overflow = overflow
	return g
}

// eachMode runs f with a stateless Store, and with one whose sessions are stored.
func eachMode(t *testing.T, c gorilla.StoreConfig, f func(t *testing.T, g *rig)) {
	t.Run("stateless", func(t *testing.T) { f(t, newRig(t, c)) })
	t.Run("stored", func(t *testing.T) { f(t, newStoredRig(t, c)) })
}

func (g *rig) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for name, value := range g.cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	return r
}

// save saves the session into a response that the tab receives.
func (g *rig) save(r *http.Request, session *sessions.Session) error {
	g.t.Helper()
	w := httptest.NewRecorder()
	err := session.Save(r, w)
	g.lines = w.Result().Header["Set-Cookie"]
	for _, line := range g.lines {
		c, err := http.ParseSetCookie(line)
		require.NoError(g.t, err)
		if c.MaxAge < 0 {
			delete(g.cookies, c.Name)
		} else {
			g.cookies[c.Name] = c.Value
		}
	}
	return err
}

// get returns the session, and why it was refused.
func (g *rig) get() (*sessions.Session, error) {
	g.t.Helper()
	return g.New(g.request(), "session")
}

// read returns the session, which must be good.
func (g *rig) read() *sessions.Session {
	g.t.Helper()
	session, err := g.get()
	require.NoError(g.t, err)
	require.False(g.t, session.IsNew)
	return session
}

// change gets the session, changes it and saves it.
func (g *rig) change(f func(*sessions.Session)) *sessions.Session {
	g.t.Helper()
	r := g.request()
	session, err := g.New(r, "session")
	require.NoError(g.t, err)
	f(session)
	require.NoError(g.t, g.save(r, session))
	return session
}

// begin saves a session that does not fit 256 bytes.
func (g *rig) begin() *sessions.Session {
	g.t.Helper()
	session := g.change(func(session *sessions.Session) { session.Values["text"] = strings.Repeat("x", 300) })
	if g.overflow != nil {
		require.Equal(g.t, 1, g.overflow.Len())
	}
	return session
}

func (g *rig) maxAge() int {
	g.t.Helper()
	return parse(g.t, g.lines).MaxAge
}

func TestNewStoreReportsEveryFault(t *testing.T) {
	var nowhere *hardtack.MemoryStore
	_, err := gorilla.NewStore(gorilla.StoreConfig{
		Config: hardtack.Config{
			Name: "n", Domain: "example.com", Path: "/p", SameSite: http.SameSiteLaxMode, Partitioned: true, BrowserSession: true, IdleTimeout: time.Hour,
			Codec: hardtack.NewSealedCodec(nil), Serializer: hardtack.JSON{}, Formerly: []hardtack.Former{},
			Audience: strings.Repeat("a", 300), Lifetime: time.Millisecond,
		},
		Overflow:    nowhere,
		OldKeyPairs: [][]byte{nil, []byte("short")},
		OldMaxAge:   -1,
	})
	var fields []string
	var collect func(error)
	collect = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				collect(e)
			}
			return
		}
		var fault *hardtack.ConfigError
		require.ErrorAs(t, err, &fault)
		fields = append(fields, strings.TrimPrefix(fault.Type+".", ".")+fault.Field)
	}
	collect(err)
	assert.Equal(t, []string{
		"StoreConfig.Config.Name", "StoreConfig.Config.Domain", "StoreConfig.Config.Path", "StoreConfig.Config.SameSite", "StoreConfig.Config.Partitioned",
		"StoreConfig.Config.BrowserSession", "StoreConfig.Config.IdleTimeout", "StoreConfig.Config.Codec", "StoreConfig.Config.Serializer", "StoreConfig.Config.Formerly",
		"StoreConfig.OldMaxAge", "StoreConfig.OldKeyPairs[0]",
		"Keys", "Audience", "Lifetime", "Codec", "(store)",
	}, fields)

	for _, c := range []gorilla.StoreConfig{{OldMaxAge: time.Hour}, {OldSerializer: securecookie.GobEncoder{}}, {WriteOld: true}} {
		c.Config.Keys = hardtack.EphemeralKeyring()
		_, err := gorilla.NewStore(c)
		assert.ErrorContains(t, err, "StoreConfig.OldKeyPairs")
	}
	_, err = gorilla.NewStore(gorilla.StoreConfig{
		Config: hardtack.Config{Keys: hardtack.EphemeralKeyring(), Lifetime: time.Hour}, OldKeyPairs: [][]byte{refHash},
	})
	assert.ErrorContains(t, err, "StoreConfig.OldMaxAge = 720h0m0s: is longer than Config.Lifetime", "old sessions would be lost")
}

func TestZeroStoreFailsClosed(t *testing.T) {
	var s gorilla.Store
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	session, err := s.Get(r, "session")
	var fault *hardtack.ConfigError
	assert.ErrorAs(t, err, &fault)
	require.NotNil(t, session)
	assert.ErrorAs(t, session.Save(r, w), &fault)
	assert.ErrorIs(t, s.Renew(session), hardtack.ErrNotConfigured)
	assert.ErrorIs(t, s.SetSubject(session, "x"), hardtack.ErrNotConfigured)
	assert.Empty(t, s.Subject(session))
	assert.Zero(t, s.Placement(session))
	_, err = s.EndAll(t.Context(), "x")
	assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
	assert.Empty(t, w.Header())
}

// A cookie that the browser, or somebody else, has kept for too long.
func TestStoreSessionEndsItsMaxAgeAfterTheLastSave(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		g.begin()
		for range 5 { // five hours altogether
			g.change(func(session *sessions.Session) { session.Options.MaxAge = 3600 })
			assert.Equal(t, 3600, g.maxAge())
			g.clock.advance(time.Hour - time.Millisecond)
			g.read()
		}
		g.refused = nil
		g.clock.advance(time.Millisecond)
		r := g.request()
		session, err := g.New(r, "session")
		assert.ErrorIs(t, err, hardtack.ErrIdle)
		assert.True(t, session.IsNew)
		assert.Empty(t, session.Values)
		assert.Equal(t, []error{hardtack.ErrIdle}, g.refused)

		before := g.cookies["session"]
		require.NoError(t, g.save(r, session))
		assert.Equal(t, session.ID, g.read().ID)
		assert.Empty(t, g.read().Values)
		g.cookies["session"] = before
		_, err = g.get()
		assert.ErrorIs(t, err, hardtack.ErrIdle, "what has ended stays so")
	})
}

func TestStoreMaxAge0EndsWithTheStoresMaxAge(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		g.MaxAge(7200)
		g.begin()
		g.change(func(session *sessions.Session) { session.Options.MaxAge = 0 })
		assert.Zero(t, g.maxAge())
		g.clock.advance(2*time.Hour - time.Millisecond)
		g.read()
		g.clock.advance(time.Millisecond)
		_, err := g.get()
		assert.ErrorIs(t, err, hardtack.ErrIdle)
	})
}

func TestStoreWithoutAMaxAgeLeavesTheLifetime(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		g.MaxAge(0)
		g.begin()
		assert.Zero(t, g.maxAge())
		g.clock.advance(gorilla.DefaultMaxAge - time.Millisecond)
		g.read()
		g.clock.advance(time.Millisecond)
		_, err := g.get()
		assert.ErrorIs(t, err, hardtack.ErrExpired)
	})
}

// "Remember me": the age of a session changes after it was read, and nothing else of it.
func TestStoreMaxAgeChangesKeepTheSession(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{Config: hardtack.Config{Lifetime: 365 * 24 * time.Hour}}, func(t *testing.T, g *rig) {
		g.MaxAge(0)
		id := g.begin().ID
		for i, age := range []int{86400 * 30, 0, 60, 86400 * 90, 1 << 30} {
			g.change(func(session *sessions.Session) {
				session.Options.MaxAge = age
				session.Values["i"] = i
			})
			assert.Equal(t, min(age, 365*86400), g.maxAge())
			assert.Equal(t, id, g.read().ID)
			assert.Equal(t, i, g.read().Values["i"])
			assert.Len(t, g.read().Values["text"], 300)
		}
		if g.overflow != nil {
			assert.Equal(t, 1, g.overflow.Len())
		}
	})
}

func TestStoreMaxAgeIsAtMostWhatIsLeftOfTheLifetime(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{Config: hardtack.Config{Lifetime: 10 * time.Hour}}, func(t *testing.T, g *rig) {
		g.begin()
		assert.Equal(t, 36000, g.maxAge())
		g.clock.advance(9*time.Hour + 500*time.Millisecond)
		session := g.change(func(*sessions.Session) {})
		assert.Equal(t, 3600, g.maxAge())
		require.NoError(t, g.Renew(session))
		require.NoError(t, g.save(g.request(), session))
		assert.Equal(t, 36000, g.maxAge(), "a renewed session has a new lifetime")
	})
}

// An application that asked gorilla for more than 30 days goes on having them.
func TestStoreDefaultLifetime(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		maxAge   int
		config   gorilla.StoreConfig
		lifetime time.Duration
	}{
		{0, gorilla.StoreConfig{}, 30 * day},
		{3600, gorilla.StoreConfig{}, 30 * day},
		{90 * 86400, gorilla.StoreConfig{}, 90 * day},
		{1 << 30, gorilla.StoreConfig{}, 400 * day},
		{3600, gorilla.StoreConfig{OldKeyPairs: [][]byte{refHash}, OldMaxAge: 60 * day}, 60 * day},
		{90 * 86400, gorilla.StoreConfig{Config: hardtack.Config{Lifetime: day}}, day},
	} {
		g := newRig(t, c.config)
		g.MaxAge(c.maxAge)
		g.change(func(session *sessions.Session) { session.Options.MaxAge = 1 << 30 })
		for range int(c.lifetime/day) - 1 { // whoever comes every day
			g.clock.advance(day)
			g.change(func(session *sessions.Session) { session.Options.MaxAge = 1 << 30 })
		}
		g.clock.advance(day - time.Millisecond)
		g.read()
		g.clock.advance(time.Millisecond)
		_, err := g.get()
		assert.ErrorIs(t, err, hardtack.ErrExpired, c.lifetime.String())
	}
}

func TestStoreOpensLiveGorillaCookies(t *testing.T) {
	newer := []byte("abcdefghijklmnopqrstuvwxyz012345")
	for _, c := range []struct {
		name string
		live *sessions.CookieStore
		old  [][]byte
	}{
		{"signed", sessions.NewCookieStore(refHash), [][]byte{refHash}},
		{"encrypted", sessions.NewCookieStore(refHash, refBlock), [][]byte{refHash, refBlock}},
		{"of the newer pair", sessions.NewCookieStore(newer, refBlock, refHash), [][]byte{newer, refBlock, refHash}},
		{"of the older pair", sessions.NewCookieStore(refHash), [][]byte{newer, refBlock, refHash}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachMode(t, gorilla.StoreConfig{OldKeyPairs: c.old}, func(t *testing.T, g *rig) {
				r, w := g.request(), httptest.NewRecorder()
				live, err := c.live.Get(r, "session")
				require.NoError(t, err)
				live.Values["user"] = refItem{Name: "somebody"}
				live.Values[7] = strings.Repeat("x", 300)
				live.AddFlash("hello")
				require.NoError(t, live.Save(r, w))
				old := parse(t, w.Result().Header["Set-Cookie"]).Value
				g.cookies["session"] = old

				session := g.read()
				assert.Equal(t, live.Values, session.Values)
				assert.Equal(t, []string{gorilla.FormerLabel}, g.former)
				if c.name == "encrypted" || c.name == "of the newer pair" {
					assert.Equal(t, session.ID, g.read().ID, "parallel first requests agree")
				} else {
					assert.NotEqual(t, session.ID, g.read().ID, "others may hold the same value")
				}
				use := g.FormerUse()
				assert.Equal(t, gorilla.FormerLabel, use.Label)
				assert.EqualValues(t, 2, use.Opened)
				assert.False(t, use.Last.IsZero() || use.Since.IsZero())

				session = g.change(func(session *sessions.Session) {
					assert.Equal(t, []any{"hello"}, session.Flashes())
				})
				assert.NotEqual(t, old, g.cookies["session"])
				g.former = nil
				assert.Equal(t, map[any]any{"user": refItem{Name: "somebody"}, 7: strings.Repeat("x", 300)}, g.read().Values)
				assert.Equal(t, session.ID, g.read().ID)
				assert.Equal(t, []string{"", ""}, g.former)

				g.cookies["session"] = old[:len(old)/2] + "AAAA" + old[len(old)/2+4:]
				session, err = g.get()
				assert.ErrorIs(t, err, hardtack.ErrForged)
				assert.True(t, session.IsNew)

				_, err = g.New(withCookie("other", old), "other")
				assert.ErrorIs(t, err, hardtack.ErrForged, "under another name")

				g.cookies["session"] = old
				g.clock.advance(gorilla.DefaultMaxAge - time.Minute)
				if g.overflow == nil {
					assert.Len(t, g.read().Flashes(), 1, "what is in a cookie can be presented again")
				}
				g.clock.advance(2 * time.Minute)
				_, err = g.get()
				assert.ErrorIs(t, err, hardtack.ErrExpired)
			})
		})
	}
}

func withCookie(name, value string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", name+"="+value)
	return r
}

func TestStoreRefusesGorillaCookiesWithoutTheirKeys(t *testing.T) {
	live := sessions.NewCookieStore([]byte("another hash key"), refBlock)
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	session, err := live.Get(r, "session")
	require.NoError(t, err)
	require.NoError(t, session.Save(r, w))
	value := parse(t, w.Result().Header["Set-Cookie"]).Value
	_, err = newStore(t, gorilla.StoreConfig{}).New(withCookie("session", value), "session")
	assert.ErrorIs(t, err, hardtack.ErrMalformed)
	_, err = newStore(t, gorilla.StoreConfig{OldKeyPairs: [][]byte{refHash, refBlock}}).New(withCookie("session", value), "session")
	assert.ErrorIs(t, err, hardtack.ErrForged)
}

// swapped is a serializer of the application's own.
type swapped struct{ securecookie.GobEncoder }

func (s swapped) Serialize(v any) ([]byte, error) {
	data, err := s.GobEncoder.Serialize(v)
	return append([]byte("own:"), data...), err
}

func (s swapped) Deserialize(data []byte, v any) error {
	if !strings.HasPrefix(string(data), "own:") {
		return errors.New("not ours")
	}
	return s.GobEncoder.Deserialize(data[4:], v)
}

func TestStoreOldSerializerAndMaxAge(t *testing.T) {
	live := sessions.NewCookieStore(refHash, refBlock)
	live.MaxAge(3600)
	live.Codecs[0].(*securecookie.SecureCookie).SetSerializer(swapped{})
	g := newRig(t, gorilla.StoreConfig{OldKeyPairs: [][]byte{refHash, refBlock}, OldMaxAge: time.Hour, OldSerializer: swapped{}})
	r, w := g.request(), httptest.NewRecorder()
	session, err := live.Get(r, "session")
	require.NoError(t, err)
	session.Values["a"] = 1
	require.NoError(t, session.Save(r, w))
	g.cookies["session"] = parse(t, w.Result().Header["Set-Cookie"]).Value
	assert.Equal(t, 1, g.read().Values["a"])
	g.clock.advance(time.Hour + 2*time.Second)
	_, err = g.get()
	assert.ErrorIs(t, err, hardtack.ErrIdle)
}

// A gorilla session that is in use goes on sliding after the change.
func TestStoreOldSessionSlides(t *testing.T) {
	live := sessions.NewCookieStore(refHash, refBlock)
	live.MaxAge(1200)
	for name, c := range map[string]gorilla.StoreConfig{
		"OldMaxAge": {OldKeyPairs: [][]byte{refHash, refBlock}, OldMaxAge: 20 * time.Minute},
		"MaxAge":    {OldKeyPairs: [][]byte{refHash, refBlock}},
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, c, func(t *testing.T, g *rig) {
				g.MaxAge(1200)
				r, w := g.request(), httptest.NewRecorder()
				session, err := live.Get(r, "session")
				require.NoError(t, err)
				session.Values["a"] = 1
				require.NoError(t, session.Save(r, w))
				old := parse(t, w.Result().Header["Set-Cookie"]).Value
				g.cookies["session"] = old
				for range 10 {
					g.clock.advance(15 * time.Minute)
					session := g.change(func(session *sessions.Session) { session.Values["n"] = g.clock.Now() })
					require.Equal(t, 1, session.Values["a"])
					require.Equal(t, 1200, g.maxAge())
				}
				g.cookies["session"] = old
				_, err = g.get()
				assert.Error(t, err, "but an old cookie does not")
			})
		})
	}
}

// A slow request must not bring back what another has ended, whatever Options it saves with.
func TestStoreEndedMeanwhile(t *testing.T) {
	for name, o := range map[string]sessions.Options{
		"the same":          {Path: "/", MaxAge: 3600, SameSite: http.SameSiteLaxMode},
		"other Options":     {Path: "/", MaxAge: 3600, SameSite: http.SameSiteStrictMode, Partitioned: true},
		"another path":      {Path: "/app", MaxAge: 3600},
		"another subdomain": {Path: "/", Domain: "example.com", MaxAge: 3600},
	} {
		t.Run(name, func(t *testing.T) {
			g := newStoredRig(t, gorilla.StoreConfig{})
			g.begin()
			slow := g.request()
			session, err := g.New(slow, "session")
			require.NoError(t, err)
			session.Values["user"] = "ada"
			g.change(func(session *sessions.Session) { session.Options.MaxAge = -1 })
			session.Options = &o
			for range 2 {
				require.ErrorIs(t, g.save(slow, session), hardtack.ErrEnded)
				require.Empty(t, g.lines)
				session.Options = &sessions.Options{Path: "/", MaxAge: 3600}
			}
		})
	}
}

// Requests that change nothing, and save, as many do, are not in each other's way.
func TestStoreUnchangedSaves(t *testing.T) {
	g := newStoredRig(t, gorilla.StoreConfig{})
	g.begin()
	type visit struct {
		r *http.Request
		s *sessions.Session
	}
	var visits []visit
	for range 3 {
		r := g.request()
		session, err := g.New(r, "session")
		require.NoError(t, err)
		visits = append(visits, visit{r, session})
	}
	visits[0].s.Values["n"] = 1
	visits[2].s.Values["n"] = 3
	require.NoError(t, g.save(visits[0].r, visits[0].s))
	require.NoError(t, g.save(visits[1].r, visits[1].s), "it has changed nothing")
	require.ErrorIs(t, g.save(visits[2].r, visits[2].s), hardtack.ErrConflict)
	assert.Equal(t, 1, g.read().Values["n"])

	// What is no value is a change as well.
	for name, change := range map[string]func(*sessions.Session){
		"a login":        func(s *sessions.Session) { require.NoError(t, g.SetSubject(s, "ada")) },
		"Renew":          func(s *sessions.Session) { require.NoError(t, g.Renew(s)) },
		"another MaxAge": func(s *sessions.Session) { s.Options.MaxAge = 60 },
	} {
		r := g.request()
		session, err := g.New(r, "session")
		require.NoError(t, err)
		g.change(func(s *sessions.Session) { s.Values["name"] = name })
		change(session)
		require.ErrorIs(t, g.save(r, session), hardtack.ErrConflict, name)
	}
	// Back to what was read, after a Save in between.
	r := g.request()
	session, err := g.New(r, "session")
	require.NoError(t, err)
	session.Values["secret"] = true
	require.NoError(t, g.save(r, session))
	g.change(func(s *sessions.Session) { s.Values["n"] = 5 })
	delete(session.Values, "secret")
	require.ErrorIs(t, g.save(r, session), hardtack.ErrConflict)
}

// SameSite and Partitioned are those of the Options that a session is saved with.
func TestStoreDressesTheCookie(t *testing.T) {
	g := newStoredRig(t, gorilla.StoreConfig{})
	id := g.begin().ID
	for _, o := range []sessions.Options{
		{MaxAge: 60, SameSite: http.SameSiteStrictMode},
		{MaxAge: 60, SameSite: http.SameSiteNoneMode, Partitioned: true},
		{SameSite: http.SameSiteDefaultMode},
		{MaxAge: -1, SameSite: http.SameSiteNoneMode, Partitioned: true},
	} {
		session := g.change(func(session *sessions.Session) { session.Options = &o })
		c := parse(t, g.lines)
		want := o.SameSite
		if want == http.SameSiteDefaultMode {
			want = http.SameSiteLaxMode
		}
		assert.Equal(t, want, c.SameSite)
		assert.Equal(t, o.Partitioned, c.Partitioned)
		assert.Equal(t, o.MaxAge, c.MaxAge)
		assert.Equal(t, "/", c.Path)
		assert.True(t, c.HttpOnly && c.Secure)
		if o.MaxAge >= 0 {
			assert.Equal(t, id, session.ID)
		}
	}
	plain := newRig(t, gorilla.StoreConfig{Config: hardtack.Config{Keys: hardtack.EphemeralKeyring(), InsecureDevelopment: true}})
	plain.change(func(session *sessions.Session) {
		session.Options = &sessions.Options{Path: `/"a"`, MaxAge: 60, SameSite: http.SameSiteNoneMode, Partitioned: true}
	})
	require.Len(t, plain.lines, 1)
	assert.True(t, strings.HasSuffix(plain.lines[0], `; Path=/"a"; Max-Age=60; HttpOnly; SameSite=Lax`), plain.lines[0])
}

// A fleet in which some servers still have the CookieStore, then some write sealed cookies and some do not.
func TestStoreWriteOld(t *testing.T) {
	live := sessions.NewCookieStore(refHash, refBlock)
	c := gorilla.StoreConfig{Config: hardtack.Config{Keys: hardtack.EphemeralKeyring()}, OldKeyPairs: [][]byte{refHash, refBlock}, WriteOld: true}
	writing := newRig(t, c)
	c.WriteOld = false
	sealing := newRig(t, c)
	sealing.cookies = writing.cookies

	step := func(store sessions.Store, i int) {
		r := writing.request()
		session, err := store.New(r, "session")
		require.NoError(t, err)
		if i > 0 {
			require.False(t, session.IsNew)
			require.Equal(t, i, session.Values["i"])
		}
		session.Values["i"] = i + 1
		require.NoError(t, writing.save(r, session))
		assert.Equal(t, int(gorilla.DefaultMaxAge/time.Second), parse(t, writing.lines).MaxAge)
	}
	for i, store := range []sessions.Store{live, writing, live, writing, writing, live, writing, sealing, writing, sealing, sealing, writing, live, sealing} {
		step(store, i)
	}
	assert.Contains(t, sealing.former, gorilla.FormerLabel)
	assert.Contains(t, writing.former, gorilla.SealedLabel)
	assert.Equal(t, gorilla.SealedLabel, writing.FormerUse().Label)
	assert.NotZero(t, writing.FormerUse().Opened)
	assert.Zero(t, newRig(t, gorilla.StoreConfig{Config: hardtack.Config{Keys: hardtack.EphemeralKeyring()}}).FormerUse())

	// Switched back on, a session that has got a subject is still written.
	r := sealing.request()
	session, err := sealing.New(r, "session")
	require.NoError(t, err)
	require.NoError(t, sealing.SetSubject(session, "ada"))
	require.NoError(t, sealing.save(r, session))
	writing.change(func(session *sessions.Session) { session.Values["i"] = 100 })
	assert.Equal(t, 100, writing.read().Values["i"])

	c.WriteOld, c.Overflow = true, newMemory()
	_, err = gorilla.NewStore(c)
	var fault *hardtack.ConfigError
	assert.ErrorAs(t, err, &fault, "gorilla's format cannot say that a session is in the store")
}

func TestStoreDeletesAGorillaCookie(t *testing.T) {
	live := sessions.NewCookieStore(refHash)
	g := newRig(t, gorilla.StoreConfig{OldKeyPairs: [][]byte{refHash}})
	r, w := g.request(), httptest.NewRecorder()
	session, err := live.Get(r, "session")
	require.NoError(t, err)
	require.NoError(t, session.Save(r, w))
	g.cookies["session"] = parse(t, w.Result().Header["Set-Cookie"]).Value
	g.change(func(session *sessions.Session) { session.Options.MaxAge = -1 })
	assert.Len(t, g.lines, 1)
	assert.Empty(t, g.cookies)
}

func TestStoreOverflowsAndReturns(t *testing.T) {
	overflow := newMemory()
	g := newRig(t, gorilla.StoreConfig{Overflow: overflow})
	id := g.change(func(session *sessions.Session) { session.Values["a"] = 1 }).ID
	assert.Zero(t, overflow.Len())
	g.change(func(session *sessions.Session) { session.Values["text"] = strings.Repeat("x", 100_000) })
	assert.Equal(t, 1, overflow.Len())
	assert.Less(t, len(g.cookies["session"]), 300)
	assert.Len(t, g.read().Values["text"], 100_000)
	assert.Equal(t, hardtack.InStore, g.Placement(g.read()).Where)
	g.change(func(session *sessions.Session) { delete(session.Values, "text") })
	assert.Equal(t, map[any]any{"a": 1}, g.read().Values)
	assert.Equal(t, id, g.read().ID)
}

func TestStoreDeleteEndsTheStoredSession(t *testing.T) {
	g := newStoredRig(t, gorilla.StoreConfig{})
	g.begin()
	kept := g.cookies["session"]
	g.change(func(session *sessions.Session) { session.Options.MaxAge = -1 })
	g.cookies["session"] = kept
	_, err := g.get()
	assert.ErrorIs(t, err, hardtack.ErrEnded)
}

func TestStoreConflict(t *testing.T) {
	g := newStoredRig(t, gorilla.StoreConfig{})
	g.begin()
	r := g.request()
	first, err := g.New(r, "session")
	require.NoError(t, err)
	second, err := g.New(r, "session")
	require.NoError(t, err)
	first.Values["by"] = "first"
	second.Values["by"] = "second"
	require.NoError(t, g.save(r, first))
	assert.ErrorIs(t, g.save(r, second), hardtack.ErrConflict)
	assert.Equal(t, "first", g.read().Values["by"])
	g.change(func(session *sessions.Session) { session.Values["by"] = "second" })
	assert.Equal(t, "second", g.read().Values["by"])
}

// Two tabs outgrow the cookie at once: the second is led to the first one's state, by a cookie with an age.
func TestStoreConflictOfOverflows(t *testing.T) {
	g := newRig(t, gorilla.StoreConfig{Overflow: newMemory()})
	g.change(func(session *sessions.Session) { session.Values["a"] = 1 })
	r := g.request()
	first, err := g.New(r, "session")
	require.NoError(t, err)
	second, err := g.New(r, "session")
	require.NoError(t, err)
	first.Values["text"] = strings.Repeat("1", 5000)
	second.Values["text"] = strings.Repeat("2", 5000)
	require.NoError(t, g.save(r, first))
	assert.ErrorIs(t, g.save(r, second), hardtack.ErrConflict)
	assert.Equal(t, int(gorilla.DefaultMaxAge/time.Second), g.maxAge())
	assert.Equal(t, first.Values["text"], g.read().Values["text"])
}

// outage is a store that is away while it is told to be.
type outage struct {
	*hardtack.MemoryStore
	away bool
}

func (o *outage) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if o.away {
		return nil, false, errors.New("away")
	}
	return o.MemoryStore.Find(ctx, id)
}

func TestStoreOutage(t *testing.T) {
	store := &outage{MemoryStore: newMemory()}
	g := newRig(t, gorilla.StoreConfig{Overflow: store})
	g.change(func(session *sessions.Session) { session.Values["text"] = strings.Repeat("x", 5000) })

	store.away = true
	r := g.request()
	session, err := g.New(r, "session")
	assert.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.True(t, session.IsNew)
	moved, err := g.New(r, "session")
	assert.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	byHand := sessions.NewSession(g.Store, "session")
	assert.ErrorIs(t, g.save(r, byHand), hardtack.ErrStoreUnavailable)

	store.away = false
	for range 2 {
		assert.ErrorIs(t, g.save(r, session), hardtack.ErrStoreUnavailable, "the application has gone on with nothing")
		moved.Options.Path = "/elsewhere"
		assert.ErrorIs(t, g.save(r, moved), hardtack.ErrStoreUnavailable, "for whatever place")
		assert.ErrorIs(t, g.save(r, byHand), hardtack.ErrStoreUnavailable)
		assert.Empty(t, g.lines)
	}
	assert.Len(t, g.read().Values["text"], 5000)

	session.Options.MaxAge = -1
	require.NoError(t, g.save(r, session), "a logout works all the same")
	assert.Empty(t, g.cookies)
	session.Options.MaxAge = 60
	require.NoError(t, g.save(r, session), "and what comes after it is new")
	assert.Empty(t, g.read().Values)
}

func TestStoreRenew(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		before := g.begin().ID
		old := g.cookies["session"]
		session := g.change(func(session *sessions.Session) {
			require.NoError(t, g.Renew(session))
			session.Values["user"] = "somebody"
			assert.NotEqual(t, before, session.ID)
		})
		assert.Equal(t, session.ID, g.read().ID)
		assert.Equal(t, "somebody", g.read().Values["user"])
		g.cookies["session"] = old
		assert.NotContains(t, g.read().Values, "user", "who knew the old cookie gets nothing of what follows")
		assert.ErrorIs(t, g.Renew(sessions.NewSession(g.Store, "session")), hardtack.ErrNotConfigured)
	})
}

func TestStoreSubjects(t *testing.T) {
	g := newStoredRig(t, gorilla.StoreConfig{})
	before := g.begin().ID
	session := g.change(func(session *sessions.Session) {
		require.NoError(t, g.SetSubject(session, "user 7"))
		assert.Equal(t, "user 7", g.Subject(session))
	})
	assert.NotEqual(t, before, session.ID)
	assert.Equal(t, "user 7", g.Subject(g.read()))
	id := session.ID
	assert.Equal(t, id, g.change(func(session *sessions.Session) {
		require.NoError(t, g.SetSubject(session, "user 7"))
	}).ID, "no change is no renewal")
	ended, err := g.EndAll(t.Context(), "user 7")
	require.NoError(t, err)
	assert.Positive(t, ended)
	_, err = g.get()
	assert.ErrorIs(t, err, hardtack.ErrEnded)
}

// A session goes to another place between Get and Save.
func TestStoreOtherPlace(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		before := g.begin().ID
		session := g.change(func(session *sessions.Session) {
			session.Values["b"] = 2
			session.Options.SameSite = http.SameSiteStrictMode
		})
		assert.Equal(t, before, session.ID)
		assert.Equal(t, http.SameSiteStrictMode, parse(t, g.lines).SameSite)
		assert.Equal(t, 2, g.read().Values["b"])

		session = g.change(func(session *sessions.Session) {
			require.NoError(t, g.SetSubject(session, "user 7"))
			session.Options.Domain = "example.com"
		})
		assert.NotEqual(t, before, session.ID, "renewed there, too")
		assert.Equal(t, "user 7", g.Subject(g.read()))
		before = session.ID

		session = g.change(func(session *sessions.Session) {
			require.NoError(t, g.Renew(session))
			session.Options.Path = "/app"
		})
		assert.NotEqual(t, before, session.ID)

		g.change(func(session *sessions.Session) {
			session.Options.Path = "/app"
			session.Options.MaxAge = -1
		})
		assert.Len(t, g.lines, 2, "deleted there and where it was read")
	})
}

// Each place's cookie has the age that was asked for there.
func TestStoreSeveralPlacesInOneResponse(t *testing.T) {
	g := newRig(t, gorilla.StoreConfig{})
	r, w := g.request(), httptest.NewRecorder()
	session, err := g.New(r, "session")
	require.NoError(t, err)
	for i, o := range []sessions.Options{{Path: "/"}, {Path: "/app"}, {Path: "/", Domain: "example.com"}, {Path: "/gone", MaxAge: -1}, {Path: "/last", MaxAge: 9}} {
		if o.MaxAge == 0 {
			o.MaxAge = i + 1
		}
		session.Options = &o
		require.NoError(t, session.Save(r, w))
	}
	ages := make(map[string]int)
	for _, c := range w.Result().Cookies() {
		ages[c.Path+" "+c.Domain] = c.MaxAge
	}
	assert.Equal(t, map[string]int{"/ ": 1, "/app ": 2, "/ example.com": -1, "/gone ": -1, "/last ": 9}, ages)
}

func TestStoreDeletedThenSavedElsewhereIsNew(t *testing.T) {
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		before := g.begin().ID
		r := g.request()
		session, err := g.New(r, "session")
		require.NoError(t, err)
		session.Options.MaxAge = -1
		require.NoError(t, g.save(r, session))
		assert.NotEqual(t, before, session.ID)
		session.Options.MaxAge = 60
		session.Options.SameSite = http.SameSiteStrictMode
		require.NoError(t, g.save(r, session))
		assert.NotEqual(t, before, session.ID)
		assert.Equal(t, session.ID, g.read().ID)
	})
}

func TestStoreOptionsThatNoCookieCanHave(t *testing.T) {
	g := newRig(t, gorilla.StoreConfig{})
	r := g.request()
	session, err := g.New(r, "session")
	require.NoError(t, err)
	var fault *hardtack.ConfigError
	for _, o := range []sessions.Options{{Path: "relative"}, {Path: "/a;b"}, {Domain: "a b"}} {
		session.Options = &o
		assert.ErrorAs(t, g.save(r, session), &fault)
		assert.Empty(t, g.lines)
	}
	session.Options = &sessions.Options{Path: "/"}
	assert.NoError(t, g.save(r, session), "and then it can be saved")

	session, err = g.New(r, "__Host-session")
	require.NoError(t, err)
	session.Options.Path = "/app"
	assert.ErrorAs(t, g.save(r, session), &fault)

	g.Options.Path = "relative"
	session, err = g.New(r, "session")
	assert.ErrorAs(t, err, &fault)
	assert.True(t, session.IsNew)
	assert.ErrorAs(t, g.save(r, session), &fault)
	session.Options.Path = "/"
	session.Values["a"] = 1
	assert.NoError(t, g.save(r, session))
}

func TestStoreInDevelopment(t *testing.T) {
	g := newRig(t, gorilla.StoreConfig{Config: hardtack.Config{InsecureDevelopment: true}})
	assert.False(t, g.Options.Secure)
	r := g.request()
	session, err := g.New(r, "__Host-session")
	require.NoError(t, err)
	session.Values["a"] = 1
	session.Options.Secure = true
	require.NoError(t, g.save(r, session))
	c := parse(t, g.lines)
	assert.Equal(t, "session", c.Name)
	assert.False(t, c.Secure)
	assert.Positive(t, c.MaxAge)
	session, err = g.New(g.request(), "__Host-session")
	require.NoError(t, err)
	assert.Equal(t, 1, session.Values["a"])
}

func TestStoreAudience(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	g := newRig(t, gorilla.StoreConfig{Config: hardtack.Config{Keys: keys, Audience: "shop"}})
	g.begin()
	other := newStore(t, gorilla.StoreConfig{Config: hardtack.Config{Keys: keys, Audience: "wiki"}})
	_, err := other.New(g.request(), "session")
	assert.ErrorIs(t, err, hardtack.ErrForged)
}

// What cannot be encoded is named by its type, not by its value.
func TestStoreErrorsShowNoData(t *testing.T) {
	g := newRig(t, gorilla.StoreConfig{})
	r := g.request()
	session, err := g.New(r, "session")
	require.NoError(t, err)
	session.Values["hidden key"] = refUnknown{"hidden value"}
	err = g.save(r, session)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hidden")
	assert.ErrorContains(t, err, "refUnknown")
	session.Values = map[any]any{"hidden key": strings.Repeat("hidden value", 1000)}
	err = g.save(r, session)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hidden")
}

// broken cannot be read back.
type broken struct{ N int }

func (broken) GobEncode() ([]byte, error)   { return []byte("hidden"), nil }
func (*broken) GobDecode(data []byte) error { return fmt.Errorf("cannot read %q", data) }

func TestStoreValuesThatDoNotDecode(t *testing.T) {
	gob.Register(broken{})
	eachMode(t, gorilla.StoreConfig{}, func(t *testing.T, g *rig) {
		g.begin()
		g.change(func(session *sessions.Session) { session.Values["broken"] = broken{} })
		session, err := g.get()
		assert.ErrorIs(t, err, hardtack.ErrPayload)
		assert.NotContains(t, err.Error(), "hidden")
		assert.True(t, session.IsNew)
	})
}

// Many requests at once, with names that nobody has foreseen.
func TestStoreConcurrently(t *testing.T) {
	store := newStore(t, gorilla.StoreConfig{Overflow: newMemory()})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for n := range 40 {
				name := fmt.Sprintf("session-%d", (i*n)%300)
				r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
				session, err := store.Get(r, name)
				assert.NoError(t, err)
				session.Values["text"] = strings.Repeat("x", n*150)
				assert.NoError(t, sessions.Save(r, w))
				again, err := store.Get(withCookie(name, parse(t, w.Result().Header["Set-Cookie"]).Value), name)
				assert.NoError(t, err)
				assert.Equal(t, session.Values, again.Values)
				assert.Equal(t, session.ID, again.ID)
			}
		})
	}
	all.Wait()
}
