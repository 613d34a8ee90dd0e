package gorillaapp

import (
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
	"github.com/hardtack-go/hardtack/gorilla"
)

const (
	month = 30 * 24 * time.Hour // gorilla's MaxAge
	year  = 365 * 24 * time.Hour
)

func fromValues(v map[any]any) (a shop.Account, err error) {
	a.User, _ = v["user"].(string)
	a.Cart, _ = v["cart"].([]string)
	return a, nil
}

func toValues(a shop.Account) (map[any]any, error) {
	return map[any]any{"user": a.User, "cart": a.Cart}, nil
}

func codec(keyPairs ...[]byte) (*gorilla.Codec[map[any]any, shop.Account], error) {
	return gorilla.NewCodec(gorilla.CodecConfig[map[any]any, shop.Account]{
		KeyPairs: keyPairs,
		MaxAge:   month,
		From:     fromValues,
		To:       toValues,
		Subject:  func(a *shop.Account) string { return a.User },
	})
}

// First is the Jar of the first deploy. It reads both formats and writes gorilla's.
func First(ring *hardtack.Keyring, metrics hardtack.Observer, hashKey, blockKey []byte) (*hardtack.Jar[shop.Account], error) {
	old, err := codec(hashKey, blockKey)
	if err != nil {
		return nil, err
	}
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:     ring,
		Name:     "session",
		Lifetime: year,
		Codec:    old,
		Formerly: []hardtack.Former{{Codec: hardtack.NewSealedCodec(ring), Label: "sealed"}},
		Observer: metrics,
	})
}

// Second is the Jar of the second deploy. It reads both formats and writes sealed cookies.
func Second(ring *hardtack.Keyring, metrics hardtack.Observer, hashKey, blockKey []byte) (*hardtack.Jar[shop.Account], error) {
	old, err := codec(hashKey, blockKey)
	if err != nil {
		return nil, err
	}
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:        ring,
		Name:        "session",
		Lifetime:    year,
		IdleTimeout: month,
		Formerly:    []hardtack.Former{{Codec: old, Label: "gorilla", Prolong: true}},
		Observer:    metrics,
	})
}

// Last is the Jar of the third deploy, when nobody has gorilla's cookies any more.
func Last(ring *hardtack.Keyring, metrics hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:        ring,
		Name:        "session",
		Lifetime:    year,
		IdleTimeout: month,
		Observer:    metrics,
	})
}

// Sticky is the Jar of a single deploy, to another cookie. The balancer must keep its holders from servers of gorilla/sessions.
func Sticky(ring *hardtack.Keyring, metrics hardtack.Observer, hashKey, blockKey []byte) (*hardtack.Jar[shop.Account], error) {
	old, err := codec(hashKey, blockKey)
	if err != nil {
		return nil, err
	}
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:        ring,
		Lifetime:    year,
		IdleTimeout: month,
		Formerly:    []hardtack.Former{{Name: "session", Codec: old, Label: "gorilla", Prolong: true}},
		Observer:    metrics,
	})
}
