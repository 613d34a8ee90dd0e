package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"
)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func badGorilla(hashKey, blockKey []byte) []*http.Cookie {
	const name = "session"
	values := map[any]any{"user": "mallory", "cart": []string{"0.1"}}
	genuine := must(securecookie.New(hashKey, blockKey).Encode(name, values))
	forged := must(securecookie.New(random(64), blockKey).Encode(name, values))
	// securecookie cannot be told the time: sign its body with another.
	body := strings.Split(string(must(base64.URLEncoding.DecodeString(genuine))), "|")[1]
	expired := fmt.Sprintf("%d|%s|", time.Now().Add(-31*24*time.Hour).Unix(), body)
	mac := hmac.New(sha256.New, hashKey)
	mac.Write([]byte(name + "|" + strings.TrimSuffix(expired, "|")))
	expired = base64.URLEncoding.EncodeToString(mac.Sum([]byte(expired)))
	return []*http.Cookie{{Name: name, Value: expired}, {Name: name, Value: forged}}
}

func badJWT(secret []byte) []*http.Cookie {
	token := func(expires time.Duration, method jwt.SigningMethod, key any) *http.Cookie {
		t := jwt.NewWithClaims(method, jwt.MapClaims{"iss": "shop", "sub": "mallory", "iat": time.Now().Add(-48 * time.Hour).Unix(), "exp": time.Now().Add(expires).Unix()})
		return &http.Cookie{Name: "token", Value: must(t.SignedString(key))}
	}
	return []*http.Cookie{
		token(-24*time.Hour, jwt.SigningMethodHS256, secret),
		token(time.Hour, jwt.SigningMethodHS256, random(32)),
		token(time.Hour, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
	}
}

func badSCS(store scs.Store) []*http.Cookie {
	token := func() string { return base64.RawURLEncoding.EncodeToString(random(32)) }
	expired, deadline := token(), time.Now().Add(-time.Hour)
	record := must(scs.GobCodec{}.Encode(deadline, map[string]any{"user": "mallory"}))
	if err := store.Commit(expired, record, deadline); err != nil {
		panic(err)
	}
	return []*http.Cookie{{Name: "session", Value: expired}, {Name: "session", Value: token()}}
}

// must is for what fails by a mistake in this program only.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
