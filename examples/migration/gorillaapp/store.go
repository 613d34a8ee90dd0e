package gorillaapp

import (
	"net/http"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// NewStore takes the place of sessions.NewCookieStore. The first of two deploys has writeOld, and servers of gorilla/sessions beside it. Without keys it reads
// sealed cookies only.
func NewStore(ring *hardtack.Keyring, metrics hardtack.Observer, writeOld bool, oldKeyPairs ...[]byte) (*gorilla.Store, error) {
	return gorilla.NewStore(gorilla.StoreConfig{
		Config:      hardtack.Config{Keys: ring, Observer: metrics},
		OldKeyPairs: oldKeyPairs,
		WriteOld:    writeOld,
	})
}

// With is the shop with any store: its handlers are those of before.
func With(store sessions.Store) http.Handler { return handler(store) }
