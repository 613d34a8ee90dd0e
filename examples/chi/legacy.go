package main

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// legacy was written for gorilla/sessions. Its session has a cookie of its own, below its own path, and the same keys.
type legacy struct{ store sessions.Store }

func newLegacy(c hardtack.Config, overflow hardtack.Store) (*legacy, error) {
	store, err := gorilla.NewStore(gorilla.StoreConfig{Config: c, Overflow: overflow}) // was: sessions.NewCookieStore(hashKey, blockKey)
	if err != nil {
		return nil, err
	}
	store.Options.Path = "/legacy"
	return &legacy{store}, nil
}

func (l *legacy) routes(r chi.Router) {
	r.Get("/count", l.count)
}

// count counts its calls.
func (l *legacy) count(w http.ResponseWriter, r *http.Request) {
	session, err := l.store.Get(r, "legacy")
	if errors.Is(err, hardtack.ErrStoreUnavailable) {
		fail(w, err)
		return
	}
	count, _ := session.Values["count"].(int)
	session.Values["count"] = count + 1
	if err := session.Save(r, w); err != nil {
		fail(w, err)
		return
	}
	reply(w, map[string]any{"count": count + 1})
}
