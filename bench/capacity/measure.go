package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/bench/session"
	"github.com/hardtack-go/hardtack/compress"
)

// browserMax is the bytes of name and value above which browsers refuse a cookie, inlineMax those above which a hybrid Jar stores
// the session.
const (
	browserMax = format.BrowserMax
	inlineMax  = 3072
)

// titles are those of the formats, in the order of all tables.
func titles() (all []string) {
	for _, c := range format.Texts().Cookies() {
		all = append(all, c.Title)
	}
	return all
}

// sample is a session with its sizes.
type sample struct {
	title string
	json  int   // bytes of the data as JSON
	sizes []int // bytes of cookie name and value, in the order of titles
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

func newSample[T any](title string, v T) (s sample, err error) {
	s.title = title
	if s.json, err = jsonSize(v); err != nil {
		return sample{}, err
	}
	for _, f := range format.Cookies[T]() {
		n, err := size(f.On(v), f.Varies)
		if err != nil {
			return sample{}, fmt.Errorf("%s, %s: %w", title, f.Title, err)
		}
		s.sizes = append(s.sizes, n)
	}
	return s, nil
}

// jsonSize is the measure of a session's data that is the same for all formats.
func jsonSize(v any) (int, error) {
	text, err := json.Marshal(v)
	return len(text), err
}

// seals is how often a value whose length varies is made. Of the shortest length are more than 2 in 3 of them.
const seals = 25

// size returns the bytes of cookie name and value, the least there are if that varies.
func size(t format.Trial, varies bool) (int, error) {
	least, err := sizeOnce(t)
	for i := 1; varies && i < seals && err == nil; i++ {
		var n int
		n, err = sizeOnce(t)
		least = min(least, n)
	}
	return least, err
}

// sizeOnce counts no value that would not open again.
func sizeOnce(t format.Trial) (int, error) {
	value, err := t.Seal()
	if e := (*hardtack.SizeError)(nil); errors.As(err, &e) {
		return e.CookieBytes, nil // it says what the cookie would have taken
	} else if err != nil {
		return 0, err
	}
	if err := (&http.Cookie{Name: format.CookieName, Value: value}).Valid(); err != nil {
		return 0, err
	}
	return len(format.CookieName) + len(value), t.Check(value)
}

// largest returns how far a session can be grown, from least on, until its cookie takes more than limit bytes. Compressed, a session may take a byte less
// with one thing more in it: then another that large may be refused, and one a little larger may fit.
func largest(c format.Contender, least, limit int) (int, error) {
	var failed error
	over := func(n int) bool {
		if failed != nil {
			return true
		}
		var taken int
		taken, failed = size(c.On(n), c.Varies)
		return failed != nil || taken > limit
	}
	if over(least) {
		return 0, errors.Join(failed, fmt.Errorf("not even %d fit", least))
	}
	fits, step := least, 1
	for !over(fits + step) {
		fits += step
		step *= 2
	}
	return fits + sort.Search(step-1, func(more int) bool { return over(fits + more + 1) }), failed
}

// room is what of a shape's data fits into a cookie: its bytes as JSON.
type room struct {
	browser []int // within browserMax, in the order of titles
	inline  []int
}

func roomOf(shape format.Shape) (r room, err error) {
	for _, c := range shape.Cookies() {
		n := shape.Sizes[0].N
		for _, fits := range []struct {
			limit int
			bytes *[]int
		}{{inlineMax, &r.inline}, {browserMax, &r.browser}} {
			if n, err = largest(c, n, fits.limit); err != nil {
				return room{}, fmt.Errorf("%s, %s: %w", shape.Name, c.Title, err)
			}
			bytes, err := jsonSize(shape.Session(n))
			if err != nil {
				return room{}, err
			}
			*fits.bytes = append(*fits.bytes, bytes)
		}
	}
	return r, nil
}

// compressed is a session's data in CBOR and what compressors make of it, in bytes.
type compressed struct {
	title string
	plain int
	by    []int
	used  int // by package compress
}

func compressions(with []format.Compressor) (all []compressed, err error) {
	for _, shape := range format.Shapes() {
		for _, s := range shape.Sizes {
			c := compressed{title: shape.Name + ", " + s.Name}
			plain, err := hardtack.CBOR{}.Marshal(shape.Session(s.N))
			if err != nil {
				return nil, err
			}
			c.plain = len(plain)
			c.used = len(compress.Deflate{}.AppendDeflate(nil, plain))
			for _, w := range with {
				out, err := w.Compress(nil, plain)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", c.title, w.Name, err)
				}
				c.by = append(c.by, len(out))
			}
			all = append(all, c)
		}
	}
	return all, nil
}
