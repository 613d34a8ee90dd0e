package hardtack_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"time"

	"github.com/hardtack-go/hardtack"
)

// A whole program: login, a cart, logout.
func Example() {
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		s.Renew()
		s.SetSubject("ada")
		fmt.Fprintln(w, "welcome")
	})
	mux.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		s.Data.Items = append(s.Data.Items, r.FormValue("item"))
		fmt.Fprintf(w, "%q has %v\n", s.Subject(), s.Data.Items)
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		if err := jar.Delete(w, r, s); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "goodbye")
	})
	server := httptest.NewTLSServer(jar.Handler(mux))
	defer server.Close()

	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	for _, path := range []string{"/login", "/add?item=biscuit", "/add?item=rum", "/logout", "/add?item=lime"} {
		res, err := client.Get(server.URL + path)
		if err != nil {
			panic(err)
		}
		var line [100]byte
		n, _ := res.Body.Read(line[:])
		res.Body.Close()
		fmt.Print(string(line[:n]))
	}
	// Output:
	// welcome
	// "ada" has [biscuit]
	// "ada" has [biscuit rum]
	// goodbye
	// "" has [lime]
}

func ExampleJar_Update() {
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
	placed, err := jar.Update(w, r, func(s *hardtack.Session[exampleCart]) error {
		s.Data.Items = append(s.Data.Items, "biscuit")
		return nil
	})
	fmt.Println(placed.Where, err)

	w = httptest.NewRecorder()
	_, err = jar.Update(w, r, func(*hardtack.Session[exampleCart]) error {
		return errors.New("sold out")
	})
	fmt.Println(err, len(w.Result().Cookies()))
	// Output:
	// cookie <nil>
	// sold out 0
}

// Renew at login: an ID from before it is worth nothing after it.
func ExampleSession_Renew() {
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	s, _ := jar.Get(httptest.NewRequest("POST", "/login", nil))
	s.Data.Items = []string{"biscuit"}
	before := s.ID()
	s.Renew()
	fmt.Println(s.ID() == before, s.Data.Items)
	// Output: false [biscuit]
}

// A new key is announced to all servers before it seals, and nobody is logged out.
func ExampleKeyring_Replace() {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	old := hardtack.GenerateKey(time.Time{}, time.Time{})
	ring, err := hardtack.NewKeyring(old)
	if err != nil {
		panic(err)
	}
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: ring, Now: func() time.Time { return now }})
	if err != nil {
		panic(err)
	}
	visit := func(r *http.Request) *http.Cookie {
		w := httptest.NewRecorder()
		s, err := jar.Get(r)
		fmt.Println(s.Data.Items, err)
		s.Data.Items = append(s.Data.Items, "biscuit")
		if _, err := jar.Save(w, r, s); err != nil {
			panic(err)
		}
		return w.Result().Cookies()[0]
	}
	cookie := visit(httptest.NewRequest("GET", "/", nil))

	next := hardtack.GenerateKey(now.Add(time.Hour), time.Time{})
	if err := ring.Replace(next, old); err != nil {
		panic(err)
	}
	id, _ := ring.SealingKey(now)
	fmt.Println("announced; the old key seals:", id == old.ID())

	now = now.Add(time.Hour)
	id, _ = ring.SealingKey(now)
	fmt.Println("activated; the new key seals:", id == next.ID())
	for range 2 {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		cookie = visit(r)
	}
	// Output:
	// [] hardtack: no session cookie
	// announced; the old key seals: true
	// activated; the new key seals: true
	// [biscuit] <nil>
	// [biscuit biscuit] <nil>
}
