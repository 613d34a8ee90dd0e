package hardtack_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

// hyHung hangs until it is released, whatever the context says.
type hyHung struct {
	release chan struct{}
	calls   atomic.Int32
}

func (s *hyHung) Find(context.Context, string) ([]byte, bool, error) {
	s.calls.Add(1)
	<-s.release
	return nil, false, nil
}
func (s *hyHung) Commit(context.Context, string, []byte, time.Time) error {
	s.calls.Add(1)
	<-s.release
	return nil
}
func (s *hyHung) Delete(context.Context, string) error {
	s.calls.Add(1)
	<-s.release
	return nil
}

func TestStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hyHung{release: make(chan struct{})}
		defer close(store.release)
		g := newHyRig(t)
		reference := g.stored()
		jar := g.JarOn(store)

		start := time.Now()
		v := hybridtest.VisitTo(jar, reference)
		require.ErrorIs(t, v.Err, hardtack.ErrStoreUnavailable)
		require.ErrorIs(t, v.Err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(start))
		require.ErrorIs(t, v.Delete(), hardtack.ErrStoreUnavailable)
		assert.Equal(t, 4*time.Second, time.Since(start))
		hyExpires(t, v)

		v = hybridtest.VisitTo(jar, "")
		_, err := v.Note(hybridtest.Large)
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		g.silent(v)
	})
}

func TestStoreTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hyHung{release: make(chan struct{})}
		defer close(store.release)
		g := newHyRig(t)
		jar := g.JarOn(store, func(c *hardtack.Config) { c.StoreTimeout = 300 * time.Millisecond })
		start := time.Now()
		v := hybridtest.VisitTo(jar, g.stored())
		require.ErrorIs(t, v.Err, hardtack.ErrStoreUnavailable)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
	})
}

func TestStoreAbandonedCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hyHung{release: make(chan struct{})}
		g := newHyRig(t)
		reference := g.stored()
		jar := g.JarOn(store)
		for range 200 {
			v := hybridtest.VisitTo(jar, reference)
			require.ErrorIs(t, v.Err, hardtack.ErrStoreUnavailable)
		}
		assert.EqualValues(t, 128, store.calls.Load(), "beyond it the store is not called")

		start := time.Now()
		require.ErrorIs(t, hybridtest.VisitTo(jar, reference).Err, hardtack.ErrStoreUnavailable)
		assert.Zero(t, time.Since(start), "nor waited for")

		close(store.release)
		synctest.Wait()
		v := hybridtest.VisitTo(jar, reference)
		require.ErrorIs(t, v.Err, hardtack.ErrRecordMissing, "the store answers again")
		assert.EqualValues(t, 129, store.calls.Load())
	})
}

// hyPanics panics in every call.
type hyPanics struct{}

func (hyPanics) Find(context.Context, string) ([]byte, bool, error)      { panic("find") }
func (hyPanics) Commit(context.Context, string, []byte, time.Time) error { panic("commit") }
func (hyPanics) Delete(context.Context, string) error                    { panic("delete") }
func (hyPanics) CompareAndSwap(context.Context, string, int64, int64, []byte, time.Time) (bool, error) {
	panic("swap")
}

func TestStoreThatPanics(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	var ops []string
	jar := g.JarOn(hyPanics{}, func(c *hardtack.Config) {
		c.Observer.StoreError = func(_ context.Context, op string, _ error) { ops = append(ops, op) }
	})
	v := hybridtest.VisitTo(jar, reference)
	require.ErrorIs(t, v.Err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, v.Delete(), hardtack.ErrStoreUnavailable)
	hyExpires(t, v)
	v = hybridtest.VisitTo(jar, "")
	_, err := v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
	assert.Equal(t, []string{"find", "commit", "swap"}, ops)
}

func TestStoreThatFails(t *testing.T) {
	g := newHyRig(t)
	reference, inline := g.stored(), g.inline()
	g.Faults.Fail()
	v := g.refused(reference, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, v.Err, hybridtest.ErrBroken, "the cause is kept")
	g.silent(v)
	v = g.must(inline)
	_, err := v.Add("small sessions go on")
	require.NoError(t, err)
	g.Faults.Heal()
	g.must(reference)
}

func TestStoreThatHasLostTheRecord(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	live := g.stored()
	g.Faults.Inner = hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.Clock.Now})
	g.refused(reference, hardtack.ErrRecordMissing)
	v := g.refused(live, hardtack.ErrRecordMissing)
	_, err := v.Note(hybridtest.Large)
	require.NoError(t, err, "a fresh session starts")
	g.must(g.cookie(v))

	v = g.must(pending)
	assert.Len(t, v.Session.Data.Note, hybridtest.Small, "a pending cookie has the data itself")
	_, err = v.Touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindInline, g.Inside(g.cookie(v)).Kind)
}

func TestStoreFull(t *testing.T) {
	g := newHyRig(t)
	g.Faults.Inner = hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.Clock.Now, MaxRecords: 1})
	first := g.stored()
	cookie := g.inline()
	v := g.must(cookie)
	_, err := v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrStoreFull)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
	assert.Len(t, g.must(cookie).Session.Data.Note, hybridtest.Small)
	_, err = g.must(first).Add("x")
	require.NoError(t, err, "who is in may change")
	v = g.must(first)
	require.NoError(t, v.Delete(), "and end")
	g.refused(first, hardtack.ErrEnded)
}

// hyPlain is a store without CompareAndSwap.
type hyPlain struct{ memory *hardtack.MemoryStore }

func (s hyPlain) Find(ctx context.Context, id string) ([]byte, bool, error) {
	return s.memory.Find(ctx, id)
}
func (s hyPlain) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	return s.memory.Commit(ctx, id, data, expires)
}
func (s hyPlain) Delete(ctx context.Context, id string) error { return s.memory.Delete(ctx, id) }

func TestStoreWithoutCompareAndSwap(t *testing.T) {
	g := newHyRig(t)
	g.Jar = g.JarOn(hyPlain{g.memory})
	reference := g.stored()
	_, err := g.must(reference).Add("one")
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, g.must(reference).Session.Data.Items)

	// The minimum revision is not enforced.
	backup, _, err := g.Faults.Inner.Find(t.Context(), g.Locator(reference))
	require.NoError(t, err)
	v := g.must(reference)
	_, err = v.Note(hybridtest.Small)
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindPending, g.Inside(g.cookie(v)).Kind)
	v = g.must(g.cookie(v))
	_, err = v.Note(hybridtest.Large)
	require.NoError(t, err)
	newer := g.cookie(v)
	require.NoError(t, g.Faults.Inner.Commit(t.Context(), g.Locator(reference), backup, g.Clock.Now().Add(time.Hour)))
	assert.Equal(t, []string{"one"}, g.must(newer).Session.Data.Items)

	// Renew, Delete, tombstones and missing records are as always.
	v = g.must(newer)
	v.Session.Renew()
	_, err = v.Save()
	require.NoError(t, err)
	assert.Equal(t, "frozen", g.Record(newer).State)
	heir := g.cookie(v)
	slow := g.must(heir)
	require.NoError(t, g.must(heir).Delete())
	g.refused(heir, hardtack.ErrEnded)
	_, err = slow.Add("x")
	require.ErrorIs(t, err, hardtack.ErrEnded)

	reference = g.stored()
	v = g.must(reference)
	require.NoError(t, g.Faults.Inner.Delete(t.Context(), g.Locator(reference)))
	_, err = v.Add("x")
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
}

func TestStoreRetired(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	live := g.stored()
	jar, err := hardtack.New[hyData](g.Config(func(c *hardtack.Config) { c.StoreRetired = true }))
	require.NoError(t, err)
	for _, cookie := range []string{reference, live} {
		v := hybridtest.VisitTo(jar, cookie)
		require.ErrorIs(t, v.Err, hardtack.ErrRecordMissing)
		_, err := v.Note(hybridtest.Small)
		require.NoError(t, err)
	}
	v := hybridtest.VisitTo(jar, pending)
	require.NoError(t, v.Err)
	_, err = v.Touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindInline, g.Inside(g.cookie(v)).Kind)
	assert.Len(t, hybridtest.VisitTo(jar, g.cookie(v)).Session.Data.Note, hybridtest.Small)

	_, err = hardtack.NewHybrid[hyData](g.Config(func(c *hardtack.Config) { c.StoreRetired = true }), g.Faults.Store())
	require.Error(t, err)
}

func TestStoreStatelessJarMeetsAReference(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	jar, err := hardtack.New[hyData](g.Config())
	require.NoError(t, err)
	v := hybridtest.VisitTo(jar, reference)
	require.ErrorIs(t, v.Err, hardtack.ErrStoreUnavailable)
	_, err = v.Note(hybridtest.Small)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	_, err = v.Touch()
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
	w := httptest.NewRecorder()
	_, err = jar.Update(w, hybridtest.Request(reference), func(*hySession) error { return nil })
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Empty(t, w.Header()["Set-Cookie"])
	require.ErrorIs(t, v.Delete(), hardtack.ErrStoreUnavailable)
	hyExpires(t, v)
	assert.Len(t, g.must(reference).Session.Data.Note, hybridtest.Large)
}

func TestStoreBothModesReadInlineAndPending(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	jar, err := hardtack.New[hyData](g.Config())
	require.NoError(t, err)
	require.NoError(t, hybridtest.VisitTo(jar, g.inline()).Err)
	v := hybridtest.VisitTo(jar, pending)
	require.NoError(t, v.Err)
	_, err = v.Add("stateless")
	require.NoError(t, err)
	again := g.must(g.cookie(v))
	assert.Equal(t, []string{"stateless"}, again.Session.Data.Items)
	assert.Equal(t, hardtack.KindPending, g.Inside(g.cookie(v)).Kind, "the store is still to be asked")
}

func TestStoreWhenTheClientHangsUp(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := hybridtest.Request(reference).WithContext(ctx)
	s, err := g.Jar.Get(r)
	require.NoError(t, err, "it does not look like an outage")
	w := httptest.NewRecorder()
	s.Data.Items = []string{"one"}
	_, err = g.Jar.Save(w, r, s)
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, g.must(reference).Session.Data.Items)
	require.NoError(t, g.Jar.Delete(w, r, s))
	g.refused(reference, hardtack.ErrEnded)
}
