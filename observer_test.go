package hardtack_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// mwSecret stands for session data that must not leak.
const mwSecret = "tell-nobody"

// mwLog gives an Observer that writes down each call with all its arguments.
func mwLog(log *[]string) hardtack.Observer {
	note := func(format string, args ...any) { *log = append(*log, fmt.Sprintf(format, args...)) }
	return hardtack.Observer{
		Sealed:     func(_ context.Context, key string, n int) { note("sealed %s %d", key, n) },
		Opened:     func(_ context.Context, key, former string) { note("opened %s %q", key, former) },
		Refused:    func(_ context.Context, err error) { note("refused %v", err) },
		Overflowed: func(_ context.Context, n int) { note("overflowed %d", n) },
		Returned:   func(_ context.Context, n int) { note("returned %d", n) },
		Conflict:   func(context.Context) { note("conflict") },
		StoreError: func(_ context.Context, op string, err error) { note("store %s %v", op, err) },
		NearLimit: func(_ context.Context, n, limit int, advice string) {
			note("near %d %d %v", n, limit, strings.Contains(advice, "proxy_buffer_size 8k"))
		},
		LateChange:        func(context.Context) { note("late") },
		CacheableResponse: func(_ context.Context, was string) { note("cacheable %s", was) },
	}
}

// mwPlay does everything that an Observer can hear of.
func mwPlay(t *testing.T, o hardtack.Observer, ring *hardtack.Keyring, step func(name string, p hardtack.Placement)) (values []string) {
	t.Helper()
	var p hardtack.Placement
	with := func(c *hardtack.Config) {
		c.Observer, c.Keys = o, ring
		c.Formerly = []hardtack.Former{{Name: "old"}}
	}
	g := newMwRig(t, true, with)
	save := func(g *mwRig, text string) {
		t.Helper()
		r, w := g.request(t.Context()), httptest.NewRecorder()
		s, _ := g.jar.Get(r)
		s.Data.Text = text
		s.SetSubject(mwSecret)
		var err error
		p, err = g.jar.Save(w, r, s)
		require.NoError(t, err)
		g.take(w.Header())
		values = append(values, g.cookies[hardtack.DefaultName], s.ID())
	}
	get := func(g *mwRig) { _, _ = g.jar.Get(g.request(t.Context())) }

	get(g)
	step("nothing", p)
	save(g, mwSecret)
	step("sealed", p)
	get(g)
	step("opened", p)

	c := g.config
	c.Name, c.Formerly = "old", nil
	former, err := hardtack.New[mwData](c)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	s, _ := former.Get(g.request(t.Context()))
	_, err = former.Save(w, g.request(t.Context()), s)
	require.NoError(t, err)
	step("", p)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(w.Result().Cookies()[0])
	_, err = g.jar.Get(r)
	require.NoError(t, err)
	step("opened former", p)

	held := g.cookies[hardtack.DefaultName]
	flipped := held[:len(held)-30] + map[bool]string{true: "B", false: "A"}[held[len(held)-30] == 'A'] + held[len(held)-29:]
	g.cookies[hardtack.DefaultName] = flipped
	values = append(values, flipped)
	get(g)
	step("refused", p)
	g.cookies[hardtack.DefaultName] = held

	save(g, mwSecret+mwBig)
	step("overflowed", p)
	r = g.request(t.Context())
	s, err = g.jar.Get(r)
	require.NoError(t, err)
	g.elsewhere(mwData{N: 1, Text: mwSecret + mwBig})
	step("", p)
	s.Data.N = 2
	_, err = g.jar.Save(httptest.NewRecorder(), r, s)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	step("conflict", p)
	g.store.away.Store(true)
	get(g)
	step("store error", p)
	g.store.away.Store(false)
	save(g, mwSecret)
	step("returned", p)

	g.do(func(w http.ResponseWriter, r *http.Request) {
		s, _ := g.jar.From(r.Context())
		w.(http.Flusher).Flush()
		s.Data.Text = mwSecret + "late"
	})
	step("late", p)
	g.do(func(w http.ResponseWriter, r *http.Request) {
		s, _ := g.jar.From(r.Context())
		s.Data.Text = mwSecret + "cached"
		w.Header().Set("Cache-Control", "public, max-age=60")
	})
	step("cacheable", p)

	g = newMwRig(t, false, with)
	save(g, mwSecret+mwBig[:2600])
	step("near", p)
	save(g, mwSecret+mwBig[:2601])
	step("near only once", p)
	return values
}

func TestObserverHears(t *testing.T) {
	ring := hardtack.EphemeralKeyring()
	key, err := ring.SealingKey(time.Now())
	require.NoError(t, err)
	var log []string
	var all []string
	values := mwPlay(t, mwLog(&log), ring, func(name string, p hardtack.Placement) {
		t.Helper()
		sealed := fmt.Sprintf("sealed %s %d", key, p.CookieBytes)
		opened := fmt.Sprintf("opened %s %q", key, "")
		want, known := map[string][]string{
			"nothing":        nil,
			"sealed":         {sealed},
			"opened":         {opened},
			"opened former":  {fmt.Sprintf("opened %s %q", key, "old")},
			"refused":        {"refused " + hardtack.ErrForged.Error()},
			"overflowed":     {opened, fmt.Sprintf("overflowed %d", p.PayloadBytes), sealed},
			"conflict":       {"conflict"},
			"store error":    {"store find " + errMwAway.Error(), "refused " + hardtack.ErrStoreUnavailable.Error() + ": find: " + errMwAway.Error()},
			"returned":       {opened, fmt.Sprintf("returned %d", p.PayloadBytes), sealed},
			"late":           nil, // below
			"near":           {fmt.Sprintf("near %d 3072 true", p.CookieBytes), sealed},
			"near only once": {opened, sealed},
		}[name]
		switch {
		case name == "late":
			assert.Equal(t, "late", log[len(log)-1])
		case name == "cacheable":
			assert.Contains(t, log, "cacheable public, max-age=60")
		case known:
			assert.Equal(t, want, log, name)
		}
		all = append(all, log...)
		log = nil
	})
	text := strings.Join(all, "\n")
	assert.NotContains(t, text, mwSecret)
	for _, v := range values {
		assert.NotContains(t, text, v)
	}
}

func TestObserverNil(t *testing.T) {
	mwPlay(t, hardtack.Observer{}, hardtack.EphemeralKeyring(), func(string, hardtack.Placement) {})
	o := hardtack.SlogObserver(slog.New(slog.NewTextHandler(io.Discard, nil)))
	o.Sealed, o.Refused, o.LateChange = nil, nil, nil
	mwPlay(t, o, hardtack.EphemeralKeyring(), func(string, hardtack.Placement) {})
}

func TestObserverSlog(t *testing.T) {
	secret := bytes.Repeat([]byte{0xa7, 0x31}, 16)
	key, err := hardtack.NewKey(secret, time.Time{}, time.Time{})
	require.NoError(t, err)
	ring, err := hardtack.NewKeyring(key)
	require.NoError(t, err)
	var out bytes.Buffer
	l := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	values := mwPlay(t, hardtack.SlogObserver(l), ring, func(string, hardtack.Placement) {})
	for _, want := range []string{
		"level=DEBUG msg=\"hardtack: sealed\" key=" + key.ID().String(),
		"level=DEBUG msg=\"hardtack: opened\"", "former=old",
		"level=DEBUG msg=\"hardtack: refused\"",
		"level=DEBUG msg=\"hardtack: overflowed to the store\" payload_bytes=",
		"level=DEBUG msg=\"hardtack: returned to the cookie\" payload_bytes=",
		"level=DEBUG msg=\"hardtack: conflict\"",
		"level=WARN msg=\"hardtack: store failed\" op=find error=\"connection refused\"",
		"level=WARN msg=\"hardtack: cookie near the limit\"",
		"level=WARN msg=\"hardtack: session changed after the response began\"",
		"level=WARN msg=\"hardtack: response with a session cookie was cacheable\"",
	} {
		assert.Contains(t, out.String(), want)
	}
	for _, not := range append(values, mwSecret, string(secret), hex.EncodeToString(secret),
		base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret), fmt.Sprint(secret)) {
		assert.NotContains(t, out.String(), not)
	}
}
