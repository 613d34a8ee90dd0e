package gorilla_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// visits is a handler as it was written for gorilla/sessions, and stays.
func visits(store sessions.Store) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session") // new if the cookie is not good
		n, _ := session.Values["visits"].(int)
		session.Values["visits"] = n + 1
		if err := session.Save(r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "visit %d", n+1)
	}
}

func ExampleNewStore() {
	hashKey, blockKey := []byte("the hash key of all these years."), []byte("and the block key, of 32 bytes..")

	// Before:
	before := sessions.NewCookieStore(hashKey, blockKey)

	// After, with nobody logged out:
	after, err := gorilla.NewStore(gorilla.StoreConfig{
		Config:      hardtack.Config{Keys: hardtack.EphemeralKeyring()}, // in earnest: keyfile.Open
		OldKeyPairs: [][]byte{hashKey, blockKey},
	})
	if err != nil {
		panic(err)
	}

	var cookie string
	for _, store := range []sessions.Store{before, after, after} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Cookie", cookie)
		visits(store)(w, r)
		c := w.Result().Cookies()[0]
		cookie = c.Name + "=" + c.Value
		fmt.Println(w.Body, c.Name, c.HttpOnly)
	}
	// Output:
	// visit 1 session false
	// visit 2 session true
	// visit 3 session true
}

func ExampleStore_Renew() {
	store, err := gorilla.NewStore(gorilla.StoreConfig{Config: hardtack.Config{Keys: hardtack.EphemeralKeyring()}})
	if err != nil {
		panic(err)
	}
	login := func(w http.ResponseWriter, r *http.Request) {
		session, err := store.Get(r, "session")
		if errors.Is(err, hardtack.ErrStoreUnavailable) { // all others mean a new session
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		before := session.ID
		if err := store.Renew(session); err != nil { // gorilla/sessions has nothing for this
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		session.Values["user"] = "ada"
		if err := session.Save(r, w); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Println("another session:", session.ID != before)
	}
	login(httptest.NewRecorder(), httptest.NewRequest("POST", "/login", nil))
	// Output:
	// another session: true
}
