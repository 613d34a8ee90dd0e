package hardtack_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
)

type exampleCart struct{ Items []string }

func ExampleNew() {
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, err := jar.Get(r)
	fmt.Println(errors.Is(err, hardtack.ErrNoCookie))
	s.Data.Items = append(s.Data.Items, "biscuit")
	placed, err := jar.Save(w, r, s)
	fmt.Println(placed.Where, err)
	// Output:
	// true
	// cookie <nil>
}

func ExampleNewHybrid() {
	store := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
	jar, err := hardtack.NewHybrid[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
	if err != nil {
		panic(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, _ := jar.Get(r)
	s.Data.Items = []string{strings.Repeat("x", 5000)}
	placed, err := jar.Save(w, r, s)
	fmt.Println(placed.Where, placed.Reason, err)
	// Output: store over the inline budget <nil>
}

// Every fault is reported at once.
func ExampleNew_faults() {
	_, err := hardtack.New[exampleCart](hardtack.Config{
		Keys:        hardtack.EphemeralKeyring(),
		Domain:      "example.com",
		Lifetime:    time.Hour,
		IdleTimeout: 2 * time.Hour,
	})
	fmt.Println(err)
	// Output:
	// hardtack: Config.Domain = "example.com": must be empty: browsers refuse the name prefix __Host- with a Domain
	// hardtack: Config.IdleTimeout = 2h0m0s: is longer than Lifetime (1h0m0s)
}

func ExampleJar_Handler() {
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	h := jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		s.Data.Items = append(s.Data.Items, "biscuit")
		fmt.Fprint(w, len(s.Data.Items))
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Body, len(w.Result().Cookies()))
	// Output: 1 1
}

func ExampleSizeError() {
	jar, err := hardtack.New[exampleCart](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	_, err = jar.Update(w, r, func(s *hardtack.Session[exampleCart]) error {
		s.Data.Items = []string{strings.Repeat("x", 5000)}
		return nil
	})
	var size *hardtack.SizeError
	if errors.As(err, &size) {
		fmt.Println(size.Limit, size.Fields[0].Field, len(w.Header()))
	}
	// Output: 4096 Items 0
}
