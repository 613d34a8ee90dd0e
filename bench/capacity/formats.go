package main

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"time"

	"aidanwoods.dev/go-paseto"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
)

const (
	cookieName = hardtack.DefaultName
	lifetime   = 24 * time.Hour
	// jti is as large as the identity of a hardtack session: 16 bytes.
	jti = "bW9zdCBsaWtlbHkgb25lIQ"
)

func clock() time.Time { return session.Now }

// secret returns a key of 32 bytes. No figure depends on which.
func secret(b byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = b + byte(i)
	}
	return key
}

// format is one way to make a cookie's value of a T.
type format[T any] struct {
	title    string
	encrypts bool
	varies   bool // the value's length varies by some bytes from one time to the next
	seal     func(T) (string, error)
	open     func(value string) (T, error)
}

func formats[T any]() []format[T] {
	byFields := gorillaSession("gorilla/sessions, gob, a key for each field", toValues[T], fromValues[T])
	byFields.varies = true // gob cuts its stream where a type comes for the first time, which depends on the order of the map
	return []format[T]{
		byFields,
		gorillaSession("gorilla/sessions, gob, one struct", toValue[T], fromValue[T]),
		gorillaJSON[T](),
		signedJWT[T](),
		encryptedJWT[T](),
		pasetoLocal[T](),
		hardtackJar[T]("hardtack, JSON", hardtack.JSON{}),
		hardtackJar[T]("hardtack, CBOR", hardtack.CBOR{}),
	}
}

// gorillaSession is a CookieStore, which refuses values of more than 4096 bytes: here it may make them, so that they can be counted.
func gorillaSession[T any](title string, to func(T) map[any]any, from func(map[any]any) (T, error)) format[T] {
	store := sessions.NewCookieStore(secret(1), secret(2))
	for _, c := range store.Codecs {
		c.(*securecookie.SecureCookie).MaxLength(0)
	}
	return format[T]{
		title: title, encrypts: true,
		seal: func(v T) (string, error) {
			r, w := newRequest(""), httptest.NewRecorder()
			s, err := store.Get(r, cookieName)
			if err != nil {
				return "", err
			}
			s.Values = to(v)
			err = s.Save(r, w)
			return setValue(w, err)
		},
		open: func(value string) (v T, err error) {
			s, err := store.Get(newRequest(value), cookieName)
			if err != nil {
				return v, err
			}
			return from(s.Values)
		},
	}
}

// toValues gives each field of v a key of its own, as most code that uses gorilla/sessions does.
func toValues[T any](v T) map[any]any {
	values := map[any]any{}
	for i, rv := 0, reflect.ValueOf(v); i < rv.NumField(); i++ {
		field := rv.Field(i).Interface()
		gob.Register(field)
		values[rv.Type().Field(i).Tag.Get("json")] = field
	}
	return values
}

func fromValues[T any](values map[any]any) (v T, err error) {
	for i, rv := 0, reflect.ValueOf(&v).Elem(); i < rv.NumField(); i++ {
		key := rv.Type().Field(i).Tag.Get("json")
		field := reflect.ValueOf(values[key])
		if !field.IsValid() || field.Type() != rv.Field(i).Type() {
			return v, fmt.Errorf("no %s in the session", key)
		}
		rv.Field(i).Set(field)
	}
	return v, nil
}

func toValue[T any](v T) map[any]any {
	gob.Register(v)
	return map[any]any{"session": v}
}

func fromValue[T any](values map[any]any) (T, error) {
	v, ok := values["session"].(T)
	if !ok {
		return v, fmt.Errorf("no %T in the session", v)
	}
	return v, nil
}

func gorillaJSON[T any]() format[T] {
	codec := securecookie.New(secret(1), secret(2)).SetSerializer(securecookie.JSONEncoder{}).MaxLength(0)
	return format[T]{
		title: "gorilla/securecookie, JSON", encrypts: true,
		seal: func(v T) (string, error) { return codec.Encode(cookieName, v) },
		open: func(value string) (v T, err error) {
			err = codec.Decode(cookieName, value, &v)
			return v, err
		},
	}
}

type claims[T any] struct {
	jwt.RegisteredClaims
	Data T `json:"data"`
}

func newClaims[T any](v T) claims[T] {
	return claims[T]{jwt.RegisteredClaims{
		Subject:   session.UserID,
		ID:        jti,
		IssuedAt:  jwt.NewNumericDate(clock()),
		ExpiresAt: jwt.NewNumericDate(clock().Add(lifetime)),
	}, v}
}

func signedJWT[T any]() format[T] {
	key := secret(3)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(clock))
	return format[T]{
		title: "signed JWT, HS256",
		seal: func(v T) (string, error) {
			return jwt.NewWithClaims(jwt.SigningMethodHS256, newClaims(v)).SignedString(key)
		},
		open: func(value string) (T, error) {
			var c claims[T]
			_, err := parser.ParseWithClaims(value, &c, func(*jwt.Token) (any, error) { return key, nil })
			return c.Data, err
		},
	}
}

func encryptedJWT[T any]() format[T] {
	key := secret(4)
	validator := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithTimeFunc(clock))
	return format[T]{
		title: "JWE, dir and A256GCM", encrypts: true,
		seal: func(v T) (string, error) {
			text, err := json.Marshal(newClaims(v))
			if err != nil {
				return "", err
			}
			encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
			if err != nil {
				return "", err
			}
			jwe, err := encrypter.Encrypt(text)
			if err != nil {
				return "", err
			}
			return jwe.CompactSerialize()
		},
		open: func(value string) (T, error) {
			var c claims[T]
			jwe, err := jose.ParseEncryptedCompact(value, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
			if err != nil {
				return c.Data, err
			}
			text, err := jwe.Decrypt(key)
			if err != nil {
				return c.Data, err
			}
			if err := json.Unmarshal(text, &c); err != nil {
				return c.Data, err
			}
			return c.Data, validator.Validate(c)
		},
	}
}

func pasetoLocal[T any]() format[T] {
	key, keyErr := paseto.V4SymmetricKeyFromBytes(secret(5))
	parser := paseto.MakeParser([]paseto.Rule{func(token paseto.Token) error { // paseto.NotExpired, by our clock
		if exp, err := token.GetExpiration(); err != nil || clock().After(exp) {
			return errors.New("the token has expired")
		}
		return nil
	}})
	return format[T]{
		title: "PASETO, v4.local", encrypts: true,
		seal: func(v T) (string, error) {
			token := paseto.NewToken()
			token.SetSubject(session.UserID)
			token.SetJti(jti)
			token.SetIssuedAt(clock())
			token.SetExpiration(clock().Add(lifetime))
			if err := token.Set("data", v); err != nil {
				return "", err
			}
			return token.V4Encrypt(key, nil), keyErr
		},
		open: func(value string) (v T, err error) {
			token, err := parser.ParseV4Local(key, value, nil)
			if err != nil {
				return v, err
			}
			err = token.Get("data", &v)
			return v, err
		},
	}
}

// hardtackJar is a Jar. What is too large for it seal answers with a *hardtack.SizeError.
func hardtackJar[T any](title string, serializer hardtack.Serializer) format[T] {
	config, configErr := jarConfig(serializer)
	jar, jarErr := hardtack.New[T](config)
	err := errors.Join(configErr, jarErr)
	return format[T]{
		title: title, encrypts: true,
		seal: func(v T) (string, error) {
			if err != nil {
				return "", err
			}
			r, w := newRequest(""), httptest.NewRecorder()
			s, _ := jar.Get(r) // a fresh one
			s.SetSubject(session.UserID)
			s.Data = v
			_, err := jar.Save(w, r, s)
			return setValue(w, err)
		},
		open: func(value string) (T, error) {
			s, err := jar.Get(newRequest(value))
			return s.Data, err
		},
	}
}

func jarConfig(serializer hardtack.Serializer) (hardtack.Config, error) {
	key, err := hardtack.NewKey(secret(6), time.Time{}, time.Time{})
	if err != nil {
		return hardtack.Config{}, err
	}
	ring, err := hardtack.NewKeyring(key)
	return hardtack.Config{Keys: ring, Serializer: serializer, Lifetime: lifetime, Now: clock}, err
}

// newRequest returns a request that presents the cookie, if value is not empty.
func newRequest(value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://shop.example/", nil)
	if value != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: value})
	}
	return r
}

// setValue returns the value of the cookie that w sets.
func setValue(w *httptest.ResponseRecorder, err error) (string, error) {
	if err != nil {
		return "", err
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != cookieName {
		return "", fmt.Errorf("%d cookies were set", len(cookies))
	}
	return cookies[0].Value, nil
}
