package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// Data is what the session of a client holds.
type Data struct {
	Owner  string `cbor:"o,omitempty"`
	Serial int    `cbor:"s,omitempty"` // of the save that wrote it; later saves have higher ones
	Items  []int  `cbor:"i,omitempty"` // what tabs have appended
	Note   string `cbor:"n,omitempty"`
}

// Notes of these lengths put a session into its cookie, between the low-water mark and the inline budget, or into the
// store.
const (
	Small  = 50
	Middle = 1900
	Large  = 4000
)

// Server is an application that uses a hybrid Jar.
type Server struct {
	URL  string
	Jar  *hardtack.Jar[Data]
	Keys *hardtack.Keyring

	Overflowed, Returned, StoreErrors atomic.Int64 // what its Observer has heard
}

// NewServer starts an application on store, which ends with the test.
func NewServer(t testing.TB, store hardtack.Store, options ...func(*hardtack.Config)) *Server {
	t.Helper()
	s := &Server{Keys: hardtack.EphemeralKeyring()}
	c := hardtack.Config{Keys: s.Keys, Observer: hardtack.Observer{
		Overflowed: func(context.Context, int) { s.Overflowed.Add(1) },
		Returned:   func(context.Context, int) { s.Returned.Add(1) },
		StoreError: func(context.Context, string, error) { s.StoreErrors.Add(1) },
	}}
	for _, o := range options {
		o(&c)
	}
	s.Keys = c.Keys
	jar, err := hardtack.NewHybrid[Data](c, store)
	require.NoError(t, err)
	s.Jar = jar
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h := Serve(l, Handler(jar))
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// Serve serves HTTPS, as the cookies need it, with a certificate that [NewLoad]'s clients trust.
func Serve(l net.Listener, h http.Handler) *httptest.Server {
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.StartTLS()
	return s
}

// Answer is the body of a 200.
type Answer struct {
	Fresh  string `json:"fresh,omitempty"` // why there is no session, if there is none
	ID     string `json:"id"`
	Owner  string `json:"owner"`
	Serial int    `json:"serial"`
	Items  []int  `json:"items"`
	Was    Was    `json:"was"` // what the save was based on
	Stored bool   `json:"stored"`
}

// Was is a state of a session.
type Was struct {
	Owner  string `json:"owner"`
	Serial int    `json:"serial"`
	Items  []int  `json:"items"`
}

// Ways to save.
const (
	byHandler = "handler" // Handler saves what has changed
	bySave    = "save"    // the handler calls Save
	byUpdate  = "update"  // and Update
	byLogin   = "login"   // Renew, and then Save
)

// Handler is the application: GET / reads the session, POST / saves it, POST /logout ends it. It answers with
// an [Answer], with 503 if the store is away, with 409 on a conflict, and with 410 and the reason if the session of a cookie is
// refused on a save.
func Handler(jar *hardtack.Jar[Data]) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, err := jar.From(r.Context())
		if errors.Is(err, hardtack.ErrStoreUnavailable) {
			return // Handler answers
		}
		answer(w, s, err, Was{})
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) { save(jar, w, r) })
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		if err := jar.Delete(w, r, s); err != nil {
			fail(w, err)
		}
	})
	return jar.Handler(mux)
}

func save(jar *hardtack.Jar[Data], w http.ResponseWriter, r *http.Request) {
	var was Was
	change := func(s *hardtack.Session[Data]) error {
		d := &s.Data
		was = Was{d.Owner, d.Serial, d.Items}
		d.Owner = r.FormValue("owner")
		d.Serial, _ = strconv.Atoi(r.FormValue("serial"))
		if r.FormValue("append") != "" {
			d.Items = append(d.Items[:len(d.Items):len(d.Items)], d.Serial)
		}
		length, _ := strconv.Atoi(r.FormValue("note"))
		d.Note = strings.Repeat("n", length)
		if r.FormValue("subject") != "" {
			s.SetSubject(d.Owner)
		}
		return nil
	}
	s, err := jar.From(r.Context())
	if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
		fail(w, err)
		return
	}
	switch r.FormValue("how") {
	case byHandler:
		err = change(s)
	case bySave:
		_ = change(s)
		_, err = jar.Save(w, r, s)
	case byUpdate:
		_, err = jar.Update(w, r, change)
	case byLogin:
		_ = change(s)
		s.Renew()
		_, err = jar.Save(w, r, s)
	}
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, s, nil, was)
}

func answer(w http.ResponseWriter, s *hardtack.Session[Data], err error, was Was) {
	a := Answer{ID: s.ID(), Owner: s.Data.Owner, Serial: s.Data.Serial, Items: s.Data.Items, Was: was}
	a.Stored = s.Placement().Where == hardtack.InStore
	if err != nil {
		a.Fresh = err.Error()
	}
	_ = json.NewEncoder(w).Encode(a) // the Handler's error has become the answer
}

// fail answers for an error of a Jar. Its words are for the report of a test that fails.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, hardtack.ErrStoreUnavailable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, hardtack.ErrConflict):
		status = http.StatusConflict
	case refusal(err):
		status = http.StatusGone
	}
	http.Error(w, err.Error(), status)
}

func refusal(err error) bool {
	for _, e := range []error{hardtack.ErrMalformed, hardtack.ErrUnknownKey, hardtack.ErrForged, hardtack.ErrExpired,
		hardtack.ErrPayload, hardtack.ErrRecordMissing, hardtack.ErrEnded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
