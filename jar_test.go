package hardtack_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// jrEpoch is where the clocks of these tests begin: not on a full second.
var jrEpoch = time.Date(2026, 3, 29, 1, 59, 59, 678_000_000, time.UTC)

type jrData struct {
	N int
	S string
}

// jrClock is a clock that moves when it is told to.
type jrClock struct{ ns atomic.Int64 }

func newJrClock() *jrClock {
	c := new(jrClock)
	c.set(jrEpoch)
	return c
}

func (c *jrClock) now() time.Time      { return time.Unix(0, c.ns.Load()) }
func (c *jrClock) set(t time.Time)     { c.ns.Store(t.UnixNano()) }
func (c *jrClock) add(d time.Duration) { c.ns.Add(int64(d)) }

func jrNew[T any](t testing.TB, c hardtack.Config) *hardtack.Jar[T] {
	t.Helper()
	if c.Keys == nil {
		c.Keys = hardtack.EphemeralKeyring()
	}
	j, err := hardtack.New[T](c)
	require.NoError(t, err)
	return j
}

// jrRequest presents the given name=value pairs.
func jrRequest(pairs ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if len(pairs) > 0 {
		r.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
	return r
}

// jrPair returns what a client sends back for a Set-Cookie line.
func jrPair(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	return pair
}

// jrPut saves s in answer to r and returns the cookie.
func jrPut[T any](t testing.TB, j *hardtack.Jar[T], r *http.Request, s *hardtack.Session[T]) string {
	t.Helper()
	w := httptest.NewRecorder()
	_, err := j.Save(w, r, s)
	require.NoError(t, err)
	lines := w.Header()["Set-Cookie"]
	require.NotEmpty(t, lines)
	return jrPair(lines[len(lines)-1])
}

// jrStart makes a session with this data and returns its cookie.
func jrStart[T any](t testing.TB, j *hardtack.Jar[T], data T) string {
	t.Helper()
	r := jrRequest()
	s, err := j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	s.Data = data
	return jrPut(t, j, r, s)
}

// jrOpen gets the session of the given cookies, which must be accepted.
func jrOpen[T any](t testing.TB, j *hardtack.Jar[T], pairs ...string) (*http.Request, *hardtack.Session[T]) {
	t.Helper()
	r := jrRequest(pairs...)
	s, err := j.Get(r)
	require.NoError(t, err)
	require.False(t, s.IsNew())
	return r, s
}

// jrTouch returns the lines that Touch writes.
func jrTouch[T any](t testing.TB, j *hardtack.Jar[T], r *http.Request, s *hardtack.Session[T]) []string {
	t.Helper()
	w := httptest.NewRecorder()
	_, err := j.Touch(w, r, s)
	require.NoError(t, err)
	return w.Header()["Set-Cookie"]
}

func jrValue(pair string) string {
	_, v, _ := strings.Cut(pair, "=")
	return v
}

func TestRoundTrip(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now})
	r := jrRequest()
	s, err := j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	require.True(t, s.IsNew())
	assert.Equal(t, hardtack.KeyID{}, s.KeyID())
	assert.Equal(t, jrEpoch.UnixMilli(), s.Created().UnixMilli())
	assert.Equal(t, 24*time.Hour, s.Expires().Sub(s.Created()))
	s.Data = jrData{7, "seven"}
	s.SetSubject("anna")
	id := s.ID()
	assert.Len(t, id, 22)

	w := httptest.NewRecorder()
	p, err := j.Save(w, r, s)
	require.NoError(t, err)
	pair := jrPair(w.Header().Get("Set-Cookie"))
	assert.Equal(t, hardtack.InCookie, p.Where)
	assert.Equal(t, len(pair)-1, p.CookieBytes)
	assert.Equal(t, 4096, p.Limit)
	assert.Equal(t, p, s.Placement())

	_, s = jrOpen(t, j, pair)
	assert.Equal(t, jrData{7, "seven"}, s.Data)
	assert.Equal(t, "anna", s.Subject())
	assert.Equal(t, id, s.ID())
	assert.NotEqual(t, hardtack.KeyID{}, s.KeyID())
	assert.Equal(t, hardtack.ReasonPresented, s.Placement().Reason)
}

func TestIDsDiffer(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	seen := map[string]bool{}
	for range 1000 {
		s, _ := j.Get(jrRequest())
		id := s.ID()
		require.Len(t, id, 22)
		require.False(t, seen[id])
		seen[id] = true
	}
}

func TestExpiryIsExact(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Lifetime: time.Hour})
	pair := jrStart(t, j, jrData{})

	clock.set(jrEpoch.Add(time.Hour - time.Millisecond))
	_, s := jrOpen(t, j, pair)
	w := httptest.NewRecorder()
	clock.add(time.Millisecond)
	_, err := j.Save(w, jrRequest(pair), s)
	require.ErrorIs(t, err, hardtack.ErrExpired, "the session ran out between Get and Save")
	assert.Empty(t, w.Header())

	_, err = j.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrExpired)
}

func TestIdleIsExact(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, IdleTimeout: time.Hour})
	pair := jrStart(t, j, jrData{})
	clock.set(jrEpoch.Add(time.Hour - time.Millisecond))
	jrOpen(t, j, pair)
	clock.add(time.Millisecond)
	_, err := j.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrIdle)
}

func TestIssueTimeInTheFuture(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now})
	pair := jrStart(t, j, jrData{})
	clock.set(jrEpoch.Add(-2 * time.Minute))
	r, s := jrOpen(t, j, pair)
	// Whoever saves now does not set the issue time back.
	again := jrPut(t, j, r, s)
	clock.add(-time.Millisecond)
	for _, p := range []string{pair, again} {
		_, err := j.Get(jrRequest(p))
		require.ErrorIs(t, err, hardtack.ErrNotYetValid)
	}
}

func TestTighterLifetimeActsOnOldCookies(t *testing.T) {
	clock, keys := newJrClock(), hardtack.EphemeralKeyring()
	long := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, Lifetime: 24 * time.Hour})
	short := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, Lifetime: time.Hour})
	pair := jrStart(t, long, jrData{})
	clock.add(time.Hour - time.Millisecond)
	_, s := jrOpen(t, short, pair)
	assert.Equal(t, time.Hour, s.Expires().Sub(s.Created()))
	clock.add(time.Millisecond)
	_, err := short.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrExpired)
	jrOpen(t, long, pair)

	// A longer one does not revive them: what is in the cookie applies as well.
	clock.set(jrEpoch)
	pair = jrStart(t, short, jrData{})
	clock.add(time.Hour)
	_, err = long.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrExpired)
}

func TestIdleTimeoutAdoptsOldCookies(t *testing.T) {
	clock, keys := newJrClock(), hardtack.EphemeralKeyring()
	without := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys})
	with := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, IdleTimeout: time.Hour})
	pair := jrStart(t, without, jrData{N: 1})
	clock.add(10 * time.Hour)
	r, s := jrOpen(t, with, pair)
	lines := jrTouch(t, with, r, s)
	require.Len(t, lines, 1)
	pair = jrPair(lines[0])
	clock.add(time.Hour)
	_, err := with.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrIdle)

	// Switched off again, the cookie is good, and loses the mark.
	r, s = jrOpen(t, without, pair)
	assert.Equal(t, 1, s.Data.N)
	require.Len(t, jrTouch(t, without, r, s), 1)
}

func TestTouchOncePerTenth(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, IdleTimeout: 100 * time.Minute})
	pair := jrStart(t, j, jrData{})
	writes := 0
	for range 200 { // half a minute each
		clock.add(30 * time.Second)
		r, s := jrOpen(t, j, pair)
		if lines := jrTouch(t, j, r, s); len(lines) > 0 {
			writes++
			pair = jrPair(lines[0])
			r, s = jrOpen(t, j, pair)
			require.Empty(t, jrTouch(t, j, r, s))
		}
	}
	assert.Equal(t, 10, writes)

	pair = jrStart(t, j, jrData{})
	clock.add(10*time.Minute - time.Millisecond)
	r, s := jrOpen(t, j, pair)
	require.Empty(t, jrTouch(t, j, r, s))
	clock.add(time.Millisecond)
	r, s = jrOpen(t, j, pair)
	require.Len(t, jrTouch(t, j, r, s), 1)
}

func TestTouchKeepsBytes(t *testing.T) {
	type newer struct {
		N     int
		Extra string
	}
	clock, keys := newJrClock(), hardtack.EphemeralKeyring()
	c := hardtack.Config{Now: clock.now, Keys: keys, IdleTimeout: time.Hour}
	old, present := jrNew[jrData](t, c), jrNew[newer](t, c)
	pair := jrStart(t, present, newer{1, "not to be stripped"})
	clock.add(10 * time.Minute)
	r, s := jrOpen(t, old, pair)
	s.Data.N = 99 // not saved
	lines := jrTouch(t, old, r, s)
	require.Len(t, lines, 1)
	_, n := jrOpen(t, present, jrPair(lines[0]))
	assert.Equal(t, newer{1, "not to be stripped"}, n.Data)
}

func TestTouchIsSkippedAfterASecond(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		lines int
	}{{time.Second, 1}, {time.Second + time.Millisecond, 0}} {
		clock := newJrClock()
		j := jrNew[jrData](t, hardtack.Config{Now: clock.now, IdleTimeout: time.Hour})
		pair := jrStart(t, j, jrData{})
		clock.add(30 * time.Minute)
		r, s := jrOpen(t, j, pair)
		clock.add(c.after)
		assert.Len(t, jrTouch(t, j, r, s), c.lines, "%v", c.after)
	}
}

func TestTouchAfterRotation(t *testing.T) {
	clock := newJrClock()
	a := hardtack.GenerateKey(jrEpoch.Add(-time.Hour), time.Time{})
	b := hardtack.GenerateKey(jrEpoch.Add(time.Hour), time.Time{})
	keys, err := hardtack.NewKeyring(a, b)
	require.NoError(t, err)
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys})
	pair := jrStart(t, j, jrData{N: 3})
	r, s := jrOpen(t, j, pair)
	require.Equal(t, a.ID(), s.KeyID())
	require.Empty(t, jrTouch(t, j, r, s), "the new key is only announced")

	clock.add(time.Hour)
	sealedByB := jrStart(t, j, jrData{N: 4})
	r, s = jrOpen(t, j, pair)
	lines := jrTouch(t, j, r, s)
	require.Len(t, lines, 1)
	r, s = jrOpen(t, j, jrPair(lines[0]))
	assert.Equal(t, b.ID(), s.KeyID())
	assert.Equal(t, 3, s.Data.N)
	require.Empty(t, jrTouch(t, j, r, s))

	// A neighbour whose clock has not reached it opens b and leaves it.
	clock.add(-time.Minute)
	r, s = jrOpen(t, j, sealedByB)
	assert.Equal(t, b.ID(), s.KeyID())
	require.Empty(t, jrTouch(t, j, r, s))
}

func TestSynctestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := jrNew[jrData](t, hardtack.Config{IdleTimeout: time.Minute})
		pair := jrStart(t, j, jrData{})
		time.Sleep(time.Minute - time.Millisecond)
		jrOpen(t, j, pair)
		time.Sleep(time.Millisecond)
		_, err := j.Get(jrRequest(pair))
		require.ErrorIs(t, err, hardtack.ErrIdle)
	})
}

func TestRenewChangesIdentity(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now})
	pair := jrStart(t, j, jrData{N: 5})
	clock.add(time.Hour)
	r, s := jrOpen(t, j, pair)
	id, created := s.ID(), s.Created()
	s.Renew()
	assert.NotEqual(t, id, s.ID())
	assert.Len(t, s.ID(), 22)
	assert.Equal(t, time.Hour, s.Created().Sub(created))
	assert.Equal(t, 24*time.Hour, s.Expires().Sub(s.Created()))
	renewed := jrPut(t, j, r, s)
	_, again := jrOpen(t, j, renewed)
	assert.Equal(t, s.ID(), again.ID())
	assert.Equal(t, 5, again.Data.N)
	_, old := jrOpen(t, j, pair)
	assert.Equal(t, id, old.ID(), "an inline cookie goes on until it expires")
}

func TestMaxAge(t *testing.T) {
	clock := newJrClock()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now})
	pair := jrStart(t, j, jrData{})
	clock.add(time.Hour)
	r, s := jrOpen(t, j, pair)
	w := httptest.NewRecorder()
	_, err := j.Save(w, r, s)
	require.NoError(t, err)
	assert.Contains(t, w.Header().Get("Set-Cookie"), "; Max-Age=82800;")

	b := jrNew[jrData](t, hardtack.Config{Now: clock.now, BrowserSession: true})
	s, _ = b.Get(jrRequest())
	w = httptest.NewRecorder()
	_, err = b.Save(w, jrRequest(), s)
	require.NoError(t, err)
	assert.NotContains(t, w.Header().Get("Set-Cookie"), "Max-Age")
	assert.NotContains(t, w.Header().Get("Set-Cookie"), "Expires")
	pair = jrPair(w.Header().Get("Set-Cookie"))
	clock.add(24 * time.Hour)
	_, err = b.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrExpired)
}

func TestSizeLimit(t *testing.T) {
	type data struct{ Small, Secretary, Big string }
	j := jrNew[data](t, hardtack.Config{})
	old := jrStart(t, j, data{Small: "kept"})
	r, s := jrOpen(t, j, old)
	s.Data.Secretary = strings.Repeat("private", 20)
	s.Data.Big = strings.Repeat("x", 2000)
	w := httptest.NewRecorder()
	p, err := j.Save(w, r, s)
	require.NoError(t, err)
	require.Less(t, p.CookieBytes, 4096)

	for p.CookieBytes < 4096 {
		s.Data.Big += "x"
		w = httptest.NewRecorder()
		p, err = j.Save(w, r, s)
		require.NoError(t, err)
	}
	require.Equal(t, 4096, p.CookieBytes)
	full := jrPair(w.Header().Get("Set-Cookie"))
	require.Equal(t, 4096, len(full)-1)
	_, got := jrOpen(t, j, full)
	require.Equal(t, s.Data, got.Data)

	s.Data.Big += "x"
	w = httptest.NewRecorder()
	w.Header().Set("Set-Cookie", "other=1; Path=/")
	_, err = j.Save(w, r, s)
	var size *hardtack.SizeError
	require.ErrorAs(t, err, &size)
	assert.Equal(t, 4097, size.CookieBytes)
	assert.Equal(t, 4096, size.Limit)
	assert.Equal(t, 1, size.Over)
	assert.Zero(t, size.RecordBytes)
	require.Len(t, size.Fields, 3)
	assert.Equal(t, []string{"Big", "Secretary", "Small"}, []string{size.Fields[0].Field, size.Fields[1].Field, size.Fields[2].Field})
	assert.Greater(t, size.Fields[0].Bytes, len(s.Data.Big))
	assert.Contains(t, err.Error(), "4097")
	assert.Contains(t, err.Error(), "Big")
	assert.NotContains(t, err.Error(), "private")
	assert.NotContains(t, err.Error(), "xxx")
	assert.Equal(t, http.Header{"Set-Cookie": {"other=1; Path=/"}}, w.Header())
	_, got = jrOpen(t, j, old)
	assert.Equal(t, "kept", got.Data.Small)

	// It may shrink again.
	s.Data.Big = ""
	jrPut(t, j, r, s)
}

func TestSizeErrorKeepsMapKeysOut(t *testing.T) {
	j := jrNew[map[string]string](t, hardtack.Config{})
	s, _ := j.Get(jrRequest())
	s.Data = map[string]string{"anna@example.com": strings.Repeat("x", 4000), "b": "1"}
	_, err := j.Save(httptest.NewRecorder(), jrRequest(), s)
	var size *hardtack.SizeError
	require.ErrorAs(t, err, &size)
	require.Len(t, size.Fields, 2)
	assert.Equal(t, "anna@example.com", size.Fields[0].Field)
	assert.NotContains(t, err.Error(), "anna")
}

func TestNearLimitIsReportedOnce(t *testing.T) {
	var heard []int
	j := jrNew[jrData](t, hardtack.Config{Observer: hardtack.Observer{
		NearLimit: func(_ context.Context, bytes, limit int, advice string) {
			heard = append(heard, bytes)
			assert.Equal(t, 3072, limit)
			assert.Contains(t, advice, "proxy_buffer_size 8k")
		},
	}})
	jrStart(t, j, jrData{S: strings.Repeat("x", 2000)})
	require.Empty(t, heard)
	for range 3 {
		jrStart(t, j, jrData{S: strings.Repeat("x", 2800)})
	}
	require.Len(t, heard, 1)
	assert.Greater(t, heard[0], 3072)
}

func TestAudiencesAreSeparate(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	var jars []*hardtack.Jar[jrData]
	for _, a := range []string{"", "shop", "shop/staging", strings.Repeat("a", 255)} {
		jars = append(jars, jrNew[jrData](t, hardtack.Config{Keys: keys, Audience: a}))
	}
	for i, j := range jars {
		pair := jrStart(t, j, jrData{})
		for k, other := range jars {
			_, err := other.Get(jrRequest(pair))
			if i == k {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, hardtack.ErrForged)
			}
		}
	}
}

func TestNamesAreSeparate(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	a := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "__Host-a"})
	b := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "__Host-b"})
	pair := jrStart(t, a, jrData{})
	_, err := b.Get(jrRequest("__Host-b=" + jrValue(pair)))
	require.ErrorIs(t, err, hardtack.ErrForged)
}

func TestDuplicatesNewestWins(t *testing.T) {
	clock, keys := newJrClock(), hardtack.EphemeralKeyring()
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys})
	first := jrStart(t, j, jrData{N: 1})
	r, s := jrOpen(t, j, first)
	s.Data.N = 2
	second := jrPut(t, j, r, s) // same millisecond, next revision
	clock.add(time.Millisecond)
	third := jrStart(t, j, jrData{N: 3}) // revision 1, but later

	foreign := jrStart(t, jrNew[jrData](t, hardtack.Config{}), jrData{N: 9})
	for _, c := range []struct {
		pairs []string
		want  int
	}{
		{[]string{first, second}, 2},
		{[]string{second, first}, 2},
		{[]string{first, second, third}, 3},
		{[]string{third, second, first}, 3},
		{[]string{second, third, first}, 3},
		{[]string{foreign, first, "__Host-session=nonsense"}, 1},
		{[]string{"__Host-session=", "__Host-session", first}, 1},
	} {
		_, s := jrOpen(t, j, c.pairs...)
		assert.Equal(t, c.want, s.Data.N, "%.40q", c.pairs)
	}

	// Also over several header lines.
	r = jrRequest()
	r.Header["Cookie"] = []string{first, "x=1; " + second}
	s, err := j.Get(r)
	require.NoError(t, err)
	assert.Equal(t, 2, s.Data.N)
}

// jrCounting counts what is opened.
type jrCounting struct {
	hardtack.Codec
	opens *atomic.Int32
}

func (c jrCounting) Open(ctx context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	c.opens.Add(1)
	return c.Codec.Open(ctx, b, value, rec)
}

func TestAtMostEightAreOpened(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	plain := jrNew[jrData](t, hardtack.Config{Keys: keys})
	var opens atomic.Int32
	j := jrNew[jrData](t, hardtack.Config{Keys: keys, Codec: jrCounting{hardtack.NewSealedCodec(keys), &opens}})
	var pairs []string
	for i := range 50 {
		pairs = append(pairs, jrStart(t, plain, jrData{N: i}))
	}
	jrOpen(t, j, pairs...)
	assert.EqualValues(t, 8, opens.Load())

	// Forged ones count, since opening them costs as much.
	opens.Store(0)
	var forged []string
	for _, p := range pairs {
		other := "A"
		if p[len(p)-5] == 'A' {
			other = "B"
		}
		forged = append(forged, p[:len(p)-5]+other+p[len(p)-4:])
	}
	_, err := j.Get(jrRequest(append(forged, pairs[0])...))
	require.ErrorIs(t, err, hardtack.ErrForged)
	assert.EqualValues(t, 8, opens.Load())

	// Those of other applications do not.
	var foreign []string
	other := jrNew[jrData](t, hardtack.Config{})
	for range 30 {
		foreign = append(foreign, jrStart(t, other, jrData{}), "__Host-session=x")
	}
	jrOpen(t, j, append(foreign, pairs[0])...)
}

// jrStore counts reads.
type jrStore struct {
	*hardtack.MemoryStore
	finds atomic.Int32
}

func (s *jrStore) Find(ctx context.Context, id string) ([]byte, bool, error) {
	s.finds.Add(1)
	return s.MemoryStore.Find(ctx, id)
}

func TestAtMostTwoStoreReads(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	store := &jrStore{MemoryStore: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})}
	elsewhere, err := hardtack.NewHybrid[jrData](hardtack.Config{Keys: keys}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	j, err := hardtack.NewHybrid[jrData](hardtack.Config{Keys: keys}, store)
	require.NoError(t, err)
	var pairs []string
	for range 6 {
		pairs = append(pairs, jrStart(t, elsewhere, jrData{S: strings.Repeat("x", 5000)}))
	}
	_, err = j.Get(jrRequest(pairs...))
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	assert.EqualValues(t, 2, store.finds.Load())
}

func TestThousandsOfCookies(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	pair := jrStart(t, j, jrData{N: 1})
	pairs := slices.Repeat([]string{"a=1"}, 5000)
	jrOpen(t, j, append(pairs, pair)...)
	jrOpen(t, j, append([]string{pair}, pairs...)...)
}

// jrPlain is a Codec without encryption, keys or seeds: a record as JSON.
type jrPlain struct {
	id    bool // keeps the ID, as a JWT does in jti
	spoil string
}

type jrPlainRecord struct {
	ID                       string
	Subject                  string
	Created, Issued, Expires int64
	Revision                 uint64
	Idle                     bool
	Serializer               byte
	Payload                  []byte
}

func (c jrPlain) Seal(_ context.Context, dst []byte, _ hardtack.Binding, rec *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	v := jrPlainRecord{
		Subject: rec.Subject, Created: rec.Created.UnixMilli(), Issued: rec.Issued.UnixMilli(),
		Expires: rec.Expires.UnixMilli(), Revision: rec.Revision, Idle: rec.Idle,
		Serializer: rec.Serializer.SerializerID(), Payload: rec.Payload,
	}
	if c.id {
		v.ID = rec.ID
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, hardtack.KeyID{}, err
	}
	dst = base64.RawURLEncoding.AppendEncode(append(dst, "plain."...), data)
	return append(dst, c.spoil...), hardtack.KeyID{}, nil
}

func (c jrPlain) Open(_ context.Context, _ hardtack.Binding, value string, rec *hardtack.Record) error {
	text, ok := strings.CutPrefix(value, "plain.")
	if !ok {
		return hardtack.ErrMalformed
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return hardtack.ErrMalformed
	}
	var v jrPlainRecord
	if json.Unmarshal(data, &v) != nil {
		return hardtack.ErrForged
	}
	*rec = hardtack.Record{
		ID: v.ID, Subject: v.Subject, Created: time.UnixMilli(v.Created), Issued: time.UnixMilli(v.Issued),
		Expires: time.UnixMilli(v.Expires), Revision: v.Revision, Idle: v.Idle, Payload: v.Payload,
		Serializer: hardtack.CBOR{},
	}
	if v.Serializer == 2 {
		rec.Serializer = hardtack.JSON{}
	}
	return nil
}

func (jrPlain) Encrypts() bool { return false }

func TestFormerName(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	old := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "sid"})
	var heard []string
	j := jrNew[jrData](t, hardtack.Config{Keys: keys, Formerly: []hardtack.Former{{Name: "sid"}},
		Observer: hardtack.Observer{Opened: func(_ context.Context, _, former string) { heard = append(heard, former) }}})
	pair := jrStart(t, old, jrData{N: 8})

	r, s := jrOpen(t, j, pair)
	id := s.ID()
	assert.Equal(t, 8, s.Data.N)
	assert.Equal(t, []string{"sid"}, heard)
	lines := jrTouch(t, j, r, s)
	require.Len(t, lines, 2)
	assert.Equal(t, "sid=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax", lines[0])
	r, s = jrOpen(t, j, jrPair(lines[1]))
	assert.Equal(t, id, s.ID())
	assert.Equal(t, 8, s.Data.N)
	assert.Empty(t, jrTouch(t, j, r, s))

	// Refusals that say nothing about the session look there too, others do not.
	foreign := jrStart(t, jrNew[jrData](t, hardtack.Config{}), jrData{})
	for _, present := range []string{"__Host-session=x", foreign, lines[1][:60]} {
		_, s = jrOpen(t, j, jrPair(present), pair)
		assert.Equal(t, 8, s.Data.N)
	}

	// The present one goes first, and Touch tidies up.
	r, s = jrOpen(t, j, jrPair(lines[1]), pair)
	again := jrTouch(t, j, r, s)
	require.Len(t, again, 2)
	assert.Contains(t, again[0], "sid=;")

	w := httptest.NewRecorder()
	require.NoError(t, j.Delete(w, r, s))
	assert.Equal(t, []string{
		"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		"sid=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
	}, w.Header()["Set-Cookie"])
}

func TestFormerIsNotReadBehindAnExpiredSession(t *testing.T) {
	clock, keys := newJrClock(), hardtack.EphemeralKeyring()
	old := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, Name: "sid"})
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, Lifetime: time.Hour, Formerly: []hardtack.Former{{Name: "sid"}}})
	present := jrStart(t, j, jrData{})
	clock.add(time.Hour)
	former := jrStart(t, old, jrData{})
	_, err := j.Get(jrRequest(present, former))
	require.ErrorIs(t, err, hardtack.ErrExpired)
}

func TestFormerScope(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	old := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "session", Domain: "example.com", Path: "/app"})
	j := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "session", Formerly: []hardtack.Former{{Domain: "example.com", Path: "/app"}}})
	pair := jrStart(t, old, jrData{N: 4})
	r, s := jrOpen(t, j, pair)
	assert.Equal(t, 4, s.Data.N)
	w := httptest.NewRecorder()
	_, err := j.Save(w, r, s)
	require.NoError(t, err)
	lines := w.Header()["Set-Cookie"]
	require.Len(t, lines, 2)
	assert.Equal(t, "session=; Path=/app; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax", lines[0])
	assert.NotContains(t, lines[1], "Domain")

	// Both presented: Touch is due and ends the former one.
	r, s = jrOpen(t, j, pair, jrPair(lines[1]))
	lines = jrTouch(t, j, r, s)
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], "Domain=example.com; Max-Age=0")

	// A second Save replaces both lines.
	w = httptest.NewRecorder()
	for range 3 {
		_, err = j.Save(w, r, s)
		require.NoError(t, err)
	}
	assert.Len(t, w.Header()["Set-Cookie"], 2)
}

func TestFormerCodecWithoutSeed(t *testing.T) {
	for _, withID := range []bool{false, true} {
		t.Run(fmt.Sprint("id=", withID), func(t *testing.T) {
			clock, keys := newJrClock(), hardtack.EphemeralKeyring()
			codec := jrPlain{id: withID}
			old := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, Codec: codec})
			j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: keys, Formerly: []hardtack.Former{{Codec: codec}}})
			pair := jrStart(t, old, jrData{N: 6})

			ids := make([]string, 8)
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					s, err := j.Get(jrRequest(pair))
					if assert.NoError(t, err) {
						ids[i] = s.ID()
					}
				})
			}
			wg.Wait()
			slices.Sort(ids)
			for _, id := range ids {
				assert.Len(t, id, 22)
			}
			if withID {
				assert.Len(t, slices.Compact(ids), 1, "parallel first requests agree")
			} else {
				assert.Len(t, slices.Compact(ids), 8, "others may hold the same value: each is a session of its own")
			}

			r, s := jrOpen(t, j, pair)
			was := s.ID()
			lines := jrTouch(t, j, r, s)
			require.Len(t, lines, 1)
			_, s = jrOpen(t, j, jrPair(lines[0]))
			assert.Equal(t, was, s.ID())
			assert.Equal(t, 6, s.Data.N)

			other := jrStart(t, old, jrData{N: 7})
			_, s = jrOpen(t, j, other)
			assert.NotEqual(t, ids[0], s.ID())
		})
	}
}

func TestFormerProlong(t *testing.T) {
	for _, prolong := range []bool{false, true} {
		clock, codec := newJrClock(), jrPlain{id: true}
		old := jrNew[jrData](t, hardtack.Config{Now: clock.now, Codec: codec, Name: "old", Lifetime: time.Hour})
		j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Lifetime: 10 * time.Hour, Formerly: []hardtack.Former{{Name: "old", Codec: codec, Prolong: prolong}}})
		pair := jrStart(t, old, jrData{N: 1})
		clock.add(50 * time.Minute)
		r, s := jrOpen(t, j, pair)
		assert.Equal(t, 50*time.Minute, clock.now().Sub(s.Created()), "before it has moved it is as old as it is")
		moved := jrPair(jrTouch(t, j, r, s)[1])
		clock.add(9 * time.Hour)
		s, err := j.Get(jrRequest(moved))
		if prolong {
			require.NoError(t, err)
			assert.Equal(t, 1, s.Data.N)
			assert.Equal(t, time.Hour, s.Expires().Sub(clock.now()))
		} else {
			require.ErrorIs(t, err, hardtack.ErrExpired)
		}
		_, err = j.Get(jrRequest(pair))
		require.ErrorIs(t, err, hardtack.ErrExpired, "the old cookie itself is not prolonged")
	}
}

func TestProlongIsForOtherFormats(t *testing.T) {
	_, err := hardtack.New[jrData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: []hardtack.Former{{Name: "old", Prolong: true}}})
	assert.Equal(t, []string{"Formerly[0].Prolong"}, jrFaults(err))
}

// jrCosts is a Codec that counts what it is given.
type jrCosts struct {
	jrPlain
	err    error
	opened *int
}

func (c jrCosts) Open(context.Context, hardtack.Binding, string, *hardtack.Record) error {
	*c.opened++
	return c.err
}

// A client chooses how many cookies it sends, and not how many signatures are looked at.
func TestManyCookiesOfAnotherFormat(t *testing.T) {
	for _, former := range []bool{false, true} {
		for err, most := range map[error]int{hardtack.ErrMalformed: 64, hardtack.ErrUnknownKey: 64, hardtack.ErrForged: 8, hardtack.ErrPayload: 8, hardtack.ErrRecordMissing: 2} {
			opened := 0
			codec := jrCosts{err: err, opened: &opened}
			c := hardtack.Config{Codec: codec}
			if former {
				c = hardtack.Config{Formerly: []hardtack.Former{{Codec: codec}}}
			}
			j := jrNew[jrData](t, c)
			pairs := make([]string, 500)
			for i := range pairs {
				pairs[i] = fmt.Sprintf("%s=x%d", hardtack.DefaultName, i)
			}
			_, got := j.Get(jrRequest(pairs...))
			require.ErrorIs(t, got, err)
			assert.Equal(t, most, opened, "%v, former %v", err, former)
		}
	}
}

func TestDelete(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	pair := jrStart(t, j, jrData{N: 1})
	r, s := jrOpen(t, j, pair)
	id := s.ID()
	w := httptest.NewRecorder()
	require.NoError(t, j.Delete(w, r, s))
	assert.Equal(t, []string{"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"}, w.Header()["Set-Cookie"])
	assert.True(t, s.IsNew())
	assert.NotEqual(t, id, s.ID())
	assert.Zero(t, s.Data)
	assert.Equal(t, hardtack.ReasonEnded, s.Placement().Reason)

	// It can be used on at once.
	s.Data.N = 2
	_, err := j.Save(w, r, s)
	require.NoError(t, err)
	lines := w.Header()["Set-Cookie"]
	require.Len(t, lines, 1)
	_, s = jrOpen(t, j, jrPair(lines[0]))
	assert.Equal(t, 2, s.Data.N)
}

func TestZeroJarFailsClosed(t *testing.T) {
	for name, j := range map[string]*hardtack.Jar[jrData]{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			s, err := j.Get(jrRequest("__Host-session=x"))
			require.ErrorIs(t, err, hardtack.ErrNotConfigured)
			require.NotNil(t, s)
			w := httptest.NewRecorder()
			_, err = j.Save(w, jrRequest(), s)
			require.ErrorIs(t, err, hardtack.ErrNotConfigured)
			_, err = j.Touch(w, jrRequest(), s)
			require.ErrorIs(t, err, hardtack.ErrNotConfigured)
			require.ErrorIs(t, j.Delete(w, jrRequest(), s), hardtack.ErrNotConfigured)
			_, err = j.Update(w, jrRequest(), func(*hardtack.Session[jrData]) error { return nil })
			require.ErrorIs(t, err, hardtack.ErrNotConfigured)
			assert.Empty(t, w.Header())
			s.Renew()
			s.SetSubject("x")
			_ = s.ID()
			assert.Equal(t, hardtack.Config{}.Name, j.Config().Name)
		})
	}
	// A Session of another Jar is refused too.
	a, b := jrNew[jrData](t, hardtack.Config{}), jrNew[jrData](t, hardtack.Config{})
	s, _ := a.Get(jrRequest())
	_, err := b.Save(httptest.NewRecorder(), jrRequest(), s)
	require.ErrorIs(t, err, hardtack.ErrNotConfigured)
	_, err = b.Save(httptest.NewRecorder(), jrRequest(), &hardtack.Session[jrData]{})
	require.ErrorIs(t, err, hardtack.ErrNotConfigured)
}

func TestUpdate(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	pair := jrStart(t, j, jrData{N: 1})
	w := httptest.NewRecorder()
	_, err := j.Update(w, jrRequest(pair), func(s *hardtack.Session[jrData]) error {
		s.Data.N++
		return nil
	})
	require.NoError(t, err)
	_, s := jrOpen(t, j, jrPair(w.Header().Get("Set-Cookie")))
	assert.Equal(t, 2, s.Data.N)

	stop := errors.New("stop")
	w = httptest.NewRecorder()
	_, err = j.Update(w, jrRequest(pair), func(s *hardtack.Session[jrData]) error {
		s.Data.N++
		return stop
	})
	require.ErrorIs(t, err, stop)
	assert.Empty(t, w.Header())
}

func TestUnchangedByOthersCookies(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	s, _ := j.Get(jrRequest())
	w := httptest.NewRecorder()
	http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
	for n := range 3 {
		s.Data.N = n
		_, err := j.Save(w, jrRequest(), s)
		require.NoError(t, err)
	}
	lines := w.Header()["Set-Cookie"]
	require.Len(t, lines, 2)
	assert.Equal(t, "theme=dark", lines[0])
	_, s = jrOpen(t, j, jrPair(lines[1]))
	assert.Equal(t, 2, s.Data.N)
	assert.Equal(t, "Cookie", w.Header().Get("Vary"))
	assert.Equal(t, "private", w.Header().Get("Cache-Control"))
}
