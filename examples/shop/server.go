package main

import (
	"crypto/rand"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack"
)

//go:embed page
var page embed.FS

// cart is what a session of the shop holds.
type cart struct {
	Items []item
}

type item struct {
	Note string // only there to weigh something
}

// Bounds of what may be asked for.
const (
	maxCount = 1000
	maxNote  = 100_000
	maxAdded = 8 << 20 // bytes of notes in one request
	maxItems = 20_000  // in a cart
	maxUser  = 64
)

// serverConfig is what a shop is made of.
type serverConfig struct {
	Session   hardtack.Config
	Store     hardtack.Store // nil means stateless
	StoreName string
}

type server struct {
	jar             *hardtack.Jar[cart]
	mode, storeName string
}

// newServer returns the shop: its page, and the JSON beside it.
func newServer(c serverConfig) (http.Handler, error) {
	s := &server{mode: "stateless"}
	var err error
	if c.Store == nil {
		s.jar, err = hardtack.New[cart](c.Session)
	} else {
		s.mode, s.storeName = "hybrid", c.StoreName
		s.jar, err = hardtack.NewHybrid[cart](c.Session, c.Store)
	}
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.FileServerFS(files))
	mux.Handle("GET /{file}", http.FileServerFS(files))
	mux.HandleFunc("GET /api/config", s.config)
	mux.HandleFunc("GET /api/session", s.read)
	mux.HandleFunc("POST /api/items", s.add)
	mux.HandleFunc("DELETE /api/items", s.remove)
	mux.HandleFunc("POST /api/login", s.login)
	mux.HandleFunc("POST /api/logout", s.logout)

	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusForbidden, failure{Error: "cross_origin"})
	}))
	return secure(protection.Handler(mux)), nil
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

func (s *server) config(w http.ResponseWriter, _ *http.Request) {
	c := s.jar.Config()
	reply(w, http.StatusOK, map[string]any{
		"mode":             s.mode,
		"store":            s.storeName,
		"max":              c.Budget.Max,
		"inline":           c.Budget.Inline,
		"low_water":        c.Budget.LowWater,
		"lifetime_seconds": int64(c.Lifetime / time.Second),
		"idle_seconds":     int64(c.IdleTimeout / time.Second),
		"cookie_name":      c.Name,
	})
}

// read shows the session. It writes only what Touch finds due, and if that
// fails, the cookie that was presented is still good.
func (s *server) read(w http.ResponseWriter, r *http.Request) {
	session, err := s.jar.Get(r)
	if errors.Is(err, hardtack.ErrStoreUnavailable) {
		fail(w, err)
		return
	}
	_, _ = s.jar.Touch(w, r, session)
	show(w, session, err)
}

func (s *server) add(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	count, err := number(query, "count", 1, 1, maxCount)
	if err != nil {
		fail(w, err)
		return
	}
	note, err := number(query, "note", 0, 0, maxNote)
	if err != nil {
		fail(w, err)
		return
	}
	if count*note > maxAdded {
		fail(w, badRequest(fmt.Sprintf("count times note must be at most %d", maxAdded)))
		return
	}
	items := make([]item, count)
	for i := range items {
		items[i].Note = text(note)
	}
	s.update(w, r, func(c *cart) error {
		if len(c.Items)+count > maxItems {
			return badRequest(fmt.Sprintf("a cart holds at most %d items", maxItems))
		}
		c.Items = append(c.Items, items...)
		return nil
	})
}

// remove takes the last count items out, or all of them.
func (s *server) remove(w http.ResponseWriter, r *http.Request) {
	count, err := number(r.URL.Query(), "count", maxItems, 1, maxCount)
	if err != nil {
		fail(w, err)
		return
	}
	s.update(w, r, func(c *cart) error {
		c.Items = c.Items[:max(0, len(c.Items)-count)]
		return nil
	})
}

// update changes the cart, again if another request was faster. Get comes
// first only because the answer says why a cookie was refused.
func (s *server) update(w http.ResponseWriter, r *http.Request, change func(*cart) error) {
	session, refused := s.jar.Get(r)
	_, err := s.jar.Update(w, r, func(latest *hardtack.Session[cart]) error {
		session = latest
		return change(&latest.Data)
	})
	if err != nil {
		fail(w, err)
		return
	}
	show(w, session, refused)
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	if user == "" || len(user) > maxUser || !utf8.ValidString(user) {
		fail(w, badRequest(fmt.Sprintf("user must be a text of 1 to %d bytes", maxUser)))
		return
	}
	session, refused := s.jar.Get(r)
	session.SetSubject(user)
	session.Renew() // SetSubject does it too, but not for somebody who logs in again
	if _, err := s.jar.Save(w, r, session); err != nil {
		fail(w, err)
		return
	}
	show(w, session, refused)
}

// logout also goes on when the store is away: the browser's cookie must go. With
// everywhere=1 it first ends the user's sessions in other browsers, if they are in the store; if that
// fails, this one stays, so that it can be tried again.
func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	session, refused := s.jar.Get(r)
	if r.URL.Query().Get("everywhere") == "1" && session.Subject() != "" {
		_, err := s.jar.EndAll(r.Context(), session.Subject(), session)
		if errors.Is(err, errors.ErrUnsupported) {
			err = badRequest("without a store, sessions elsewhere cannot be ended")
		}
		if err != nil {
			fail(w, err)
			return
		}
	}
	if err := s.jar.Delete(w, r, session); err != nil {
		fail(w, err)
		return
	}
	show(w, session, refused)
}

// state is the session as the page sees it.
type state struct {
	ID        string    `json:"id"`
	New       bool      `json:"new"`
	User      string    `json:"user"`
	Items     int       `json:"items"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Key       string    `json:"key"` // that sealed the presented cookie
	Refused   string    `json:"refused"`
	Placement placement `json:"placement"`
}

type placement struct {
	Where        string `json:"where"`
	Reason       string `json:"reason"`
	PayloadBytes int    `json:"payload_bytes"`
	CookieBytes  int    `json:"cookie_bytes"`
	Limit        int    `json:"limit"`
}

func show(w http.ResponseWriter, s *hardtack.Session[cart], refused error) {
	p := s.Placement()
	key := ""
	if id := s.KeyID(); id != (hardtack.KeyID{}) {
		key = id.String()
	}
	reply(w, http.StatusOK, state{
		ID:        s.ID(),
		New:       s.IsNew(),
		User:      s.Subject(),
		Items:     len(s.Data.Items),
		Created:   s.Created(),
		Expires:   s.Expires(),
		Key:       key,
		Refused:   refusal(refused),
		Placement: placement{p.Where.String(), p.Reason, p.PayloadBytes, p.CookieBytes, p.Limit},
	})
}

// refusals are the reasons that the demonstration tells. A real application
// keeps them to its log: whoever forges cookies should learn nothing.
var refusals = []struct {
	err  error
	name string
}{
	{hardtack.ErrMalformed, "malformed"},
	{hardtack.ErrUnknownKey, "unknown_key"},
	{hardtack.ErrForged, "forged"},
	{hardtack.ErrNotYetValid, "not_yet_valid"},
	{hardtack.ErrExpired, "expired"},
	{hardtack.ErrIdle, "idle"},
	{hardtack.ErrRevokedKey, "revoked_key"},
	{hardtack.ErrPayload, "payload"},
	{hardtack.ErrRecordMissing, "record_missing"},
	{hardtack.ErrEnded, "ended"},
}

func refusal(err error) string {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return ""
}

// badRequest says what is wrong with a request.
type badRequest string

func (e badRequest) Error() string { return string(e) }

type failure struct {
	Error  string `json:"error"`
	Detail string `json:"detail,omitempty"`
}

// tooLarge tells what a *hardtack.SizeError does.
type tooLarge struct {
	Error       string      `json:"error"`
	CookieBytes int         `json:"cookie_bytes"`           // 0 if the record was too large
	RecordBytes int         `json:"record_bytes,omitempty"` // 0 if the cookie was
	Limit       int         `json:"limit"`
	Over        int         `json:"over"`
	Largest     []fieldSize `json:"largest"`
}

type fieldSize struct {
	Field string `json:"field"`
	Bytes int    `json:"bytes"`
}

// fail answers with what went wrong. The session is as it was before.
func fail(w http.ResponseWriter, err error) {
	var size *hardtack.SizeError
	var bad badRequest
	switch {
	case errors.As(err, &bad):
		reply(w, http.StatusBadRequest, failure{Error: "bad_request", Detail: bad.Error()})
	case errors.As(err, &size):
		largest := make([]fieldSize, len(size.Fields))
		for i, f := range size.Fields {
			largest[i] = fieldSize(f)
		}
		reply(w, http.StatusRequestEntityTooLarge,
			tooLarge{"too_large", size.CookieBytes, size.RecordBytes, size.Limit, size.Over, largest})
	case errors.Is(err, hardtack.ErrStoreUnavailable):
		reply(w, http.StatusServiceUnavailable, failure{Error: "store_unavailable"})
	case errors.Is(err, hardtack.ErrConflict), errors.Is(err, hardtack.ErrEnded),
		errors.Is(err, hardtack.ErrRecordMissing), errors.Is(err, hardtack.ErrExpired):
		// Another request has changed or ended the session since it was read.
		reply(w, http.StatusConflict, failure{Error: "conflict"})
	default:
		reply(w, http.StatusInternalServerError, failure{Error: "internal"})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // JSON needs nothing
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// number returns the parameter called name, between low and high, or missing
// if there is none.
func number(query url.Values, name string, missing, low, high int) (int, error) {
	if !query.Has(name) {
		return missing, nil
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < low || n > high {
		return 0, badRequest(fmt.Sprintf("%s must be a number from %d to %d", name, low, high))
	}
	return n, nil
}

// text returns n random characters, which no compression could shrink much.
func text(n int) string {
	random := make([]byte, (n*3+3)/4)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(random)[:n]
}
