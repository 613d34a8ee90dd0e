package hardtack_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

type (
	hyData    = hybridtest.Data
	hySession = hybridtest.Session
	hyVisit   = hybridtest.Visit
)

// hyRig is a hybrid Jar on a MemoryStore, and what tests of one session do.
type hyRig struct {
	*hybridtest.Rig
	t      require.TestingT
	memory *hardtack.MemoryStore
}

func newHyRig(t require.TestingT, options ...func(*hardtack.Config)) *hyRig {
	clock := hybridtest.NewClock(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	memory := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: clock.Now})
	return &hyRig{hybridtest.NewRig(t, clock, memory, options...), t, memory}
}

// cookie returns what the response sets, and fails if it sets none.
func (g *hyRig) cookie(v *hyVisit) string {
	value, set := v.Sets()
	require.True(g.t, set, "the response sets no cookie")
	require.NotEmpty(g.t, value, "the response expires the cookie")
	return value
}

// silent fails if the response sets a cookie.
func (g *hyRig) silent(v *hyVisit) {
	_, set := v.Sets()
	require.False(g.t, set, "the response sets a cookie")
}

// inline returns the cookie of a new session that is small.
func (g *hyRig) inline() string {
	v := g.Visit("")
	p, err := v.Note(hybridtest.Small)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InCookie, p.Where)
	return g.cookie(v)
}

// stored returns the reference of a new session in the store.
func (g *hyRig) stored() string {
	v := g.Visit(g.inline())
	p, err := v.Note(hybridtest.Large)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InStore, p.Where)
	return g.cookie(v)
}

// returned returns the reference and the pending cookie of a session that has
// come back from the store.
func (g *hyRig) returned() (reference, pending string) {
	reference = g.stored()
	v := g.Visit(reference)
	p, err := v.Note(hybridtest.Small)
	require.NoError(g.t, err)
	require.Equal(g.t, hardtack.InCookie, p.Where)
	return reference, g.cookie(v)
}

// frozen returns the reference of a session that was renewed, and its heir's cookie.
func (g *hyRig) frozen(subject string) (old, heir string) {
	old = g.stored()
	if subject != "" {
		v := g.Visit(old)
		v.Session.SetSubject(subject)
		_, err := v.Save()
		require.NoError(g.t, err)
		old = v.After(old)
	}
	v := g.Visit(old)
	v.Session.Renew()
	v.Session.SetSubject("alice")
	_, err := v.Save()
	require.NoError(g.t, err)
	return old, g.cookie(v)
}

// must returns a session that the cookie gives without an error.
func (g *hyRig) must(cookie string) *hyVisit {
	v := g.Visit(cookie)
	require.NoError(g.t, v.Err)
	return v
}

// refused fails unless Get refuses the cookie with this reason and nothing else.
func (g *hyRig) refused(cookie string, reason error) *hyVisit {
	v := g.Visit(cookie)
	require.ErrorIs(g.t, v.Err, reason)
	require.True(g.t, v.Session.IsNew())
	require.Zero(g.t, v.Session.Data)
	return v
}

// hyExpires fails unless the response expires the cookie.
func hyExpires(t testing.TB, v *hyVisit) {
	t.Helper()
	value, set := v.Sets()
	require.True(t, set)
	require.Empty(t, value)
	require.Contains(t, fmt.Sprint(v.W.Header()["Set-Cookie"]), "Max-Age=0")
}
