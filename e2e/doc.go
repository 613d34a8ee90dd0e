// Package e2e tests hardtack with the programs that its cookies meet: Chromium,
// nginx in its default configuration, curl, the cookie jar of net/http, and two
// websocket libraries. It has tests only.
//
// It is a module of its own, so that what drives a browser is nobody else's
// dependency. On Debian the programs are in the packages chromium, nginx
// and curl; a test that does not find its program fails and says so.
//
// The screenshot in docs/ is made anew by
//
//	HARDTACK_SCREENSHOT=1 go test -run TestShopPage .
package e2e
