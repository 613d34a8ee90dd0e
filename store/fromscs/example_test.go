package fromscs_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/alexedwards/scs/v2/memstore"

	"github.com/hardtack-go/hardtack"
)

// Sessions that outgrow their cookie go to a store of scs.
func Example() {
	type Cart struct{ Items []string }
	store := hardtack.FromSCS(memstore.New())
	jar, err := hardtack.NewHybrid[Cart](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
	if err != nil {
		panic(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	s, _ := jar.Get(r)
	s.Data.Items = []string{strings.Repeat("biscuit ", 1000)}
	placed, err := jar.Save(w, r, s)
	fmt.Println(placed.Where, err)

	next := httptest.NewRequest("GET", "/", nil)
	next.AddCookie(w.Result().Cookies()[0])
	s, err = jar.Get(next)
	fmt.Println(len(s.Data.Items[0]), err)
	// Output:
	// store <nil>
	// 8000 <nil>
}
