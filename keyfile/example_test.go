package keyfile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	keys, err := keyfile.Open(context.Background(), filepath.Join(dir, "keys.json"), hardtack.KeyringConfig{
		Rotation: &hardtack.RotationPolicy{}, // a new key each month; servers that share the file need nothing else
	})
	if err != nil {
		panic(err)
	}
	defer keys.Close()
	jar, err := hardtack.New[string](hardtack.Config{Keys: keys})
	if err != nil {
		panic(err)
	}
	_ = jar
	fmt.Println(len(keys.Keys()), keys.Health().Err())
	// Output: 1 <nil>
}

// Kubernetes mounts secrets so that others than their owner can read them, and nobody can write them.
func ExampleNew_kubernetesSecret() {
	source := keyfile.New("/etc/shop/keys.json", keyfile.Options{InsecureFileMode: true})
	_, err := hardtack.OpenKeyring(context.Background(), source, hardtack.KeyringConfig{MustExist: true})
	fmt.Println(errors.Is(err, keyfile.ErrNoFolder)) // here nothing is mounted
	// Output: true
}

// A program beside the servers gives them a key that seals from tomorrow on.
func ExampleNew_update() {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	file := keyfile.New(filepath.Join(dir, "keys.json"), keyfile.Options{})
	now := time.Now()
	for _, activate := range []time.Time{now, now.Add(24 * time.Hour)} {
		_, err := hardtack.UpdateKeys(context.Background(), file, nil, func(s hardtack.KeySet) (hardtack.KeySet, error) {
			s, _ = s.Announce(activate, now)
			return s, nil
		})
		if err != nil {
			panic(err)
		}
	}
	data, err := file.LoadKeys(context.Background())
	if err != nil {
		panic(err)
	}
	set, err := hardtack.ParseKeySet(data)
	if err != nil {
		panic(err)
	}
	for _, k := range set.Status(now) {
		fmt.Println(k.State)
	}
	// Output:
	// announced
	// sealing
}
