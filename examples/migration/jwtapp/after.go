package jwtapp

import (
	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
	"github.com/hardtack-go/hardtack/signed"
)

// After is the Jar that reads the JWTs too.
func After(ring *hardtack.Keyring, metrics hardtack.Observer, key []byte) (*hardtack.Jar[shop.Account], error) {
	old, err := signed.NewForeignCodec(signed.ForeignConfig[claims, shop.Account]{
		Keys:   []signed.VerifyKey{{Algorithm: "HS256", Key: key}},
		Issuer: "shop",
		MaxAge: day, // from iat to exp
		From:   func(c *claims) (shop.Account, error) { return shop.Account{User: c.Subject, Cart: c.Cart}, nil },
	})
	if err != nil {
		return nil, err
	}
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:        ring,
		Lifetime:    30 * day,
		IdleTimeout: day,
		Formerly:    []hardtack.Former{{Name: "token", Codec: old, Label: "jwt", Prolong: true}},
		Observer:    metrics,
	})
}

// Last is the Jar when nobody has a JWT any more.
func Last(ring *hardtack.Keyring, metrics hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:        ring,
		Lifetime:    30 * day,
		IdleTimeout: day,
		Observer:    metrics,
	})
}
