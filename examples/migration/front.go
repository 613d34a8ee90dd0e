package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hardtack-go/hardtack"
)

// front is the one address that clients know: a load balancer that speaks TLS, in front of the servers.
type front struct {
	*httptest.Server
	proxy  *httputil.ReverseProxy
	broken atomic.Int64 // requests that a server did not answer

	mu     sync.Mutex
	pool   []*server
	turn   int
	sticky bool // a request with hardtack's cookie goes only to servers that know it
}

func newFront() *front {
	f := &front{}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(r.In.Context().Value(serverKey{}).(*server).url) },
		Transport: &http.Transport{
			MaxIdleConnsPerHost: parallel,
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			f.broken.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that hang up when the drill ends
	f.StartTLS()
	return f
}

type serverKey struct{}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := f.pick(r)
	defer s.busy.Done()
	s.answered.Add(1)
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), serverKey{}, s)))
}

// pick returns the next server, which counts as busy.
func (f *front) pick(r *http.Request) *server {
	_, err := r.Cookie(hardtack.DefaultName)
	f.mu.Lock()
	defer f.mu.Unlock()
	var s *server
	for range f.pool {
		f.turn++
		s = f.pool[f.turn%len(f.pool)]
		if !f.sticky || err != nil || !s.old {
			break
		}
	}
	s.busy.Add(1)
	return s
}

// route gives requests to these servers from now on, and returns those that get no more.
func (f *front) route(pool ...*server) (out []*server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.pool {
		if !slices.Contains(pool, s) {
			out = append(out, s)
		}
	}
	f.pool = pool
	return out
}

// stick says whether requests with hardtack's cookie go only to servers that know it.
func (f *front) stick(sticky bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sticky = sticky
}

// Close waits for the requests that are under way.
func (f *front) Close() {
	f.Server.Close()
	f.proxy.Transport.(*http.Transport).CloseIdleConnections()
}

// server is one instance of the application.
type server struct {
	*http.Server
	url      *url.URL
	old      bool // does not know hardtack's cookie
	busy     sync.WaitGroup
	answered atomic.Int64
	drain    func() error                // waits for what s is busy with, once the front gives it no more, and ends it
	use      func() []hardtack.FormerUse // nil for what has none
}

func startServer(h http.Handler) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{
		Server: &http.Server{Handler: h},
		url:    &url.URL{Scheme: "http", Host: l.Addr().String()},
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	s.drain = sync.OnceValue(func() error {
		s.busy.Wait()
		err := s.Close()
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	})
	return s, nil
}
