package hardtack_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
)

// hookStore does something at a moment that a test chooses.
type hookStore struct {
	*hardtack.MemoryStore
	afterFind func() // once, when the subjects have been looked up
	findErr   error
	swapErr   error
}

func (s *hookStore) FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	ids, err := s.MemoryStore.FindSubjects(ctx, subjects)
	if f := s.afterFind; f != nil {
		s.afterFind = nil
		f()
	}
	return ids, err
}

func (s *hookStore) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if s.findErr != nil {
		return nil, false, s.findErr
	}
	return s.MemoryStore.Find(ctx, id)
}

func (s *hookStore) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	if s.swapErr != nil {
		return false, s.swapErr
	}
	return s.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

func hookRig(t *testing.T, options ...func(*hardtack.Config)) (*hyRig, *hookStore) {
	clock := hybridtest.NewClock(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	memory := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: clock.Now})
	h := &hookStore{MemoryStore: memory}
	return &hyRig{hybridtest.NewRig(t, clock, h, options...), t, memory}, h
}

// A Renew that begins before and ends after the look-up is found by the next one.
func TestEndAllReachesARenewInFlight(t *testing.T) {
	g, h := hookRig(t)
	v := g.must(g.storedAs("alice"))
	v.Session.Renew()
	h.afterFind = func() {
		_, err := v.Save()
		require.NoError(t, err)
	}
	g.ends(2, "alice")
	g.refused(g.cookie(v), hardtack.ErrEnded)
}

// Another subject is another session, also without a store and without Renew.
func TestSetSubjectRenews(t *testing.T) {
	jar, err := hardtack.New[hybridtest.Data](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	require.NoError(t, err)
	visit := func(cookie, subject string) (string, *hardtack.Session[hybridtest.Data]) {
		v := hybridtest.VisitTo(jar, cookie)
		v.Session.SetSubject(subject)
		_, err := v.Add("item")
		require.NoError(t, err)
		return v.After(cookie), v.Session
	}
	cookie, anonymous := visit("", "")
	cookie, alice := visit(cookie, "alice")
	assert.NotEqual(t, anonymous.ID(), alice.ID())
	assert.Len(t, alice.Data.Items, 2, "the data stays")
	cookie, again := visit(cookie, "alice")
	assert.Equal(t, alice.ID(), again.ID(), "no change is no Renew")
	cookie, bob := visit(cookie, "bob")
	assert.NotEqual(t, alice.ID(), bob.ID())
	_, nobody := visit(cookie, "")
	assert.NotEqual(t, bob.ID(), nobody.ID())
	assert.Empty(t, nobody.Subject())
}

// A record that cannot be written leaves the index as it is.
func TestTooLargeForAnotherSubject(t *testing.T) {
	g, _ := hookRig(t)
	cookie := g.storedAs("alice")
	v := g.must(cookie)
	v.Session.SetSubject("bob")
	_, err := v.Note(2 << 20)
	require.ErrorAs(t, err, new(*hardtack.SizeError))
	g.ends(0, "bob")
	g.ends(1, "alice")
	g.refused(cookie, hardtack.ErrEnded)
}

// A tombstone lasts as long as any cookie of the session may open.
func TestEndAllOutlastsATightenedLifetime(t *testing.T) {
	g := newHyRig(t, func(c *hardtack.Config) { c.Lifetime = 30 * 24 * time.Hour })
	pending := g.saves(g.storedAs("alice"), setNote(hybridtest.Small))
	short := g.JarOn(g.memory, func(c *hardtack.Config) { c.Lifetime = 24 * time.Hour })
	v := hybridtest.VisitTo(short, pending)
	require.NoError(t, v.Err)
	_, err := v.Note(hybridtest.Large)
	require.NoError(t, err)
	ended, err := short.EndAll(t.Context(), "alice")
	require.NoError(t, err)
	assert.Equal(t, 1, ended)
	g.Clock.Advance(25 * time.Hour)
	g.refused(pending, hardtack.ErrEnded) // Lifetime is what it was before
}

// zeroCodec is a custom Codec that knows no key IDs.
type zeroCodec struct{ *hardtack.SealedCodec }

func (c zeroCodec) Seal(ctx context.Context, dst []byte, b hardtack.Binding, rec *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	v, _, err := c.SealedCodec.Seal(ctx, dst, b, rec)
	return v, hardtack.KeyID{}, err
}

func TestSubjectUnderACustomCodec(t *testing.T) {
	g, _ := hookRig(t, func(c *hardtack.Config) { c.Codec = zeroCodec{hardtack.NewSealedCodec(c.Keys)} })
	cookie := g.storedAs("alice")
	g.ends(1, "alice")
	g.refused(cookie, hardtack.ErrEnded)
}

// A *SizeError is the application's fault only where it gave the data, and if there is one.
func TestStoresSizeErrors(t *testing.T) {
	g, h := hookRig(t)
	cookie := g.stored()
	h.findErr = &hardtack.SizeError{RecordBytes: 5, Limit: 4, Over: 1}
	g.refused(cookie, hardtack.ErrStoreUnavailable)
	h.findErr = nil

	h.swapErr = (*hardtack.SizeError)(nil)
	_, err := g.must(cookie).Add("x")
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)

	shared := &hardtack.SizeError{RecordBytes: 5, Limit: 4, Over: 1}
	h.swapErr = shared
	_, err = g.must(cookie).Add("x")
	var size *hardtack.SizeError
	require.ErrorAs(t, err, &size)
	assert.NotErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.NotEmpty(t, size.Fields)
	assert.Empty(t, shared.Fields, "the store's own error is not changed")
}

// legacy reads one value of an old format, which has neither seed nor ID.
type legacy struct{}

func (legacy) Encrypts() bool { return true }

func (legacy) Seal(context.Context, []byte, hardtack.Binding, *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	return nil, hardtack.KeyID{}, errors.New("it is only read")
}

func (legacy) Open(_ context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	if value != "legacyvalue" {
		return hardtack.ErrMalformed
	}
	rec.Created, rec.Issued, rec.Expires = b.Now.Add(-time.Minute), b.Now.Add(-time.Minute), b.Now.Add(time.Hour)
	rec.Serializer, rec.Payload = hardtack.JSON{}, []byte(`{}`)
	return nil
}

// Two Jars that read one old cookie and share ring and store have two sessions.
func TestTwoJarsReadOneFormerCookie(t *testing.T) {
	for name, other := range map[string]hardtack.Config{"audience": {Name: "a", Audience: "admin"}, "name": {Name: "b", Audience: "shop"}} {
		t.Run(name, func(t *testing.T) {
			ring, store := hardtack.EphemeralKeyring(), hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
			ids := map[string]bool{}
			for _, c := range []hardtack.Config{{Name: "a", Audience: "shop"}, other} {
				c.Keys, c.Formerly = ring, []hardtack.Former{{Name: "old", Codec: legacy{}}}
				jar, err := hardtack.NewHybrid[hybridtest.Data](c, store)
				require.NoError(t, err)
				w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
				r.AddCookie(&http.Cookie{Name: "old", Value: "legacyvalue"})
				s, err := jar.Get(r)
				require.NoError(t, err)
				s.Data.Note = hybridtest.Note(hybridtest.Large)
				_, err = jar.Save(w, r, s)
				require.NoError(t, err)
				ids[s.ID()] = true
			}
			assert.Len(t, ids, 2)
		})
	}
}
