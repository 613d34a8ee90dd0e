//go:build unix

package ferrettest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

type notes struct{ Text string }

func Example() {
	ctx := context.Background()
	store, err := mongostore.Open(ctx, uri(serverAddr, "example"), mongostore.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = store.Close() }()
	jar, err := hardtack.NewHybrid[notes](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
	if err != nil {
		panic(err)
	}

	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, _ := jar.Get(r)
	s.Data.Text = strings.Repeat("x", 5000)
	placed, err := jar.Save(w, r, s)
	fmt.Println(placed.Where, err)

	next := httptest.NewRequest("GET", "/", nil)
	next.AddCookie(w.Result().Cookies()[0])
	s, err = jar.Get(next)
	fmt.Println(len(s.Data.Text), err)
	// Output:
	// store <nil>
	// 5000 <nil>
}
