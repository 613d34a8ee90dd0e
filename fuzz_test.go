package hardtack_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack"
)

// FuzzCookieHeader: no header panics, and none is accepted that does not hold a cookie that was sealed.
func FuzzCookieHeader(f *testing.F) {
	j := jrNew[jrData](f, hardtack.Config{Formerly: []hardtack.Former{{Name: "sid"}}})
	pair := jrStart(f, j, jrData{N: 1})
	for _, s := range []string{"", "=", ";", "__Host-session", "__Host-session=", "__Host-session=x; sid=y", pair + "x", `__Host-session="` + jrValue(pair) + `"`, strings.Repeat("a=b; ", 100), "__Host-session=AQ\r\n"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, header string, append bool) {
		if append {
			header += "; " + pair
		}
		s, err := j.Get(&http.Request{Header: http.Header{"Cookie": {header}}})
		if s == nil {
			t.Fatal("no session")
		}
		if err == nil && (!strings.Contains(header, jrValue(pair)) || s.Data.N != 1) {
			t.Fatalf("accepted %q", header)
		}
	})
}

// FuzzPayload: whatever authentic bytes hold, they decode or are refused as ErrPayload.
func FuzzPayload(f *testing.F) {
	keys := hardtack.EphemeralKeyring()
	codec := hardtack.NewSealedCodec(keys)
	type data struct {
		jrData
		M map[string]any
		T time.Time
	}
	j := jrNew[data](f, hardtack.Config{Keys: keys})
	for _, s := range []string{"", "\xa0", "\xa1\x61N\x01", "\x9f\xff", "\xa2\x61N\x01\x61N\x02", "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "{}", `{"N":1}`, "\xa1\x61T\xc0\x60"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, asJSON bool) {
		rec := hardtack.Record{Payload: payload, Created: time.Now(), Issued: time.Now(), Expires: time.Now().Add(time.Hour), Serializer: hardtack.CBOR{}}
		if asJSON {
			rec.Serializer = hardtack.JSON{}
		}
		value, _, err := codec.Seal(t.Context(), nil, hardtack.Binding{Name: hardtack.DefaultName, Now: time.Now()}, &rec)
		if err != nil || len(value) > 4000 {
			return
		}
		s, err := j.Get(jrRequest(hardtack.DefaultName + "=" + string(value)))
		if s == nil || err != nil && !errors.Is(err, hardtack.ErrPayload) {
			t.Fatalf("%x: %v", payload, err)
		}
	})
}
