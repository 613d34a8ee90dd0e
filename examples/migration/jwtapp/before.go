// Package jwtapp is the shop with its session in a JWT, made by hand with golang-jwt, and on its way to hardtack.
package jwtapp

import (
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

const day = 24 * time.Hour

type claims struct {
	Cart []string `json:"cart"`
	jwt.RegisteredClaims
}

// Before is the shop with a JWT in a cookie.
func Before(key []byte) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		save(w, key, r.FormValue("user"), nil)
	})
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		c := read(r, key)
		if c.Subject == "" {
			show(w, &c)
			return
		}
		save(w, key, c.Subject, append(c.Cart, r.FormValue("item")))
	})
	mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		c := read(r, key)
		show(w, &c)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "token", Path: "/", MaxAge: -1, Secure: true, HttpOnly: true})
	})
	return mux
}

func read(r *http.Request, key []byte) (c claims) {
	cookie, err := r.Cookie("token")
	if err != nil {
		return c
	}
	_, err = jwt.ParseWithClaims(cookie.Value, &c, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("shop"), jwt.WithExpirationRequired())
	if err != nil {
		return claims{}
	}
	return c
}

func save(w http.ResponseWriter, key []byte, user string, cart []string) {
	now := time.Now()
	c := claims{cart, jwt.RegisteredClaims{
		Issuer: "shop", Subject: user, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(day)),
	}}
	value, err := jwt.NewWithClaims(jwt.SigningMethodHS256, &c).SignedString(key)
	if err != nil {
		shop.Fail(w, err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "token", Value: value, Path: "/", MaxAge: int(day / time.Second), Secure: true, HttpOnly: true})
	show(w, &c)
}

func show(w http.ResponseWriter, c *claims) {
	shop.Show(w, &shop.Account{User: c.Subject, Cart: c.Cart})
}
