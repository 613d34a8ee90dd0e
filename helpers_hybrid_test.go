package hardtack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/seal"
)

// hyData is the session of the hybrid tests: items that count, and a note of any size.
type hyData struct {
	Owner string   `cbor:"o,omitempty"`
	Items []string `cbor:"i,omitempty"`
	Note  string   `cbor:"n,omitempty"`
}

// Notes of these lengths put a session into the cookie, between the low-water
// mark and the inline budget, or into the store.
const (
	hySmall = 50
	hyMid   = 1900
	hyLarge = 4000
)

func hyNote(n int) string { return strings.Repeat("n", n) }

type hySession = hardtack.Session[hyData]

// hyClock is a clock that tests set.
type hyClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *hyClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *hyClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var errHy = errors.New("the store is broken")

// hyStore is a MemoryStore that fails on demand.
type hyStore struct {
	*hardtack.MemoryStore
	mu     sync.Mutex
	before func(op string) error // instead of the operation
	after  func(op string) error // when it has been carried out
	calls  []string
	blobs  [][]byte // everything that was ever written
	ids    []string
}

func (s *hyStore) do(op, id string, data []byte, f func() error) error {
	s.mu.Lock()
	before, after := s.before, s.after
	s.calls = append(s.calls, op)
	if data != nil {
		s.ids, s.blobs = append(s.ids, id), append(s.blobs, data)
	}
	s.mu.Unlock()
	if before != nil {
		if err := before(op); err != nil {
			return err
		}
	}
	if err := f(); err != nil {
		return err
	}
	if after != nil {
		return after(op)
	}
	return nil
}

func (s *hyStore) Find(ctx context.Context, id string) (data []byte, found bool, err error) {
	err = s.do("find", id, nil, func() error {
		data, found, err = s.MemoryStore.Find(ctx, id)
		return err
	})
	return data, found, err
}

func (s *hyStore) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	return s.do("commit", id, append([]byte(nil), data...), func() error { return s.MemoryStore.Commit(ctx, id, data, expires) })
}

func (s *hyStore) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (ok bool, err error) {
	err = s.do("swap", id, append([]byte(nil), data...), func() error {
		ok, err = s.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
		return err
	})
	return ok, err
}

func (s *hyStore) Delete(ctx context.Context, id string) error {
	return s.do("delete", id, nil, func() error { return s.MemoryStore.Delete(ctx, id) })
}

// fail makes the operations in ops fail, all of them if there are none.
func (s *hyStore) fail(ops ...string) {
	s.set(hyFailing(ops), nil)
}

// failAfter lets the operations take effect, and then fail.
func (s *hyStore) failAfter(ops ...string) { s.set(nil, hyFailing(ops)) }

func (s *hyStore) heal() { s.set(nil, nil) }

func (s *hyStore) set(before, after func(string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

func hyFailing(ops []string) func(string) error {
	return func(op string) error {
		for _, o := range ops {
			if o == op {
				return errHy
			}
		}
		if len(ops) == 0 {
			return errHy
		}
		return nil
	}
}

// hyRig is a hybrid Jar, its clock and its store.
type hyRig struct {
	t     require.TestingT
	clock *hyClock
	keys  *hardtack.Keyring
	store *hyStore
	jar   *hardtack.Jar[hyData]
}

func newHyRig(t require.TestingT, options ...func(*hardtack.Config)) *hyRig {
	g := &hyRig{
		t:     t,
		clock: &hyClock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
		keys:  hardtack.EphemeralKeyring(),
	}
	g.store = &hyStore{MemoryStore: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.clock.Now})}
	g.jar = g.jarOn(g.store, options...)
	return g
}

func (g *hyRig) config(options ...func(*hardtack.Config)) hardtack.Config {
	c := hardtack.Config{Keys: g.keys, Now: g.clock.Now}
	for _, o := range options {
		o(&c)
	}
	return c
}

// jarOn returns another Jar of the same keys and clock.
func (g *hyRig) jarOn(s hardtack.Store, options ...func(*hardtack.Config)) *hardtack.Jar[hyData] {
	jar, err := hardtack.NewHybrid[hyData](g.config(options...), s)
	require.NoError(g.t, err)
	return jar
}

// hyVisit is one request: the session that Get gave, and the response so far.
type hyVisit struct {
	jar *hardtack.Jar[hyData]
	w   *httptest.ResponseRecorder
	r   *http.Request
	s   *hySession
	err error // of Get
}

func hyRequest(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", hardtack.DefaultName+"="+cookie)
	}
	return r
}

// visit presents a cookie's value, none if it is empty.
func (g *hyRig) visit(cookie string) *hyVisit { return hyVisitTo(g.jar, cookie) }

func hyVisitTo(jar *hardtack.Jar[hyData], cookie string) *hyVisit {
	v := &hyVisit{jar: jar, w: httptest.NewRecorder(), r: hyRequest(cookie)}
	v.s, v.err = jar.Get(v.r)
	return v
}

// note sets the note's length and saves.
func (v *hyVisit) note(n int) (hardtack.Placement, error) {
	v.s.Data.Note = hyNote(n)
	return v.save()
}

// add adds an item and saves.
func (v *hyVisit) add(item string) (hardtack.Placement, error) {
	v.s.Data.Items = append(v.s.Data.Items, item)
	return v.save()
}

func (v *hyVisit) save() (hardtack.Placement, error)  { return v.jar.Save(v.w, v.r, v.s) }
func (v *hyVisit) touch() (hardtack.Placement, error) { return v.jar.Touch(v.w, v.r, v.s) }
func (v *hyVisit) delete() error                      { return v.jar.Delete(v.w, v.r, v.s) }

// sets reports whether the response sets the cookie, and to what.
func (v *hyVisit) sets() (value string, set bool) { return hySets(v.w.Header()) }

func hySets(h http.Header) (value string, set bool) {
	for _, line := range h["Set-Cookie"] {
		if rest, ok := strings.CutPrefix(line, hardtack.DefaultName+"="); ok {
			value, _, _ = strings.Cut(rest, ";")
			set = true
		}
	}
	return value, set
}

// after returns what a client that held cookie holds once the response is there.
func (v *hyVisit) after(cookie string) string {
	if value, set := v.sets(); set {
		return value
	}
	return cookie
}

// cookie returns what the response sets, and fails if it sets none.
func (g *hyRig) cookie(v *hyVisit) string {
	value, set := v.sets()
	require.True(g.t, set, "the response sets no cookie")
	require.NotEmpty(g.t, value, "the response expires the cookie")
	return value
}

// silent fails if the response sets a cookie.
func (g *hyRig) silent(v *hyVisit) {
	_, set := v.sets()
	require.False(g.t, set, "the response sets a cookie")
}

// inside opens a cookie's value.
func (g *hyRig) inside(cookie string) (rec hardtack.Record) {
	b := hardtack.Binding{Name: hardtack.DefaultName, Now: g.clock.Now()}
	require.NoError(g.t, hardtack.NewSealedCodec(g.keys).Open(context.Background(), b, cookie, &rec))
	return rec
}

func (g *hyRig) locator(cookie string) string {
	seed := seal.Seed(g.inside(cookie).Seed)
	return seal.Locator(&seed)
}

// hyRecord is what lies in the store.
type hyRecord struct {
	state    string // "", "live", "returned", "frozen", "tombstone"
	revision uint64
	data     hyData
	expires  time.Time
}

// record reads the record that belongs to a cookie, past Jar and faults.
func (g *hyRig) record(cookie string) (r hyRecord) {
	seed := seal.Seed(g.inside(cookie).Seed)
	data, found, err := g.store.MemoryStore.Find(context.Background(), seal.Locator(&seed))
	require.NoError(g.t, err)
	if !found {
		return r
	}
	if seal.IsTombstone(data) {
		return hyRecord{state: "tombstone"}
	}
	var env seal.Envelope
	require.NoError(g.t, seal.OpenRecord(seal.Locator(&seed), &seed, data, &env))
	r.state = map[seal.Kind]string{seal.Live: "live", seal.Returned: "returned", seal.Frozen: "frozen"}[env.Kind]
	r.revision = env.Revision
	r.expires = time.UnixMilli(env.Expires)
	require.NoError(g.t, hardtack.CBOR{}.Unmarshal(env.Payload, &r.data))
	return r
}

// inline returns the cookie of a new session that is small.
func (g *hyRig) inline() string {
	v := g.visit("")
	p, err := v.note(hySmall)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InCookie, p.Where)
	return g.cookie(v)
}

// stored returns the reference of a new session in the store.
func (g *hyRig) stored() string {
	v := g.visit(g.inline())
	p, err := v.note(hyLarge)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InStore, p.Where)
	return g.cookie(v)
}

// returned returns the reference and the pending cookie of a session that has
// come back from the store.
func (g *hyRig) returned() (reference, pending string) {
	reference = g.stored()
	v := g.visit(reference)
	p, err := v.note(hySmall)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InCookie, p.Where)
	return reference, g.cookie(v)
}

// frozen returns the reference of a session that was renewed, and its heir's cookie.
func (g *hyRig) frozen(subject string) (old, heir string) {
	old = g.stored()
	if subject != "" {
		v := g.visit(old)
		v.s.SetSubject(subject)
		_, err := v.save()
		require.NoError(g.t, err)
		old = v.after(old)
	}
	v := g.visit(old)
	v.s.Renew()
	v.s.SetSubject("alice")
	_, err := v.save()
	require.NoError(g.t, err)
	return old, g.cookie(v)
}

// must returns a session that the cookie gives without an error.
func (g *hyRig) must(cookie string) *hyVisit {
	v := g.visit(cookie)
	require.NoError(g.t, v.err)
	return v
}

// refused fails unless Get refuses the cookie with this reason and nothing else.
func (g *hyRig) refused(cookie string, reason error) *hyVisit {
	v := g.visit(cookie)
	require.ErrorIs(g.t, v.err, reason)
	require.True(g.t, v.s.IsNew())
	require.Zero(g.t, v.s.Data)
	return v
}

// hyExpires fails unless the response expires the cookie.
func hyExpires(t testing.TB, v *hyVisit) {
	t.Helper()
	value, set := v.sets()
	require.True(t, set)
	require.Empty(t, value)
	require.Contains(t, fmt.Sprint(v.w.Header()["Set-Cookie"]), "Max-Age=0")
}
