//go:build unix

package mysql_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/store/sqlstore/mysql"
)

func ExampleOpen() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	store, err := mysql.Open(ctx, serverURL, mysql.Options{}) // mysql://user:password@host:port/database
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	// A Jar does this with a session that has outgrown its cookie: hardtack.NewHybrid[T](config, store).
	id := strings.Repeat("e", 43)
	swapped, err := store.CompareAndSwap(ctx, id, 0, 1, []byte("sealed"), time.Now().Add(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	data, found, err := store.Find(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(swapped, found, string(data))
	// Output: true true sealed
}
