package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"
)

// cart is what a session of the shop holds, beside its user and its identity.
type cart struct {
	Items []item
}

type item struct {
	Note string // only there to weigh something
}

// Keys of the session's data.
const (
	cartKey    = "cart"
	userKey    = "user"
	idKey      = "id" // the token is a secret, so a session has an identity to show
	createdKey = "created"
)

type server struct{ sessions *scs.SessionManager }

// newServer returns the shop. Its middleware is the other shop's, with scs's LoadAndSave added.
func newServer(sessions *scs.SessionManager) http.Handler {
	gob.Register(cart{}) // as scs asks for
	gob.Register(time.Time{})
	s := server{sessions}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/session", s.read)
	mux.HandleFunc("POST /api/items", s.add)
	mux.HandleFunc("DELETE /api/items", s.remove)
	mux.HandleFunc("POST /api/login", s.login)
	mux.HandleFunc("POST /api/logout", s.logout)

	all := http.NewServeMux()
	all.Handle("/", secure(http.NewCrossOriginProtection().Handler(sessions.LoadAndSave(mux))))
	all.HandleFunc("GET /debug/runtime", debugRuntime)
	return all
}

// secure adds the headers that tell browsers to be strict.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

func (s server) read(w http.ResponseWriter, r *http.Request) { s.show(w, r, false) }

func (s server) add(w http.ResponseWriter, r *http.Request) {
	count, err1 := number(r, "count", 1)
	note, err2 := number(r, "note", 0)
	if err1 != nil || err2 != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "bad_request"})
		return
	}
	fresh := s.begin(r)
	c := s.cart(r)
	for range count {
		c.Items = append(c.Items, item{text(note)})
	}
	s.sessions.Put(r.Context(), cartKey, c)
	s.show(w, r, fresh)
}

// remove takes the last count items out, or all of them.
func (s server) remove(w http.ResponseWriter, r *http.Request) {
	fresh := s.begin(r)
	c := s.cart(r)
	count, err := number(r, "count", len(c.Items))
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "bad_request"})
		return
	}
	c.Items = c.Items[:max(0, len(c.Items)-count)]
	s.sessions.Put(r.Context(), cartKey, c)
	s.show(w, r, fresh)
}

// login changes the token first, which scs recommends against session fixation.
func (s server) login(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
		return
	}
	fresh := s.begin(r)
	s.sessions.Put(r.Context(), idKey, rand.Text())
	s.sessions.Put(r.Context(), userKey, r.URL.Query().Get("user"))
	s.show(w, r, fresh)
}

func (s server) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
		return
	}
	s.show(w, r, false)
}

// begin gives a new session its identity, and says whether it is one.
func (s server) begin(r *http.Request) bool {
	if s.sessions.Exists(r.Context(), idKey) {
		return false
	}
	s.sessions.Put(r.Context(), idKey, rand.Text())
	s.sessions.Put(r.Context(), createdKey, time.Now())
	return true
}

func (s server) cart(r *http.Request) cart {
	c, _ := s.sessions.Get(r.Context(), cartKey).(cart) // there is none in a new session
	return c
}

// state is the session as the other shop shows it.
type state struct {
	ID        string    `json:"id"`
	New       bool      `json:"new"`
	User      string    `json:"user"`
	Items     int       `json:"items"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Placement placement `json:"placement"`
}

type placement struct {
	Where string `json:"where"`
}

func (s server) show(w http.ResponseWriter, r *http.Request, fresh bool) {
	ctx := r.Context()
	id := s.sessions.GetString(ctx, idKey)
	reply(w, http.StatusOK, state{
		ID:        id,
		New:       fresh || id == "",
		User:      s.sessions.GetString(ctx, userKey),
		Items:     len(s.cart(r).Items),
		Created:   s.sessions.GetTime(ctx, createdKey),
		Expires:   s.sessions.Deadline(ctx),
		Placement: placement{"store"},
	})
}

// debugRuntime answers as the other shop does with -debug-runtime.
func debugRuntime(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("gc") == "1" {
		runtime.GC()
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	reply(w, http.StatusOK, map[string]uint64{"goroutines": uint64(runtime.NumGoroutine()), "live_heap_bytes": live[0].Value.Uint64()})
}

func reply(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // JSON needs nothing
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// number returns the parameter called name, or missing if there is none.
func number(r *http.Request, name string, missing int) (int, error) {
	if !r.URL.Query().Has(name) {
		return missing, nil
	}
	return strconv.Atoi(r.URL.Query().Get(name))
}

// text returns n random characters.
func text(n int) string {
	random := make([]byte, (n*3+3)/4)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)[:n]
}
