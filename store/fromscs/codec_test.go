package fromscs_test

import (
	"context"
	"encoding/gob"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
)

// line is a type that an application has registered with gob.
type line struct {
	SKU string
	N   int
}

func init() { gob.Register([]line(nil)) }

type basket struct {
	User  string
	Lines []line
}

func basketOf(values map[string]any) (basket, error) {
	user, ok := values["user"].(string)
	if !ok {
		return basket{}, errors.New("nobody")
	}
	lines, _ := values["lines"].([]line)
	return basket{user, lines}, nil
}

// TestSCSCodec reads what a real scs has written, in memory and in Redis, with plain tokens and hashed ones.
func TestSCSCodec(t *testing.T) {
	client := redisClient(t, servers.Redis(t).URL())
	for name, store := range map[string]scs.Store{"memstore": memstore.New(), "goredisstore": goredisstore.New(client)} {
		for _, hashed := range []bool{false, true} {
			t.Run(name+map[bool]string{false: "/plain", true: "/hashed"}[hashed], func(t *testing.T) {
				manager := scs.New()
				manager.Store, manager.HashTokenInStore = store, hashed
				cookie := login(t, manager)

				codec, err := hardtack.NewSCSCodec(hardtack.SCSConfig[basket]{
					Store: manager.Store, Decode: manager.Codec.Decode, HashTokenInStore: hashed, Lifetime: manager.Lifetime, From: basketOf,
				})
				require.NoError(t, err)
				jar, err := hardtack.New[basket](hardtack.Config{
					Keys:     hardtack.EphemeralKeyring(),
					Formerly: []hardtack.Former{{Name: cookie.Name, Codec: codec}},
				})
				require.NoError(t, err)
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.AddCookie(cookie)
				s, err := jar.Get(r)
				require.NoError(t, err)
				assert.Equal(t, basket{"ada", []line{{"rope", 2}}}, s.Data)
				assert.WithinDuration(t, time.Now().Add(manager.Lifetime), s.Expires(), time.Minute)

				w := httptest.NewRecorder()
				_, err = jar.Save(w, r, s)
				require.NoError(t, err)
				require.Len(t, w.Result().Cookies(), 2)
				r = httptest.NewRequest(http.MethodGet, "/", nil)
				r.AddCookie(w.Result().Cookies()[1])
				moved, err := jar.Get(r)
				require.NoError(t, err)
				assert.Equal(t, s.Data, moved.Data)
				assert.Equal(t, s.ID(), moved.ID())

				// The application of old has ended another one.
				gone := login(t, manager)
				ctx, err := manager.Load(context.Background(), gone.Value)
				require.NoError(t, err)
				require.NoError(t, manager.Destroy(ctx))
				r = httptest.NewRequest(http.MethodGet, "/", nil)
				r.AddCookie(gone)
				_, err = jar.Get(r)
				require.ErrorIs(t, err, hardtack.ErrRecordMissing)
			})
		}
	}
}

// login returns the cookie of a session that scs has begun.
func login(t *testing.T, manager *scs.SessionManager) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	manager.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "user", "ada")
		manager.Put(r.Context(), "lines", []line{{"rope", 2}})
	})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Len(t, w.Result().Cookies(), 1)
	return w.Result().Cookies()[0]
}
