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
		jar := g.jarOn(store)

		start := time.Now()
		v := hyVisitTo(jar, reference)
		require.ErrorIs(t, v.err, hardtack.ErrStoreUnavailable)
		require.ErrorIs(t, v.err, context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(start))
		require.ErrorIs(t, v.delete(), hardtack.ErrStoreUnavailable)
		assert.Equal(t, 4*time.Second, time.Since(start))
		hyExpires(t, v)

		v = hyVisitTo(jar, "")
		_, err := v.note(hyLarge)
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		g.silent(v)
	})
}

func TestStoreTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hyHung{release: make(chan struct{})}
		defer close(store.release)
		g := newHyRig(t)
		jar := g.jarOn(store, func(c *hardtack.Config) { c.StoreTimeout = 300 * time.Millisecond })
		start := time.Now()
		v := hyVisitTo(jar, g.stored())
		require.ErrorIs(t, v.err, hardtack.ErrStoreUnavailable)
		assert.Equal(t, 300*time.Millisecond, time.Since(start))
	})
}

func TestStoreAbandonedCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hyHung{release: make(chan struct{})}
		g := newHyRig(t)
		reference := g.stored()
		jar := g.jarOn(store)
		for range 200 {
			v := hyVisitTo(jar, reference)
			require.ErrorIs(t, v.err, hardtack.ErrStoreUnavailable)
		}
		assert.EqualValues(t, 128, store.calls.Load(), "beyond it the store is not called")

		start := time.Now()
		require.ErrorIs(t, hyVisitTo(jar, reference).err, hardtack.ErrStoreUnavailable)
		assert.Zero(t, time.Since(start), "nor waited for")

		close(store.release)
		synctest.Wait()
		v := hyVisitTo(jar, reference)
		require.ErrorIs(t, v.err, hardtack.ErrRecordMissing, "the store answers again")
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
	jar := g.jarOn(hyPanics{}, func(c *hardtack.Config) {
		c.Observer.StoreError = func(_ context.Context, op string, _ error) { ops = append(ops, op) }
	})
	v := hyVisitTo(jar, reference)
	require.ErrorIs(t, v.err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, v.delete(), hardtack.ErrStoreUnavailable)
	hyExpires(t, v)
	v = hyVisitTo(jar, "")
	_, err := v.note(hyLarge)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
	assert.Equal(t, []string{"find", "commit", "swap"}, ops)
}

func TestStoreThatFails(t *testing.T) {
	g := newHyRig(t)
	reference, inline := g.stored(), g.inline()
	g.store.fail()
	v := g.refused(reference, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, v.err, errHy, "the cause is kept")
	g.silent(v)
	v = g.must(inline)
	_, err := v.add("small sessions go on")
	require.NoError(t, err)
	g.store.heal()
	g.must(reference)
}

func TestStoreThatHasLostTheRecord(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	live := g.stored()
	g.store.MemoryStore = hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.clock.Now})
	g.refused(reference, hardtack.ErrRecordMissing)
	v := g.refused(live, hardtack.ErrRecordMissing)
	_, err := v.note(hyLarge)
	require.NoError(t, err, "a fresh session starts")
	g.must(g.cookie(v))

	v = g.must(pending)
	assert.Len(t, v.s.Data.Note, hySmall, "a pending cookie has the data itself")
	_, err = v.touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindInline, g.inside(g.cookie(v)).Kind)
}

func TestStoreFull(t *testing.T) {
	g := newHyRig(t)
	g.store.MemoryStore = hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: g.clock.Now, MaxRecords: 1})
	first := g.stored()
	cookie := g.inline()
	v := g.must(cookie)
	_, err := v.note(hyLarge)
	require.ErrorIs(t, err, hardtack.ErrStoreFull)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
	assert.Len(t, g.must(cookie).s.Data.Note, hySmall)
	_, err = g.must(first).add("x")
	require.NoError(t, err, "who is in may change")
	v = g.must(first)
	require.NoError(t, v.delete(), "and end")
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
	g.jar = g.jarOn(hyPlain{g.store.MemoryStore})
	reference := g.stored()
	_, err := g.must(reference).add("one")
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, g.must(reference).s.Data.Items)

	// The minimum revision is not enforced.
	backup, _, err := g.store.MemoryStore.Find(t.Context(), g.locator(reference))
	require.NoError(t, err)
	v := g.must(reference)
	_, err = v.note(hySmall)
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindPending, g.inside(g.cookie(v)).Kind)
	v = g.must(g.cookie(v))
	_, err = v.note(hyLarge)
	require.NoError(t, err)
	newer := g.cookie(v)
	require.NoError(t, g.store.MemoryStore.Commit(t.Context(), g.locator(reference), backup, g.clock.Now().Add(time.Hour)))
	assert.Equal(t, []string{"one"}, g.must(newer).s.Data.Items)

	// Renew, Delete, tombstones and missing records are as always.
	v = g.must(newer)
	v.s.Renew()
	_, err = v.save()
	require.NoError(t, err)
	assert.Equal(t, "frozen", g.record(newer).state)
	heir := g.cookie(v)
	slow := g.must(heir)
	require.NoError(t, g.must(heir).delete())
	g.refused(heir, hardtack.ErrEnded)
	_, err = slow.add("x")
	require.ErrorIs(t, err, hardtack.ErrEnded)

	reference = g.stored()
	v = g.must(reference)
	require.NoError(t, g.store.MemoryStore.Delete(t.Context(), g.locator(reference)))
	_, err = v.add("x")
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
}

func TestStoreRetired(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	live := g.stored()
	jar, err := hardtack.New[hyData](g.config(func(c *hardtack.Config) { c.StoreRetired = true }))
	require.NoError(t, err)
	for _, cookie := range []string{reference, live} {
		v := hyVisitTo(jar, cookie)
		require.ErrorIs(t, v.err, hardtack.ErrRecordMissing)
		_, err := v.note(hySmall)
		require.NoError(t, err)
	}
	v := hyVisitTo(jar, pending)
	require.NoError(t, v.err)
	_, err = v.touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindInline, g.inside(g.cookie(v)).Kind)
	assert.Len(t, hyVisitTo(jar, g.cookie(v)).s.Data.Note, hySmall)

	_, err = hardtack.NewHybrid[hyData](g.config(func(c *hardtack.Config) { c.StoreRetired = true }), g.store)
	require.Error(t, err)
}

func TestStoreStatelessJarMeetsAReference(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	jar, err := hardtack.New[hyData](g.config())
	require.NoError(t, err)
	v := hyVisitTo(jar, reference)
	require.ErrorIs(t, v.err, hardtack.ErrStoreUnavailable)
	_, err = v.note(hySmall)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	_, err = v.touch()
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
	w := httptest.NewRecorder()
	_, err = jar.Update(w, hyRequest(reference), func(*hySession) error { return nil })
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Empty(t, w.Header()["Set-Cookie"])
	require.ErrorIs(t, v.delete(), hardtack.ErrStoreUnavailable)
	hyExpires(t, v)
	assert.Len(t, g.must(reference).s.Data.Note, hyLarge)
}

func TestStoreBothModesReadInlineAndPending(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	jar, err := hardtack.New[hyData](g.config())
	require.NoError(t, err)
	require.NoError(t, hyVisitTo(jar, g.inline()).err)
	v := hyVisitTo(jar, pending)
	require.NoError(t, v.err)
	_, err = v.add("stateless")
	require.NoError(t, err)
	again := g.must(g.cookie(v))
	assert.Equal(t, []string{"stateless"}, again.s.Data.Items)
	assert.Equal(t, hardtack.KindPending, g.inside(g.cookie(v)).Kind, "the store is still to be asked")
}

func TestStoreWhenTheClientHangsUp(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := hyRequest(reference).WithContext(ctx)
	s, err := g.jar.Get(r)
	require.NoError(t, err, "it does not look like an outage")
	w := httptest.NewRecorder()
	s.Data.Items = []string{"one"}
	_, err = g.jar.Save(w, r, s)
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, g.must(reference).s.Data.Items)
	require.NoError(t, g.jar.Delete(w, r, s))
	g.refused(reference, hardtack.ErrEnded)
}
