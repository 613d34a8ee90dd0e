//go:build unix

package request

import (
	"net/http"
	"os"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack/bench/session"
)

const (
	cookieName = "session"
	valueKey   = "data"
)

func gorillaHandler[T any](store sessions.Store) func(visit[T]) http.Handler {
	return func(v visit[T]) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, cookieName)
			if err != nil {
				fail(w, err)
				return
			}
			before, _ := s.Values[valueKey].(T)
			data, save, err := v(before)
			if err == nil && save {
				s.Values[valueKey] = data
				err = s.Save(r, w)
			}
			if err != nil {
				fail(w, err)
				return
			}
			w.Write(ok)
		})
	}
}

func newCookieStore() *sessions.CookieStore {
	return sessions.NewCookieStore(securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32))
}

func openGorillaCookie(string) (*app, error) {
	return &app{handler: gorillaHandler[session.Account](newCookieStore())}, nil
}

func openGorillaFile(dir string) (*app, error) {
	store := sessions.NewFilesystemStore(dir, securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32))
	return &app{handler: gorillaHandler[session.Account](store), place: &place{
		count: func() (int, error) {
			files, err := os.ReadDir(dir)
			return len(files), err
		},
		close: func() error { return nil },
	}}, nil
}

func openSCS(open func(dir string) (*scsPlace, error)) func(string) (*app, error) {
	return func(dir string) (*app, error) {
		p, err := open(dir)
		if err != nil {
			return nil, err
		}
		return &app{handler: scsHandler[session.Account](p.store), place: &p.place}, nil
	}
}

func scsHandler[T any](store scs.Store) func(visit[T]) http.Handler {
	m := scs.New()
	m.Store = store
	return func(v visit[T]) http.Handler {
		return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			before, _ := m.Get(r.Context(), valueKey).(T)
			data, save, err := v(before)
			if err != nil {
				fail(w, err)
				return
			}
			if save {
				m.Put(r.Context(), valueKey, data)
			}
			w.Write(ok)
		}))
	}
}
