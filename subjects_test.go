package hardtack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

// storedAs returns the reference of a new session of subject in the store.
func (g *hyRig) storedAs(subject string) string {
	v := g.Visit("")
	v.Session.SetSubject(subject)
	p, err := v.Note(hybridtest.Large)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InStore, p.Where)
	return g.cookie(v)
}

// saves presents the cookie, saves the session with a change, and returns the cookie afterwards.
func (g *hyRig) saves(cookie string, change func(*hySession)) string {
	v := g.must(cookie)
	change(v.Session)
	_, err := v.Save()
	require.NoError(g.t, err)
	return v.After(cookie)
}

// ends fails unless EndAll ends so many sessions.
func (g *hyRig) ends(n int, subject string, except ...*hySession) {
	ended, err := g.Jar.EndAll(context.Background(), subject, except...)
	require.NoError(g.t, err)
	require.Equal(g.t, n, ended, "sessions of "+subject)
}

func setSubject(subject string) func(*hySession) {
	return func(s *hySession) { s.SetSubject(subject) }
}

func setNote(n int) func(*hySession) {
	return func(s *hySession) { s.Data.Note = hybridtest.Note(n) }
}

func TestEndAll(t *testing.T) {
	g := newHyRig(t)
	mine := []string{g.storedAs("alice"), g.storedAs("alice"), g.storedAs("alice")}
	bob, anonymous := g.storedAs("bob"), g.stored()
	g.ends(3, "alice")
	for _, cookie := range mine {
		g.silent(g.refused(cookie, hardtack.ErrEnded))
		assert.Equal(t, "tombstone", g.Record(cookie).State)
	}
	assert.Equal(t, "bob", g.must(bob).Session.Subject())
	g.must(anonymous)
	g.ends(0, "alice")
	g.ends(0, "carol")

	again := g.storedAs("alice")
	g.ends(1, "alice")
	g.refused(again, hardtack.ErrEnded)
	g.must(bob)
}

func TestEndAllSpares(t *testing.T) {
	g := newHyRig(t)
	here, there := g.storedAs("alice"), g.storedAs("alice")
	v := g.must(here)
	g.ends(1, "alice", v.Session)
	_, err := v.Add("goes on")
	require.NoError(t, err)
	assert.Equal(t, []string{"goes on"}, g.must(here).Session.Data.Items)
	g.refused(there, hardtack.ErrEnded)

	// Its old and its new identity, between Renew and Save and after.
	v = g.must(here)
	v.Session.Renew()
	g.ends(0, "alice", v.Session)
	_, err = v.Save()
	require.NoError(t, err)
	heir := g.cookie(v)
	g.ends(1, "alice", v.Session)
	g.refused(here, hardtack.ErrEnded)
	g.must(heir)
	g.ends(1, "alice")
	g.refused(heir, hardtack.ErrEnded)
}

func TestEndAllOfOneAudience(t *testing.T) {
	g := newHyRig(t)
	shop := g.JarOn(g.Faults.Store(), func(c *hardtack.Config) { c.Audience = "shop" })
	v := hybridtest.VisitTo(shop, "")
	v.Session.SetSubject("alice")
	_, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	theirs, mine := g.cookie(v), g.storedAs("alice")
	g.ends(1, "alice")
	g.refused(mine, hardtack.ErrEnded)
	require.NoError(t, hybridtest.VisitTo(shop, theirs).Err)
	ended, err := shop.EndAll(t.Context(), "alice")
	require.NoError(t, err)
	assert.Equal(t, 1, ended)
	require.ErrorIs(t, hybridtest.VisitTo(shop, theirs).Err, hardtack.ErrEnded)
}

func TestEndAllUnsupported(t *testing.T) {
	g := newHyRig(t)
	stateless, err := hardtack.New[hyData](g.Config())
	require.NoError(t, err)
	for name, jar := range map[string]*hardtack.Jar[hyData]{
		"stateless":        stateless,
		"without an index": g.JarOn(hyPlain{g.memory}),
	} {
		n, err := jar.EndAll(t.Context(), "alice")
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.NotErrorIs(t, err, hardtack.ErrStoreUnavailable, name)
		assert.Zero(t, n)
	}
}

func TestEndAllOfNobody(t *testing.T) {
	g := newHyRig(t)
	cookie := g.stored()
	_, err := g.Jar.EndAll(t.Context(), "")
	require.Error(t, err)
	assert.NotErrorIs(t, err, errors.ErrUnsupported)
	g.must(cookie)
}

func TestEndAllNotConfigured(t *testing.T) {
	g, other := newHyRig(t), newHyRig(t)
	cookie := g.storedAs("alice")
	for name, end := range map[string]func() (int, error){
		"zero jar":          func() (int, error) { return new(hardtack.Jar[hyData]).EndAll(t.Context(), "alice") },
		"nil jar":           func() (int, error) { return (*hardtack.Jar[hyData])(nil).EndAll(t.Context(), "alice") },
		"nil session":       func() (int, error) { return g.Jar.EndAll(t.Context(), "alice", nil) },
		"zero session":      func() (int, error) { return g.Jar.EndAll(t.Context(), "alice", new(hySession)) },
		"another's session": func() (int, error) { return g.Jar.EndAll(t.Context(), "alice", other.Visit("").Session) },
	} {
		n, err := end()
		require.ErrorIs(t, err, hardtack.ErrNotConfigured, name)
		assert.Zero(t, n)
	}
	g.must(cookie)
}

func TestEndAllStoreAway(t *testing.T) {
	for op, sessions := range map[string]int{"find subjects": 1, "find": 3, "commit": 3, "index": 3} {
		for _, after := range []bool{false, true} {
			for nth := 1; nth <= sessions; nth++ {
				t.Run(fmt.Sprint(op, " after ", after, " ", nth), func(t *testing.T) {
					g := newHyRig(t)
					cookies := []string{g.storedAs("alice"), g.storedAs("alice"), g.storedAs("alice")}
					calls := 0
					fault := func(o string) error {
						if o == op {
							if calls++; calls == nth {
								return hybridtest.ErrBroken
							}
						}
						return nil
					}
					if after {
						g.Faults.Set(nil, fault)
					} else {
						g.Faults.Set(fault, nil)
					}
					first, err := g.Jar.EndAll(t.Context(), "alice")
					require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
					require.ErrorIs(t, err, hybridtest.ErrBroken)
					g.Faults.Heal()
					second, err := g.Jar.EndAll(t.Context(), "alice")
					require.NoError(t, err)
					if op == "commit" && after {
						assert.Equal(t, 2, first+second, "one was ended by a call that failed")
					} else {
						assert.Equal(t, 3, first+second)
					}
					for _, cookie := range cookies {
						g.refused(cookie, hardtack.ErrEnded)
					}
					g.ends(0, "alice")
				})
			}
		}
	}
}

func TestEndAllStopsWithItsContext(t *testing.T) {
	g := newHyRig(t)
	for range 3 {
		g.storedAs("alice")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	g.Faults.Set(nil, func(op string) error {
		if op == "commit" {
			cancel(cause)
		}
		return nil
	})
	ended, err := g.Jar.EndAll(ctx, "alice")
	require.ErrorIs(t, err, cause)
	assert.Equal(t, 1, ended, "what was begun is finished")
	g.Faults.Heal()
	ended, err = g.Jar.EndAll(ctx, "alice")
	require.ErrorIs(t, err, cause)
	assert.Zero(t, ended)
	g.ends(2, "alice")
}

func TestEndAllDuringASave(t *testing.T) {
	for name, change := range map[string]func(*hySession){
		"stays": func(s *hySession) { s.Data.Items = []string{"x"} }, "returns": setNote(hybridtest.Small), "renews": (*hySession).Renew,
	} {
		t.Run(name, func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.storedAs("alice")
			v := g.must(cookie)
			change(v.Session)
			g.ends(1, "alice")
			_, err := v.Save()
			require.ErrorIs(t, err, hardtack.ErrEnded)
			g.silent(v)
			g.refused(cookie, hardtack.ErrEnded)
		})
	}
}

func TestEndAllBetweenTheEntryAndTheRecord(t *testing.T) {
	g := newHyRig(t)
	v := g.must(g.inline())
	v.Session.SetSubject("alice")
	g.Faults.Set(func(op string) error {
		if op == "swap" {
			g.Faults.Heal()
			g.ends(0, "alice") // there is no session yet
		}
		return nil
	}, nil)
	_, err := v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrEnded, "nor is there one afterwards")
	g.silent(v)
}

func TestEndAllOfReturned(t *testing.T) {
	g := newHyRig(t)
	reference := g.storedAs("alice")
	pending := g.saves(reference, setNote(hybridtest.Small))
	require.Equal(t, hardtack.KindPending, g.Inside(pending).Kind)
	v := g.must(pending)
	_, err := v.Touch()
	require.NoError(t, err)
	settled := g.cookie(v)
	require.Equal(t, hardtack.KindInline, g.Inside(settled).Kind)

	g.ends(1, "alice")
	g.refused(reference, hardtack.ErrEnded)
	g.refused(pending, hardtack.ErrEnded)
	v = g.must(settled) // does not ask
	_, err = v.Add("small")
	require.NoError(t, err)
	_, err = v.Note(hybridtest.Large)
	require.ErrorIs(t, err, hardtack.ErrEnded, "now it does")
}

func TestEndAllDoesNotReachInline(t *testing.T) {
	g := newHyRig(t)
	cookie := g.saves(g.inline(), setSubject("alice"))
	assert.Empty(t, g.Faults.Calls())
	g.ends(0, "alice")
	cookie = g.saves(cookie, setNote(hybridtest.Large))
	assert.Equal(t, "live", g.Record(cookie).State)
	g.ends(1, "alice")
	g.refused(cookie, hardtack.ErrEnded)
}

func TestSubjectSetWhileStored(t *testing.T) {
	g := newHyRig(t)
	cookie := g.saves(g.stored(), setSubject("alice"))
	g.ends(0, "bob")
	g.ends(1, "alice")
	g.refused(cookie, hardtack.ErrEnded)
}

func TestSubjectChangedWhileStored(t *testing.T) {
	g := newHyRig(t)
	old := g.storedAs("alice")
	cookie := g.saves(old, setSubject("bob"))
	assert.NotEqual(t, g.must(old).Session.ID(), g.must(cookie).Session.ID(), "another subject is another session")
	g.ends(1, "alice")
	g.refused(old, hardtack.ErrEnded)
	assert.Equal(t, "bob", g.must(cookie).Session.Subject())
	g.ends(1, "bob")
	g.refused(cookie, hardtack.ErrEnded)
}

func TestSubjectRemovedWhileStored(t *testing.T) {
	g := newHyRig(t)
	old := g.storedAs("alice")
	cookie := g.saves(old, setSubject(""))
	g.ends(1, "alice")
	g.refused(old, hardtack.ErrEnded)
	assert.Empty(t, g.must(cookie).Session.Subject())
}

func TestSubjectWhoseChangeIsLost(t *testing.T) {
	for _, to := range []string{"bob", ""} {
		t.Run(to, func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.storedAs("alice")
			v := g.must(cookie)
			v.Session.SetSubject(to)
			_, err := g.must(cookie).Add("faster")
			require.NoError(t, err)
			_, err = v.Save()
			require.ErrorIs(t, err, hardtack.ErrConflict)
			g.silent(v)
			assert.Equal(t, "alice", g.must(cookie).Session.Subject())
			g.ends(0, "bob")
			g.ends(1, "alice")
			g.refused(cookie, hardtack.ErrEnded)
		})
	}
}

func TestSubjectOfRenewed(t *testing.T) {
	g := newHyRig(t)
	anonymous := g.stored()
	first := g.saves(anonymous, func(s *hySession) { s.Renew(); s.SetSubject("alice") })
	second := g.saves(first, (*hySession).Renew)
	require.Equal(t, "frozen", g.Record(first).State)
	g.ends(2, "alice")
	g.refused(first, hardtack.ErrEnded)
	g.refused(second, hardtack.ErrEnded)
	g.must(anonymous)
}

// rotation is a ring whose first key has handed over to the second.
type rotation struct{ first, second hardtack.Key }

// rotates puts a second key in place of the Rig's first, which opens for two days.
func (g *hyRig) rotates() (r rotation) {
	now := g.Clock.Now()
	old := g.Keys.Keys()[0]
	var err error
	r.first, err = hardtack.NewKey(old.ExposeSecret(), old.Activate(), now.Add(48*time.Hour))
	require.NoError(g.t, err)
	r.second = hardtack.GenerateKey(now, time.Time{})
	require.NoError(g.t, g.Keys.Replace(r.first, r.second))
	return r
}

func longLived(c *hardtack.Config) { c.Lifetime = 30 * 24 * time.Hour }

func TestSubjectOutlivesTheKey(t *testing.T) {
	// A key that would retire too early for the Lifetime opens on, so that both sessions are found.
	left := map[string]error{"retires": hardtack.ErrEnded, "revoked": hardtack.ErrRevokedKey}
	for name, reseal := range map[string]func(*hyVisit) error{
		"Touch": func(v *hyVisit) error { _, err := v.Touch(); return err },
		"Save":  func(v *hyVisit) error { _, err := v.Add("x"); return err },
	} {
		for end, forget := range map[string]func(*hyRig, rotation) error{
			"retires": func(g *hyRig, r rotation) error { g.Clock.Advance(49 * time.Hour); return nil },
			"revoked": func(g *hyRig, r rotation) error { return g.Keys.Revoke(t.Context(), r.first.ID()) },
		} {
			t.Run(name+", the old key "+end, func(t *testing.T) {
				g := newHyRig(t, longLived)
				cookie, other := g.storedAs("alice"), g.storedAs("alice")
				r := g.rotates()
				v := g.must(cookie)
				g.Faults.Forget()
				require.NoError(t, reseal(v))
				assert.Contains(t, g.Faults.Ops(), "index")
				resealed := g.cookie(v)
				assert.Equal(t, r.second.ID(), g.Inside(resealed).Key)
				locator := g.Locator(resealed)

				require.NoError(t, forget(g, r))
				if end == "retires" {
					g.ends(2, "alice")
				} else {
					g.ends(1, "alice")
				}
				data, found, err := g.memory.Find(t.Context(), locator)
				require.NoError(t, err)
				assert.True(t, found)
				assert.Len(t, data, 8, "a tombstone")
				if end == "retires" {
					g.refused(resealed, hardtack.ErrEnded)
				}
				require.ErrorIs(t, g.Visit(other).Err, left[end])
			})
		}
	}
}

func TestSubjectUnderEveryKeyThatOpens(t *testing.T) {
	g := newHyRig(t, longLived)
	// Another server's clock is ahead: it seals with the announced key already.
	ahead := g.JarOn(g.Faults.Store(), longLived, func(c *hardtack.Config) {
		c.Now = func() time.Time { return g.Clock.Now().Add(2 * time.Minute) }
	})
	first := g.storedAs("alice")
	r := g.rotates()
	second := g.storedAs("alice")
	announced := hardtack.GenerateKey(g.Clock.Now().Add(time.Minute), time.Time{})
	require.NoError(t, g.Keys.Replace(r.first, r.second, announced))
	v := hybridtest.VisitTo(ahead, "")
	v.Session.SetSubject("alice")
	_, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	third := g.cookie(v)
	require.Equal(t, announced.ID(), g.Inside(third).Key)

	g.Faults.Forget()
	g.ends(3, "alice")
	assert.Len(t, g.Faults.Calls()[0].Subjects, 3)
	g.refused(third, hardtack.ErrEnded)
	g.refused(first, hardtack.ErrEnded)
	g.refused(second, hardtack.ErrEnded)
}

func TestSubjectOfTabsThatOverflowAtOnce(t *testing.T) {
	for _, between := range []bool{false, true} {
		t.Run(fmt.Sprint("between entry and record ", between), func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.saves(g.inline(), setSubject("alice"))
			one, two := g.must(cookie), g.must(cookie)
			first := func() {
				g.Faults.Heal()
				_, err := one.Note(hybridtest.Large)
				require.NoError(t, err)
			}
			if between {
				g.Faults.Set(func(op string) error {
					if op == "swap" {
						first()
					}
					return nil
				}, nil)
			} else {
				first()
			}
			_, err := two.Note(hybridtest.Large)
			require.ErrorIs(t, err, hardtack.ErrConflict)
			reference := g.cookie(two)
			assert.Equal(t, "alice", g.must(reference).Session.Subject())
			g.ends(1, "alice")
			g.refused(reference, hardtack.ErrEnded)
		})
	}
}

func TestSubjectWhenTheIndexFails(t *testing.T) {
	for _, after := range []bool{false, true} {
		fail := func(g *hyRig) {
			if after {
				g.Faults.FailAfter("index")
			} else {
				g.Faults.Fail("index")
			}
		}
		t.Run(fmt.Sprint("overflow, after ", after), func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.saves(g.inline(), setSubject("alice"))
			fail(g)
			v := g.must(cookie)
			_, err := v.Note(hybridtest.Large)
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			require.ErrorIs(t, err, hybridtest.ErrBroken)
			g.silent(v)
			assert.Zero(t, g.memory.Len(), "no record that nobody finds")
			g.Faults.Heal()
			assert.Len(t, g.must(cookie).Session.Data.Note, hybridtest.Small)

			_, err = v.Save()
			require.NoError(t, err, "a second try in the same request")
			g.ends(1, "alice")
			g.refused(g.cookie(v), hardtack.ErrEnded)
		})
		t.Run(fmt.Sprint("change of subject, after ", after), func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.stored()
			fail(g)
			v := g.must(cookie)
			v.Session.SetSubject("alice")
			_, err := v.Save()
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			g.silent(v)
			g.Faults.Heal()
			assert.Empty(t, g.must(cookie).Session.Subject())
		})
		t.Run(fmt.Sprint("new key, after ", after), func(t *testing.T) {
			g := newHyRig(t)
			cookie := g.storedAs("alice")
			g.rotates()
			fail(g)
			v := g.must(cookie)
			_, err := v.Touch()
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			g.silent(v)
			v = g.must(cookie)
			_, err = v.Add("x")
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			g.silent(v)
			g.Faults.Heal()
			g.must(cookie)
			g.ends(1, "alice")
			g.refused(cookie, hardtack.ErrEnded)
		})
	}
}

func TestSubjectCalls(t *testing.T) {
	g := newHyRig(t, func(c *hardtack.Config) { c.IdleTimeout = time.Hour })
	calls := func(do func()) []string {
		g.Faults.Forget()
		do()
		return g.Faults.Ops()
	}
	var cookie string
	assert.Equal(t, []string{"index", "swap"}, calls(func() { cookie = g.storedAs("alice") }), "the entry is there before the record")
	assert.Equal(t, []string{"find", "swap"}, calls(func() { g.saves(cookie, setNote(hybridtest.Large+1)) }))
	g.Clock.Advance(30 * time.Minute)
	assert.Equal(t, []string{"find"}, calls(func() {
		v := g.must(cookie)
		_, err := v.Touch()
		require.NoError(t, err)
		cookie = g.cookie(v)
	}), "the same key seals")
	assert.Equal(t, []string{"find", "index", "swap", "swap"}, calls(func() { cookie = g.saves(cookie, setSubject("bob")) }), "it is a Renew")
	assert.Equal(t, []string{"find", "swap"}, calls(func() { cookie = g.saves(cookie, setNote(hybridtest.Small)) }))
	assert.Equal(t, []string{"find", "index", "swap"}, calls(func() { cookie = g.saves(cookie, setNote(hybridtest.Large)) }))
	assert.Equal(t, []string{"find", "commit", "index"}, calls(func() { require.NoError(t, g.must(cookie).Delete()) }))
	assert.Equal(t, []string{"find subjects"}, calls(func() { g.ends(0, "bob") }), "Delete has taken the entry away")

	cookie = g.storedAs("carol")
	assert.Equal(t, []string{"find subjects", "find", "commit", "index", "find subjects"}, calls(func() { g.ends(1, "carol") }))
	assert.Equal(t, []string{"swap", "find", "swap"}, calls(func() { g.saves(g.stored(), setNote(hybridtest.Large+1)) }), "nobody's")
}

func TestSubjectDeleteWithoutTheIndex(t *testing.T) {
	g := newHyRig(t)
	cookie := g.storedAs("alice")
	g.Faults.Fail("index")
	require.NoError(t, g.must(cookie).Delete(), "it is ended all the same")
	g.Faults.Heal()
	g.refused(cookie, hardtack.ErrEnded)
	g.ends(0, "alice")
}

func TestSubjectIsHiddenFromTheStore(t *testing.T) {
	const subject, audience = "subject-in-clear", "audience-in-clear"
	g := newHyRig(t, func(c *hardtack.Config) { c.Audience = audience })
	cookie := g.storedAs(subject)
	cookie = g.saves(cookie, setSubject(subject+"-2"))
	g.rotates()
	cookie = g.saves(cookie, func(s *hySession) { s.Renew() })
	g.ends(2, subject+"-2")
	g.refused(cookie, hardtack.ErrEnded)
	indexed := 0
	for _, c := range g.Faults.Calls() {
		for _, secret := range []string{subject, audience} {
			assert.False(t, bytes.Contains(c.Data, []byte(secret)), c.Op)
			assert.NotContains(t, c.ID+strings.Join(c.Subjects, ""), secret, c.Op)
		}
		for _, s := range c.Subjects {
			assert.True(t, s == "" || hardtack.ValidRecordID(s), c.Op)
			indexed++
		}
	}
	assert.GreaterOrEqual(t, indexed, 5)
}

func TestSubjectTagsDiffer(t *testing.T) {
	g := newHyRig(t)
	for _, subject := range []string{"alice", "alice", "bob"} {
		g.storedAs(subject)
	}
	g.rotates()
	g.storedAs("alice")
	var tags []string
	for _, c := range g.Faults.Calls() {
		if c.Op == "index" {
			tags = append(tags, c.Subjects...)
		}
	}
	require.Len(t, tags, 4)
	assert.Equal(t, tags[0], tags[1])
	assert.NotEqual(t, tags[0], tags[2], "another subject")
	assert.NotEqual(t, tags[0], tags[3], "another key")
}

func TestSubjectEntryExpiresWithTheSession(t *testing.T) {
	g := newHyRig(t)
	g.storedAs("alice")
	g.Clock.Advance(24 * time.Hour)
	g.Faults.Forget()
	g.ends(0, "alice")
	assert.Equal(t, []string{"find subjects"}, g.Faults.Ops())
}
