//go:build unix

package sqlstore_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"database/sql"
	"fmt"
	"log"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// kms wraps as a key management service does.
type kms struct{ cipher.AEAD }

func newKMS(key []byte) kms {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return kms{aead}
}

func (k kms) Wrap(_ context.Context, secret []byte) ([]byte, error) {
	return k.Seal(nil, nil, secret, nil), nil
}

func (k kms) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return k.Open(nil, nil, wrapped, nil)
}

// A fleet whose keys are in the application's own database, wrapped.
func ExampleNewKeys() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", postgresServer.URL()) // postgres://user:password@host:port/database
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	keys, err := sqlstore.NewKeys(ctx, db, sqlstore.Postgres, sqlstore.KeysOptions{Name: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	ring, err := hardtack.OpenKeyring(ctx, keys, hardtack.KeyringConfig{
		Rotation: &hardtack.RotationPolicy{}, // a new key every 30 days
		Wrapper:  newKMS(make([]byte, 32)),   // a real one in production
	})
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()
	jar, err := hardtack.New[struct{ Items []string }](hardtack.Config{Keys: ring})
	fmt.Println(len(ring.Keys()), ring.Health().Err(), jar != nil, err)
	// Output: 1 <nil> true <nil>
}
