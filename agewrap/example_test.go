package agewrap_test

import (
	"context"
	"fmt"
	"time"

	"filippo.io/age"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/agewrap"
)

// A fleet that shares its keys through a database, which others can read and write.
func ExampleNewPassphrase() {
	// From the environment or a file. It is random, so that scrypt need not work hard.
	passphrase := "w8nVY1d3m0bqkq0T3vJ4nq7c"
	wrapper, err := agewrap.NewPassphrase(passphrase, agewrap.WorkFactor(10))
	if err != nil {
		panic(err)
	}
	database := new(memory) // a KeyStore
	keys, err := hardtack.OpenKeyring(context.Background(), database, hardtack.KeyringConfig{
		Wrapper:  wrapper,
		Rotation: &hardtack.RotationPolicy{},
	})
	if err != nil {
		panic(err)
	}
	defer keys.Close()

	stored, err := hardtack.ParseKeySet(database.data)
	if err != nil {
		panic(err)
	}
	fmt.Println(stored.Keys[0].Wrapped(), stored.Keys[0].ExposeSecret() == nil)
	fmt.Println(wrapper)
	// Output:
	// true true
	// agewrap.Wrapper(1 recipients, 1 identities)
}

// The administrator's machine adds keys and cannot read any; the servers read them and cannot add one. This
// is for a store that only the administrator can write to.
func ExampleNew() {
	identity, err := age.GenerateX25519Identity() // or ParseIdentitiesFile
	if err != nil {
		panic(err)
	}
	administrator, err := agewrap.New([]age.Recipient{identity.Recipient()}, nil)
	if err != nil {
		panic(err)
	}
	server, err := agewrap.New(nil, []age.Identity{identity})
	if err != nil {
		panic(err)
	}

	ctx, store := context.Background(), new(memory)
	_, err = hardtack.UpdateKeys(ctx, store, administrator, func(s hardtack.KeySet) (hardtack.KeySet, error) {
		s, _ = s.Announce(time.Now(), time.Now())
		return s, nil
	})
	if err != nil {
		panic(err)
	}
	keys, err := hardtack.OpenKeyring(ctx, store, hardtack.KeyringConfig{Wrapper: server, MustExist: true})
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	fmt.Println(len(keys.Keys()), keys.Health().Err())
	// Output: 1 <nil>
}
