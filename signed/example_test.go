package signed_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// A Jar whose cookies other services can verify, and the keys that they do it with. Everybody can read what is in them.
func Example() {
	type profile struct {
		Name  string   `json:"name"`
		Roles []string `json:"roles"`
	}
	ring := hardtack.EphemeralKeyring() // keyfile.Open for one that outlives the process
	codec, err := signed.NewCodec(ring, signed.Options{Issuer: "https://shop.example"})
	if err != nil {
		log.Fatal(err)
	}
	jar, err := hardtack.New[profile](hardtack.Config{
		Keys:       ring,
		Codec:      codec,
		Serializer: hardtack.JSON{},
		Audience:   "shop",
	})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := signed.JWKSHandler(signed.JWKSOptions{}, codec)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/jwks.json", keys)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.Get(r)
		s.SetSubject("alice")
		s.Data = profile{"Alice", []string{"editor"}}
		if _, err := jar.Save(w, r, s); err != nil {
			http.Error(w, "not saved", http.StatusInternalServerError)
		}
	})

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	cookie := w.Result().Cookies()[0]

	// What anybody can do with the cookie.
	var claims struct {
		Subject string  `json:"sub"`
		Session profile `json:"session"`
	}
	text, err := jwt.NewParser().DecodeSegment(strings.Split(cookie.Value, ".")[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.Session)

	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	fmt.Println(w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
	// Output:
	// alice {Alice [editor]}
	// application/jwk-set+json public, max-age=300
}

// An application has made its sessions with golang-jwt so far. Its users stay logged in when it moves to hardtack.
func ExampleNewForeignCodec() {
	type claims struct {
		jwt.RegisteredClaims
		Cart []string `json:"cart"`
	}
	type session struct{ Cart []string }
	secret := []byte("the secret of the old cookies")

	// What the old release has set.
	old, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		jwt.RegisteredClaims{Subject: "alice", IssuedAt: jwt.NewNumericDate(time.Now().Add(-time.Hour))},
		[]string{"tea"},
	}).SignedString(secret)
	if err != nil {
		log.Fatal(err)
	}

	// The new release.
	const maxAge = 7 * 24 * time.Hour // for how long a token was good
	tokens, err := signed.NewForeignCodec(signed.ForeignConfig[claims, session]{
		Keys:   []signed.VerifyKey{{Algorithm: "HS256", Key: secret}},
		MaxAge: maxAge,
		From:   func(c *claims) (session, error) { return session{Cart: c.Cart}, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	jar, err := hardtack.New[session](hardtack.Config{
		Keys:     hardtack.EphemeralKeyring(),
		Lifetime: maxAge,
		Formerly: []hardtack.Former{{Name: "token", Codec: tokens, Label: "jwt"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "token", Value: old})
	s, err := jar.Get(r)
	fmt.Println(s.Subject(), s.Data.Cart, err)

	w := httptest.NewRecorder()
	if _, err := jar.Touch(w, r, s); err != nil { // as Handler does by itself
		log.Fatal(err)
	}
	for _, c := range w.Result().Cookies() {
		fmt.Println(c.Name, c.MaxAge > 0)
	}
	// Output:
	// alice [tea] <nil>
	// token false
	// __Host-session true
}
