//go:build unix

package request

import (
	"net/http"
	"testing"
)

// nullWriter is a response that costs nothing.
type nullWriter struct {
	header http.Header
	status int // 0 if it is 200
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Write(b []byte) (int, error) { return len(b), nil }

// server calls a handler, one request after the other.
type server struct {
	handler http.Handler
	w       nullWriter
	r       *http.Request
}

func newServer(h http.Handler) *server {
	return &server{h, nullWriter{header: http.Header{}}, new(http.Request)}
}

// serve calls the handler with a copy of r: gorilla/sessions keeps the session that it has read in the context of the request, and changes the caller's.
func (s *server) serve(r *http.Request) {
	*s.r = *r
	clear(s.w.header)
	s.handler.ServeHTTP(&s.w, s.r)
}

// serveInTurn measures the handler with the requests, one after the other.
func serveInTurn(b *testing.B, h http.Handler, requests []*http.Request) {
	s := newServer(h)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.serve(requests[i%len(requests)])
	}
	if s.w.status != 0 {
		b.Fatalf("answered with %d", s.w.status)
	}
}
