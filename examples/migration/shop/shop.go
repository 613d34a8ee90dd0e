// Package shop is the application that migrates: a login and a cart.
package shop

import (
	"encoding/json"
	"net/http"

	"github.com/hardtack-go/hardtack"
)

// Account is what the shop keeps in a session.
type Account struct {
	User string   `json:"user"`
	Cart []string `json:"cart"`
}

// Handler is the shop on hardtack, wherever its sessions have come from.
func Handler(jar *hardtack.Jar[Account]) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		s.Data = Account{User: r.FormValue("user")}
		s.Renew()
		s.SetSubject(s.Data.User)
		Show(w, &s.Data)
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		if s.Data.User != "" {
			s.Data.Cart = append(s.Data.Cart, r.FormValue("item"))
		}
		Show(w, &s.Data)
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		Show(w, &s.Data)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		if err := jar.Delete(w, r, s); err != nil {
			Fail(w, err)
		}
	})
	return jar.Handler(mux)
}

// Show answers with the account as JSON, or with 401 if nobody is logged in.
func Show(w http.ResponseWriter, a *Account) {
	if a.User == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a)
}

// Fail answers that the session could not be written.
func Fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
