package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeFault is the environment variable that makes this test binary a shop with the fault that it names.
const fakeFault = "SOAK_FAKE_SHOP"

func TestMain(m *testing.M) {
	if fault, ok := os.LookupEnv(fakeFault); ok {
		if err := serveFake(fault); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// startFake runs this test binary as a shop.
func startFake(t *testing.T, name, fault string) *contender {
	t.Helper()
	p, err := start(t.Context(), os.Args[0], []string{fakeFault + "=" + fault})
	require.NoError(t, err)
	t.Cleanup(p.kill)
	return &contender{name: name, process: p}
}

// fakeShop keeps its sessions in memory, under their IDs.
type fakeShop struct {
	fault string

	mu       sync.Mutex
	sessions map[string]*fakeSession
	last     int // ID
	requests int
	kept     [][]byte
}

type fakeSession struct {
	user  string
	items int
}

func serveFake(fault string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	shop := &fakeShop{fault: fault, sessions: map[string]*fakeSession{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/", shop.serve)
	mux.HandleFunc("/debug/runtime", shop.runtime)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	fmt.Printf("listening on http://%s\n", listener.Addr())
	go func() { _ = http.Serve(listener, mux) }()
	<-ended
	if fault == "does not end well" {
		return fmt.Errorf("the fake has failed")
	}
	return nil
}

// every says whether the fault is this one, and this request one of many that have it.
func (s *fakeShop) every(n int, fault string) bool { return s.fault == fault && s.requests%n == n-1 }

func (s *fakeShop) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	id := ""
	if c, err := r.Cookie("fake"); err == nil {
		id = c.Value
	}
	if s.every(50, "loses sessions") {
		delete(s.sessions, id)
	}
	if s.every(50, "mixes sessions up") {
		for id = range s.sessions {
			break
		}
	}
	if s.every(50, "answers 500") {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if s.every(50, "hangs up") {
		panic(http.ErrAbortHandler)
	}
	if s.fault == "leaks goroutines" && s.requests%10 == 0 {
		go func() { select {} }()
	}
	if s.fault == "leaks memory" {
		s.kept = append(s.kept, make([]byte, 64<<10))
	}
	s.answer(w, r, id)
}

func (s *fakeShop) answer(w http.ResponseWriter, r *http.Request, id string) {
	session, found := s.sessions[id]
	if !found {
		session = &fakeSession{}
		id = ""
	}
	renew := func() {
		delete(s.sessions, id)
		s.last++
		id = strconv.Itoa(s.last)
		s.sessions[id] = session
		http.SetCookie(w, &http.Cookie{Name: "fake", Value: id})
	}
	number := func(name string, missing int) int {
		if n, err := strconv.Atoi(r.FormValue(name)); err == nil {
			return n
		}
		return missing
	}
	if id == "" && r.Method != http.MethodGet {
		renew()
	}
	switch r.Method + r.URL.Path {
	case "POST/api/items":
		session.items += number("count", 1)
		if s.every(20, "forgets articles") {
			session.items--
		}
	case "DELETE/api/items":
		session.items = max(0, session.items-number("count", session.items))
	case "POST/api/login":
		session.user = r.FormValue("user")
		if s.fault != "keeps the identity" {
			renew()
		}
	case "POST/api/logout":
		delete(s.sessions, id)
		if s.fault != "keeps the cookie" {
			http.SetCookie(w, &http.Cookie{Name: "fake", MaxAge: -1})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": id, "new": !found, "user": session.user, "items": session.items, "placement": map[string]string{"where": "store"},
	})
}

func (s *fakeShop) runtime(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("gc") == "1" {
		runtime.GC()
		if s.fault == "speaks" {
			fmt.Fprintln(os.Stderr, "something is odd")
		}
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	_ = json.NewEncoder(w).Encode(map[string]uint64{"goroutines": uint64(runtime.NumGoroutine()), "live_heap_bytes": live[0].Value.Uint64()})
}
