package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/doctable"
	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/bench/session"
)

const committed = "../../docs/capacity.md"

func TestDocumentIsCurrent(t *testing.T) {
	text, err := os.ReadFile(committed)
	require.NoError(t, err)
	document := filepath.Join(t.TempDir(), "capacity.md")
	stale := string(text)
	for _, name := range []string{"sizes", "room", "carts", "compressors"} {
		before := stale
		stale, err = doctable.Replace(stale, name, "old\n")
		require.NoError(t, err)
		require.NotEqual(t, before, stale)
	}
	require.NoError(t, os.WriteFile(document, []byte(stale), 0o600))
	require.NoError(t, run(document))
	written, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(written), "run make capacity")
}

// Keys, nonces and the order of maps are random; the figures are not.
func TestSizesDoNotVary(t *testing.T) {
	first, err := samples()
	require.NoError(t, err)
	for range 3 {
		again, err := samples()
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

// One format's values do vary, by a few bytes.
func TestVariation(t *testing.T) {
	v := session.NewOIDC(1100, 1400, 600)
	for _, f := range format.Cookies[session.OIDC]() {
		trial := f.On(v)
		least, err := size(trial, f.Varies)
		require.NoError(t, err)
		most := least
		for range 60 {
			n, err := sizeOnce(trial)
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, least, f.Title)
			most = max(most, n)
		}
		assert.Equal(t, f.Varies, most > least, f.Title)
		assert.LessOrEqual(t, most, least+8, f.Title)
	}
}

const (
	gobFields, gobStruct, gobValue = "gorilla/sessions, gob, a key for each field", "gorilla/sessions, gob, one struct", "gorilla/securecookie, gob"
	gorillaJSON                    = "gorilla/securecookie, JSON"
	signed, encrypted              = "signed JWT, HS256", "JWE, dir and A256GCM"
	pasetoLocal                    = "PASETO, v4.local"
	tink                           = "tink AEAD, AES256_GCM, CBOR"
	oursHS256, oursEdDSA           = "hardtack, signed, HS256", "hardtack, signed, EdDSA"
	oursJSON, oursCBOR             = "hardtack, JSON", "hardtack, CBOR"
	smallJSON, smallCBOR           = "hardtack, JSON, compressed", "hardtack, CBOR, compressed"
)

// What docs/capacity.md concludes of sizes.
func TestConclusions(t *testing.T) {
	all, err := samples()
	require.NoError(t, err)
	assert.Len(t, titles(), 14)
	sizes := map[string]map[string]int{}
	for _, s := range all {
		sizes[s.title] = map[string]int{}
		for i, format := range titles() {
			sizes[s.title][format] = s.sizes[i]
		}
	}
	for title, of := range sizes {
		assert.Equal(t, of[signed], of[encrypted], title)
		assert.InDelta(t, 45, of[pasetoLocal]-of[signed], 1, title)
		assert.InDelta(t, 90, of[signed]-of[oursJSON], 1, title)
		assert.InDelta(t, 176, of[oursHS256]-of[signed], 1, title)
		assert.InDelta(t, 219, of[oursEdDSA]-of[signed], 1, title)
		assert.InDelta(t, 95, of[oursCBOR]-of[tink], 1, title)
		assert.Less(t, of[oursCBOR], of[oursJSON], title)
		assert.LessOrEqual(t, of[smallJSON], of[oursJSON], title)
		assert.LessOrEqual(t, of[smallCBOR], of[oursCBOR], title)
		for format, n := range of {
			switch {
			case format == smallJSON || format == smallCBOR:
				assert.LessOrEqual(t, n, browserMax, "%s, %s", title, format)
				continue
			case title == "cart of 60" || title == "OIDC, three JWTs":
				assert.Greater(t, n, browserMax, "%s, %s", title, format)
			case format == gobFields && title == "OIDC, one JWT", format == gobStruct && title == "OIDC, one JWT":
				assert.Greater(t, n, inlineMax, "%s, %s", title, format)
			default:
				assert.LessOrEqual(t, n, inlineMax, "%s, %s", title, format)
			}
			// Ours is the smallest, except for these.
			switch {
			case format == oursCBOR:
			case format == tink, title == "login" && format == gorillaJSON,
				title == "cart of 60" && (format == gobFields || format == gobStruct || format == gobValue):
				assert.Less(t, n, of[oursCBOR], "%s, %s", title, format)
			default:
				assert.Greater(t, n, of[oursCBOR], "%s, %s", title, format)
			}
		}
	}

	numberedSizes := map[string]int{}
	for _, c := range carts() {
		numberedSizes[c.Title], err = size(c.On(60), c.Varies)
		require.NoError(t, err)
	}
	assert.Less(t, numberedSizes[numbered], browserMax)
	for format, n := range sizes["cart of 60"] {
		if format != smallJSON && format != smallCBOR {
			assert.Greater(t, n, numberedSizes[numbered]*11/8, format)
		}
	}

	// Compression.
	for _, format := range [][2]string{{oursJSON, smallJSON}, {oursCBOR, smallCBOR}} {
		assert.Equal(t, sizes["login"][format[0]], sizes["login"][format[1]])
		assert.Less(t, sizes["cart of 60"][format[1]], sizes["cart of 60"][format[0]]/3)
		for _, title := range []string{"OIDC, one JWT", "OIDC, three JWTs", "form in Japanese"} {
			share := float64(sizes[title][format[1]]) / float64(sizes[title][format[0]])
			assert.Greater(t, share, 2.0/3, "%s, %s", title, format[1])
			assert.Less(t, share, 0.8, "%s, %s", title, format[1])
		}
	}
	for _, title := range []string{"cart of 12", "cart of 60"} {
		assert.Less(t, sizes[title][smallJSON], sizes[title][smallCBOR], title)
	}
	assert.Less(t, numberedSizes[numberedCompressed], numberedSizes[smallCBOR])
	assert.Greater(t, numberedSizes[numberedCompressed], numberedSizes[smallCBOR]*9/10)
}

// What it concludes of room, from its table, which is current.
func TestRoomConclusions(t *testing.T) {
	text, err := os.ReadFile(committed)
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "<!-- room -->\n")
	require.True(t, ok)
	table, _, ok = strings.Cut(table, "<!-- /room -->")
	require.True(t, ok)
	cells := func(row string) []string {
		return strings.Split(strings.ReplaceAll(strings.Trim(row, "| "), ",", ""), " | ")
	}
	rows := strings.Split(strings.TrimSpace(table), "\n")
	require.Len(t, rows, 2+len(titles()))
	shapes := cells(rows[0])
	require.Equal(t, []string{"login", "account", "cart", "oidc", "form"}, shapes)
	room := map[string]map[string]int{}
	for i, title := range titles() {
		row := cells(rows[2+i])
		require.Equal(t, strings.ReplaceAll(title, ",", ""), row[0])
		for j, shape := range shapes {
			var browser, inline int
			_, err := fmt.Sscanf(row[1+j], "%d / %d", &browser, &inline)
			require.NoError(t, err)
			assert.Greater(t, browser, inline, "%s, %s", title, shape)
			if room[shape] == nil {
				room[shape] = map[string]int{}
			}
			room[shape][title] = browser
		}
	}
	assert.Greater(t, room["account"][smallJSON], 5*room["account"][oursJSON])
	assert.Greater(t, room["cart"][smallJSON], 5*room["cart"][oursJSON])
	assert.InDelta(t, 2, float64(room["form"][smallJSON])/float64(room["form"][oursJSON]), 0.25)
	assert.LessOrEqual(t, room["oidc"][smallJSON], room["oidc"][oursJSON]*4/3)
}

// What it concludes of compressors.
func TestCompressorConclusions(t *testing.T) {
	with, err := format.Compressors()
	require.NoError(t, err)
	all, err := compressions(with)
	require.NoError(t, err)
	require.Len(t, all, 15)
	var asTheyWere []string
	for _, row := range all {
		by := map[string]int{}
		for i, c := range with {
			by[c.Name] = row.by[i]
		}
		deflate := min(by["deflate-7"], by["deflate-9"])
		zstd := min(by["zstd-fastest"], by["zstd-default"], by["zstd-best"])
		if row.title == "account, large" {
			assert.InDelta(t, 0.9, float64(zstd)/float64(deflate), 0.03)
		} else {
			assert.Less(t, deflate, zstd-4, "%s: even without zstd's magic number", row.title)
		}
		assert.LessOrEqual(t, by["deflate-7"]-by["deflate-9"], 4, row.title)
		if low := min(by["deflate-1"], by["deflate-6"]); low >= row.plain && by["deflate-7"] < row.plain {
			asTheyWere = append(asTheyWere, row.title)
		}
	}
	assert.Equal(t, []string{"account, small", "account, medium", "oidc, small", "oidc, large"}, asTheyWere)

	sizes := map[string][]format.Size{}
	for _, shape := range format.Shapes() {
		sizes[shape.Name] = shape.Sizes
	}
	for name, want := range map[string][2]int{"login": {8, 200}, "account": {1, 70}, "cart": {3, 24}, "oidc": {710, 1900}, "form": {0, 420}} {
		assert.Equal(t, want, [2]int{sizes[name][0].N, sizes[name][2].N}, name)
	}
}

// plainText seals nothing.
func plainText() format.Format[string] {
	return format.Format[string]{
		Seal: func(s *string) (string, error) { return *s, nil },
		Open: func(value string, s *string) error {
			*s = value
			return nil
		},
	}
}

func TestSizeRefuses(t *testing.T) {
	failed := errors.New("failed")
	f := plainText()
	n, err := size(f.On("session"), false)
	require.NoError(t, err)
	assert.Equal(t, len("__Host-sessionsession"), n)

	_, err = size(f.On(`"`), false)
	assert.Error(t, err, "a value that is no cookie")
	g := f
	g.Open = func(string, *string) error { return nil }
	_, err = size(g.On("session"), false)
	assert.ErrorIs(t, err, format.ErrChanged)
	g.Open = func(string, *string) error { return failed }
	_, err = size(g.On("session"), true)
	assert.ErrorIs(t, err, failed)
	g.Seal = func(*string) (string, error) { return "", failed }
	_, err = size(g.On("session"), true)
	assert.ErrorIs(t, err, failed)
}

// A cookie over the limit is never made: its figure is the *SizeError's, which has to be what the cookie would have taken.
func TestSizeErrorCountsAsBrowsersDo(t *testing.T) {
	for _, configure := range []func(*hardtack.Config) error{
		format.Serialized(hardtack.CBOR{}), format.Serialized(hardtack.JSON{}), format.Compressed(hardtack.CBOR{}), format.Compressed(hardtack.JSON{}),
	} {
		n, err := size(format.Jar[session.Cart]("", configure, format.Then).On(session.NewCart(12)), false)
		require.NoError(t, err)
		config, err := format.JarConfig(configure, format.Then)
		require.NoError(t, err)
		config.Budget.Max = n - 1
		jar, err := hardtack.New[session.Cart](config)
		require.NoError(t, err)
		r := format.NewRequest("")
		s, _ := jar.Get(r)
		s.SetSubject(session.UserID)
		s.Data = session.NewCart(12)
		_, err = jar.Save(httptest.NewRecorder(), r, s)
		var tooLarge *hardtack.SizeError
		require.ErrorAs(t, err, &tooLarge)
		assert.Equal(t, n, tooLarge.CookieBytes)
	}
}

// The figures are of a session's first save. A later one holds larger numbers.
func TestLaterSavesTakeLittleMore(t *testing.T) {
	now := format.Then()
	config, err := format.JarConfig(format.Serialized(hardtack.CBOR{}), func() time.Time { return now })
	require.NoError(t, err)
	jar, err := hardtack.New[session.Account](config)
	require.NoError(t, err)
	value, first := "", 0
	for range 280 {
		r, w := format.NewRequest(value), httptest.NewRecorder()
		s, _ := jar.Get(r)
		require.Equal(t, value == "", s.IsNew())
		s.Data = session.NewAccount()
		p, err := jar.Save(w, r, s)
		value, err = format.SetValue(w, err)
		require.NoError(t, err)
		if first == 0 {
			first = p.CookieBytes
		}
		assert.LessOrEqual(t, p.CookieBytes, first+6)
		now = now.Add(5 * time.Minute)
	}
}

// gorilla/sessions counts the value and not the name, and so sets cookies that browsers drop.
func TestGorillaSavesWhatBrowsersRefuse(t *testing.T) {
	store := sessions.NewCookieStore(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32))
	for n := 1900; ; n++ {
		r, w := format.NewRequest(""), httptest.NewRecorder()
		s, err := store.Get(r, format.CookieName)
		require.NoError(t, err)
		s.Values["token"] = strings.Repeat("x", n)
		value, err := format.SetValue(w, s.Save(r, w))
		require.NoError(t, err)
		if len(format.CookieName)+len(value) > browserMax {
			break
		}
	}
	r, w := format.NewRequest(""), httptest.NewRecorder()
	s, err := store.Get(r, format.CookieName)
	require.NoError(t, err)
	s.Values["token"] = strings.Repeat("x", 3000)
	assert.Error(t, s.Save(r, w), "more than 4096 bytes of value it refuses")
	assert.Empty(t, w.Result().Cookies())
}

func TestMarked(t *testing.T) {
	for n, want := range map[int]string{
		512: "512", 3072: "3,072", 3073: "3,073 ▲", 4096: "4,096 ▲", 4097: "4,097 ✗", 1234567: "1,234,567 ✗",
	} {
		assert.Equal(t, want, marked(n))
	}
}

func TestLargest(t *testing.T) {
	for _, c := range carts() {
		lines, err := largest(c, 0, inlineMax)
		require.NoError(t, err)
		fits, err := size(c.On(lines), c.Varies)
		require.NoError(t, err)
		over, err := size(c.On(lines+1), c.Varies)
		require.NoError(t, err)
		assert.LessOrEqual(t, fits, inlineMax, c.Title)
		assert.Greater(t, over, inlineMax, c.Title)
	}

	for _, limit := range []int{20, 21, 22, 23, 36, 37, 38} {
		c := format.ContenderOf(plainText(), session.Shape[string]{Grow: func(n int) string { return strings.Repeat("x", n) }})
		n, err := largest(c, 5, limit+len(format.CookieName))
		require.NoError(t, err)
		assert.Equal(t, limit, n)
		_, err = largest(c, limit+1, limit+len(format.CookieName))
		assert.ErrorContains(t, err, "not even")
	}

	failed := errors.New("failed")
	f := plainText()
	f.Seal = func(*string) (string, error) { return "", failed }
	_, err := largest(format.ContenderOf(f, session.Shape[string]{Grow: func(int) string { return "" }}), 0, inlineMax)
	assert.ErrorIs(t, err, failed)
}

func TestRunFails(t *testing.T) {
	document := filepath.Join(t.TempDir(), "capacity.md")
	assert.ErrorIs(t, run(document), os.ErrNotExist)
	for _, text := range []string{"", "<!-- sizes -->\n<!-- /sizes -->\n", "<!-- carts -->\n<!-- /carts -->\n<!-- sizes -->\n"} {
		require.NoError(t, os.WriteFile(document, []byte(text), 0o600))
		assert.ErrorContains(t, run(document), "doctable: ")
		after, err := os.ReadFile(document)
		require.NoError(t, err)
		assert.Equal(t, text, string(after), "nothing was written")
	}
}
