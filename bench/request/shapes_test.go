//go:build unix

package request

import (
	"encoding/gob"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/bench/session"
)

// BenchmarkShapes is a request, with the handler alone, whose session has each shape and size.
func BenchmarkShapes(b *testing.B) {
	benchmarkShape(b, session.Logins())
	benchmarkShape(b, session.Accounts())
	benchmarkShape(b, session.Carts())
	benchmarkShape(b, session.OIDCs())
	benchmarkShape(b, session.Forms())
}

func benchmarkShape[T any](b *testing.B, shape session.Shape[T]) {
	all := keepers[T](b)
	for _, size := range format.ShapeOf(shape).Sizes {
		user := newUser(shape.Grow(size.N))
		for _, op := range user.operations() {
			for _, k := range all {
				b.Run(fmt.Sprintf("shape=%s/size=%s/op=%s/by=%s", shape.Name, size.Name, op.name, k.by), func(b *testing.B) {
					cookie, err := firstCookie(k.handler(user.begin))
					require.NoError(b, err)
					serveInTurn(b, k.handler(op.visit), []*http.Request{newRequest(op.method, cookie)})
				})
			}
		}
	}
}

// keeper is a contender that keeps a T.
type keeper[T any] struct {
	by      string
	handler func(visit[T]) http.Handler
}

func keepers[T any](t testing.TB) []keeper[T] {
	gob.Register(*new(T))
	jar, err := newStateless[T]()
	require.NoError(t, err)
	memory, err := scsMemory("")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, memory.close()) })
	return []keeper[T]{
		{"none", bare[T]},
		{"hardtack-stateless", plainly(jar)},
		{"hardtack-stateless-handler", wrapped(jar)},
		{"gorilla-cookie", gorillaHandler[T](newCookieStore())},
		{"scs-memory", scsHandler[T](memory.store)},
	}
}

// user visits with one session, in turn its own and another user's, whose ID is as long. It is for one goroutine.
type user[T any] struct {
	begun      T
	mine, your string
	found      T
	id         *string // of found
}

func newUser[T any](begun T) *user[T] {
	u := &user[T]{begun: begun, found: begun}
	u.id = reflect.ValueOf(&u.found).Elem().FieldByName("UserID").Addr().Interface().(*string)
	u.mine = *u.id
	u.your = "z" + u.mine[1:]
	return u
}

func (u *user[T]) operations() []operation[T] {
	return []operation[T]{{"read", http.MethodGet, u.look}, {"write", http.MethodPost, u.change}}
}

func (u *user[T]) begin(T) (T, bool, error) { return u.begun, true, nil }

func (u *user[T]) look(s T) (T, bool, error) {
	u.found = s
	if *u.id != u.mine && *u.id != u.your {
		return s, false, errNotFound
	}
	return s, false, nil
}

// change swaps the IDs.
func (u *user[T]) change(s T) (T, bool, error) {
	_, _, err := u.look(s)
	if *u.id == u.mine {
		*u.id = u.your
	} else {
		*u.id = u.mine
	}
	return u.found, true, err
}

func TestShapes(t *testing.T) {
	testShape(t, session.Logins())
	testShape(t, session.Accounts())
	testShape(t, session.Carts())
	testShape(t, session.OIDCs())
	testShape(t, session.Forms())
}

func testShape[T any](t *testing.T, shape session.Shape[T]) {
	all := keepers[T](t)[1:] // none has a session
	for _, size := range format.ShapeOf(shape).Sizes {
		for _, k := range all {
			t.Run(fmt.Sprintf("%s/%s/%s", shape.Name, size.Name, k.by), func(t *testing.T) {
				begun := shape.Grow(size.N)
				u := newUser(begun)
				cookie, err := firstCookie(k.handler(u.begin))
				require.NoError(t, err)
				requireSame(t, begun, see(t, k.handler, u.look, cookie))

				changed, _, err := u.change(begun)
				require.NoError(t, err)
				require.NotEqual(t, begun, changed)
				for _, want := range []T{changed, begun, changed} {
					var set bool
					cookie, set = do(t, k.handler(u.change), cookie)
					assert.True(t, set)
					requireSame(t, want, see(t, k.handler, u.look, cookie))
				}

				for _, op := range u.operations() {
					w := httptest.NewRecorder()
					k.handler(op.visit).ServeHTTP(w, newRequest(op.method))
					assert.Equal(t, http.StatusInternalServerError, w.Code, "%s, no session", op.name)
				}
			})
		}
	}
}
