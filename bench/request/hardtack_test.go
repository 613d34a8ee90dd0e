//go:build unix

package request

import (
	"errors"
	"net/http"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
)

// plainly uses the Jar in the handler itself.
func plainly[T any](j *hardtack.Jar[T]) func(visit[T]) http.Handler {
	return func(v visit[T]) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := j.Get(r)
			if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
				fail(w, err)
				return
			}
			data, save, err := v(s.Data)
			if err == nil && save {
				s.Data = data
				_, err = j.Save(w, r, s)
			}
			if err != nil {
				fail(w, err)
				return
			}
			w.Write(ok)
		})
	}
}

// wrapped leaves it to the Jar's middleware to save.
func wrapped[T any](j *hardtack.Jar[T]) func(visit[T]) http.Handler {
	return func(v visit[T]) http.Handler {
		return j.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := j.From(r.Context())
			if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
				fail(w, err)
				return
			}
			if s.Data, _, err = v(s.Data); err != nil {
				fail(w, err)
				return
			}
			w.Write(ok)
		}))
	}
}

// usage is plainly or wrapped.
type usage func(*hardtack.Jar[session.Account]) func(visit[session.Account]) http.Handler

func newStateless[T any]() (*hardtack.Jar[T], error) {
	return hardtack.New[T](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
}

func openStateless(how usage) func(string) (*app, error) {
	return func(string) (*app, error) {
		j, err := newStateless[session.Account]()
		if err != nil {
			return nil, err
		}
		return &app{handler: how(j), jar: j}, nil
	}
}

func openInline(how usage) func(string) (*app, error) {
	return func(dir string) (*app, error) {
		p, err := memoryPlace(dir)
		if err != nil {
			return nil, err
		}
		j, err := hardtack.NewHybrid[session.Account](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, p.store)
		if err != nil {
			return nil, err
		}
		return &app{handler: how(j), jar: j, place: &p.place}, nil
	}
}

// openStored opens a Jar whose sessions do not fit into the cookie.
func openStored(open func(dir string) (*hardtackPlace, error)) func(string) (*app, error) {
	return func(dir string) (*app, error) {
		p, err := open(dir)
		if err != nil {
			return nil, err
		}
		j, err := hardtack.NewHybrid[session.Account](hardtack.Config{
			Keys:   hardtack.EphemeralKeyring(),
			Budget: hardtack.Budget{Inline: 256, LowWater: 1},
		}, p.store)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		return &app{handler: plainly(j), jar: j, place: &p.place}, nil
	}
}
