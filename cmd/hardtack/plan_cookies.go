package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/compress"
	"github.com/hardtack-go/hardtack/signed"
)

const binBytes = 256

// format is a way to make cookies, and what it made of the samples.
type format struct {
	planFormat
	jar    *hardtack.Jar[sample]
	cookie []int // name plus value
	line   []int // the Set-Cookie header, of those that fit
	fits   []int // the cookies that do
}

// scales weigh samples: in cookies of each format, in the records of a hybrid Jar, and field by field.
type scales struct {
	a           planAssumptions
	subject     string
	json, cbor  []int
	fields      weights
	formats     []*format
	hybrid      *hardtack.Jar[sample]
	store       meter
	hybridLines []int // Set-Cookie headers of sessions in their cookies
	inline      []int // their cookies
	references  []int // cookies of the stored
	refLines    []int
	records     []int
	unsaved     int // by a hybrid Jar
	attributes  int // what a Set-Cookie line has besides the cookie's name and value
	deletion    int // the Set-Cookie line of a logout
}

func newScales(a planAssumptions, now func() time.Time) (*scales, error) {
	ring := hardtack.EphemeralKeyring() // nothing leaves this process
	s := &scales{a: a, subject: strings.Repeat("s", a.SubjectBytes)}
	config := func() hardtack.Config {
		return hardtack.Config{
			Keys: ring, Name: a.CookieName, Lifetime: time.Duration(a.Lifetime), Now: now,
			Budget: hardtack.Budget{Inline: a.Budget},
		}
	}
	sealed := func(name, title string, ser hardtack.Serializer, compressor hardtack.Compressor, padTo int) error {
		c := config()
		c.Serializer, c.InsecureCompression, c.PadTo = ser, compressor, padTo
		return s.add(planFormat{Name: name, Title: title, Encrypted: true, Compressed: compressor != nil, PadTo: padTo, Hybrid: true}, c)
	}
	sign := func(name, title string, algorithm signed.Algorithm) error {
		c := config()
		codec, err := signed.NewCodec(ring, signed.Options{Algorithm: algorithm})
		c.Codec, c.Serializer = codec, hardtack.JSON{}
		return errors.Join(err, s.add(planFormat{Name: name, Title: title}, c))
	}
	deflate := compress.Deflate{}
	padded := fmt.Sprintf(", padded to %d", a.PadTo)
	err := errors.Join(
		sealed("sealed-cbor", "sealed, CBOR", hardtack.CBOR{}, nil, 0),
		sealed("sealed-cbor-compressed", "sealed, CBOR, compressed", hardtack.CBOR{}, deflate, 0),
		sealed("sealed-cbor-padded", "sealed, CBOR"+padded, hardtack.CBOR{}, nil, a.PadTo),
		sealed("sealed-cbor-compressed-padded", "sealed, CBOR, compressed"+padded, hardtack.CBOR{}, deflate, a.PadTo),
		sealed("sealed-json", "sealed, JSON", hardtack.JSON{}, nil, 0),
		sealed("sealed-json-compressed", "sealed, JSON, compressed", hardtack.JSON{}, deflate, 0),
		sign("signed-hs256", "signed, HS256", signed.HS256),
		sign("signed-eddsa", "signed, EdDSA", signed.EdDSA),
	)
	if err != nil {
		return nil, err
	}
	if s.hybrid, err = hardtack.NewHybrid[sample](config(), &s.store); err != nil {
		return nil, err
	}
	return s, s.weighLines()
}

// weighLines finds out what a Set-Cookie line has besides the cookie, which is the same for every session.
func (s *scales) weighLines() error {
	p, line, err := save(s.hybrid, "", sample{})
	if err != nil {
		return err
	}
	s.attributes = line - p.CookieBytes
	r, w := &http.Request{Header: make(http.Header)}, make(headerWriter)
	ended, _ := s.hybrid.Get(r) // there is no cookie
	err = s.hybrid.Delete(w, r, ended)
	s.deletion = w.line()
	return err
}

func (s *scales) add(f planFormat, c hardtack.Config) error {
	jar, err := hardtack.New[sample](c)
	s.formats = append(s.formats, &format{planFormat: f, jar: jar})
	return err
}

var errUnencodable = errors.New("is nested too deeply for CBOR, or has an array or object with too many entries")

// weigh weighs a sample in everything.
func (s *scales) weigh(data sample) error {
	cbor, err := (hardtack.CBOR{}).Marshal(data)
	if err != nil {
		return errUnencodable
	}
	text, err := (hardtack.JSON{}).Marshal(data)
	if err != nil {
		return errUnencodable
	}
	s.cbor, s.json = append(s.cbor, len(cbor)), append(s.json, len(text))
	s.fields.add(data)
	for _, f := range s.formats {
		p, line, err := save(f.jar, s.subject, data)
		var tooLarge *hardtack.SizeError
		switch {
		case errors.As(err, &tooLarge):
			p.CookieBytes = tooLarge.CookieBytes
		case err != nil:
			return err
		default:
			f.fits, f.line = append(f.fits, p.CookieBytes), append(f.line, line)
		}
		f.cookie = append(f.cookie, p.CookieBytes)
	}
	p, line, err := save(s.hybrid, s.subject, data)
	var tooLarge *hardtack.SizeError
	switch {
	case errors.As(err, &tooLarge):
		s.unsaved++
	case err != nil:
		return err
	case p.Where == hardtack.InStore:
		s.records = append(s.records, s.store.bytes)
		s.references, s.refLines = append(s.references, p.CookieBytes), append(s.refLines, line)
	default:
		s.inline, s.hybridLines = append(s.inline, p.CookieBytes), append(s.hybridLines, line)
	}
	return nil
}

// save saves a new session, as a handler does. line is the size of the Set-Cookie header.
func save(jar *hardtack.Jar[sample], subject string, data sample) (p hardtack.Placement, line int, err error) {
	r, w := &http.Request{Header: make(http.Header)}, make(headerWriter)
	s, _ := jar.Get(r) // there is no cookie
	s.SetSubject(subject)
	s.Data = data
	if p, err = jar.Save(w, r, s); err == nil {
		line = w.line()
	}
	return p, line, err
}

// headerWriter is a response of which only the header is looked at.
type headerWriter http.Header

// line is the size of the Set-Cookie line.
func (h headerWriter) line() int {
	return len("Set-Cookie: \r\n") + len(http.Header(h).Get("Set-Cookie"))
}

func (h headerWriter) Header() http.Header       { return http.Header(h) }
func (headerWriter) Write(b []byte) (int, error) { return len(b), nil }
func (headerWriter) WriteHeader(int)             {}

// meter is a store that is always empty, and notes how large the last record was.
type meter struct{ bytes int }

func (*meter) Find(context.Context, string) ([]byte, bool, error) { return nil, false, nil }
func (*meter) Delete(context.Context, string) error               { return nil }

func (m *meter) Commit(_ context.Context, _ string, data []byte, _ time.Time) error {
	m.bytes = len(data)
	return nil
}

func (m *meter) CompareAndSwap(_ context.Context, _ string, _, _ int64, data []byte, _ time.Time) (bool, error) {
	m.bytes = len(data)
	return true, nil
}

// report is what f made of all samples.
func (f *format) report(a planAssumptions) planFormat {
	r := f.planFormat
	r.Cookie = spread(f.cookie)
	r.HeadRoomBudget, r.HeadRoomMax = a.Budget-r.Cookie.Max, a.Max-r.Cookie.Max
	for _, n := range f.cookie {
		if n > a.Budget {
			r.OverBudget++
		}
		if n > a.Max {
			r.OverMax++
		}
		r.Bins[min(max(n-1, 0)/binBytes, len(r.Bins)-1)]++
	}
	r.OverBudgetShare, r.OverMaxShare = share(r.OverBudget, len(f.cookie)), share(r.OverMax, len(f.cookie))
	return r
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// spread sums sizes up: percentiles are sizes that occur.
func spread(sizes []int) planSpread {
	if len(sizes) == 0 {
		return planSpread{}
	}
	sorted := slices.Sorted(slices.Values(sizes))
	at := func(percent int) int { return sorted[(len(sorted)*percent+99)/100-1] }
	return planSpread{Min: sorted[0], Median: at(50), Mean: mean(sizes), P95: at(95), Max: sorted[len(sorted)-1]}
}

// mean of no sizes is 0.
func mean(sizes []int) float64 {
	sum := 0
	for _, n := range sizes {
		sum += n
	}
	return float64(sum) / float64(max(len(sizes), 1))
}
