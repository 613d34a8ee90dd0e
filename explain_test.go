package hardtack_test

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
	"github.com/hardtack-go/hardtack/signed"
)

// exData has what makes sizes differ: text that compresses and text that does not, numbers, lists and a map.
type exData struct {
	User   string
	Text   string
	Random []byte
	Counts []int
	Flags  map[string]bool
}

func drawExData(t *rapid.T) exData {
	d := exData{
		User:   rapid.StringN(0, 40, 80).Draw(t, "user"),
		Text:   strings.Repeat(rapid.SampledFrom([]string{"x", "ship's biscuit ", "乾パン"}).Draw(t, "text"), rapid.IntRange(0, 500).Draw(t, "times")),
		Counts: rapid.SliceOfN(rapid.Int(), 0, 50).Draw(t, "counts"),
		Flags:  rapid.MapOfN(rapid.StringMatching(`[a-z]{1,9}`), rapid.Bool(), 0, 20).Draw(t, "flags"),
	}
	if n := rapid.OneOf(rapid.IntRange(0, 400), rapid.IntRange(1500, 4500)).Draw(t, "random"); n > 0 {
		seed := rapid.Byte().Draw(t, "seed")
		for i := range n {
			seed = seed*117 + byte(i) + 43
			d.Random = append(d.Random, seed^byte(i*i>>3))
		}
	}
	return d
}

// exStore is a MemoryStore that notes how large what it is given is, and how often it is called.
type exStore struct {
	*hardtack.MemoryStore
	calls, bytes int
}

func newExStore(now func() time.Time) *exStore {
	return &exStore{MemoryStore: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: now})}
}

func (s *exStore) Find(ctx context.Context, id string) ([]byte, bool, error) {
	s.calls++
	return s.MemoryStore.Find(ctx, id)
}

func (s *exStore) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	s.calls, s.bytes = s.calls+1, len(data)
	return s.MemoryStore.Commit(ctx, id, data, expires)
}

func (s *exStore) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	s.calls, s.bytes = s.calls+1, len(data)
	return s.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

// exPlain hides all that a Store can do besides.
type exPlain struct{ hardtack.Store }

// exDeflate is a Compressor on the standard library.
type exDeflate struct{}

func (exDeflate) AppendDeflate(dst, payload []byte) []byte {
	b := bytes.NewBuffer(dst)
	w, err := flate.NewWriter(b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(payload)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // the level is a constant, and a buffer takes everything
	}
	return b.Bytes()
}

// exCodecs are Configs, with the Codecs that a Jar can have.
func exCodecs(t require.TestingT, ring *hardtack.Keyring) map[string]hardtack.Config {
	configs := map[string]hardtack.Config{
		"sealed":            {},
		"sealed JSON":       {Serializer: hardtack.JSON{}},
		"sealed compressed": {InsecureCompression: exDeflate{}},
		"sealed padded":     {PadTo: 256},
		"sealed both":       {InsecureCompression: exDeflate{}, PadTo: 64},
		"sealed custom":     {Codec: hardtack.NewSealedCodec(ring)},
	}
	for _, a := range []signed.Algorithm{signed.EdDSA, signed.ES256, signed.HS256} {
		codec, err := signed.NewCodec(ring, signed.Options{Algorithm: a, Issuer: "https://shop.example"})
		require.NoError(t, err)
		configs["signed "+string(a)] = hardtack.Config{Codec: codec, Serializer: hardtack.JSON{}}
	}
	codec, err := gorilla.NewCodec(gorilla.CodecConfig[exData, exData]{
		KeyPairs: [][]byte{securecookie.GenerateRandomKey(32), securecookie.GenerateRandomKey(32)}, MaxAge: time.Hour, Serializer: securecookie.JSONEncoder{},
	})
	require.NoError(t, err)
	configs["gorilla"] = hardtack.Config{Codec: codec}
	return configs
}

// exDraw returns a Config for the codec.
func exDraw(t *rapid.T, c hardtack.Config) hardtack.Config {
	c.Budget.Max = rapid.SampledFrom([]int{0, 300, 1000, 4096}).Draw(t, "max")
	most := c.Budget.Max
	if most == 0 {
		most = 4096
	}
	c.Budget.Inline = rapid.OneOf(rapid.Just(0), rapid.IntRange(256, most)).Draw(t, "inline")
	c.Budget.Record = rapid.SampledFrom([]int{0, 4096, 8192}).Draw(t, "record")
	c.Name = rapid.SampledFrom([]string{"", "s", "__Secure-a-longer-name"}).Draw(t, "name")
	if c.Name != "" { // attributes beyond the usual
		c.Path = "/" + strings.Repeat("p", rapid.IntRange(0, 200).Draw(t, "path"))
	}
	c.Lifetime = rapid.SampledFrom([]time.Duration{0, 24 * time.Hour, 400 * 24 * time.Hour}).Draw(t, "lifetime")
	c.BrowserSession = rapid.Bool().Draw(t, "browser session")
	if _, old := c.Codec.(*gorilla.Codec[exData, exData]); !old && rapid.Bool().Draw(t, "idle") {
		c.IdleTimeout = time.Hour
	}
	return c
}

// What Explain says is what Save then does, to the byte, and nobody hears of it.
func TestExplainAgreesWithSave(t *testing.T) {
	ring := hardtack.EphemeralKeyring()
	for name, config := range exCodecs(t, ring) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				clock := newJrClock()
				config := exDraw(t, config)
				config.Keys, config.Now, config.Observer = ring, clock.now, exSilence(t)
				hybrid := (config.Codec == nil || config.Codec.Encrypts()) && name != "gorilla" && rapid.Bool().Draw(t, "hybrid")
				var jar *hardtack.Jar[exData]
				var err error
				store := newExStore(clock.now)
				plain := hybrid && rapid.Bool().Draw(t, "plain")
				switch {
				case plain:
					jar, err = hardtack.NewHybrid[exData](config, exPlain{store})
				case hybrid:
					jar, err = hardtack.NewHybrid[exData](config, store)
				default:
					jar, err = hardtack.New[exData](config)
				}
				if fault := (*hardtack.ConfigError)(nil); errors.As(err, &fault) && fault.Field == "PadTo" {
					return // the padding leaves no room in so small a budget
				}
				require.NoError(t, err)
				data := drawExData(t)

				before := ring.Use()
				got, explained := jar.Explain(data)
				again, _ := jar.Explain(data)
				require.Equal(t, got, again)
				require.Equal(t, before, ring.Use())
				require.Zero(t, store.calls)
				require.Zero(t, store.Len())

				heard := config
				heard.Observer = hardtack.Observer{}
				var w *httptest.ResponseRecorder
				var p hardtack.Placement
				var saveErr error
				save := func(jar *hardtack.Jar[exData], err error) {
					require.NoError(t, err)
					w = httptest.NewRecorder()
					s, _ := jar.Get(jrRequest())
					s.Data = data
					p, saveErr = jar.Save(w, jrRequest(), s)
				}
				switch {
				case plain:
					save(hardtack.NewHybrid[exData](heard, exPlain{store}))
				case hybrid:
					save(hardtack.NewHybrid[exData](heard, store))
				default:
					save(hardtack.New[exData](heard))
				}
				require.Equal(t, saveErr, explained)
				limits := jar.Config().Budget
				require.Equal(t, []int{limits.Inline, limits.Max}, []int{got.Inline, got.Max})
				if saveErr != nil {
					var size *hardtack.SizeError
					require.ErrorAs(t, saveErr, &size)
					require.Equal(t, size.Fields, got.Fields)
					require.Equal(t, hardtack.Placement{PayloadBytes: got.PayloadBytes, Limit: size.Limit, Reason: hardtack.ReasonTooLarge}, got.Placement)
					require.Equal(t, size.RecordBytes, got.RecordBytes)
					require.Negative(t, got.HeadRoom)
					if !hybrid {
						require.Equal(t, size.CookieBytes, got.InlineBytes)
						require.Equal(t, -size.Over, got.HeadRoom)
					}
					return
				}
				require.Equal(t, p, got.Placement)
				require.Equal(t, store.bytes, got.RecordBytes)
				cookie := w.Result().Cookies()[0]
				require.Equal(t, len(cookie.Name)+len(cookie.Value), got.CookieBytes)
				if p.Where == hardtack.InCookie {
					require.Equal(t, got.CookieBytes, got.InlineBytes)
					require.GreaterOrEqual(t, got.HeadRoom, 0)
				} else {
					require.Negative(t, got.HeadRoom)
				}
			})
		})
	}
}

// exSilence is an Observer that must not hear anything.
func exSilence(t require.TestingT) hardtack.Observer {
	fail := func() { require.Fail(t, "the observer has heard something") }
	return hardtack.Observer{
		Sealed:            func(context.Context, string, int) { fail() },
		Opened:            func(context.Context, string, string) { fail() },
		Refused:           func(context.Context, error) { fail() },
		Overflowed:        func(context.Context, int) { fail() },
		Returned:          func(context.Context, int) { fail() },
		Conflict:          func(context.Context) { fail() },
		StoreError:        func(context.Context, string, error) { fail() },
		NearLimit:         func(context.Context, int, int, string) { fail() },
		LateChange:        func(context.Context) { fail() },
		CacheableResponse: func(context.Context, string) { fail() },
	}
}

// Explain does not use up the one warning that a stateless Jar gives.
func TestExplainLeavesTheWarning(t *testing.T) {
	warned := 0
	jar := jrNew[exData](t, hardtack.Config{Observer: hardtack.Observer{NearLimit: func(context.Context, int, int, string) { warned++ }}})
	data := exData{Random: make([]byte, 2500)}
	e, err := jar.Explain(data)
	require.NoError(t, err)
	assert.Greater(t, e.InlineBytes, e.Inline)
	assert.Contains(t, e.String(), "nginx")
	assert.Zero(t, warned)
	s, _ := jar.Get(jrRequest())
	s.Data = data
	_, err = jar.Save(httptest.NewRecorder(), jrRequest(), s)
	require.NoError(t, err)
	assert.Equal(t, 1, warned)
}

// What Explain says of the calls of the store is what a later request makes.
func TestExplainCountsCalls(t *testing.T) {
	clock := newJrClock()
	for name, c := range map[string]struct {
		size          int
		store         func(*exStore) hardtack.Store
		reads, writes int
	}{
		"in its cookie":          {100, func(s *exStore) hardtack.Store { return s }, 0, 0},
		"stored":                 {3000, func(s *exStore) hardtack.Store { return s }, 1, 1},
		"stored, without a swap": {3000, func(s *exStore) hardtack.Store { return exPlain{s} }, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			store := newExStore(clock.now)
			jar, err := hardtack.NewHybrid[exData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: clock.now}, c.store(store))
			require.NoError(t, err)
			data := exData{Random: make([]byte, c.size)}
			e, err := jar.Explain(data)
			require.NoError(t, err)
			assert.Equal(t, []int{c.reads, c.writes}, []int{e.StoreReads, e.StoreWrites})

			cookie := jrStart(t, jar, data)
			store.calls = 0
			r := jrRequest(cookie)
			s, err := jar.Get(r)
			require.NoError(t, err)
			assert.Equal(t, e.StoreReads, store.calls)
			store.calls = 0
			s.Data.User = "a"
			_, err = jar.Save(httptest.NewRecorder(), r, s)
			require.NoError(t, err)
			assert.Equal(t, e.StoreWrites, store.calls)
		})
	}
}

// What Explain says of logouts and of old cookies is what becomes of them.
func TestExplainForetellsTheEnd(t *testing.T) {
	clock := newJrClock()
	stateless := func(c hardtack.Config) (*hardtack.Jar[exData], error) { return hardtack.New[exData](c) }
	over := func(wrap func(*exStore) hardtack.Store) func(hardtack.Config) (*hardtack.Jar[exData], error) {
		return func(c hardtack.Config) (*hardtack.Jar[exData], error) {
			return hardtack.NewHybrid[exData](c, wrap(newExStore(clock.now)))
		}
	}
	hybrid := over(func(s *exStore) hardtack.Store { return s })
	for name, c := range map[string]struct {
		size int
		make func(hardtack.Config) (*hardtack.Jar[exData], error)
	}{
		"stateless":               {100, stateless},
		"hybrid, in its cookie":   {100, hybrid},
		"hybrid, stored":          {3000, hybrid},
		"stored, without index":   {3000, over(func(s *exStore) hardtack.Store { return exPlain{s} })},
		"in the cookie, no index": {100, over(func(s *exStore) hardtack.Store { return exPlain{s} })},
	} {
		t.Run(name, func(t *testing.T) {
			jar, err := c.make(hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: clock.now})
			require.NoError(t, err)
			data := exData{User: "before", Random: make([]byte, c.size)}
			e, err := jar.Explain(data)
			require.NoError(t, err)

			begin := func() string {
				s, _ := jar.Get(jrRequest())
				s.SetSubject("whose")
				s.Data = data
				return jrPut(t, jar, jrRequest(), s)
			}
			cookie := begin()
			s, err := jar.Get(jrRequest(cookie))
			require.NoError(t, err)
			s.Data.User = "after"
			_, err = jar.Save(httptest.NewRecorder(), jrRequest(cookie), s)
			require.NoError(t, err)
			s, err = jar.Get(jrRequest(cookie))
			require.NoError(t, err)
			assert.Equal(t, e.Replay, s.Data.User == "before")

			require.NoError(t, jar.Delete(httptest.NewRecorder(), jrRequest(cookie), s))
			_, err = jar.Get(jrRequest(cookie))
			assert.Equal(t, e.DeleteEndsCopies, errors.Is(err, hardtack.ErrEnded), "%v", err)

			cookie = begin()
			_, _ = jar.EndAll(t.Context(), "whose") // what it cannot do it says
			_, err = jar.Get(jrRequest(cookie))
			assert.Equal(t, e.EndAll, errors.Is(err, hardtack.ErrEnded), "%v", err)
		})
	}
}

func TestExplainErrors(t *testing.T) {
	var none *hardtack.Jar[exData]
	_, err := none.Explain(exData{})
	require.ErrorIs(t, err, hardtack.ErrNotConfigured)
	_, err = new(hardtack.Jar[exData]).Explain(exData{})
	require.ErrorIs(t, err, hardtack.ErrNotConfigured)

	e, err := jrNew[any](t, hardtack.Config{}).Explain(make(chan int))
	require.Error(t, err)
	assert.Zero(t, e)

	broken := errors.New("no entropy")
	e, err = jrNew[exData](t, hardtack.Config{Codec: exBroken{hardtack.NewSealedCodec(hardtack.EphemeralKeyring()), broken}}).Explain(exData{})
	require.ErrorIs(t, err, broken)
	assert.Zero(t, e)

	hybrid, err := hardtack.NewHybrid[exData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Budget: hardtack.Budget{Record: 4096}},
		hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	e, err = hybrid.Explain(exData{Random: make([]byte, 5000)})
	var size *hardtack.SizeError
	require.ErrorAs(t, err, &size)
	assert.Equal(t, size.RecordBytes, e.RecordBytes)
	assert.Equal(t, 4096, e.Limit)
	assert.Contains(t, e.String(), "none: "+hardtack.ReasonTooLarge)
	assert.NotContains(t, e.String(), "logout")
}

// exBroken cannot seal.
type exBroken struct {
	hardtack.Codec
	err error
}

func (c exBroken) Seal(context.Context, []byte, hardtack.Binding, *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	return nil, hardtack.KeyID{}, c.err
}

// Keys of maps are data, and so are values.
func TestExplanationPrintsNoData(t *testing.T) {
	const secret = "hunter2"
	m, err := jrNew[map[string]any](t, hardtack.Config{}).Explain(map[string]any{secret: secret})
	require.NoError(t, err)
	assert.Equal(t, []hardtack.FieldSize{{Field: secret, Bytes: 8}}, m.Fields)
	s, err := jrNew[exData](t, hardtack.Config{}).Explain(exData{User: secret, Flags: map[string]bool{secret: true}})
	require.NoError(t, err)
	for _, e := range []hardtack.Explanation{m, s} {
		for _, format := range []string{"%v", "%+v", "%s"} {
			assert.NotContains(t, fmt.Sprintf(format, e), secret)
			assert.NotContains(t, fmt.Sprintf(format, &e), secret)
		}
	}
	assert.Contains(t, s.String(), "User 8")
	assert.NotContains(t, m.String(), "fields")
}

// The Handler's session and its request have nothing to do with it.
func TestExplainWithinHandler(t *testing.T) {
	jar := jrNew[exData](t, hardtack.Config{Observer: exSilence(t)})
	w := httptest.NewRecorder()
	jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := jar.Explain(exData{User: "a"})
		assert.NoError(t, err)
	})).ServeHTTP(w, jrRequest())
	assert.Empty(t, slices.Collect(maps.Keys(w.Header())))
}
