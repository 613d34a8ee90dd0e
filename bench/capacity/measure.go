package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sort"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/session"
)

// browserMax is the bytes of name and value above which browsers refuse a cookie, inlineMax those above which a hybrid Jar stores
// the session.
const (
	browserMax = 4096
	inlineMax  = 3072
)

// sample is a session with its sizes.
type sample struct {
	title string
	json  int   // bytes of the data as JSON
	sizes []int // bytes of cookie name and value, in the order of formats
}

func samples() (all []sample, err error) {
	for _, measure := range []func() (sample, error){
		func() (sample, error) { return newSample("login", session.NewLogin()) },
		func() (sample, error) { return newSample("login and roles", session.NewAccount()) },
		func() (sample, error) { return newSample("cart of 12", session.NewCart(12)) },
		func() (sample, error) { return newSample("cart of 60", session.NewCart(60)) },
		func() (sample, error) { return newSample("OIDC, one JWT", session.NewOIDC(1100, 220, 100)) },
		func() (sample, error) { return newSample("OIDC, three JWTs", session.NewOIDC(1100, 1400, 600)) },
		func() (sample, error) { return newSample("form in Japanese", session.NewForm()) },
	} {
		s, err := measure()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func newSample[T any](title string, v T) (sample, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return sample{}, err
	}
	s := sample{title: title, json: len(text)}
	for _, f := range formats[T]() {
		n, err := size(f, v)
		if err != nil {
			return sample{}, fmt.Errorf("%s, %s: %w", title, f.title, err)
		}
		s.sizes = append(s.sizes, n)
	}
	return s, nil
}

// seals is how often a value whose length varies is made. Of the shortest length are more than 2 in 3 of them.
const seals = 25

// size returns the bytes of cookie name and value, the least there are if that varies.
func size[T any](f format[T], v T) (int, error) {
	least, err := sizeOnce(f, v)
	for i := 1; f.varies && i < seals && err == nil; i++ {
		var n int
		n, err = sizeOnce(f, v)
		least = min(least, n)
	}
	return least, err
}

// sizeOnce counts no value that would not open again.
func sizeOnce[T any](f format[T], v T) (int, error) {
	value, err := f.seal(v)
	if e := (*hardtack.SizeError)(nil); errors.As(err, &e) {
		return e.CookieBytes, nil // it says what the cookie would have taken
	} else if err != nil {
		return 0, err
	}
	if err := (&http.Cookie{Name: cookieName, Value: value}).Valid(); err != nil {
		return 0, err
	}
	if again, err := f.open(value); err != nil {
		return 0, err
	} else if !reflect.DeepEqual(v, again) {
		return 0, errors.New("the session did not come back as it was")
	}
	return len(cookieName) + len(value), nil
}

// leastLine is less than what any format takes for a line of a cart.
const leastLine = 30

// largestCart returns the lines of the largest cart whose cookie takes no more than so many bytes.
func largestCart[T any](f format[T], cart func(lines int) T, limit int) (int, error) {
	var failed error
	lines := sort.Search(limit/leastLine, func(lines int) bool {
		n, err := size(f, cart(lines+1))
		failed = errors.Join(failed, err)
		return n > limit
	})
	return lines, failed
}
