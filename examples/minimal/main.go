// Command minimal is the smallest complete use of hardtack: a page that counts
// its visits, in the visitor's own cookie.
//
//	go run ./examples/minimal
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/hardtack-go/hardtack"
)

// visits is the session's data. Any type will do.
type visits struct {
	Count int
}

func main() {
	handler, err := newHandler()
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on http://localhost:8080")
	log.Fatal(http.ListenAndServe("localhost:8080", handler))
}

func newHandler() (http.Handler, error) {
	// Keys that die with the process; an application keeps its own (see NewKeyring).
	jar, err := hardtack.New[visits](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		session, _ := jar.From(r.Context()) // a fresh one if there is none that is good
		session.Data.Count++
		fmt.Fprintf(w, "Visit %d.\n", session.Data.Count)
	})
	return jar.Handler(mux), nil // it saves a changed session before the response begins
}
