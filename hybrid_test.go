package hardtack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
	"github.com/hardtack-go/hardtack/internal/seal"
)

// The tests of this file are the rows of the table in docs/hybrid.md.

func TestHybridOverflow(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	assert.Zero(t, g.memory.Len(), "a small session needs no store")
	assert.Empty(t, g.Faults.Ops())

	v := g.must(cookie)
	p, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	assert.Equal(t, hardtack.ReasonOver, p.Reason)
	reference := g.cookie(v)
	assert.Equal(t, hardtack.KindReference, g.Inside(reference).Kind)
	assert.Equal(t, len(hardtack.DefaultName)+len(reference), p.CookieBytes)
	assert.Equal(t, "live", g.Record(reference).State)

	again := g.must(reference)
	assert.Equal(t, hybridtest.Note(hybridtest.Large), again.Session.Data.Note)
	assert.Equal(t, v.Session.ID(), again.Session.ID(), "the same session")
	assert.Equal(t, hardtack.InStore, again.Session.Placement().Where)
}

func TestHybridOverflowThatFailsLeavesTheCookieGood(t *testing.T) {
	for name, fault := range map[string]func(*hybridtest.Faults){
		"before": func(s *hybridtest.Faults) { s.Fail() },
		"after":  func(s *hybridtest.Faults) { s.FailAfter("swap") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.inline()
			fault(g.Faults)
			v := g.must(cookie)
			_, err := v.Note(hybridtest.Large)
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			require.ErrorIs(t, err, hybridtest.ErrBroken)
			g.silent(v)
			g.Faults.Heal()
			assert.Len(t, g.must(cookie).Session.Data.Note, hybridtest.Small)
		})
	}
}

func TestHybridOverflowOverReturned(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	touched := g.must(pending)
	_, err := touched.Touch()
	require.NoError(t, err)
	inline := g.cookie(touched)
	require.Equal(t, hardtack.KindInline, g.Inside(inline).Kind)
	require.Equal(t, "returned", g.Record(inline).State)

	v := g.must(inline)
	p, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	assert.Equal(t, "live", g.Record(g.cookie(v)).State)
	assert.Len(t, g.must(g.cookie(v)).Session.Data.Note, hybridtest.Large)
}

func TestHybridOverflowOverReturnedWithAHigherRevision(t *testing.T) {
	g := newHyRig(t)
	old := g.inline()
	v := g.must(old)
	_, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	reference := g.cookie(v)
	for range 3 {
		v = g.must(reference)
		_, err = v.Add("x")
		require.NoError(t, err)
	}
	v = g.must(reference)
	_, err = v.Note(hybridtest.Small)
	require.NoError(t, err)
	require.Equal(t, "returned", g.Record(old).State)

	late := g.must(old)
	_, err = late.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Len(t, g.must(g.cookie(late)).Session.Data.Items, 3, "the client is led to the newer state")
}

func TestHybridOverflowOverLowerLive(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	lost := g.must(cookie)
	_, err := lost.Note(hybridtest.Large)
	require.NoError(t, err)
	revision := g.Record(cookie).Revision

	for range 2 { // the reference was lost, the client goes on with its own cookie
		v := g.must(cookie)
		_, err = v.Add("inline")
		require.NoError(t, err)
		cookie = g.cookie(v)
	}
	v := g.must(cookie)
	_, err = v.Note(hybridtest.Large)
	require.NoError(t, err)
	record := g.Record(cookie)
	assert.Equal(t, "live", record.State)
	assert.Greater(t, record.Revision, revision)
	assert.Len(t, g.must(g.cookie(v)).Session.Data.Items, 2)
}

func TestHybridOverflowOverTombstone(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	require.NoError(t, g.must(cookie).Delete())
	v := g.must(cookie) // an inline copy replays
	_, err := v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrEnded)
	g.silent(v)
	assert.Equal(t, "tombstone", g.Record(cookie).State)
}

func TestHybridOverflowOverFrozen(t *testing.T) {
	g := newHyRig(t)
	inline := g.inline()
	v := g.must(inline)
	_, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	v = g.must(g.cookie(v))
	v.Session.Renew()
	_, err = v.Save()
	require.NoError(t, err)
	require.Equal(t, "frozen", g.Record(inline).State)

	slow := g.must(inline)
	_, err = slow.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(slow)
	assert.Equal(t, "frozen", g.Record(inline).State)
}

func TestHybridTwoTabsOverflowAtOnce(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	one, two := g.must(cookie), g.must(cookie)
	one.Session.Data.Note, two.Session.Data.Note = hybridtest.Note(hybridtest.Large), hybridtest.Note(hybridtest.Large)
	_, err := one.Add("one")
	require.NoError(t, err)
	_, err = two.Add("two")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Equal(t, hardtack.KindReference, g.Inside(g.cookie(two)).Kind)
	assert.Equal(t, []string{"one"}, g.must(g.cookie(two)).Session.Data.Items)
	assert.Equal(t, 1, g.memory.Len(), "same seed, so same locator")

	// Update goes on from the record.
	three := &hyVisit{W: httptest.NewRecorder(), R: hybridtest.Request(cookie)}
	runs := 0
	p, err := g.Jar.Update(three.W, three.R, func(s *hySession) error {
		runs++
		s.Data.Note = hybridtest.Note(hybridtest.Large)
		s.Data.Items = append(s.Data.Items, "three")
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, runs)
	assert.Equal(t, hardtack.InStore, p.Where)
	assert.Equal(t, []string{"one", "three"}, g.must(g.cookie(three)).Session.Data.Items)
}

func TestHybridChangeWhileStored(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	before := g.Record(reference).Revision
	v := g.must(reference)
	p, err := v.Add("one")
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	g.silent(v)
	assert.Equal(t, before+1, g.Record(reference).Revision)
	assert.Equal(t, []string{"one"}, g.must(reference).Session.Data.Items, "the response is not needed")

	v = g.must(reference)
	p, err = v.Note(hybridtest.Mid)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where, "over the low-water mark it stays")
	assert.Equal(t, hardtack.ReasonStays, p.Reason)
	g.silent(v)
}

func TestHybridLostUpdate(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	one, two := g.must(reference), g.must(reference)
	_, err := one.Add("one")
	require.NoError(t, err)
	_, err = two.Add("two")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(two)
	assert.Equal(t, []string{"one"}, g.must(reference).Session.Data.Items)

	// Update retries: somebody is faster the first time.
	runs := 0
	_, err = g.Jar.Update(httptest.NewRecorder(), hybridtest.Request(reference), func(s *hySession) error {
		if runs++; runs == 1 {
			_, err := g.must(reference).Add("faster")
			require.NoError(t, err)
		}
		s.Data.Items = append(s.Data.Items, "update")
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, runs)
	assert.Equal(t, []string{"one", "faster", "update"}, g.must(reference).Session.Data.Items)
}

func TestHybridParallelUpdatesAllCount(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	const n = 50
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			_, errs[i] = g.Jar.Update(httptest.NewRecorder(), hybridtest.Request(reference), func(s *hySession) error {
				s.Data.Items = append(s.Data.Items, fmt.Sprint(i))
				return nil
			})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	items := g.must(reference).Session.Data.Items
	seen := map[string]bool{}
	for _, item := range items {
		seen[item] = true
	}
	assert.Len(t, items, n)
	assert.Len(t, seen, n)
}

func TestHybridReturn(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	v := g.must(reference)
	p, err := v.Note(hybridtest.Small)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, p.Where)
	assert.Equal(t, hardtack.ReasonReturned, p.Reason)
	assert.Equal(t, 3072*3/4, p.Limit)
	pending := g.cookie(v)
	assert.Equal(t, hardtack.KindPending, g.Inside(pending).Kind)
	record := g.Record(reference)
	assert.Equal(t, "returned", record.State)
	assert.Len(t, record.Data.Note, hybridtest.Small, "the record has the final state")
	assert.Len(t, g.must(reference).Session.Data.Note, hybridtest.Small, "a lost response loses nothing")
}

func TestHybridReturnThatFails(t *testing.T) {
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			reference := g.stored()
			v := g.must(reference)
			want := hybridtest.Large
			g.Faults.Fail("swap")
			if after {
				g.Faults.FailAfter("swap")
				want = hybridtest.Small
			}
			_, err := v.Note(hybridtest.Small)
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			g.silent(v)
			g.Faults.Heal()
			assert.Len(t, g.must(reference).Session.Data.Note, want)
		})
	}
}

func TestHybridPendingTouchDropsTheFlag(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	v := g.must(pending)
	assert.Equal(t, hardtack.InCookie, v.Session.Placement().Where)
	_, err := v.Touch()
	require.NoError(t, err)
	touched := g.Inside(g.cookie(v))
	assert.Equal(t, hardtack.KindInline, touched.Kind)
	assert.Equal(t, g.Inside(pending).Revision, touched.Revision)
	assert.Equal(t, "returned", g.Record(reference).State)
	n := len(g.Faults.Ops())
	g.must(g.cookie(v))
	assert.Len(t, g.Faults.Ops(), n, "and then the store is not asked any more")
}

func TestHybridPendingStaysInTheResponseThatSetsIt(t *testing.T) {
	// Only a request that presents the pending cookie shows that it has arrived.
	g := newHyRig(t)
	reference := g.stored()
	h := g.Jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := g.Jar.From(r.Context())
		s.Data.Note = hybridtest.Note(hybridtest.Small)
		_, err := g.Jar.Save(w, r, s)
		assert.NoError(t, err)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, hybridtest.Request(reference))
	value, _ := hybridtest.Sets(w.Header())
	assert.Equal(t, hardtack.KindPending, g.Inside(value).Kind)
}

func TestHybridPendingLiveHigherWins(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	slow := g.must(reference)
	slow.Session.Data.Note = hybridtest.Note(hybridtest.Large)
	_, err := slow.Add("slow tab")
	require.NoError(t, err)
	require.Equal(t, "live", g.Record(reference).State)

	v := g.must(pending)
	assert.Equal(t, []string{"slow tab"}, v.Session.Data.Items)
	assert.Equal(t, hardtack.InStore, v.Session.Placement().Where)
	_, err = v.Touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindReference, g.Inside(g.cookie(v)).Kind)

	v = g.must(pending) // and Save goes on from it, in the store
	_, err = v.Add("more")
	require.NoError(t, err)
	assert.Equal(t, []string{"slow tab", "more"}, g.must(g.cookie(v)).Session.Data.Items)
}

func TestHybridPendingReturnedHigherWins(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	v := g.must(pending)
	_, err := v.Add("newer")
	require.NoError(t, err)

	v = g.must(pending)
	assert.Equal(t, []string{"newer"}, v.Session.Data.Items)
	_, err = v.Touch()
	require.NoError(t, err)
	newer := g.Inside(g.cookie(v))
	assert.Equal(t, hardtack.KindPending, newer.Kind)
	assert.Equal(t, []string{"newer"}, g.must(g.cookie(v)).Session.Data.Items)
}

func TestHybridPendingTombstone(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	for range 3 { // whatever the revision
		v := g.must(pending)
		_, err := v.Add("x")
		require.NoError(t, err)
		pending = g.cookie(v)
	}
	require.NoError(t, g.must(reference).Delete())
	g.refused(pending, hardtack.ErrEnded)
}

// Saves whose answers were lost may have brought the record further than the
// client knows. What is saved while the store is away was acknowledged, and wins.
func TestHybridAwaySaveWins(t *testing.T) {
	for _, read := range []string{"before the outage", "during it"} {
		t.Run(read, func(t *testing.T) {
			g := newHyRig(t)
			_, pending := g.returned()
			early := g.must(pending)
			g.Faults.FailAfter("swap")
			for range 3 {
				_, err := g.must(pending).Note(hybridtest.Large)
				require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			}
			require.Greater(t, g.Record(pending).Revision, g.Inside(pending).Revision+1)
			g.Faults.Fail()
			v := early
			if read == "during it" {
				v = g.must(pending)
			}
			p, err := v.Add("acknowledged")
			require.NoError(t, err)
			require.Equal(t, hardtack.ReasonAway, p.Reason)
			g.Faults.Heal()
			cookie := g.cookie(v)
			require.Equal(t, len(hardtack.DefaultName)+len(cookie), p.CookieBytes)
			assert.Contains(t, g.must(cookie).Session.Data.Items, "acknowledged")

			_, err = g.must(cookie).Note(hybridtest.Large) // and the store takes it from there
			require.NoError(t, err)
			assert.Contains(t, g.must(cookie).Session.Data.Items, "acknowledged")
		})
	}
}

func TestHybridPendingStoreAway(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	g.Faults.Fail()
	v := g.must(pending)
	assert.Len(t, v.Session.Data.Note, hybridtest.Small)
	_, err := v.Touch()
	require.NoError(t, err)
	g.silent(v) // the question stays open

	p, err := v.Add("while away")
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, p.Where)
	assert.Equal(t, hardtack.ReasonAway, p.Reason)
	away := g.cookie(v)
	assert.Equal(t, hardtack.KindPending, g.Inside(away).Kind)
	g.Faults.Heal()
	assert.Equal(t, []string{"while away"}, g.must(away).Session.Data.Items)

	g.Faults.Fail()
	v = g.must(away)
	_, err = v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
}

func TestHybridPendingStoreBackBeforeSave(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	g.Faults.Fail()
	v := g.must(pending)
	g.Faults.Heal()
	_, err := g.must(reference).Add("meanwhile")
	require.NoError(t, err)
	_, err = v.Add("lost?")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(v)
	assert.Equal(t, []string{"meanwhile"}, g.must(pending).Session.Data.Items)

	require.NoError(t, g.must(reference).Delete())
	_, err = v.Save()
	require.ErrorIs(t, err, hardtack.ErrEnded)
	g.silent(v)
}

func TestHybridPendingSwapsTheRecordFirst(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	one, two := g.must(pending), g.must(pending)
	_, err := one.Add("one")
	require.NoError(t, err)
	record := g.Record(pending)
	assert.Equal(t, "returned", record.State)
	assert.Equal(t, []string{"one"}, record.Data.Items)
	assert.Equal(t, hardtack.KindPending, g.Inside(g.cookie(one)).Kind)
	_, err = two.Add("two")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(two)
}

func TestHybridPendingUpdateKeepsWhatTheStoreMissed(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	g.Faults.Fail()
	away := pending
	for i := range 3 {
		v := g.must(away)
		_, err := v.Add(fmt.Sprint(i))
		require.NoError(t, err)
		away = g.cookie(v)
	}
	g.Faults.Heal()
	// Another tab moves the record between Get and Save, to a lower revision.
	w, runs := httptest.NewRecorder(), 0
	_, err := g.Jar.Update(w, hybridtest.Request(away), func(s *hySession) error {
		if runs++; runs == 1 {
			_, err := g.must(pending).Add("other")
			require.NoError(t, err)
		}
		s.Data.Items = append(s.Data.Items, "update")
		return nil
	})
	require.NoError(t, err)
	value, _ := hybridtest.Sets(w.Header())
	assert.Equal(t, []string{"0", "1", "2", "update"}, g.must(value).Session.Data.Items)
}

func TestHybridAfterTheFlagHasGone(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	expires := g.Record(reference).Expires
	v := g.must(pending)
	_, err := v.Touch()
	require.NoError(t, err)
	record := g.Record(reference)
	assert.Equal(t, "returned", record.State)
	assert.True(t, expires.Equal(record.Expires), "nothing deletes it early")

	slow := g.must(reference)
	assert.Len(t, slow.Session.Data.Note, hybridtest.Small)
	_, err = slow.Touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindPending, g.Inside(g.cookie(slow)).Kind)

	for _, n := range []int{hybridtest.Small, hybridtest.Large} {
		v := g.must(reference)
		_, err := v.Note(n)
		require.NoError(t, err)
		g.cookie(v) // a save through it always writes one
		require.Len(t, g.must(g.cookie(v)).Session.Data.Note, n)
		if n == hybridtest.Small {
			require.Equal(t, "returned", g.Record(reference).State)
		}
	}
}

func TestHybridDelete(t *testing.T) {
	for name, make := range map[string]func(*hyRig) string{
		"inline":  (*hyRig).inline,
		"stored":  (*hyRig).stored,
		"pending": func(g *hyRig) string { _, pending := g.returned(); return pending },
		"frozen":  func(g *hyRig) string { old, _ := g.frozen(""); return old },
	} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			cookie := make(g)
			inFlight := g.must(cookie)
			v := g.must(cookie)
			id := v.Session.ID()
			require.NoError(t, v.Delete())
			hyExpires(t, v)
			assert.Equal(t, "tombstone", g.Record(cookie).State)

			_, err := inFlight.Note(hybridtest.Large)
			require.Error(t, err)
			if name != "frozen" { // which no save changes anyway
				require.ErrorIs(t, err, hardtack.ErrEnded)
			}
			g.silent(inFlight)
			if name != "inline" { // a copy of which replays
				g.refused(cookie, hardtack.ErrEnded)
			}

			assert.True(t, v.Session.IsNew())
			assert.Zero(t, v.Session.Data)
			assert.NotEqual(t, id, v.Session.ID())
			_, err = v.Note(hybridtest.Large)
			require.NoError(t, err, "s is a fresh session")
			assert.Equal(t, v.Session.ID(), g.must(g.cookie(v)).Session.ID())

			g.Clock.Advance(24*time.Hour + time.Second)
			assert.Zero(t, g.memory.Len(), "the tombstone lasts no longer than the session")
		})
	}
}

func TestHybridDeleteInlineWhoseReferenceWasLost(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	lost := g.must(cookie)
	_, err := lost.Note(hybridtest.Large)
	require.NoError(t, err)
	require.NoError(t, g.must(cookie).Delete())
	g.refused(g.cookie(lost), hardtack.ErrEnded)
}

func TestHybridDeleteStoreAway(t *testing.T) {
	for name, make := range map[string]func(*hyRig) string{
		"inline":  (*hyRig).inline,
		"stored":  (*hyRig).stored,
		"pending": func(g *hyRig) string { _, pending := g.returned(); return pending },
	} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			cookie := make(g)
			g.Faults.Fail()
			v := g.Visit(cookie)
			require.ErrorIs(t, v.Delete(), hardtack.ErrStoreUnavailable)
			hyExpires(t, v)
		})
	}
}

func TestHybridMissingRecord(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	v := g.must(reference)
	require.NoError(t, g.Faults.Inner.Delete(context.Background(), g.Locator(reference)))
	_, err := v.Add("x")
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	g.silent(v)
	assert.Zero(t, g.memory.Len(), "never an insert")
	_, err = g.must(g.inline()).Save()
	require.NoError(t, err)
	g.silent(g.refused(reference, hardtack.ErrRecordMissing))
}

func TestHybridUpdateOfAMissingRecord(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	w := httptest.NewRecorder()
	_, err := g.Jar.Update(w, hybridtest.Request(reference), func(s *hySession) error {
		return g.Faults.Inner.Delete(context.Background(), g.Locator(reference))
	})
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	assert.Zero(t, g.memory.Len())
}

func TestHybridRenew(t *testing.T) {
	g := newHyRig(t)
	old := g.stored()
	g.Clock.Advance(time.Hour)
	v := g.must(old)
	id, created := v.Session.ID(), v.Session.Created()
	v.Session.Renew()
	v.Session.SetSubject("alice")
	_, err := v.Add("secret")
	require.NoError(t, err)
	heir := g.must(g.cookie(v))
	assert.NotEqual(t, id, heir.Session.ID())
	assert.True(t, heir.Session.Created().After(created))
	assert.Equal(t, "alice", heir.Session.Subject())
	assert.Equal(t, []string{"secret"}, heir.Session.Data.Items)

	// The old one reads, as it was, and is not changed.
	assert.Equal(t, "frozen", g.Record(old).State)
	slow := g.must(old)
	assert.Empty(t, slow.Session.Data.Items)
	assert.Empty(t, slow.Session.Subject())
	_, err = slow.Touch()
	require.NoError(t, err)
	_, err = slow.Add("x")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(slow)
	w := httptest.NewRecorder()
	_, err = g.Jar.Update(w, hybridtest.Request(old), func(s *hySession) error { s.Data.Note = ""; return nil })
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Empty(t, w.Header()["Set-Cookie"])

	// A lost login response does not lose the cart: login works once more.
	again := g.must(old)
	again.Session.Renew()
	again.Session.SetSubject("alice")
	_, err = again.Save()
	require.NoError(t, err)
	assert.Len(t, g.must(g.cookie(again)).Session.Data.Note, hybridtest.Large)

	require.NoError(t, g.must(old).Delete())
	g.refused(old, hardtack.ErrEnded)
	assert.Equal(t, []string{"secret"}, g.must(g.cookie(v)).Session.Data.Items, "which ends only the old one")
}

func TestHybridRenewFromEverywhere(t *testing.T) {
	for name, make := range map[string]func(*hyRig) string{
		"inline":  (*hyRig).inline,
		"stored":  (*hyRig).stored,
		"pending": func(g *hyRig) string { _, pending := g.returned(); return pending },
	} {
		for _, note := range []int{hybridtest.Small, hybridtest.Large} {
			t.Run(fmt.Sprint(name, " to ", note), func(t *testing.T) {
				g := newHyRig(t)
				old := make(g)
				v := g.must(old)
				v.Session.Renew()
				_, err := v.Note(note)
				require.NoError(t, err)
				heir := g.cookie(v)
				assert.Len(t, g.must(heir).Session.Data.Note, note)
				assert.NotEqual(t, g.Locator(old), g.Locator(heir))
				if name != "inline" {
					assert.Equal(t, "frozen", g.Record(old).State)
				}
				_, err = v.Add("second save")
				require.NoError(t, err)
				assert.Len(t, g.must(v.After("")).Session.Data.Items, 1)
			})
		}
	}
}

func TestHybridRenewFreezesFor(t *testing.T) {
	g := newHyRig(t)
	old, _ := g.frozen("")
	g.Clock.Advance(23 * time.Hour)
	g.must(old) // as long as before
	g.Clock.Advance(time.Hour)
	g.refused(old, hardtack.ErrExpired)

	old, heir := g.frozen("alice")
	g.Clock.Advance(10*time.Minute - time.Second)
	g.must(old)
	g.Clock.Advance(time.Second)
	g.refused(old, hardtack.ErrEnded)
	g.must(heir)
}

// A copy of a pending cookie does not come to life again when nobody can read the frozen record any more.
func TestHybridRenewOutlastsPendingCopies(t *testing.T) {
	g := newHyRig(t)
	pending := g.saves(g.storedAs("alice"), setNote(hybridtest.Small))
	heir := g.saves(pending, (*hySession).Renew)
	_, err := g.must(pending).Add("x")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.Clock.Advance(11 * time.Minute)
	g.refused(pending, hardtack.ErrEnded)
	g.must(heir)
}

func TestHybridRenewConflict(t *testing.T) {
	for _, note := range []int{hybridtest.Small, hybridtest.Large} {
		t.Run(fmt.Sprint(note), func(t *testing.T) {
			g := newHyRig(t)
			reference := g.stored()
			v := g.must(reference)
			_, err := g.must(reference).Add("meanwhile")
			require.NoError(t, err)
			v.Session.Renew()
			_, err = v.Note(note)
			require.ErrorIs(t, err, hardtack.ErrConflict)
			g.silent(v)
			assert.Equal(t, 1, g.memory.Len(), "nothing of the renewed session is left")
			assert.Equal(t, []string{"meanwhile"}, g.must(reference).Session.Data.Items)
		})
	}
	t.Run("Update", func(t *testing.T) {
		g := newHyRig(t)
		reference := g.stored()
		w, runs := httptest.NewRecorder(), 0
		_, err := g.Jar.Update(w, hybridtest.Request(reference), func(s *hySession) error {
			if runs++; runs == 1 {
				_, err := g.must(reference).Add("meanwhile")
				require.NoError(t, err)
			}
			s.Renew()
			s.SetSubject("alice")
			return nil
		})
		require.NoError(t, err)
		value, _ := hybridtest.Sets(w.Header())
		heir := g.must(value)
		assert.Equal(t, []string{"meanwhile"}, heir.Session.Data.Items)
		assert.Equal(t, "alice", heir.Session.Subject())
		assert.Equal(t, "frozen", g.Record(reference).State)
	})
}

func TestHybridRenewThatFails(t *testing.T) {
	for name, fault := range map[string]func(*hybridtest.Faults) func(string) error{
		"insert": func(s *hybridtest.Faults) func(string) error { return hybridtest.Failing("swap") },
		"freeze": func(s *hybridtest.Faults) func(string) error {
			n := 0
			return func(op string) error {
				if op == "swap" {
					n++
				}
				if n > 1 {
					return hybridtest.ErrBroken
				}
				return nil
			}
		},
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " after ", after), func(t *testing.T) {
				g := newHyRig(t)
				old := g.stored()
				v := g.must(old)
				v.Session.Renew()
				v.Session.SetSubject("alice")
				if after {
					g.Faults.Set(nil, fault(g.Faults))
				} else {
					g.Faults.Set(fault(g.Faults), nil)
				}
				_, err := v.Save()
				require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
				g.silent(v)
				g.Faults.Heal()
				g.must(old)

				if name == "freeze" && after {
					return // it was frozen; a second login works
				}
				_, err = v.Save()
				require.NoError(t, err, "a second try in the same request")
				assert.Equal(t, "alice", g.must(g.cookie(v)).Session.Subject())
				assert.Equal(t, "frozen", g.Record(old).State)
			})
		}
	}
}

func TestHybridPendingOverFrozenWhileAway(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	g.Faults.Fail()
	ahead := pending
	for range 3 {
		v := g.must(ahead)
		_, err := v.Add("away")
		require.NoError(t, err)
		ahead = g.cookie(v)
	}
	slow := g.must(ahead)
	g.Faults.Heal()
	renewing := g.must(pending)
	renewing.Session.Renew()
	_, err := renewing.Save()
	require.NoError(t, err)
	require.Equal(t, "frozen", g.Record(pending).State)
	_, err = slow.Add("x")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(slow)
	assert.Equal(t, "frozen", g.Record(pending).State)
}

func TestHybridRecordOlderThanTheCookie(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	backup, _, err := g.Faults.Inner.Find(context.Background(), g.Locator(reference))
	require.NoError(t, err)
	v := g.must(reference)
	_, err = v.Note(hybridtest.Small)
	require.NoError(t, err)
	v = g.must(g.cookie(v))
	_, err = v.Note(hybridtest.Large)
	require.NoError(t, err)
	newer := g.cookie(v)
	require.NoError(t, g.Faults.Inner.Commit(context.Background(), g.Locator(reference), backup, g.Clock.Now().Add(time.Hour)))
	g.silent(g.refused(newer, hardtack.ErrRecordMissing))
}

func TestHybridRecordOfAnotherSession(t *testing.T) {
	g := newHyRig(t)
	mine, theirs := g.stored(), g.stored()
	record, _, err := g.Faults.Inner.Find(context.Background(), g.Locator(theirs))
	require.NoError(t, err)
	require.NoError(t, g.Faults.Inner.Commit(context.Background(), g.Locator(mine), record, g.Clock.Now().Add(time.Hour)))
	g.silent(g.refused(mine, hardtack.ErrForged))
	record[7]++ // the revision in the clear is authenticated
	require.NoError(t, g.Faults.Inner.Commit(context.Background(), g.Locator(theirs), record, g.Clock.Now().Add(time.Hour)))
	g.silent(g.refused(theirs, hardtack.ErrForged))
}

func TestHybridStoreUnavailableWritesNothing(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	g.Faults.Fail()
	v := g.refused(reference, hardtack.ErrStoreUnavailable)
	g.Faults.Heal() // even if it is back for the rest of the request
	_, err := v.Note(hybridtest.Small)
	require.ErrorIs(t, err, v.Err)
	_, err = v.Touch()
	require.ErrorIs(t, err, v.Err)
	v.Session.Renew()
	_, err = v.Save()
	require.ErrorIs(t, err, v.Err)
	g.silent(v)

	g.Faults.Fail()
	w := httptest.NewRecorder()
	_, err = g.Jar.Update(w, hybridtest.Request(reference), func(*hySession) error { t.Error("fn was called"); return nil })
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Empty(t, w.Header()["Set-Cookie"])
	g.Faults.Heal()
	assert.Len(t, g.must(reference).Session.Data.Note, hybridtest.Large, "an outage logs nobody out")

	g.Faults.Fail()
	v = g.refused(reference, hardtack.ErrStoreUnavailable)
	g.Faults.Heal()
	require.NoError(t, v.Delete())
	hyExpires(t, v)
	g.refused(reference, hardtack.ErrEnded)
}

func TestHybridRecordsHaveNoPlaintext(t *testing.T) {
	g := newHyRig(t)
	v := g.Visit("")
	v.Session.SetSubject("subject-in-clear")
	v.Session.Data.Note = strings.Repeat("data-in-clear ", 400)
	_, err := v.Save()
	require.NoError(t, err)
	reference := g.cookie(v)
	_, err = g.must(reference).Add("item-in-clear")
	require.NoError(t, err)
	v = g.must(reference)
	v.Session.Data.Note = "data-in-clear"
	_, err = v.Save()
	require.NoError(t, err)
	id, seed := v.Session.ID(), seal.Seed(g.Inside(reference).Seed)
	require.NoError(t, v.Delete())
	written := 0
	for i, c := range g.Faults.Calls() {
		for _, secret := range []string{"subject-in-clear", "data-in-clear", "item-in-clear", id, reference, string(seed[:])} {
			assert.False(t, bytes.Contains(c.Data, []byte(secret)), "record %d contains %q", i, secret)
			assert.NotContains(t, c.ID, secret)
		}
		assert.Len(t, c.ID, 43)
		if c.Data != nil {
			written++
		}
	}
	assert.GreaterOrEqual(t, written, 4)
}

func TestHybridBudgetRecord(t *testing.T) {
	g := newHyRig(t, func(c *hardtack.Config) { c.Budget.Record = 8192 })
	reference := g.stored()
	v := g.must(reference)
	_, err := v.Note(8192)
	var size *hardtack.SizeError
	require.ErrorAs(t, err, &size)
	assert.Equal(t, 8192, size.Limit)
	assert.Equal(t, size.RecordBytes-8192, size.Over)
	assert.Positive(t, size.Over)
	require.NotEmpty(t, size.Fields)
	assert.Greater(t, size.Fields[0].Bytes, 8000)
	g.silent(v)
	assert.Len(t, g.must(reference).Session.Data.Note, hybridtest.Large)
}
