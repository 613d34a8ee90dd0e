package faulttest

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	requestTimeout = time.Minute
	// readBackLimit is how long a session may take to be there again when the fault is over.
	readBackLimit = time.Minute
	// tabs of a client that has several.
	tabs = 4
	// maxItems bounds the list that tabs append to.
	maxItems = 400
	// historyLength is how many requests the report of a fault shows.
	historyLength = 20
)

// Options say what a Load consists of.
type Options struct {
	Sessions int // clients with one tab
	Tabbed   int // clients with several tabs, whose sessions are always in the store
	// ServerDies says that the application itself may be away: requests may then be cut.
	ServerDies bool
}

// Load is a number of clients that work with their sessions until Finish.
type Load struct {
	Options
	url       string
	transport *http.Transport
	clients   []*Client
	begun     time.Time
	seed      uint64

	stop    context.CancelFunc
	ctx     context.Context
	workers sync.WaitGroup

	acknowledged atomic.Int64
	mu           sync.Mutex
	counts       Counts
}

// NewLoad returns a Load against the application at url. Every client has saved its session once.
func NewLoad(t testing.TB, url string, o Options) *Load {
	t.Helper()
	l := &Load{Options: o, url: url, begun: time.Now(), seed: rand.Uint64()}
	t.Logf("load: seed %d", l.seed)
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.transport = Transport(o.Sessions + tabs*o.Tabbed)
	t.Cleanup(func() {
		l.stop()
		l.workers.Wait()
		l.transport.CloseIdleConnections()
	})
	rng := l.rng(0)
	for i := range o.Sessions + o.Tabbed {
		c := newClient(l, fmt.Sprintf("client-%03d", i), i >= o.Sessions)
		l.clients = append(l.clients, c)
		how, note := byUpdate, Large
		if i%2 == 1 {
			how = byLogin // so that half of the sessions are in the index by subject
		}
		if !c.tabbed {
			note = noteLength(rng)
		}
		l.begin(t, c, how, note)
	}
	return l
}

// begin has the client save its session for the first time.
func (l *Load) begin(t testing.TB, c *Client, how string, note int) {
	t.Helper()
	l.add(func(n *Counts) { n.Sessions++ })
	begun := l.persist(c, func() Response { return c.save(how, note, false) })
	require.True(t, begun, "%s cannot begin: %v", c.name, l.Counts().faults)
}

// Client returns another client, which has saved its session with a note of this length, does nothing by itself, and is
// read back by Finish too.
func (l *Load) Client(t testing.TB, name string, note int) *Client {
	t.Helper()
	c := newClient(l, name, false)
	l.clients = append(l.clients, c)
	l.begin(t, c, byUpdate, note)
	return c
}

// Transport trusts the certificate of [Serve], and keeps up to so many idle connections.
func Transport(connections int) *http.Transport {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: connections}
}

func (l *Load) rng(stream int) *rand.Rand { return rand.New(rand.NewPCG(l.seed, uint64(stream))) }

func (l *Load) add(f func(*Counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.counts.Acknowledged
	f(&l.counts)
	l.acknowledged.Add(int64(l.counts.Acknowledged - before))
}

// Start sets the clients to work.
func (l *Load) Start() {
	for i, c := range l.clients[:l.Sessions+l.Tabbed] {
		n := 1
		if c.tabbed {
			n = tabs
		}
		for tab := range n {
			rng := l.rng(1 + i*tabs + tab)
			l.workers.Go(func() { l.keepWorking(c, rng) })
		}
	}
}

func (l *Load) keepWorking(c *Client, rng *rand.Rand) {
	for !c.resting() {
		pause := time.Duration(1+rng.IntN(20)) * time.Millisecond
		if c.tabbed && c.full() {
			c.Read()
		} else if r := c.work(rng); r.Status != http.StatusOK {
			pause *= 3
		}
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (c *Client) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sent) >= maxItems
}

// Proceed returns when n more saves have been acknowledged.
func (l *Load) Proceed(t testing.TB, n int) {
	t.Helper()
	goal := l.acknowledged.Load() + int64(n)
	require.Eventually(t, func() bool { return l.acknowledged.Load() >= goal }, readBackLimit, time.Millisecond,
		"the clients do not get on: %v", l.Counts())
}

// Counts returns the counts so far.
func (l *Load) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// Finish ends the work, has every client read its session back, save it once more and read that, and returns the counts.
// The fault must be over, or come to an end within a minute.
func (l *Load) Finish() Counts {
	l.stop()
	l.workers.Wait()
	for _, c := range l.clients {
		if l.persist(c, c.Read) {
			l.add(func(n *Counts) { n.ReadBack++ })
		}
		how := byUpdate
		if c.login {
			how = byLogin
		}
		if l.persist(c, func() Response { return c.save(how, Large, false) }) {
			l.persist(c, c.Read)
		}
	}
	return l.Counts()
}

// persist does f until it succeeds.
func (l *Load) persist(c *Client, f func() Response) bool {
	var r Response
	for end := time.Now().Add(readBackLimit); time.Now().Before(end) && !c.resting(); time.Sleep(10 * time.Millisecond) {
		if r = f(); r.Status == http.StatusOK {
			return !c.resting()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault(func(n *Counts) { n.Other++ }, "at the end: still %d %s", r.Status, r.Words)
	return false
}
