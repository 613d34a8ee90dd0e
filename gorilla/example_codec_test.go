package gorilla_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// The sessions that gorilla/sessions has put into browsers go on in a Jar.
func ExampleNewCodec() {
	type Cart struct{ Items []string }

	keys := [][]byte{securecookie.GenerateRandomKey(64), securecookie.GenerateRandomKey(32)} // those of the old application
	codec, err := gorilla.NewCodec(gorilla.CodecConfig[map[any]any, Cart]{
		KeyPairs: keys,
		From: func(values map[any]any) (Cart, error) {
			items, ok := values["items"].([]string)
			if !ok {
				return Cart{}, errors.New("no items")
			}
			return Cart{items}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jar, err := hardtack.New[Cart](hardtack.Config{
		Keys:     hardtack.EphemeralKeyring(), // keyfile.Open in production
		Lifetime: 30 * 24 * time.Hour,         // as long as gorilla's
		Formerly: []hardtack.Former{{Name: "shop", Codec: codec, Label: "gorilla"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// A cookie of the old application.
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	old, _ := sessions.NewCookieStore(keys...).Get(r, "shop")
	old.Values["items"] = []string{"rope", "lamp"}
	if err := old.Save(r, w); err != nil {
		fmt.Println(err)
		return
	}

	// The new one's handler.
	r = httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(w.Result().Cookies()[0])
	w = httptest.NewRecorder()
	s, err := jar.Get(r)
	fmt.Println(s.Data.Items, err)
	if _, err := jar.Touch(w, r, s); err != nil { // jar.Handler does this by itself
		fmt.Println(err)
	}
	for _, c := range w.Result().Cookies() {
		fmt.Println(c.Name, c.MaxAge < 0)
	}
	fmt.Println(jar.FormerUse()[0].Label, jar.FormerUse()[0].Opened)
	// Output:
	// [rope lamp] <nil>
	// shop true
	// __Host-session false
	// gorilla 1
}
