// Package gorillaapp is the shop on gorilla/sessions, and on its way to hardtack.
package gorillaapp

import (
	"net/http"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// Before is the shop on gorilla/sessions.
func Before(hashKey, blockKey []byte) http.Handler {
	store := sessions.NewCookieStore(hashKey, blockKey)
	return handler(store)
}

func handler(store sessions.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		session.Values = map[any]any{"user": r.FormValue("user")}
		save(w, r, session)
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		if session.Values["user"] != nil {
			cart, _ := session.Values["cart"].([]string)
			session.Values["cart"] = append(cart, r.FormValue("item"))
		}
		save(w, r, session)
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		show(w, session)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		session.Options.MaxAge = -1
		if err := session.Save(r, w); err != nil {
			shop.Fail(w, err)
		}
	})
	return mux
}

func save(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
	if err := session.Save(r, w); err != nil {
		shop.Fail(w, err)
		return
	}
	show(w, session)
}

func show(w http.ResponseWriter, session *sessions.Session) {
	account, _ := fromValues(session.Values)
	shop.Show(w, &account)
}
