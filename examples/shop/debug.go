package main

import (
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack"
)

// keyReport is the answer of /debug/keys.
type keyReport struct {
	Clock   time.Time      `json:"clock"`  // the shop's
	Loaded  time.Time      `json:"loaded"` // when it last read the key file, by that clock
	Sealing hardtack.KeyID `json:"sealing"`
	Faults  []string       `json:"faults"`
	Keys    []keyCounts    `json:"keys"` // the newest first, then unknown ones that cookies named
}

type keyCounts struct {
	ID      hardtack.KeyID `json:"id"`
	State   string         `json:"state"` // empty for an unknown key
	Opened  uint64         `json:"opened"`
	Sealed  uint64         `json:"sealed"`
	Refused uint64         `json:"refused"`
}

// withDebug adds /debug/keys to the shop.
func withDebug(shop http.Handler, keys *hardtack.Keyring, clock func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", shop)
	mux.HandleFunc("GET /debug/keys", func(w http.ResponseWriter, _ *http.Request) {
		health := keys.Health()
		r := keyReport{Clock: clock(), Loaded: health.Loaded, Sealing: health.Sealing, Faults: []string{}, Keys: []keyCounts{}}
		for _, fault := range health.Faults {
			r.Faults = append(r.Faults, fault.Error())
		}
		for _, u := range keys.Use() {
			c := keyCounts{ID: u.ID, Opened: u.Opened, Sealed: u.Sealed, Refused: u.Refused}
			if u.State != 0 {
				c.State = u.State.String()
			}
			r.Keys = append(r.Keys, c)
		}
		reply(w, http.StatusOK, r)
	})
	return mux
}
