package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// shopURL is what the cookie jars take the shop for: a site behind a proxy that ends TLS, so that they keep Secure cookies.
var shopURL = &url.URL{Scheme: "https", Host: "shop.example", Path: "/"}

// What a visitor does, of 100 requests; the rest are looks. They are what the report calls the kinds of request.
const (
	look   = "look"
	add    = "add"
	remove = "remove"
	login  = "log in"
	logout = "log out"

	changes = 23 // adds and removes
	logins  = 4
	logouts = 3
)

// A collector's cart outgrows its cookie, another visitor's does not.
const (
	collectorOf    = 4 // visitors, one is a collector
	collectorLimit = 60
	collectorAdds  = 20 // at most, at once
	otherLimit     = 6
	otherAdds      = 2
	noteBytes      = 120
)

// visitor is a customer, who knows what the session must hold. Whoever has taken one from the crowd owns it.
type visitor struct {
	number    int
	random    *rand.Rand
	jar       *cookiejar.Jar
	collector bool

	// The session, if alive.
	alive  bool
	id     string
	user   string
	items  int
	stored bool

	doing action // its request in flight
}

// action is one request.
type action struct {
	kind, method, path string
	items              int // in the cart afterwards
}

func newVisitor(number int, seed uint64) *visitor {
	v := &visitor{number: number, random: rand.New(rand.NewPCG(seed, uint64(number))), collector: number%collectorOf == 0}
	v.forget()
	return v
}

// forget is a new browser: no cookies, no session.
func (v *visitor) forget() {
	v.jar, _ = cookiejar.New(nil) // fails for no options
	v.alive, v.id, v.user, v.items, v.stored = false, "", "", 0, false
}

// cookies returns the Cookie header.
func (v *visitor) cookies() string {
	var pairs []string
	for _, c := range v.jar.Cookies(shopURL) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// next decides what the visitor does.
func (v *visitor) next() {
	p := v.random.IntN(100)
	switch {
	case !v.alive:
		v.doing = v.add()
	case p < changes:
		v.doing = v.change()
	case p < changes+logins:
		v.doing = action{login, http.MethodPost, "/api/login?user=" + v.name(), v.items}
	case p < changes+logins+logouts:
		v.doing = action{logout, http.MethodPost, "/api/logout", 0}
	default:
		v.doing = action{look, http.MethodGet, "/api/session", v.items}
	}
}

// name is the user that this visitor logs in as, and no other.
func (v *visitor) name() string { return fmt.Sprintf("visitor-%d", v.number) }

func (v *visitor) change() action {
	limit := otherLimit
	if v.collector {
		limit = collectorLimit
	}
	switch {
	case v.items < limit && (v.items == 0 || v.random.IntN(3) > 0):
		return v.add()
	case v.random.IntN(2) == 0:
		return action{remove, http.MethodDelete, "/api/items", 0}
	}
	n := 1 + v.random.IntN(v.items)
	return action{remove, http.MethodDelete, fmt.Sprintf("/api/items?count=%d", n), v.items - n}
}

func (v *visitor) add() action {
	most := otherAdds
	if v.collector {
		most = collectorAdds
	}
	n := 1 + v.random.IntN(most)
	return action{add, http.MethodPost, fmt.Sprintf("/api/items?count=%d&note=%d", n, noteBytes), v.items + n}
}

// answer is the session as a shop shows it, or its failure.
type answer struct {
	ID        string `json:"id"`
	New       bool   `json:"new"`
	User      string `json:"user"`
	Items     int    `json:"items"`
	Key       string `json:"key"`
	Refused   string `json:"refused"`
	Error     string `json:"error"`
	Placement struct {
		Where string `json:"where"`
	} `json:"placement"`
}

// take takes an answer to what the visitor was doing. It returns what is wrong with it, without an ID or a cookie, or "".
// Afterwards the visitor believes the shop, so that one fault counts once.
func (v *visitor) take(code int, header http.Header, body []byte) (a answer, fault string) {
	err := json.Unmarshal(body, &a)
	if code != http.StatusOK || err != nil {
		v.forget()
		if code == http.StatusOK {
			return a, "the answer is not the JSON it should be"
		}
		return a, strings.TrimSpace(fmt.Sprintf("status %d %s", code, a.Error))
	}
	fault = v.compare(&a)
	set := (&http.Response{Header: header}).Cookies()
	v.jar.SetCookies(shopURL, set)
	if v.doing.kind == logout {
		if fault == "" && v.cookies() != "" {
			fault = "the cookie is still there after the logout"
		}
		v.forget()
		return a, fault
	}
	v.alive, v.id, v.user, v.items, v.stored = true, a.ID, a.User, a.Items, a.Placement.Where == "store"
	return a, fault
}

// compare says what is wrong with an answer.
func (v *visitor) compare(a *answer) string {
	user := v.user
	if v.doing.kind == login {
		user = v.name()
	}
	switch {
	case a.Refused != "":
		return "the session is lost: refused as " + a.Refused
	case v.doing.kind == logout:
		return "" // what it shows is over
	case v.alive && a.New:
		return "the session is lost: the shop takes the visitor for a new one"
	case a.User != user:
		return "the session is mixed up: it is another user's, or nobody's"
	case v.alive && v.doing.kind != login && a.ID != v.id:
		return "the session is mixed up: it is another one than before"
	case v.doing.kind == login && a.ID == v.id:
		return "the session has the same identity after the login as before"
	case a.Items != v.doing.items:
		return fmt.Sprintf("the cart holds %d items and must hold %d", a.Items, v.doing.items)
	}
	return ""
}
