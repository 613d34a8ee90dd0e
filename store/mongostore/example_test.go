package mongostore_test

import (
	"context"
	"log"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

type account struct {
	Name string `cbor:"name"`
}

// This needs a server, so it is compiled here and not run; ferrettest has one that runs.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	store, err := mongostore.Open(ctx, "mongodb://mongo1,mongo2,mongo3/app?replicaSet=rs0", mongostore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()

	var keys *hardtack.Keyring // of the application's secrets
	jar, err := hardtack.NewHybrid[account](hardtack.Config{Keys: keys}, store)
	if err != nil {
		log.Fatal(err)
	}
	_ = jar // use it as any Jar
}
