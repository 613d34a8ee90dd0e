package format

import (
	"encoding/json"
	"errors"
	"time"

	"aidanwoods.dev/go-paseto"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/hardtack-go/hardtack/bench/session"
)

type claims[T any] struct {
	jwt.RegisteredClaims
	Data T `json:"data"`
}

func newClaims[T any](v *T, now time.Time) *claims[T] {
	return &claims[T]{jwt.RegisteredClaims{
		Subject:   session.UserID,
		ID:        identity,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
	}, *v}
}

func jwtHS256[T any](now func() time.Time) Format[T] {
	key := secret(3)
	keyFunc := func(*jwt.Token) (any, error) { return key, nil }
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(now))
	return Format[T]{
		Name: "jwt-hs256", Title: "signed JWT, HS256",
		Seal: func(v *T) (string, error) {
			return jwt.NewWithClaims(jwt.SigningMethodHS256, newClaims(v, now())).SignedString(key)
		},
		Open: func(value string, v *T) error {
			var c claims[T]
			_, err := parser.ParseWithClaims(value, &c, keyFunc)
			*v = c.Data
			return err
		},
	}
}

func jweA256GCM[T any](now func() time.Time) Format[T] {
	f := Format[T]{Name: "jwe-a256gcm", Title: "JWE, dir and A256GCM", Encrypts: true}
	key := secret(4)
	algorithms, encryptions := []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM}
	validator := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithTimeFunc(now))
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
	if err != nil {
		return failing(f, err)
	}
	f.Seal = func(v *T) (string, error) {
		text, err := json.Marshal(newClaims(v, now()))
		if err != nil {
			return "", err
		}
		jwe, err := encrypter.Encrypt(text)
		if err != nil {
			return "", err
		}
		return jwe.CompactSerialize()
	}
	f.Open = func(value string, v *T) error {
		jwe, err := jose.ParseEncryptedCompact(value, algorithms, encryptions)
		if err != nil {
			return err
		}
		text, err := jwe.Decrypt(key)
		if err != nil {
			return err
		}
		var c claims[T]
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		*v = c.Data
		return validator.Validate(&c)
	}
	return f
}

func pasetoV4Local[T any](now func() time.Time) Format[T] {
	f := Format[T]{Name: "paseto-v4local", Title: "PASETO, v4.local", Encrypts: true}
	key, err := paseto.V4SymmetricKeyFromBytes(secret(5))
	if err != nil {
		return failing(f, err)
	}
	parser := paseto.MakeParser([]paseto.Rule{func(token paseto.Token) error { // paseto.NotExpired, by our clock
		if exp, err := token.GetExpiration(); err != nil || now().After(exp) {
			return errors.New("the token has expired")
		}
		return nil
	}})
	f.Seal = func(v *T) (string, error) {
		t := now()
		token := paseto.NewToken()
		token.SetSubject(session.UserID)
		token.SetJti(identity)
		token.SetIssuedAt(t)
		token.SetExpiration(t.Add(lifetime))
		if err := token.Set("data", v); err != nil {
			return "", err
		}
		return token.V4Encrypt(key, nil), nil
	}
	f.Open = func(value string, v *T) error {
		token, err := parser.ParseV4Local(key, value, nil)
		if err != nil {
			return err
		}
		return token.Get("data", v)
	}
	return f
}
