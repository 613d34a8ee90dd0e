package webtest

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Swap puts an App in the place of the server that it was before, while browsers hold that one's cookies. On POST /login
// before makes a session with user, a cart with "tea" and the flash "from before".
func Swap(t *testing.T, cookie string, before, after http.Handler) {
	handler := new(deployed)
	handler.deploy(before)
	b := Serve(t, handler)
	b.OK(t, "POST", "/login", "user", "ada")
	old := b.Cookie(t, cookie).Value

	handler.deploy(after)
	assert.Equal(t, "ada", b.OK(t, "GET", "/account").User)
	v := b.OK(t, "GET", "/")
	assert.Equal(t, []string{"tea"}, v.Items)
	assert.Equal(t, []string{"from before"}, v.Flashes)
	sealed := b.Cookie(t, cookie).Value
	assert.NotEqual(t, old, sealed, "saved, and so sealed")
	assert.Equal(t, []string{"tea", "rum"}, b.OK(t, "POST", "/items", "note", "rum").Items)
	assert.Less(t, b.OK(t, "POST", "/items", "note", Note(5000)).CookieBytes, reference, "stored")
	assert.Empty(t, b.OK(t, "POST", "/logout"))
	assert.Nil(t, b.Cookie(t, cookie))

	handler.deploy(before)
	eve := b.Another(t)
	eve.OK(t, "POST", "/login", "user", "eve")
	value := eve.Cookie(t, cookie).Value
	eve.SetCookie(t, cookie, "A"+value[1:])
	handler.deploy(after)
	assert.Empty(t, eve.OK(t, "GET", "/").User, "tampered")
	eve.SetCookie(t, cookie, value)
	assert.Equal(t, "eve", eve.OK(t, "GET", "/").User)
}

// deployed is a server whose program can be replaced.
type deployed struct{ handler atomic.Pointer[http.Handler] }

func (d *deployed) deploy(h http.Handler) { d.handler.Store(&h) }

func (d *deployed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*d.handler.Load()).ServeHTTP(w, r)
}
