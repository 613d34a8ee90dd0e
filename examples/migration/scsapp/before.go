// Package scsapp is the shop on alexedwards/scs, and on its way to hardtack.
package scsapp

import (
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// Before is the shop on scs.
func Before(store scs.Store) http.Handler {
	manager := scs.New()
	manager.Store = store
	manager.Cookie.Secure = true
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, r *http.Request) {
		cart, _ := manager.Get(r.Context(), "cart").([]string)
		shop.Show(w, &shop.Account{User: manager.GetString(r.Context(), "user"), Cart: cart})
	}
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.RenewToken(r.Context()); err != nil {
			shop.Fail(w, err)
			return
		}
		manager.Put(r.Context(), "user", r.FormValue("user"))
		manager.Put(r.Context(), "cart", []string{})
		show(w, r)
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		if manager.Exists(r.Context(), "user") {
			cart, _ := manager.Get(r.Context(), "cart").([]string)
			manager.Put(r.Context(), "cart", append(cart, r.FormValue("item")))
		}
		show(w, r)
	})
	mux.HandleFunc("GET /cart", show)
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := manager.Destroy(r.Context()); err != nil {
			shop.Fail(w, err)
		}
	})
	return manager.LoadAndSave(mux)
}
