// Package webtest tests the example servers that differ only in the framework they use: what a visitor of any of them may
// expect of the session.
package webtest

import (
	"net/http"
	"testing"

	"github.com/hardtack-go/hardtack"
)

// App is one of the servers. Its answers are those of View:
//
//	GET  /         a View
//	POST /items    note=TEXT puts it into the cart
//	POST /remove   takes the last note out
//	POST /login    user=NAME
//	POST /logout
//	GET  /account  401 without a login
//
// A POST that worked is answered by 303 with the way to /.
type App struct {
	// Cookie is the name of its session's cookie over TLS.
	Cookie string
	// New makes the server as its main function does. A nil store means stateless.
	New func(c hardtack.Config, store hardtack.Store) (http.Handler, error)
}

// View is what a visitor is shown.
type View struct {
	User        string   `json:"user"`
	Items       []string `json:"items"`
	Flashes     []string `json:"flashes"`
	CookieBytes int      `json:"cookie_bytes"` // of the presented cookie, name plus value
}

// Run runs every test. The working directory must be that of the App's main package, as it is in its tests.
func Run(t *testing.T, a App) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, App)
	}{
		{"NoSession", noSession},
		{"Visit", visit},
		{"LoginRenews", loginRenews},
		{"OverflowsAndReturns", overflowsAndReturns},
		{"TooLarge", tooLarge},
		{"StoreAway", storeAway},
		{"LogoutWithoutStore", logoutWithoutStore},
		{"LogoutEndsCopies", logoutEndsCopies},
		{"Tampered", tampered},
		{"Foreign", foreign},
		{"CrossOrigin", crossOrigin},
		{"Visitors", visitors},
		{"ConcurrentSaves", concurrentSaves},
		{"Process", process},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, a) })
	}
}
