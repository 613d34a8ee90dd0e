package session

import (
	"fmt"
	"time"
)

// Cart is what somebody wants to buy.
type Cart struct {
	UserID    string    `json:"user_id"`
	LoginTime time.Time `json:"login_time"`
	Lines     []Line    `json:"lines"`
}

// Line is one article of a Cart.
type Line struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Price    int    `json:"price"` // in cents
}

// NumberedCart is a Cart whose fields have numbers for names in CBOR.
type NumberedCart struct {
	UserID    string         `cbor:"1,keyasint"`
	LoginTime time.Time      `cbor:"2,keyasint"`
	Lines     []NumberedLine `cbor:"3,keyasint"`
}

// NumberedLine is a Line of a NumberedCart.
type NumberedLine struct {
	SKU      string `cbor:"1,keyasint"`
	Name     string `cbor:"2,keyasint"`
	Quantity int    `cbor:"3,keyasint"`
	Price    int    `cbor:"4,keyasint"`
}

var (
	articles = []string{
		"Oat biscuits", "Olive oil", "Espresso beans", "Green tea", "Rye bread", "Sea salt crackers", "Honey", "Basmati rice",
		"Tomato passata", "Dark chocolate", "Almond butter", "Apple juice", "Chickpeas", "Dried apricots", "Mustard", "Spaghetti",
		"Black pepper", "Raspberry jam", "Coconut milk", "Red lentils",
	}
	packings = []string{"250 g", "500 g", "1 kg", "6 x 500 g"}
	kinds    = []string{"", ", organic", ", for caterers", ", from the region", ", best before May"}
)

// NewCart returns a Cart of n different lines, at most 400 before names repeat.
func NewCart(n int) Cart {
	c := Cart{UserID: UserID, LoginTime: Now}
	for i := range n {
		kind := i / len(articles) / len(packings) % len(kinds)
		c.Lines = append(c.Lines, Line{
			SKU:      fmt.Sprintf("HT-%06d", 100_417+i*7_919%899_000),
			Name:     articles[i%len(articles)] + kinds[kind] + ", " + packings[i/len(articles)%len(packings)],
			Quantity: 1 + i*i%5,
			Price:    149 + i*i*37%2_400,
		})
	}
	return c
}

// Carts grow with the lines.
func Carts() Shape[Cart] {
	return Shape[Cart]{Name: "cart", Grow: NewCart, Small: 3, Medium: 12, Large: 24}
}

// NewNumberedCart returns what NewCart does.
func NewNumberedCart(n int) NumberedCart {
	c := NewCart(n)
	numbered := NumberedCart{UserID: c.UserID, LoginTime: c.LoginTime}
	for _, l := range c.Lines {
		numbered.Lines = append(numbered.Lines, NumberedLine(l))
	}
	return numbered
}
