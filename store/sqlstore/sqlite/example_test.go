package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
)

func ExampleOpen() {
	folder, err := os.MkdirTemp("", "sessions-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(folder, "sessions.db"), sqlite.Options{})
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
