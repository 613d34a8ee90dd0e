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

// An anonymous session gets its subject with the save that brings it back.
func TestSubjectSetByTheSaveThatReturns(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	v := g.must(reference)
	v.Session.SetSubject("alice")
	_, err := v.Note(hybridtest.Small)
	require.NoError(t, err)
	assert.Equal(t, "alice", g.must(reference).Session.Subject())
	g.ends(1, "alice")
	g.refused(reference, hardtack.ErrEnded)
}

func TestSubjectChangedWhilePending(t *testing.T) {
	g := newHyRig(t)
	pending := g.saves(g.storedAs("alice"), setNote(hybridtest.Small))
	pending = g.saves(pending, setSubject("bob"))
	require.Equal(t, hardtack.KindPending, g.Inside(pending).Kind)
	g.ends(0, "alice")
	g.ends(1, "bob")
	g.refused(pending, hardtack.ErrEnded)
}

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

func TestLoserUnfilesTheWinner(t *testing.T) {
	g := newHyRig(t)
	cookie := g.storedAs("alice")
	a, b := g.must(cookie), g.must(cookie)
	b.Session.SetSubject("carol")
	_, err := b.Save()
	require.NoError(t, err)
	a.Session.SetSubject("bob")
	_, err = a.Save()
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Equal(t, "carol", g.must(cookie).Session.Subject())
	g.ends(0, "alice")
	g.ends(1, "carol")
	g.refused(cookie, hardtack.ErrEnded)
}

func TestOverflowLostToAnonymous(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	one, two := g.must(cookie), g.must(cookie)
	_, err := one.Note(hybridtest.Large)
	require.NoError(t, err)
	two.Session.SetSubject("bob")
	_, err = two.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	require.Empty(t, g.must(g.cookie(two)).Session.Subject())
	g.ends(0, "bob")
	g.must(g.cookie(one))
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
	for name, change := range map[string]func(g *hyRig, s *hySession){
		"key":     func(g *hyRig, s *hySession) {},
		"removed": func(g *hyRig, s *hySession) { s.SetSubject("") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t, longLived)
			cookie := g.storedAs("alice")
			if name == "key" {
				g.rotates()
			}
			g.Faults.Inner = hyVersions{g.memory, t}
			a := g.must(cookie)
			change(g, a.Session)
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
		})
	}
}

func TestOverflowOverFrozen(t *testing.T) {
	g := newHyRig(t)
	inline := g.saves(g.inline(), setSubject("alice"))
	ref := g.saves(inline, setNote(hybridtest.Large))
	g.saves(ref, (*hySession).Renew)
	require.Equal(t, "frozen", g.Record(ref).State)
	slow := g.must(inline)
	slow.Session.SetSubject("bob")
	_, err := slow.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.ends(0, "bob")
	g.ends(2, "alice")
}
