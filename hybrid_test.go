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
	"github.com/hardtack-go/hardtack/internal/seal"
)

// The tests of this file are the rows of the table in docs/hybrid.md.

func TestHybridOverflow(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	assert.Zero(t, g.store.Len(), "a small session needs no store")
	assert.Empty(t, g.store.calls)

	v := g.must(cookie)
	p, err := v.note(hyLarge)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	assert.Equal(t, hardtack.ReasonOver, p.Reason)
	reference := g.cookie(v)
	assert.Equal(t, hardtack.KindReference, g.inside(reference).Kind)
	assert.Equal(t, len(hardtack.DefaultName)+len(reference), p.CookieBytes)
	assert.Equal(t, "live", g.record(reference).state)

	again := g.must(reference)
	assert.Equal(t, hyNote(hyLarge), again.s.Data.Note)
	assert.Equal(t, v.s.ID(), again.s.ID(), "the same session")
	assert.Equal(t, hardtack.InStore, again.s.Placement().Where)
}

func TestHybridOverflowThatFailsLeavesTheCookieGood(t *testing.T) {
	for name, fault := range map[string]func(*hyStore){
		"before": func(s *hyStore) { s.fail() },
		"after":  func(s *hyStore) { s.failAfter("swap") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.inline()
			fault(g.store)
			v := g.must(cookie)
			_, err := v.note(hyLarge)
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			require.ErrorIs(t, err, errHy)
			g.silent(v)
			g.store.heal()
			assert.Len(t, g.must(cookie).s.Data.Note, hySmall)
		})
	}
}

func TestHybridOverflowOverReturned(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	touched := g.must(pending)
	_, err := touched.touch()
	require.NoError(t, err)
	inline := g.cookie(touched)
	require.Equal(t, hardtack.KindInline, g.inside(inline).Kind)
	require.Equal(t, "returned", g.record(inline).state)

	v := g.must(inline)
	p, err := v.note(hyLarge)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	assert.Equal(t, "live", g.record(g.cookie(v)).state)
	assert.Len(t, g.must(g.cookie(v)).s.Data.Note, hyLarge)
}

func TestHybridOverflowOverReturnedWithAHigherRevision(t *testing.T) {
	g := newHyRig(t)
	old := g.inline()
	v := g.must(old)
	_, err := v.note(hyLarge)
	require.NoError(t, err)
	reference := g.cookie(v)
	for range 3 {
		v = g.must(reference)
		_, err = v.add("x")
		require.NoError(t, err)
	}
	v = g.must(reference)
	_, err = v.note(hySmall)
	require.NoError(t, err)
	require.Equal(t, "returned", g.record(old).state)

	late := g.must(old)
	_, err = late.note(hyLarge)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Len(t, g.must(g.cookie(late)).s.Data.Items, 3, "the client is led to the newer state")
}

func TestHybridOverflowOverLowerLive(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	lost := g.must(cookie)
	_, err := lost.note(hyLarge)
	require.NoError(t, err)
	revision := g.record(cookie).revision

	for range 2 { // the reference was lost, the client goes on with its own cookie
		v := g.must(cookie)
		_, err = v.add("inline")
		require.NoError(t, err)
		cookie = g.cookie(v)
	}
	v := g.must(cookie)
	_, err = v.note(hyLarge)
	require.NoError(t, err)
	record := g.record(cookie)
	assert.Equal(t, "live", record.state)
	assert.Greater(t, record.revision, revision)
	assert.Len(t, g.must(g.cookie(v)).s.Data.Items, 2)
}

func TestHybridOverflowOverTombstone(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	require.NoError(t, g.must(cookie).delete())
	v := g.must(cookie) // an inline copy replays
	_, err := v.note(hyLarge)
	require.ErrorIs(t, err, hardtack.ErrEnded)
	g.silent(v)
	assert.Equal(t, "tombstone", g.record(cookie).state)
}

func TestHybridOverflowOverFrozen(t *testing.T) {
	g := newHyRig(t)
	inline := g.inline()
	v := g.must(inline)
	_, err := v.note(hyLarge)
	require.NoError(t, err)
	v = g.must(g.cookie(v))
	v.s.Renew()
	_, err = v.save()
	require.NoError(t, err)
	require.Equal(t, "frozen", g.record(inline).state)

	slow := g.must(inline)
	_, err = slow.note(hyLarge)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(slow)
	assert.Equal(t, "frozen", g.record(inline).state)
}

func TestHybridTwoTabsOverflowAtOnce(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	one, two := g.must(cookie), g.must(cookie)
	one.s.Data.Note, two.s.Data.Note = hyNote(hyLarge), hyNote(hyLarge)
	_, err := one.add("one")
	require.NoError(t, err)
	_, err = two.add("two")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Equal(t, hardtack.KindReference, g.inside(g.cookie(two)).Kind)
	assert.Equal(t, []string{"one"}, g.must(g.cookie(two)).s.Data.Items)
	assert.Equal(t, 1, g.store.Len(), "same seed, so same locator")

	// Update goes on from the record.
	three := &hyVisit{w: httptest.NewRecorder(), r: hyRequest(cookie)}
	runs := 0
	p, err := g.jar.Update(three.w, three.r, func(s *hySession) error {
		runs++
		s.Data.Note = hyNote(hyLarge)
		s.Data.Items = append(s.Data.Items, "three")
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, runs)
	assert.Equal(t, hardtack.InStore, p.Where)
	assert.Equal(t, []string{"one", "three"}, g.must(g.cookie(three)).s.Data.Items)
}

func TestHybridChangeWhileStored(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	before := g.record(reference).revision
	v := g.must(reference)
	p, err := v.add("one")
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	g.silent(v)
	assert.Equal(t, before+1, g.record(reference).revision)
	assert.Equal(t, []string{"one"}, g.must(reference).s.Data.Items, "the response is not needed")

	v = g.must(reference)
	p, err = v.note(hyMid)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where, "over the low-water mark it stays")
	assert.Equal(t, hardtack.ReasonStays, p.Reason)
	g.silent(v)
}

func TestHybridLostUpdate(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	one, two := g.must(reference), g.must(reference)
	_, err := one.add("one")
	require.NoError(t, err)
	_, err = two.add("two")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(two)
	assert.Equal(t, []string{"one"}, g.must(reference).s.Data.Items)

	// Update retries: somebody is faster the first time.
	runs := 0
	_, err = g.jar.Update(httptest.NewRecorder(), hyRequest(reference), func(s *hySession) error {
		if runs++; runs == 1 {
			_, err := g.must(reference).add("faster")
			require.NoError(t, err)
		}
		s.Data.Items = append(s.Data.Items, "update")
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 2, runs)
	assert.Equal(t, []string{"one", "faster", "update"}, g.must(reference).s.Data.Items)
}

func TestHybridParallelUpdatesAllCount(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	const n = 50
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			_, errs[i] = g.jar.Update(httptest.NewRecorder(), hyRequest(reference), func(s *hySession) error {
				s.Data.Items = append(s.Data.Items, fmt.Sprint(i))
				return nil
			})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	items := g.must(reference).s.Data.Items
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
	p, err := v.note(hySmall)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, p.Where)
	assert.Equal(t, hardtack.ReasonReturned, p.Reason)
	assert.Equal(t, 3072*3/4, p.Limit)
	pending := g.cookie(v)
	assert.Equal(t, hardtack.KindPending, g.inside(pending).Kind)
	record := g.record(reference)
	assert.Equal(t, "returned", record.state)
	assert.Len(t, record.data.Note, hySmall, "the record has the final state")
	assert.Len(t, g.must(reference).s.Data.Note, hySmall, "a lost response loses nothing")
}

func TestHybridReturnThatFails(t *testing.T) {
	for name, after := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			reference := g.stored()
			v := g.must(reference)
			want := hyLarge
			g.store.fail("swap")
			if after {
				g.store.failAfter("swap")
				want = hySmall
			}
			_, err := v.note(hySmall)
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			g.silent(v)
			g.store.heal()
			assert.Len(t, g.must(reference).s.Data.Note, want)
		})
	}
}

func TestHybridPendingTouchDropsTheFlag(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	v := g.must(pending)
	assert.Equal(t, hardtack.InCookie, v.s.Placement().Where)
	_, err := v.touch()
	require.NoError(t, err)
	touched := g.inside(g.cookie(v))
	assert.Equal(t, hardtack.KindInline, touched.Kind)
	assert.Equal(t, g.inside(pending).Revision, touched.Revision)
	assert.Equal(t, "returned", g.record(reference).state)
	n := len(g.store.calls)
	g.must(g.cookie(v))
	assert.Len(t, g.store.calls, n, "and then the store is not asked any more")
}

func TestHybridPendingStaysInTheResponseThatSetsIt(t *testing.T) {
	// Only a request that presents the pending cookie shows that it has arrived.
	g := newHyRig(t)
	reference := g.stored()
	h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := g.jar.From(r.Context())
		s.Data.Note = hyNote(hySmall)
		_, err := g.jar.Save(w, r, s)
		assert.NoError(t, err)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, hyRequest(reference))
	value, _ := hySets(w.Header())
	assert.Equal(t, hardtack.KindPending, g.inside(value).Kind)
}

func TestHybridPendingLiveHigherWins(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	slow := g.must(reference)
	slow.s.Data.Note = hyNote(hyLarge)
	_, err := slow.add("slow tab")
	require.NoError(t, err)
	require.Equal(t, "live", g.record(reference).state)

	v := g.must(pending)
	assert.Equal(t, []string{"slow tab"}, v.s.Data.Items)
	assert.Equal(t, hardtack.InStore, v.s.Placement().Where)
	_, err = v.touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindReference, g.inside(g.cookie(v)).Kind)

	v = g.must(pending) // and Save goes on from it, in the store
	_, err = v.add("more")
	require.NoError(t, err)
	assert.Equal(t, []string{"slow tab", "more"}, g.must(g.cookie(v)).s.Data.Items)
}

func TestHybridPendingReturnedHigherWins(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	v := g.must(pending)
	_, err := v.add("newer")
	require.NoError(t, err)

	v = g.must(pending)
	assert.Equal(t, []string{"newer"}, v.s.Data.Items)
	_, err = v.touch()
	require.NoError(t, err)
	newer := g.inside(g.cookie(v))
	assert.Equal(t, hardtack.KindPending, newer.Kind)
	assert.Equal(t, []string{"newer"}, g.must(g.cookie(v)).s.Data.Items)
}

func TestHybridPendingTombstone(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	for range 3 { // whatever the revision
		v := g.must(pending)
		_, err := v.add("x")
		require.NoError(t, err)
		pending = g.cookie(v)
	}
	require.NoError(t, g.must(reference).delete())
	g.refused(pending, hardtack.ErrEnded)
}

func TestHybridPendingStoreAway(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	g.store.fail()
	v := g.must(pending)
	assert.Len(t, v.s.Data.Note, hySmall)
	_, err := v.touch()
	require.NoError(t, err)
	g.silent(v) // the question stays open

	p, err := v.add("while away")
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, p.Where)
	assert.Equal(t, hardtack.ReasonAway, p.Reason)
	away := g.cookie(v)
	assert.Equal(t, hardtack.KindPending, g.inside(away).Kind)
	g.store.heal()
	assert.Equal(t, []string{"while away"}, g.must(away).s.Data.Items)

	g.store.fail()
	v = g.must(away)
	_, err = v.note(hyLarge)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	g.silent(v)
}

func TestHybridPendingStoreBackBeforeSave(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	g.store.fail()
	v := g.must(pending)
	g.store.heal()
	_, err := g.must(reference).add("meanwhile")
	require.NoError(t, err)
	_, err = v.add("lost?")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(v)
	assert.Equal(t, []string{"meanwhile"}, g.must(pending).s.Data.Items)

	require.NoError(t, g.must(reference).delete())
	_, err = v.save()
	require.ErrorIs(t, err, hardtack.ErrEnded)
	g.silent(v)
}

func TestHybridPendingSwapsTheRecordFirst(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	one, two := g.must(pending), g.must(pending)
	_, err := one.add("one")
	require.NoError(t, err)
	record := g.record(pending)
	assert.Equal(t, "returned", record.state)
	assert.Equal(t, []string{"one"}, record.data.Items)
	assert.Equal(t, hardtack.KindPending, g.inside(g.cookie(one)).Kind)
	_, err = two.add("two")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(two)
}

func TestHybridPendingUpdateKeepsWhatTheStoreMissed(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	g.store.fail()
	away := pending
	for i := range 3 {
		v := g.must(away)
		_, err := v.add(fmt.Sprint(i))
		require.NoError(t, err)
		away = g.cookie(v)
	}
	g.store.heal()
	// Another tab moves the record between Get and Save, to a lower revision.
	w, runs := httptest.NewRecorder(), 0
	_, err := g.jar.Update(w, hyRequest(away), func(s *hySession) error {
		if runs++; runs == 1 {
			_, err := g.must(pending).add("other")
			require.NoError(t, err)
		}
		s.Data.Items = append(s.Data.Items, "update")
		return nil
	})
	require.NoError(t, err)
	value, _ := hySets(w.Header())
	assert.Equal(t, []string{"0", "1", "2", "update"}, g.must(value).s.Data.Items)
}

func TestHybridAfterTheFlagHasGone(t *testing.T) {
	g := newHyRig(t)
	reference, pending := g.returned()
	expires := g.record(reference).expires
	v := g.must(pending)
	_, err := v.touch()
	require.NoError(t, err)
	record := g.record(reference)
	assert.Equal(t, "returned", record.state)
	assert.True(t, expires.Equal(record.expires), "nothing deletes it early")

	slow := g.must(reference)
	assert.Len(t, slow.s.Data.Note, hySmall)
	_, err = slow.touch()
	require.NoError(t, err)
	assert.Equal(t, hardtack.KindPending, g.inside(g.cookie(slow)).Kind)

	for _, n := range []int{hySmall, hyLarge} {
		v := g.must(reference)
		_, err := v.note(n)
		require.NoError(t, err)
		g.cookie(v) // a save through it always writes one
		require.Len(t, g.must(g.cookie(v)).s.Data.Note, n)
		if n == hySmall {
			require.Equal(t, "returned", g.record(reference).state)
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
			id := v.s.ID()
			require.NoError(t, v.delete())
			hyExpires(t, v)
			assert.Equal(t, "tombstone", g.record(cookie).state)

			_, err := inFlight.note(hyLarge)
			require.Error(t, err)
			if name != "frozen" { // which no save changes anyway
				require.ErrorIs(t, err, hardtack.ErrEnded)
			}
			g.silent(inFlight)
			if name != "inline" { // a copy of which replays
				g.refused(cookie, hardtack.ErrEnded)
			}

			assert.True(t, v.s.IsNew())
			assert.Zero(t, v.s.Data)
			assert.NotEqual(t, id, v.s.ID())
			_, err = v.note(hyLarge)
			require.NoError(t, err, "s is a fresh session")
			assert.Equal(t, v.s.ID(), g.must(g.cookie(v)).s.ID())

			g.clock.Advance(24*time.Hour + time.Second)
			assert.Zero(t, g.store.Len(), "the tombstone lasts no longer than the session")
		})
	}
}

func TestHybridDeleteInlineWhoseReferenceWasLost(t *testing.T) {
	g := newHyRig(t)
	cookie := g.inline()
	lost := g.must(cookie)
	_, err := lost.note(hyLarge)
	require.NoError(t, err)
	require.NoError(t, g.must(cookie).delete())
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
			g.store.fail()
			v := g.visit(cookie)
			require.ErrorIs(t, v.delete(), hardtack.ErrStoreUnavailable)
			hyExpires(t, v)
		})
	}
}

func TestHybridMissingRecord(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	v := g.must(reference)
	require.NoError(t, g.store.MemoryStore.Delete(context.Background(), g.locator(reference)))
	_, err := v.add("x")
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	g.silent(v)
	assert.Zero(t, g.store.Len(), "never an insert")
	_, err = g.must(g.inline()).save()
	require.NoError(t, err)
	g.silent(g.refused(reference, hardtack.ErrRecordMissing))
}

func TestHybridUpdateOfAMissingRecord(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	w := httptest.NewRecorder()
	_, err := g.jar.Update(w, hyRequest(reference), func(s *hySession) error {
		return g.store.MemoryStore.Delete(context.Background(), g.locator(reference))
	})
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	assert.Zero(t, g.store.Len())
}

func TestHybridRenew(t *testing.T) {
	g := newHyRig(t)
	old := g.stored()
	g.clock.Advance(time.Hour)
	v := g.must(old)
	id, created := v.s.ID(), v.s.Created()
	v.s.Renew()
	v.s.SetSubject("alice")
	_, err := v.add("secret")
	require.NoError(t, err)
	heir := g.must(g.cookie(v))
	assert.NotEqual(t, id, heir.s.ID())
	assert.True(t, heir.s.Created().After(created))
	assert.Equal(t, "alice", heir.s.Subject())
	assert.Equal(t, []string{"secret"}, heir.s.Data.Items)

	// The old one reads, as it was, and is not changed.
	assert.Equal(t, "frozen", g.record(old).state)
	slow := g.must(old)
	assert.Empty(t, slow.s.Data.Items)
	assert.Empty(t, slow.s.Subject())
	_, err = slow.touch()
	require.NoError(t, err)
	_, err = slow.add("x")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(slow)
	w := httptest.NewRecorder()
	_, err = g.jar.Update(w, hyRequest(old), func(s *hySession) error { s.Data.Note = ""; return nil })
	require.ErrorIs(t, err, hardtack.ErrConflict)
	assert.Empty(t, w.Header()["Set-Cookie"])

	// A lost login response does not lose the cart: login works once more.
	again := g.must(old)
	again.s.Renew()
	again.s.SetSubject("alice")
	_, err = again.save()
	require.NoError(t, err)
	assert.Len(t, g.must(g.cookie(again)).s.Data.Note, hyLarge)

	require.NoError(t, g.must(old).delete())
	g.refused(old, hardtack.ErrEnded)
	assert.Equal(t, []string{"secret"}, g.must(g.cookie(v)).s.Data.Items, "which ends only the old one")
}

func TestHybridRenewFromEverywhere(t *testing.T) {
	for name, make := range map[string]func(*hyRig) string{
		"inline":  (*hyRig).inline,
		"stored":  (*hyRig).stored,
		"pending": func(g *hyRig) string { _, pending := g.returned(); return pending },
	} {
		for _, note := range []int{hySmall, hyLarge} {
			t.Run(fmt.Sprint(name, " to ", note), func(t *testing.T) {
				g := newHyRig(t)
				old := make(g)
				v := g.must(old)
				v.s.Renew()
				_, err := v.note(note)
				require.NoError(t, err)
				heir := g.cookie(v)
				assert.Len(t, g.must(heir).s.Data.Note, note)
				assert.NotEqual(t, g.locator(old), g.locator(heir))
				if name != "inline" {
					assert.Equal(t, "frozen", g.record(old).state)
				}
				_, err = v.add("second save")
				require.NoError(t, err)
				assert.Len(t, g.must(v.after("")).s.Data.Items, 1)
			})
		}
	}
}

func TestHybridRenewFreezesFor(t *testing.T) {
	g := newHyRig(t)
	old, _ := g.frozen("")
	g.clock.Advance(23 * time.Hour)
	g.must(old) // as long as before
	g.clock.Advance(time.Hour)
	g.refused(old, hardtack.ErrExpired)

	old, heir := g.frozen("alice")
	g.clock.Advance(10*time.Minute - time.Second)
	g.must(old)
	g.clock.Advance(time.Second)
	g.refused(old, hardtack.ErrRecordMissing)
	g.must(heir)
}

func TestHybridRenewConflict(t *testing.T) {
	for _, note := range []int{hySmall, hyLarge} {
		t.Run(fmt.Sprint(note), func(t *testing.T) {
			g := newHyRig(t)
			reference := g.stored()
			v := g.must(reference)
			_, err := g.must(reference).add("meanwhile")
			require.NoError(t, err)
			v.s.Renew()
			_, err = v.note(note)
			require.ErrorIs(t, err, hardtack.ErrConflict)
			g.silent(v)
			assert.Equal(t, 1, g.store.Len(), "nothing of the renewed session is left")
			assert.Equal(t, []string{"meanwhile"}, g.must(reference).s.Data.Items)
		})
	}
	t.Run("Update", func(t *testing.T) {
		g := newHyRig(t)
		reference := g.stored()
		w, runs := httptest.NewRecorder(), 0
		_, err := g.jar.Update(w, hyRequest(reference), func(s *hySession) error {
			if runs++; runs == 1 {
				_, err := g.must(reference).add("meanwhile")
				require.NoError(t, err)
			}
			s.Renew()
			s.SetSubject("alice")
			return nil
		})
		require.NoError(t, err)
		value, _ := hySets(w.Header())
		heir := g.must(value)
		assert.Equal(t, []string{"meanwhile"}, heir.s.Data.Items)
		assert.Equal(t, "alice", heir.s.Subject())
		assert.Equal(t, "frozen", g.record(reference).state)
	})
}

func TestHybridRenewThatFails(t *testing.T) {
	for name, fault := range map[string]func(*hyStore) func(string) error{
		"insert": func(s *hyStore) func(string) error { return hyFailing([]string{"swap"}) },
		"freeze": func(s *hyStore) func(string) error {
			n := 0
			return func(op string) error {
				if op == "swap" {
					n++
				}
				if n > 1 {
					return errHy
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
				v.s.Renew()
				v.s.SetSubject("alice")
				if after {
					g.store.set(nil, fault(g.store))
				} else {
					g.store.set(fault(g.store), nil)
				}
				_, err := v.save()
				require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
				g.silent(v)
				g.store.heal()
				g.must(old)

				if name == "freeze" && after {
					return // it was frozen; a second login works
				}
				_, err = v.save()
				require.NoError(t, err, "a second try in the same request")
				assert.Equal(t, "alice", g.must(g.cookie(v)).s.Subject())
				assert.Equal(t, "frozen", g.record(old).state)
			})
		}
	}
}

func TestHybridPendingOverFrozenWhileAway(t *testing.T) {
	g := newHyRig(t)
	_, pending := g.returned()
	g.store.fail()
	ahead := pending
	for range 3 {
		v := g.must(ahead)
		_, err := v.add("away")
		require.NoError(t, err)
		ahead = g.cookie(v)
	}
	slow := g.must(ahead)
	g.store.heal()
	renewing := g.must(pending)
	renewing.s.Renew()
	_, err := renewing.save()
	require.NoError(t, err)
	require.Equal(t, "frozen", g.record(pending).state)
	_, err = slow.add("x")
	require.ErrorIs(t, err, hardtack.ErrConflict)
	g.silent(slow)
	assert.Equal(t, "frozen", g.record(pending).state)
}

func TestHybridRecordOlderThanTheCookie(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	backup, _, err := g.store.MemoryStore.Find(context.Background(), g.locator(reference))
	require.NoError(t, err)
	v := g.must(reference)
	_, err = v.note(hySmall)
	require.NoError(t, err)
	v = g.must(g.cookie(v))
	_, err = v.note(hyLarge)
	require.NoError(t, err)
	newer := g.cookie(v)
	require.NoError(t, g.store.MemoryStore.Commit(context.Background(), g.locator(reference), backup, g.clock.Now().Add(time.Hour)))
	g.silent(g.refused(newer, hardtack.ErrRecordMissing))
}

func TestHybridRecordOfAnotherSession(t *testing.T) {
	g := newHyRig(t)
	mine, theirs := g.stored(), g.stored()
	record, _, err := g.store.MemoryStore.Find(context.Background(), g.locator(theirs))
	require.NoError(t, err)
	require.NoError(t, g.store.MemoryStore.Commit(context.Background(), g.locator(mine), record, g.clock.Now().Add(time.Hour)))
	g.silent(g.refused(mine, hardtack.ErrForged))
	record[7]++ // the revision in the clear is authenticated
	require.NoError(t, g.store.MemoryStore.Commit(context.Background(), g.locator(theirs), record, g.clock.Now().Add(time.Hour)))
	g.silent(g.refused(theirs, hardtack.ErrForged))
}

func TestHybridStoreUnavailableWritesNothing(t *testing.T) {
	g := newHyRig(t)
	reference := g.stored()
	g.store.fail()
	v := g.refused(reference, hardtack.ErrStoreUnavailable)
	g.store.heal() // even if it is back for the rest of the request
	_, err := v.note(hySmall)
	require.ErrorIs(t, err, v.err)
	_, err = v.touch()
	require.ErrorIs(t, err, v.err)
	v.s.Renew()
	_, err = v.save()
	require.ErrorIs(t, err, v.err)
	g.silent(v)

	g.store.fail()
	w := httptest.NewRecorder()
	_, err = g.jar.Update(w, hyRequest(reference), func(*hySession) error { t.Error("fn was called"); return nil })
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Empty(t, w.Header()["Set-Cookie"])
	g.store.heal()
	assert.Len(t, g.must(reference).s.Data.Note, hyLarge, "an outage logs nobody out")

	g.store.fail()
	v = g.refused(reference, hardtack.ErrStoreUnavailable)
	g.store.heal()
	require.NoError(t, v.delete())
	hyExpires(t, v)
	g.refused(reference, hardtack.ErrEnded)
}

func TestHybridRecordsHaveNoPlaintext(t *testing.T) {
	g := newHyRig(t)
	v := g.visit("")
	v.s.SetSubject("subject-in-clear")
	v.s.Data.Note = strings.Repeat("data-in-clear ", 400)
	_, err := v.save()
	require.NoError(t, err)
	reference := g.cookie(v)
	_, err = g.must(reference).add("item-in-clear")
	require.NoError(t, err)
	v = g.must(reference)
	v.s.Data.Note = "data-in-clear"
	_, err = v.save()
	require.NoError(t, err)
	id, seed := v.s.ID(), seal.Seed(g.inside(reference).Seed)
	require.NoError(t, v.delete())
	require.GreaterOrEqual(t, len(g.store.blobs), 4)
	for i, blob := range g.store.blobs {
		for _, secret := range []string{"subject-in-clear", "data-in-clear", "item-in-clear", id, reference, string(seed[:])} {
			assert.False(t, bytes.Contains(blob, []byte(secret)), "record %d contains %q", i, secret)
			assert.NotContains(t, g.store.ids[i], secret)
		}
		assert.Len(t, g.store.ids[i], 43)
	}
}

func TestHybridBudgetRecord(t *testing.T) {
	g := newHyRig(t, func(c *hardtack.Config) { c.Budget.Record = 8192 })
	reference := g.stored()
	v := g.must(reference)
	_, err := v.note(8192)
	var size *hardtack.SizeError
	require.ErrorAs(t, err, &size)
	assert.Equal(t, 8192, size.Limit)
	assert.Equal(t, size.RecordBytes-8192, size.Over)
	assert.Positive(t, size.Over)
	require.NotEmpty(t, size.Fields)
	assert.Greater(t, size.Fields[0].Bytes, 8000)
	g.silent(v)
	assert.Len(t, g.must(reference).s.Data.Note, hyLarge)
}
