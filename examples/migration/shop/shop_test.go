package shop_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/gorillaapp"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

func TestProlong(t *testing.T) {
	hashKey, blockKey := make([]byte, 64), make([]byte, 32)
	w := httptest.NewRecorder()
	gorillaapp.Before(hashKey, blockKey).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/login?user=ada", nil))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(w.Result().Cookies()[0])

	jar, err := gorillaapp.Second(hardtack.EphemeralKeyring(), hardtack.Observer{}, hashKey, blockKey)
	require.NoError(t, err)
	s, err := jar.Get(r)
	require.NoError(t, err)
	const month, year = 30 * 24 * time.Hour, 365 * 24 * time.Hour
	assert.Equal(t, month, s.Expires().Sub(s.Created()))
	shop.Prolong(jar, s)
	assert.Equal(t, year, s.Expires().Sub(s.Created()))
	assert.Equal(t, "ada", s.Data.User)
	assert.Equal(t, "ada", s.Subject())
	id := s.ID()
	shop.Prolong(jar, s)
	assert.Equal(t, id, s.ID(), "once is enough")
}
