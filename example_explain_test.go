package hardtack_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hardtack-go/hardtack"
)

// How many lines a cart may have before it goes to the store is known before there is a single request.
func ExampleJar_Explain() {
	type Line struct {
		SKU      string
		Quantity int
	}
	type Cart struct {
		Customer string
		Lines    []Line
	}
	jar, err := hardtack.NewHybrid[Cart](hardtack.Config{Keys: hardtack.EphemeralKeyring()}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	if err != nil {
		panic(err)
	}
	for _, lines := range []int{1, 60, 120} {
		cart := Cart{Customer: "4711"}
		for range lines {
			cart.Lines = append(cart.Lines, Line{SKU: "HT-100417", Quantity: 3})
		}
		e, err := jar.Explain(cart)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d lines: in the %v, head-room %d bytes, %d calls of the store to read\n", lines, e.Where, e.HeadRoom, e.StoreReads)
	}
	// Output:
	// 1 lines: in the cookie, head-room 2895 bytes, 0 calls of the store to read
	// 60 lines: in the cookie, head-room 927 bytes, 0 calls of the store to read
	// 120 lines: in the store, head-room -1073 bytes, 1 calls of the store to read
}

// A session that is too large is explained as well.
func ExampleExplanation() {
	type Profile struct{ Name, Picture string }
	jar, err := hardtack.New[Profile](hardtack.Config{Keys: hardtack.EphemeralKeyring()})
	if err != nil {
		panic(err)
	}
	e, err := jar.Explain(Profile{Name: "Ann", Picture: strings.Repeat("x", 4000)})
	var size *hardtack.SizeError
	fmt.Println(errors.As(err, &size))
	fmt.Print(e)
	// Output:
	// true
	// where   none: too large to be saved
	// data    4021 bytes
	// inline  5476 bytes of cookie, limit 4096, 1380 too much
	// fields  Picture 4003, Name 4
}
