//go:build unix

package faults

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/internal/seal"
)

type session = hardtack.Session[faulttest.Data]

const audience = "an-audience-in-the-clear"

// desk is a Jar, and what it takes to look behind it.
type desk struct {
	t    testing.TB
	keys *hardtack.Keyring
	jar  *hardtack.Jar[faulttest.Data]
}

func newDesk(t testing.TB, s hardtack.Store) *desk {
	d := &desk{t: t, keys: hardtack.EphemeralKeyring()}
	d.use(s)
	return d
}

// use has the desk go on with this store.
func (d *desk) use(s hardtack.Store) {
	jar, err := hardtack.NewHybrid[faulttest.Data](hardtack.Config{Keys: d.keys, Audience: audience, StoreTimeout: 30 * time.Second}, s)
	require.NoError(d.t, err)
	d.jar = jar
}

// visit is a request with a cookie's value.
type visit struct {
	d   *desk
	w   *httptest.ResponseRecorder
	r   *http.Request
	s   *session
	err error // of Get
}

func (d *desk) visit(cookie string) *visit {
	v := &visit{d: d, w: httptest.NewRecorder(), r: httptest.NewRequest(http.MethodGet, "/", nil)}
	if cookie != "" {
		v.r.AddCookie(&http.Cookie{Name: hardtack.DefaultName, Value: cookie})
	}
	v.s, v.err = d.jar.Get(v.r)
	return v
}

// must is visit with a session that is there.
func (d *desk) must(cookie string) *visit {
	d.t.Helper()
	v := d.visit(cookie)
	require.NoError(d.t, v.err)
	return v
}

func (v *visit) save() error {
	_, err := v.d.jar.Save(v.w, v.r, v.s)
	return err
}

// cookie returns the value that the response sets, or else the one that was presented.
func (v *visit) cookie() string {
	for _, c := range v.w.Result().Cookies() {
		return c.Value
	}
	if c, err := v.r.Cookie(hardtack.DefaultName); err == nil {
		return c.Value
	}
	return ""
}

// stored returns the cookie of a new session in the store.
func (d *desk) stored(owner string) string {
	d.t.Helper()
	v := d.visit("")
	v.s.Data = faulttest.Data{Owner: owner, Note: strings.Repeat("n", faulttest.Large)}
	v.s.SetSubject(owner)
	require.NoError(d.t, v.save())
	require.Equal(d.t, hardtack.InStore, v.s.Placement().Where)
	return v.cookie()
}

// set saves the session as this state, and returns the cookie.
func (d *desk) set(cookie string, serial int) string {
	d.t.Helper()
	v := d.must(cookie)
	v.s.Data.Serial = serial
	require.NoError(d.t, v.save())
	return v.cookie()
}

// locator returns where the session's record is.
func (d *desk) locator(cookie string) string {
	d.t.Helper()
	var rec hardtack.Record
	b := hardtack.Binding{Name: hardtack.DefaultName, Audience: audience, Now: time.Now()}
	require.NoError(d.t, hardtack.NewSealedCodec(d.keys).Open(context.Background(), b, cookie, &rec))
	seed := seal.Seed(rec.Seed)
	return seal.Locator(&seed)
}

// refused fails unless the cookie gives a fresh session, with this reason.
func (d *desk) refused(cookie string, reason error) {
	d.t.Helper()
	v := d.visit(cookie)
	require.ErrorIs(d.t, v.err, reason)
	require.True(d.t, v.s.IsNew())
	require.Zero(d.t, v.s.Data)
}
