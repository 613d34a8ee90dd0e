package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

const (
	interval = 20 * time.Millisecond
	lifetime = 178 * time.Minute
	// step is how far the fleet's time goes at once: everybody looks at the source between two of them, so that a key that is announced
	// for policy.Propagation has come everywhere.
	step = 4 * time.Minute
	// spread is how far the clocks of a fleet differ.
	spread = 90 * time.Second
)

var policy = hardtack.RotationPolicy{Every: time.Hour, Propagation: 10 * time.Minute, Retain: lifetime + 2*time.Minute}

// fleet is several servers, each with a ring of its own, that share a source and see the same time pass, each by a clock of its own.
type fleet struct {
	*testing.T
	backend Backend
	name    string
	config  hardtack.KeyringConfig // but Observer and Now
	source  hardtack.KeyStore      // for looking at it
	elapsed atomic.Int64
	nodes   []*node
}

// node is one server.
type node struct {
	*hardtack.Keyring
	t     *testing.T
	jar   *hardtack.Jar[data]
	store hardtack.KeyStore
	now   func() time.Time

	mu        sync.Mutex
	faults    []error
	recovered int
}

type data struct{ N int }

var fleets atomic.Int32

func newFleet(t *testing.T, b Backend) *fleet {
	f := &fleet{T: t, backend: b, name: fmt.Sprintf("fleet%d", fleets.Add(1))}
	f.source = b.Open(t, f.name)
	f.config = hardtack.KeyringConfig{Interval: interval, Rotation: &policy, InsecurePlaintextKeys: true}
	return f
}

// begin is an odd moment.
var begin = time.Date(2030, time.January, 2, 3, 4, 5, 678_901_234, time.UTC)

func (f *fleet) clock(skew time.Duration) func() time.Time {
	return func() time.Time { return begin.Add(time.Duration(f.elapsed.Load()) + skew) }
}

// start adds n servers that start at once.
func (f *fleet) start(n int) []*node {
	f.Helper()
	nodes, errs := make([]*node, n), make([]error, n)
	for i := range nodes {
		skew := spread * time.Duration(i) / time.Duration(max(n-1, 1))
		nodes[i] = &node{t: f.T, store: f.backend.Open(f.T, f.name), now: f.clock(skew - spread/2)}
	}
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() { errs[i] = n.open(f) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(f, err)
	}
	f.nodes = append(f.nodes, nodes...)
	return nodes
}

func (n *node) open(f *fleet) (err error) {
	c := f.config
	c.Now = n.now
	c.Observer = n.observer()
	if n.Keyring, err = hardtack.OpenKeyring(f.Context(), n.store, c); err != nil {
		return err
	}
	f.Cleanup(func() { _ = n.Close() })
	n.jar, err = hardtack.New[data](hardtack.Config{Keys: n.Keyring, Now: n.now, Lifetime: lifetime})
	return err
}

// sealed returns a cookie of a new session.
func (n *node) sealed() *http.Cookie {
	n.t.Helper()
	cookie, err := n.save(httptest.NewRequest(http.MethodGet, "/", nil))
	require.NoError(n.t, err)
	return cookie
}

// again returns the cookie of a session that goes on.
func (n *node) again(cookie *http.Cookie) *http.Cookie {
	n.t.Helper()
	cookie, err := n.save(with(cookie))
	require.NoError(n.t, err)
	return cookie
}

func (n *node) save(r *http.Request) (*http.Cookie, error) {
	w := httptest.NewRecorder()
	s, err := n.jar.Get(r)
	if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
		return nil, err
	}
	s.Data.N++
	if _, err = n.jar.Save(w, r, s); err != nil {
		return nil, err
	}
	return w.Result().Cookies()[0], nil
}

func with(cookie *http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	return r
}

// get opens a cookie.
func (n *node) get(cookie *http.Cookie) (*hardtack.Session[data], error) {
	return n.jar.Get(with(cookie))
}

// keyOf returns the key that a cookie was sealed with.
func (n *node) keyOf(cookie *http.Cookie) hardtack.KeyID {
	n.t.Helper()
	s, err := n.get(cookie)
	require.NoError(n.t, err)
	return s.KeyID()
}

func (n *node) sealing() hardtack.KeyID {
	n.t.Helper()
	id, err := n.SealingKey(n.now())
	require.NoError(n.t, err)
	return id
}

// openEverywhere: every server accepts these cookies.
func (f *fleet) openEverywhere(cookies ...*http.Cookie) {
	f.Helper()
	for _, n := range f.nodes {
		for _, c := range cookies {
			_, err := n.get(c)
			require.NoError(f, err)
		}
	}
}

// openAtOnce is openEverywhere for a cookie whose key a server may not have heard of: the request waits until it has looked at the
// source, though not for ever if the machine is busy.
func (f *fleet) openAtOnce(cookie *http.Cookie) {
	f.Helper()
	for _, n := range f.nodes {
		until(f.T, "the cookie is accepted", func() bool { _, err := n.get(cookie); return err == nil })
	}
}

// refusedEverywhere: every server refuses these cookies for this reason.
func (f *fleet) refusedEverywhere(reason error, cookies ...*http.Cookie) {
	f.Helper()
	for _, n := range f.nodes {
		for _, c := range cookies {
			_, err := n.get(c)
			require.ErrorIs(f, err, reason)
		}
	}
}

// stored is what the source has.
func (f *fleet) stored() (document []byte, set hardtack.KeySet) {
	f.Helper()
	document, err := f.source.LoadKeys(f.Context())
	require.NoError(f, err)
	if document != nil {
		set, err = hardtack.ParseKeySet(document)
		require.NoError(f, err)
	}
	return document, set
}

// settled waits until nothing is due and every server has what the source has, which it returns.
func (f *fleet) settled() (document []byte, set hardtack.KeySet) {
	f.Helper()
	until(f.T, "a fleet of one mind", func() bool {
		document, set = f.stored()
		for _, n := range f.nodes {
			if document == nil || !policy.Plan(set, n.now()).Empty() || !same(set.Keys, n.Keys()) {
				return false
			}
		}
		return true
	})
	return document, set
}

// same reports whether the keys are the same ones, at the same times, of the same fate.
func same(a, b []hardtack.Key) bool {
	facts := func(keys []hardtack.Key) map[hardtack.KeyID]string {
		m := make(map[hardtack.KeyID]string)
		for _, k := range keys {
			m[k.ID()] = fmt.Sprint(k.Activate().Unix(), k.Retire().Unix(), k.Revoked(), k.Erased())
		}
		return m
	}
	x, y := facts(a), facts(b)
	for id, fact := range x {
		if y[id] != fact {
			return false
		}
	}
	return len(x) == len(y)
}

// pass lets time pass, step by step, until stop says so.
func (f *fleet) pass(what string, stop func() bool) {
	f.Helper()
	for range 200 {
		f.elapsed.Add(int64(step))
		f.settled()
		if stop() {
			return
		}
	}
	require.FailNow(f, "has not come about: "+what)
}

// nextKey lets time pass until everybody seals with another key than now.
func (f *fleet) nextKey() hardtack.KeyID {
	f.Helper()
	before := f.nodes[0].sealing()
	f.pass("another key seals", func() bool {
		for _, n := range f.nodes {
			if n.sealing() == before {
				return false
			}
		}
		return true
	})
	return f.nodes[0].sealing()
}

func (n *node) observer() hardtack.KeyObserver {
	return hardtack.KeyObserver{
		Fault: func(_ context.Context, err error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.faults = append(n.faults, err)
		},
		Recovered: func(context.Context) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.recovered++
		},
	}
}

// heard returns the faults that the observer was told of.
func (n *node) heard() []error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.faults)
}

func (n *node) recoveries() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.recovered
}

// heard reports whether an observer was told of a fault like this.
func (f *fleet) heard(fault error) bool {
	return slices.ContainsFunc(f.nodes, func(n *node) bool {
		return slices.ContainsFunc(n.heard(), func(err error) bool { return errors.Is(err, fault) })
	})
}
