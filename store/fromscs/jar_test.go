package fromscs_test

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
)

type cart struct{ Note string }

// browser keeps the cookie of a Jar.
type browser struct {
	t      *testing.T
	jar    *hardtack.Jar[cart]
	cookie string
}

func newBrowser(t *testing.T, s hardtack.SCSStore) *browser {
	jar, err := hardtack.NewHybrid[cart](hardtack.Config{Keys: hardtack.EphemeralKeyring(), StoreTimeout: time.Minute}, hardtack.FromSCS(s))
	require.NoError(t, err)
	return &browser{t: t, jar: jar}
}

// visit reads the session, and unless f is nil has it change and keeps the cookie.
func (b *browser) visit(f func(*httptest.ResponseRecorder, *hardtack.Session[cart]) error) (*hardtack.Session[cart], error) {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	s, err := b.jar.Get(r)
	if err == nil || b.cookie == "" {
		if f == nil {
			return s, err
		}
		err = f(w, s)
	}
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Name + "=" + c.Value
	}
	return s, err
}

// save writes a note of n bytes and reads it back.
func (b *browser) save(n int, where hardtack.Where) {
	b.t.Helper()
	note := strings.Repeat("n", n)
	_, err := b.visit(func(w *httptest.ResponseRecorder, s *hardtack.Session[cart]) error {
		s.Data.Note = note
		placed, err := b.jar.Save(w, httptest.NewRequest("GET", "/", nil), s)
		assert.Equal(b.t, where, placed.Where)
		return err
	})
	require.NoError(b.t, err)
	s, err := b.visit(nil)
	require.NoError(b.t, err)
	require.Equal(b.t, note, s.Data.Note)
}

func (b *browser) delete() {
	b.t.Helper()
	_, err := b.visit(func(w *httptest.ResponseRecorder, s *hardtack.Session[cart]) error {
		return b.jar.Delete(w, httptest.NewRequest("GET", "/", nil), s)
	})
	require.NoError(b.t, err)
}

func TestJar(t *testing.T) {
	stores := map[string]func(*testing.T) hardtack.SCSStore{
		"memstore":  func(*testing.T) hardtack.SCSStore { return memstore.NewWithCleanupInterval(0) },
		"boltstore": func(t *testing.T) hardtack.SCSStore { return newBolt(t) },
		"goredisstore": func(t *testing.T) hardtack.SCSStore {
			return goredisstore.New(redisClient(t, servers.Redis(t).URL()))
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, open(t))
			b.save(50, hardtack.InCookie)
			b.save(5000, hardtack.InStore)
			reference := b.cookie
			b.save(500_000, hardtack.InStore)
			b.save(50, hardtack.InCookie)
			b.save(6000, hardtack.InStore)
			b.delete()
			b.cookie = reference
			_, err := b.visit(nil)
			require.ErrorIs(t, err, hardtack.ErrEnded, "a copy of the cookie")

			_, err = b.jar.EndAll(t.Context(), "somebody")
			require.ErrorIs(t, err, errors.ErrUnsupported, "there is no index")
		})
	}
}

// TestJarLeavesMemstoreAlone: memstore returns the memory that it keeps. A Jar only reads it.
func TestJarLeavesMemstoreAlone(t *testing.T) {
	s := memstore.NewWithCleanupInterval(0)
	b := newBrowser(t, s)
	b.save(5000, hardtack.InStore)
	all, err := s.All()
	require.NoError(t, err)
	require.Len(t, all, 1)
	before := make(map[string][]byte)
	for id, data := range all {
		before[id] = bytes.Clone(data)
	}
	for range 5 {
		_, err := b.visit(nil)
		require.NoError(t, err)
	}
	for id, data := range all { // the very slices that are stored
		assert.True(t, bytes.Equal(before[id], data), "reading has changed what is stored")
	}

	// What Find of FromSCS returns is a copy: to change it changes nothing.
	for id := range all {
		data, found, err := hardtack.FromSCS(s).Find(t.Context(), id)
		require.NoError(t, err)
		require.True(t, found)
		clear(data)
	}
	_, err = b.visit(nil)
	require.NoError(t, err)
}
