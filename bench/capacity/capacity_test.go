package main

import (
	"encoding/json"
	"errors"
	"net/http"
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
	"github.com/hardtack-go/hardtack/bench/session"
)

const committed = "../../docs/capacity.md"

func TestDocumentIsCurrent(t *testing.T) {
	text, err := os.ReadFile(committed)
	require.NoError(t, err)
	document := filepath.Join(t.TempDir(), "capacity.md")
	stale := strings.NewReplacer("| yes |", "| old |", "| no |", "| old |").Replace(string(text))
	require.NotEqual(t, string(text), stale)
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
	for range 5 {
		again, err := samples()
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

// One format's values do vary, by a few bytes.
func TestVariation(t *testing.T) {
	v := session.NewOIDC(1100, 1400, 600)
	for _, f := range formats[session.OIDC]() {
		least, err := size(f, v)
		require.NoError(t, err)
		most := least
		for range 200 {
			n, err := sizeOnce(f, v)
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, least, f.title)
			most = max(most, n)
		}
		assert.Equal(t, f.varies, most > least, f.title)
		assert.LessOrEqual(t, most, least+8, f.title)
	}
}

// What docs/capacity.md concludes.
func TestConclusions(t *testing.T) {
	all, err := samples()
	require.NoError(t, err)
	sizes := map[string]map[string]int{}
	for _, s := range all {
		sizes[s.title] = map[string]int{}
		for i, f := range formats[session.Cart]() {
			sizes[s.title][f.title] = s.sizes[i]
		}
	}
	const (
		gobFields, gobStruct = "gorilla/sessions, gob, a key for each field", "gorilla/sessions, gob, one struct"
		gorillaJSON          = "gorilla/securecookie, JSON"
		signed, encrypted    = "signed JWT, HS256", "JWE, dir and A256GCM"
		pasetoLocal          = "PASETO, v4.local"
		oursJSON, oursCBOR   = "hardtack, JSON", "hardtack, CBOR"
	)
	for title, of := range sizes {
		assert.Equal(t, of[signed], of[encrypted], title)
		assert.InDelta(t, 45, of[pasetoLocal]-of[signed], 1, title)
		assert.InDelta(t, 90, of[signed]-of[oursJSON], 1, title)
		assert.Less(t, of[oursCBOR], of[oursJSON], title)
		for format, n := range of {
			switch {
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
			case title == "login" && format == gorillaJSON, title == "cart of 60" && (format == gobFields || format == gobStruct):
				assert.Less(t, n, of[oursCBOR], "%s, %s", title, format)
			default:
				assert.Greater(t, n, of[oursCBOR], "%s, %s", title, format)
			}
		}
	}

	numbered, err := size(hardtackJar[session.NumberedCart]("", hardtack.CBOR{}), session.NewNumberedCart(60))
	require.NoError(t, err)
	assert.Less(t, numbered, browserMax)
	for format, n := range sizes["cart of 60"] {
		assert.Greater(t, n, numbered*7/5, format)
	}
}

func TestSizeRefuses(t *testing.T) {
	failed := errors.New("failed")
	f := format[string]{
		seal: func(s string) (string, error) { return s, nil },
		open: func(s string) (string, error) { return s, nil },
	}
	n, err := size(f, "session")
	require.NoError(t, err)
	assert.Equal(t, len("__Host-sessionsession"), n)

	_, err = size(f, `"`)
	assert.Error(t, err, "a value that is no cookie")
	g := f
	g.open = func(string) (string, error) { return "another", nil }
	_, err = size(g, "session")
	assert.ErrorContains(t, err, "did not come back")
	g.open = func(string) (string, error) { return "session", failed }
	_, err = size(g, "session")
	assert.ErrorIs(t, err, failed)
	g.seal = func(string) (string, error) { return "", failed }
	_, err = size(g, "session")
	assert.ErrorIs(t, err, failed)
}

// Each format authenticates: a figure of one that takes anything would be of something else.
func TestChangedValuesDoNotOpen(t *testing.T) {
	for _, f := range formats[session.Account]() {
		value, err := f.seal(session.NewAccount())
		require.NoError(t, err, f.title)
		for _, i := range []int{len(value) / 3, len(value) / 2} {
			other := byte('A')
			if value[i] == other {
				other = 'B'
			}
			_, err = f.open(value[:i] + string(other) + value[i+1:])
			assert.Error(t, err, "%s, byte %d", f.title, i)
		}
		text, err := json.Marshal(session.NewAccount())
		require.NoError(t, err)
		_, err = f.open(strings.ReplaceAll(string(text), `"`, ""))
		assert.Error(t, err, f.title)
	}
}

// A cookie over the limit is never made: its figure is the *SizeError's, which has to be what the cookie would have taken.
func TestSizeErrorCountsAsBrowsersDo(t *testing.T) {
	for _, serializer := range []hardtack.Serializer{hardtack.CBOR{}, hardtack.JSON{}} {
		config, err := jarConfig(serializer)
		require.NoError(t, err)
		n, err := size(hardtackJar[session.Cart]("", serializer), session.NewCart(12))
		require.NoError(t, err)
		config.Budget.Max = n - 1
		jar, err := hardtack.New[session.Cart](config)
		require.NoError(t, err)
		r := newRequest("")
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
	config, err := jarConfig(nil)
	require.NoError(t, err)
	now := clock()
	config.Now = func() time.Time { return now }
	jar, err := hardtack.New[session.Account](config)
	require.NoError(t, err)
	value, first := "", 0
	for range 280 {
		r, w := newRequest(value), httptest.NewRecorder()
		s, _ := jar.Get(r)
		require.Equal(t, value == "", s.IsNew())
		s.Data = session.NewAccount()
		p, err := jar.Save(w, r, s)
		value, err = setValue(w, err)
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
	store := sessions.NewCookieStore(secret(1), secret(2))
	for n := 1900; ; n++ {
		r, w := newRequest(""), httptest.NewRecorder()
		s, err := store.Get(r, cookieName)
		require.NoError(t, err)
		s.Values["token"] = strings.Repeat("x", n)
		value, err := setValue(w, s.Save(r, w))
		require.NoError(t, err)
		if len(cookieName)+len(value) > browserMax {
			break
		}
	}
	r, w := newRequest(""), httptest.NewRecorder()
	s, err := store.Get(r, cookieName)
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

func TestLargestCart(t *testing.T) {
	for _, f := range formats[session.Cart]() {
		lines, err := largestCart(f, session.NewCart, inlineMax)
		require.NoError(t, err)
		fits, err := size(f, session.NewCart(lines))
		require.NoError(t, err)
		over, err := size(f, session.NewCart(lines+1))
		require.NoError(t, err)
		assert.LessOrEqual(t, fits, inlineMax, f.title)
		assert.Greater(t, over, inlineMax, f.title)
	}

	failed := errors.New("failed")
	_, err := largestCart(format[session.Cart]{seal: func(session.Cart) (string, error) { return "", failed }}, session.NewCart, inlineMax)
	assert.ErrorIs(t, err, failed)
}

func TestRunFails(t *testing.T) {
	document := filepath.Join(t.TempDir(), "capacity.md")
	assert.ErrorIs(t, run(document), os.ErrNotExist)
	for _, text := range []string{"", "<!-- sizes -->\n<!-- /sizes -->\n", "<!-- carts -->\n<!-- /carts -->\n<!-- sizes -->\n"} {
		require.NoError(t, os.WriteFile(document, []byte(text), 0o600))
		assert.ErrorContains(t, run(document), "no lines")
		after, err := os.ReadFile(document)
		require.NoError(t, err)
		assert.Equal(t, text, string(after), "nothing was written")
	}
}

func TestSetValue(t *testing.T) {
	w := httptest.NewRecorder()
	_, err := setValue(w, nil)
	assert.Error(t, err, "no cookie")
	http.SetCookie(w, &http.Cookie{Name: "another", Value: "x"})
	_, err = setValue(w, nil)
	assert.Error(t, err, "another cookie")
}
