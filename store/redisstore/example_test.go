//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

type cart struct{ Items []string }

// A session that has outgrown its cookie is kept in Redis, and ended there.
func Example() {
	ctx := context.Background()
	store, err := redisstore.Open(ctx, server.URL(), redisstore.Options{Prefix: "shop:"})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	fmt.Println("settings:", store.CheckSettings(ctx)) // to be logged

	jar, err := hardtack.NewHybrid[cart](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, store)
	if err != nil {
		panic(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil)
	s, _ := jar.Get(r)
	s.SetSubject("ada")
	s.Data.Items = []string{strings.Repeat("biscuit", 1000)}
	placed, err := jar.Save(w, r, s)
	fmt.Println(placed.Where, err)

	ended, err := jar.EndAll(ctx, "ada")
	fmt.Println(ended, err)

	again := httptest.NewRequest(http.MethodGet, "/", nil)
	again.AddCookie(w.Result().Cookies()[0])
	_, err = jar.Get(again)
	fmt.Println(err)
	// Output:
	// settings: <nil>
	// store <nil>
	// 1 <nil>
	// hardtack: session ended
}

// The application's own client, here with Sentinels.
func ExampleNew() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:            "sessions",
		SentinelAddrs:         []string{"sentinel1:26379", "sentinel2:26379", "sentinel3:26379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(store.Close()) // leaves the client open
	// Output: <nil>
}
