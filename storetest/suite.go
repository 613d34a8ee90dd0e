package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// suite is one Run.
type suite struct {
	Options
	store *client
	again *client // nil: none
	*witness
	serial atomic.Int64
}

func newSuite(store hardtack.Store, o Options) *suite {
	if o.ClockTolerance <= 0 {
		o.ClockTolerance = defaultTolerance
	}
	s := &suite{Options: o, witness: newWitness()}
	s.store = s.newClient(store)
	if o.Again != nil {
		s.again = s.newClient(o.Again)
	}
	return s
}

// client is a store with what it can do. Its errors are remembered.
type client struct {
	raw     hardtack.Store
	swapper hardtack.CompareAndSwapper
	indexer hardtack.SubjectIndexer
	sweeper hardtack.Sweeper
	pinger  hardtack.Pinger
	w       *witness
}

func (s *suite) newClient(store hardtack.Store) *client {
	c := &client{raw: store, w: s.witness}
	c.swapper, _ = store.(hardtack.CompareAndSwapper)
	c.indexer, _ = store.(hardtack.SubjectIndexer)
	c.sweeper, _ = store.(hardtack.Sweeper)
	c.pinger, _ = store.(hardtack.Pinger)
	return c
}

func (c *client) do(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := f(ctx)
	c.w.saw(err)
	return err
}

func (c *client) Find(ctx context.Context, id string) (data []byte, found bool, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		data, found, err = c.raw.Find(ctx, id)
		return err
	})
	return data, found, err
}

func (c *client) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	return c.do(ctx, func(ctx context.Context) error { return c.raw.Commit(ctx, id, data, expires) })
}

func (c *client) Delete(ctx context.Context, id string) error {
	return c.do(ctx, func(ctx context.Context) error { return c.raw.Delete(ctx, id) })
}

func (c *client) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (swapped bool, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		swapped, err = c.swapper.CompareAndSwap(ctx, id, old, new, data, expires)
		return err
	})
	return swapped, err
}

func (c *client) Index(ctx context.Context, id, subject string, expires time.Time) error {
	return c.do(ctx, func(ctx context.Context) error { return c.indexer.Index(ctx, id, subject, expires) })
}

func (c *client) FindSubjects(ctx context.Context, subjects ...string) (ids map[string]time.Time, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		ids, err = c.indexer.FindSubjects(ctx, subjects)
		return err
	})
	return ids, err
}

func (c *client) Sweep(ctx context.Context) (removed int, err error) {
	err = c.do(ctx, func(ctx context.Context) error {
		removed, err = c.sweeper.Sweep(ctx)
		return err
	})
	return removed, err
}

func (c *client) Ping(ctx context.Context) error { return c.do(ctx, c.pinger.Ping) }

// methods calls every method that the client has on one record.
func (c *client) methods(id, subject string, data []byte, expires time.Time) map[string]func(context.Context) error {
	m := map[string]func(context.Context) error{
		"Find":   func(ctx context.Context) error { _, _, err := c.Find(ctx, id); return err },
		"Commit": func(ctx context.Context) error { return c.Commit(ctx, id, data, expires) },
		"Delete": func(ctx context.Context) error { return c.Delete(ctx, id) },
	}
	if c.swapper != nil {
		m["CompareAndSwap"] = func(ctx context.Context) error {
			_, err := c.CompareAndSwap(ctx, id, 1, 2, data, expires)
			return err
		}
		m["CompareAndSwap from 0"] = func(ctx context.Context) error {
			_, err := c.CompareAndSwap(ctx, id, 0, 2, data, expires)
			return err
		}
	}
	if c.indexer != nil {
		m["Index"] = func(ctx context.Context) error { return c.Index(ctx, id, subject, expires) }
		m["Index away"] = func(ctx context.Context) error { return c.Index(ctx, id, "", expires) }
		m["FindSubjects"] = func(ctx context.Context) error { _, err := c.FindSubjects(ctx, subject); return err }
	}
	if c.sweeper != nil {
		m["Sweep"] = func(ctx context.Context) error { _, err := c.Sweep(ctx); return err }
	}
	if c.pinger != nil {
		m["Ping"] = c.Ping
	}
	return m
}

// tester runs one clause with one client.
type tester struct {
	*testing.T
	*suite
	*client
}

// other is a tester with the other client.
func (t *tester) other() *tester { return &tester{t.T, t.suite, t.again} }

// turn returns a client for the i-th of many goroutines.
func (t *tester) turn(i int) *client {
	if i%2 == 1 && t.again != nil {
		return t.again
	}
	return t.store
}

func later() time.Time { return time.Now().Add(time.Hour) }

func (t *tester) commit(id string, data []byte, expires time.Time) {
	t.Helper()
	require.NoError(t, t.Commit(t.Context(), id, data, expires))
}

func (t *tester) delete(id string) {
	t.Helper()
	require.NoError(t, t.Delete(t.Context(), id))
}

func (t *tester) swap(id string, old, new int64, data []byte, expires time.Time) bool {
	t.Helper()
	swapped, err := t.CompareAndSwap(t.Context(), id, old, new, data, expires)
	require.NoError(t, err)
	return swapped
}

func (t *tester) holds(id string, want []byte, why string) {
	t.Helper()
	data, found, err := t.Find(t.Context(), id)
	require.NoError(t, err)
	require.True(t, found, "%s: the record is missing", why)
	require.True(t, bytes.Equal(want, data), "%s: the record has %d bytes of other data; want %d bytes", why, len(data), len(want))
}

func (t *tester) gone(id, why string) {
	t.Helper()
	_, found, err := t.Find(t.Context(), id)
	require.NoError(t, err, why)
	require.False(t, found, "%s: there is a record", why)
}

// together runs f in n goroutines that start together, and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// each runs f for 0 to n-1 in as many goroutines as may contend.
func each(n int, f func(i int)) {
	var next atomic.Int64
	together(min(n, crowd), func(int) {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(int(i))
		}
	})
}

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// id returns a new well-formed ID.
func (s *suite) id() string { return s.idMark + random()[len(s.idMark):] }

// subject returns a new well-formed subject.
func (s *suite) subject() string { return s.subjectMark + random()[len(s.subjectMark):] }

// data returns short data that are never the same twice.
func (s *suite) data() []byte {
	return fmt.Appendf(nil, "%s %d", s.dataMark, s.serial.Add(1))
}

// blob returns n bytes with every value among them, never the same twice, that end with
// their checksum, as far as n has room for it.
func (s *suite) blob(n int) []byte {
	b := s.data()
	for len(b) < n {
		b = append(b, byte(len(b)))
	}
	b = b[:n:n]
	if n > 2*sha256.Size {
		sum := sha256.Sum256(b[:n-sha256.Size])
		copy(b[n-sha256.Size:], sum[:])
	}
	return b
}

// whole reports whether b is a blob, and not a mixture of two.
func whole(b []byte) bool {
	if len(b) <= 2*sha256.Size {
		return false
	}
	sum := sha256.Sum256(b[:len(b)-sha256.Size])
	return bytes.Equal(sum[:], b[len(b)-sha256.Size:])
}

// size returns n, or the most that the store takes.
func (s *suite) size(n int) int {
	if s.MaxData > 0 {
		return min(n, s.MaxData)
	}
	return n
}
