package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/hardtack-go/hardtack"
)

// visitor is what a session holds.
type visitor struct {
	Cart    []string
	Flashes []string
}

// flash leaves a message for the next page.
func (v *visitor) flash(text string) { v.Flashes = append(v.Flashes, text) }

type server struct{ jar *hardtack.Jar[visitor] }

// newHandler returns the server. A nil store means stateless.
func newHandler(c hardtack.Config, store hardtack.Store) (http.Handler, error) {
	s := new(server)
	var err error
	if store == nil {
		s.jar, err = hardtack.New[visitor](c)
	} else {
		s.jar, err = hardtack.NewHybrid[visitor](c, store)
	}
	if err != nil {
		return nil, err
	}
	old, err := newLegacy(c, store)
	if err != nil {
		return nil, err
	}

	router := chi.NewRouter()
	router.Use(middleware.Recoverer, http.NewCrossOriginProtection().Handler)

	router.Group(func(r chi.Router) {
		r.Use(s.jar.Handler) // a session is there when it is asked for, and saved if it was changed
		r.Get("/", s.view)
		r.Post("/items", s.add)
		r.Post("/remove", s.remove)
		r.Post("/login", s.login)
		r.Post("/logout", s.logout)
		r.Group(func(r chi.Router) {
			r.Use(s.loginRequired)
			r.Get("/account", s.account)
		})
	})
	// What was written for gorilla/sessions stays as it is.
	router.Route("/legacy", old.routes)
	return router, nil
}

func (s *server) view(w http.ResponseWriter, r *http.Request) {
	session, err := s.jar.From(r.Context())
	if errors.Is(err, hardtack.ErrStoreUnavailable) {
		fail(w, err)
		return
	}
	size := 0
	if !session.IsNew() {
		size = session.Placement().CookieBytes
	}
	flashes := session.Data.Flashes
	session.Data.Flashes = nil
	reply(w, map[string]any{"user": session.Subject(), "items": session.Data.Cart, "flashes": flashes, "cookie_bytes": size,
		"where": session.Placement().Where.String()})
}

func (s *server) add(w http.ResponseWriter, r *http.Request) {
	note := r.FormValue("note")
	s.update(w, r, func(session *hardtack.Session[visitor]) error {
		session.Data.Cart = append(session.Data.Cart, note)
		return nil
	})
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) {
	s.update(w, r, func(session *hardtack.Session[visitor]) error {
		session.Data.Cart = session.Data.Cart[:max(0, len(session.Data.Cart)-1)]
		return nil
	})
}

// update saves by itself, so that the handler can say what went wrong, and repeats the change if another request was faster.
func (s *server) update(w http.ResponseWriter, r *http.Request, change func(*hardtack.Session[visitor]) error) {
	if _, err := s.jar.Update(w, r, change); err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// login believes everybody.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	if user == "" {
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	session, err := s.jar.From(r.Context())
	if errors.Is(err, hardtack.ErrStoreUnavailable) {
		fail(w, err)
		return
	}
	session.SetSubject(user)
	session.Renew() // SetSubject does it too, but not for somebody who logs in again
	session.Data.flash("Welcome, " + user)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// logout goes on if the store is away: the browser's cookie must go.
func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	session, _ := s.jar.From(r.Context())
	if err := s.jar.Delete(w, r, session); err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *server) loginRequired(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := s.jar.From(r.Context())
		switch {
		case errors.Is(err, hardtack.ErrStoreUnavailable): // it may well be somebody's
			fail(w, err)
		case session.Subject() == "":
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (s *server) account(w http.ResponseWriter, r *http.Request) {
	session, _ := s.jar.From(r.Context()) // loginRequired has seen to the error
	reply(w, map[string]any{"user": session.Subject()})
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// fail answers with what went wrong. But for a logout, the session is as it was before.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var size *hardtack.SizeError
	switch {
	case errors.As(err, &size):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, hardtack.ErrStoreUnavailable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, hardtack.ErrConflict), errors.Is(err, hardtack.ErrEnded),
		errors.Is(err, hardtack.ErrRecordMissing), errors.Is(err, hardtack.ErrExpired):
		status = http.StatusConflict // another request has changed or ended the session since it was read
	}
	http.Error(w, http.StatusText(status), status)
}
