package hardtack_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

func TestPendingLosesSwap(t *testing.T) {
	g := newHyRig(t)
	pending := g.saves(g.storedAs("alice"), setNote(hybridtest.Small))
	v := g.must(pending)
	v.Session.SetSubject("bob")
	_, err := g.must(pending).Add("faster")
	require.NoError(t, err)
	_, err = v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.ends(0, "bob")
	g.ends(1, "alice")
	g.refused(pending, hardtack.ErrEnded)
}

// Two tabs give one session to different people: one of them succeeds.
func TestTwoTabsChangeTheSubject(t *testing.T) {
	g := newHyRig(t)
	cookie := g.storedAs("alice")
	a, b := g.must(cookie), g.must(cookie)
	b.Session.SetSubject("carol")
	_, err := b.Save()
	require.NoError(t, err)
	a.Session.SetSubject("bob")
	_, err = a.Save()
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Equal(t, "alice", g.must(cookie).Session.Subject(), "the former session can be read")
	carols := g.cookie(b)
	g.ends(0, "bob")
	g.ends(1, "alice")
	g.refused(cookie, hardtack.ErrEnded)
	assert.Equal(t, "carol", g.must(carols).Session.Subject())
	g.ends(1, "carol")
	g.refused(carols, hardtack.ErrEnded)
}

func TestPendingUnderANewKey(t *testing.T) {
	g := newHyRig(t, longLived)
	pending := g.saves(g.storedAs("alice"), setNote(hybridtest.Small))
	g.rotates()
	pending = g.saves(pending, func(s *hySession) { s.Data.Items = []string{"x"} })
	require.Equal(t, hardtack.KindPending, g.Inside(pending).Kind)
	g.Clock.Advance(49 * time.Hour)
	g.ends(1, "alice")
	g.refused(pending, hardtack.ErrEnded)
}

// hyVersions checks that versions only rise.
type hyVersions struct {
	*hardtack.MemoryStore
	t *testing.T
}

func (s hyVersions) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	assert.Greater(s.t, new, old)
	return s.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

// A second try in one request, after the swap has succeeded and the filing has not.
func TestNoLostUpdateAfterFailedIndex(t *testing.T) {
	g := newHyRig(t, longLived)
	cookie := g.storedAs("alice")
	g.rotates()
	g.Faults.Inner = hyVersions{g.memory, t}
	a := g.must(cookie)
	g.Faults.Fail("index")
	_, err := a.Add("first try")
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.Faults.Heal()
	b := g.must(cookie)
	_, err = a.Add("second try")
	require.NoError(t, err)
	_, err = b.Add("b")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Equal(t, []string{"first try", "second try"}, g.must(cookie).Session.Data.Items)
}

func TestOverflowOverFrozen(t *testing.T) {
	g := newHyRig(t)
	inline := g.saves(g.inline(), setSubject("alice"))
	ref := g.saves(inline, setNote(hybridtest.Large))
	g.saves(ref, (*hySession).Renew)
	require.Equal(t, "frozen", g.Record(ref).State)
	_, err := g.must(inline).Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.ends(2, "alice")
}
