package gorillaapp

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// failing is a store that cannot be reached.
type failing struct{ sessions.Store }

func (f failing) New(*http.Request, string) (*sessions.Session, error) {
	return sessions.NewSession(f, "session"), errors.New("no route to host")
}

func TestStoreOnTheServer(t *testing.T) {
	hashKey := bytes.Repeat([]byte("h"), 64)
	dir := t.TempDir()
	old := sessions.NewFilesystemStore(dir, hashKey)
	records := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
	ring := hardtack.EphemeralKeyring()
	jar, err := FromStore(ring, hardtack.Observer{}, old, records)
	require.NoError(t, err)
	with := func(c *http.Cookie) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(c)
		return r
	}
	login := func(store sessions.Store) *http.Cookie {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		session, err := store.New(r, "session")
		require.NoError(t, err)
		session.Values["user"], session.Values["cart"] = "ada", []string{"rope"}
		require.NoError(t, session.Save(r, w))
		return w.Result().Cookies()[0]
	}

	cookie := login(old)
	s, err := jar.Get(with(cookie))
	require.NoError(t, err)
	assert.Equal(t, "ada", s.Data.User)
	assert.Equal(t, []string{"rope"}, s.Data.Cart)
	again, err := jar.Get(with(cookie))
	require.NoError(t, err)
	assert.Equal(t, s.ID(), again.ID())
	assert.EqualValues(t, 2, jar.FormerUse()[0].Opened)

	require.NoError(t, jar.Delete(httptest.NewRecorder(), with(cookie), s))
	_, err = jar.Get(with(cookie))
	require.ErrorIs(t, err, hardtack.ErrEnded, "a copy of the old cookie")

	cookie = login(old)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, os.Remove(f))
	}
	_, err = jar.Get(with(cookie))
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	_, err = jar.Get(with(login(sessions.NewFilesystemStore(dir, bytes.Repeat([]byte("x"), 64)))))
	require.ErrorIs(t, err, hardtack.ErrForged)

	away, err := FromStore(ring, hardtack.Observer{}, failing{}, records)
	require.NoError(t, err)
	_, err = away.Get(with(cookie))
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	_, _, err = storeCodec{}.Seal(context.Background(), nil, hardtack.Binding{}, nil)
	require.Error(t, err)
}
