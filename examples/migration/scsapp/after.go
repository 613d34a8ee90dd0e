package scsapp

import (
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// After is the Jar that reads the sessions of scs too. Large sessions stay in their store.
func After(ring *hardtack.Keyring, metrics hardtack.Observer, store scs.Store) (*hardtack.Jar[shop.Account], error) {
	old, err := hardtack.NewSCSCodec(hardtack.SCSConfig[shop.Account]{
		Store:    store,
		Decode:   scs.GobCodec{}.Decode,
		Lifetime: 24 * time.Hour, // the SessionManager's
		From:     fromValues,
		Subject:  func(a *shop.Account) string { return a.User },
	})
	if err != nil {
		return nil, err
	}
	return hardtack.NewHybrid[shop.Account](hardtack.Config{
		Keys:     ring,
		Formerly: []hardtack.Former{{Name: "session", Codec: old, Label: "scs"}},
		Observer: metrics,
	}, hardtack.FromSCS(store))
}

func fromValues(v map[string]any) (a shop.Account, err error) {
	a.User, _ = v["user"].(string)
	a.Cart, _ = v["cart"].([]string)
	return a, nil
}

// Last is the Jar when nobody has a token of scs any more.
func Last(ring *hardtack.Keyring, metrics hardtack.Observer, store scs.Store) (*hardtack.Jar[shop.Account], error) {
	return hardtack.NewHybrid[shop.Account](hardtack.Config{Keys: ring, Observer: metrics}, hardtack.FromSCS(store))
}
