package hybridtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/seal"
)

// Data is the data of the sessions: items that count, and a note of any size.
type Data struct {
	Owner string   `cbor:"o,omitempty"`
	Items []string `cbor:"i,omitempty"`
	Note  string   `cbor:"n,omitempty"`
}

// Notes of these lengths put a session into the cookie, between the low-water
// mark and the inline budget, or into the store.
const (
	Small = 50
	Mid   = 1900
	Large = 4000
)

// Note returns a note of n bytes.
func Note(n int) string { return strings.Repeat("n", n) }

// Session is the sessions' type.
type Session = hardtack.Session[Data]

// Rig is a hybrid Jar, its clock, keys and store. The store is reached through
// Faults, whose Inner is the store itself.
type Rig struct {
	Clock  *Clock
	Keys   *hardtack.Keyring
	Faults *Faults
	Jar    *hardtack.Jar[Data]

	t require.TestingT
}

// NewRig returns a Rig with keys of its own.
func NewRig(t require.TestingT, clock *Clock, store hardtack.CompareAndSwapper, options ...func(*hardtack.Config)) *Rig {
	g := &Rig{Clock: clock, Keys: hardtack.EphemeralKeyring(), Faults: &Faults{Inner: store}, t: t}
	g.Jar = g.JarOn(g.Faults.Store(), options...)
	return g
}

// Config returns a configuration with the Rig's keys and clock.
func (g *Rig) Config(options ...func(*hardtack.Config)) hardtack.Config {
	c := hardtack.Config{Keys: g.Keys, Now: g.Clock.Now}
	for _, o := range options {
		o(&c)
	}
	return c
}

// JarOn returns another Jar of the same keys and clock.
func (g *Rig) JarOn(s hardtack.Store, options ...func(*hardtack.Config)) *hardtack.Jar[Data] {
	jar, err := hardtack.NewHybrid[Data](g.Config(options...), s)
	require.NoError(g.t, err)
	return jar
}

// Visit presents a cookie's value, none if it is empty.
func (g *Rig) Visit(cookie string) *Visit { return VisitTo(g.Jar, cookie) }

// Inside opens a cookie's value.
func (g *Rig) Inside(cookie string) (rec hardtack.Record) {
	b := hardtack.Binding{Name: hardtack.DefaultName, Audience: g.Jar.Config().Audience, Now: g.Clock.Now()}
	require.NoError(g.t, hardtack.NewSealedCodec(g.Keys).Open(context.Background(), b, cookie, &rec))
	return rec
}

// Locator returns the ID under which the store has the cookie's record.
func (g *Rig) Locator(cookie string) string {
	seed := seal.Seed(g.Inside(cookie).Seed)
	return seal.Locator(&seed)
}

// Record is what the store has of a session.
type Record struct {
	State    string // "live", "returned", "frozen", "tombstone"; empty if there is none
	Revision uint64
	Data     Data
	Expires  time.Time
}

// Record reads the record that belongs to a cookie, past the Jar and the faults. What
// has expired by the Rig's clock is none, whatever the store's clock says; a
// tombstone does not tell.
func (g *Rig) Record(cookie string) (r Record) {
	seed := seal.Seed(g.Inside(cookie).Seed)
	data, found, err := g.Faults.Inner.Find(context.Background(), seal.Locator(&seed))
	require.NoError(g.t, err)
	if !found {
		return Record{}
	}
	if seal.IsTombstone(data) {
		return Record{State: "tombstone"}
	}
	var env seal.Envelope
	require.NoError(g.t, seal.OpenRecord(seal.Locator(&seed), &seed, data, &env))
	if g.Clock.Now().UnixMilli() >= env.Expires {
		return Record{}
	}
	r.State = map[seal.Kind]string{seal.Live: "live", seal.Returned: "returned", seal.Frozen: "frozen"}[env.Kind]
	r.Revision = env.Revision
	r.Expires = time.UnixMilli(env.Expires)
	require.NoError(g.t, hardtack.CBOR{}.Unmarshal(env.Payload, &r.Data))
	return r
}

// Visit is one request: the session that Get gave, and the response so far.
type Visit struct {
	Jar     *hardtack.Jar[Data]
	W       *httptest.ResponseRecorder
	R       *http.Request
	Session *Session
	Err     error // of Get
}

// VisitTo presents a cookie's value to jar, none if it is empty.
func VisitTo(jar *hardtack.Jar[Data], cookie string) *Visit {
	v := &Visit{Jar: jar, W: httptest.NewRecorder(), R: Request(cookie)}
	v.Session, v.Err = jar.Get(v.R)
	return v
}

// Request returns a request with a cookie of this value, without one if it is empty.
func Request(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", hardtack.DefaultName+"="+cookie)
	}
	return r
}

// Save saves the session.
func (v *Visit) Save() (hardtack.Placement, error) { return v.Jar.Save(v.W, v.R, v.Session) }

// Note sets the note's length and saves.
func (v *Visit) Note(n int) (hardtack.Placement, error) {
	v.Session.Data.Note = Note(n)
	return v.Save()
}

// Add adds an item and saves.
func (v *Visit) Add(item string) (hardtack.Placement, error) {
	v.Session.Data.Items = append(v.Session.Data.Items, item)
	return v.Save()
}

// Touch touches the session.
func (v *Visit) Touch() (hardtack.Placement, error) { return v.Jar.Touch(v.W, v.R, v.Session) }

// Delete ends the session.
func (v *Visit) Delete() error { return v.Jar.Delete(v.W, v.R, v.Session) }

// Sets reports whether the response sets the cookie, and to what.
func (v *Visit) Sets() (value string, set bool) { return Sets(v.W.Header()) }

// After returns what a client that held cookie holds once the response is there.
func (v *Visit) After(cookie string) string {
	if value, set := v.Sets(); set {
		return value
	}
	return cookie
}

// Sets reports whether a response with this header sets the cookie, and to what.
func Sets(h http.Header) (value string, set bool) {
	for _, line := range h["Set-Cookie"] {
		if rest, ok := strings.CutPrefix(line, hardtack.DefaultName+"="); ok {
			value, _, _ = strings.Cut(rest, ";")
			set = true
		}
	}
	return value, set
}
