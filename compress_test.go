package hardtack_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// cpDeflate is a Compressor of the standard library.
type cpDeflate struct{}

func (cpDeflate) AppendDeflate(dst, payload []byte) []byte {
	b := bytes.NewBuffer(dst)
	w, err := flate.NewWriter(b, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	w.Write(payload)
	w.Close()
	return b.Bytes()
}

// cpConst answers always the same.
type cpConst string

func (c cpConst) AppendDeflate(dst, _ []byte) []byte { return append(dst, c...) }

// cpSave saves text as a new session and returns where it is, and the cookie.
func cpSave(t require.TestingT, j *hardtack.Jar[string], text string) (hardtack.Placement, string, error) {
	r, w := jrRequest(""), httptest.NewRecorder()
	s, err := j.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	s.Data = text
	p, err := j.Save(w, r, s)
	if err != nil {
		return p, "", err
	}
	c := w.Result().Cookies()[0]
	return p, c.Name + "=" + c.Value, nil
}

func TestCompressionKeepsWhatIsSmaller(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	j := jrNew[string](t, hardtack.Config{Keys: keys, InsecureCompression: cpDeflate{}})
	plain := jrNew[string](t, hardtack.Config{Keys: keys})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.String().Draw(t, "part"), rapid.IntRange(0, 30).Draw(t, "times"))
		})).Draw(t, "text")
		p, cookie, err := cpSave(t, j, text)
		q, _, plainErr := cpSave(t, plain, text)
		if tooLarge := (*hardtack.SizeError)(nil); errors.As(err, &tooLarge) {
			require.Error(t, plainErr)
			return
		}
		require.NoError(t, err)
		if plainErr == nil {
			require.LessOrEqual(t, p.CookieBytes, q.CookieBytes)
		}
		for _, reader := range []*hardtack.Jar[string]{j, plain} {
			s, err := reader.Get(jrRequest(cookie))
			require.NoError(t, err)
			require.Equal(t, text, s.Data)
		}
	})
}

// A payload of more than 32 KiB is not compressed, however small it would become: a reader would refuse it.
func TestCompressionIsBounded(t *testing.T) {
	j := jrNew[string](t, hardtack.Config{InsecureCompression: cpDeflate{}})
	const head = 3 // of CBOR
	_, cookie, err := cpSave(t, j, strings.Repeat("x", 32768-head))
	require.NoError(t, err)
	s, err := j.Get(jrRequest(cookie))
	require.NoError(t, err)
	assert.Len(t, s.Data, 32768-head)
	_, _, err = cpSave(t, j, strings.Repeat("x", 32768-head+1))
	var tooLarge *hardtack.SizeError
	require.ErrorAs(t, err, &tooLarge)
	assert.Greater(t, tooLarge.CookieBytes, 32768)

	h, err := hardtack.NewHybrid[string](hardtack.Config{Keys: hardtack.EphemeralKeyring(), InsecureCompression: cpDeflate{}},
		hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	p, _, err := cpSave(t, h, strings.Repeat("x", 32768-head))
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, p.Where)
	p, cookie, err = cpSave(t, h, strings.Repeat("x", 32768-head+1))
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	s, err = h.Get(jrRequest(cookie))
	require.NoError(t, err)
	assert.Len(t, s.Data, 32768-head+1)
}

// A Touch seals the payload as it was, whoever reads it: one server compresses, the next does not.
func TestTouchKeepsCompressedPayload(t *testing.T) {
	now := time.UnixMilli(1767225600000)
	c := hardtack.Config{Keys: hardtack.EphemeralKeyring(), IdleTimeout: time.Hour, Now: func() time.Time { return now }}
	plain := jrNew[string](t, c)
	c.InsecureCompression, c.PadTo = cpDeflate{}, 64
	small := jrNew[string](t, c)
	_, cookie, err := cpSave(t, small, strings.Repeat("biscuit ", 100))
	require.NoError(t, err)
	for _, j := range []*hardtack.Jar[string]{plain, small, plain} {
		now = now.Add(10 * time.Minute)
		r, w := jrRequest(cookie), httptest.NewRecorder()
		s, err := j.Get(r)
		require.NoError(t, err)
		_, err = j.Touch(w, r, s)
		require.NoError(t, err)
		require.Len(t, w.Result().Cookies(), 1)
		cookie = "__Host-session=" + w.Result().Cookies()[0].Value
		s, err = j.Get(jrRequest(cookie))
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat("biscuit ", 100), s.Data)
	}
}

// A server without compression keeps active users: what it touches stays compressed, though all of it would not fit.
func TestTouchOfWhatFitsOnlyCompressed(t *testing.T) {
	now := time.UnixMilli(1767225600000)
	text := strings.Repeat("biscuit ", 1000)
	c := hardtack.Config{Keys: hardtack.EphemeralKeyring(), IdleTimeout: time.Hour, Now: func() time.Time { return now }}
	without := jrNew[string](t, c)
	hybrid, err := hardtack.NewHybrid[string](c, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	c.InsecureCompression = cpDeflate{}
	with := jrNew[string](t, c)
	_, cookie, err := cpSave(t, with, text)
	require.NoError(t, err)
	for i := range 12 {
		now = now.Add(10 * time.Minute)
		j := []*hardtack.Jar[string]{without, hybrid, with}[i%3]
		w := httptest.NewRecorder()
		j.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, err := j.From(r.Context())
			assert.NoError(t, err)
			assert.Equal(t, text, s.Data)
			assert.Equal(t, hardtack.InCookie, s.Placement().Where)
		})).ServeHTTP(w, jrRequest(cookie))
		require.Len(t, w.Result().Cookies(), 1)
		cookie = "__Host-session=" + w.Result().Cookies()[0].Value
	}
	// A change needs the room.
	r := jrRequest(cookie)
	s, err := without.Get(r)
	require.NoError(t, err)
	s.Data += "!"
	_, err = without.Save(httptest.NewRecorder(), r, s)
	var tooLarge *hardtack.SizeError
	require.ErrorAs(t, err, &tooLarge)
	s, err = hybrid.Get(r)
	require.NoError(t, err)
	s.Data += "!"
	p, err := hybrid.Save(httptest.NewRecorder(), r, s)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
}

// Active users whose sessions were saved before padding was switched on stay, too.
func TestTouchOfWhatFitsOnlyUnpadded(t *testing.T) {
	now := time.UnixMilli(1767225600000)
	c := hardtack.Config{Keys: hardtack.EphemeralKeyring(), IdleTimeout: time.Hour, Now: func() time.Time { return now }}
	plain := jrNew[string](t, c)
	c.PadTo = 256
	padded := jrNew[string](t, c)
	for n := 2700; ; n++ {
		saved, cookie, err := cpSave(t, plain, strings.Repeat("x", n))
		require.NoError(t, err)
		if saved.CookieBytes > 4096-8 {
			break // later times are longer, padded or not
		}
		now = now.Add(10 * time.Minute)
		w, r := httptest.NewRecorder(), jrRequest(cookie)
		s, err := padded.Get(r)
		require.NoError(t, err)
		p, err := padded.Touch(w, r, s)
		require.NoError(t, err, n)
		assert.LessOrEqual(t, p.CookieBytes, 4096)
		assert.Len(t, w.Result().Cookies(), 1)
	}
}

// A Compressor that would lose every session is refused, one that gives up is none.
func TestFaultyCompressor(t *testing.T) {
	for _, c := range []hardtack.Compressor{cpConst("\x00"), cpConst("no stream of that kind"), cpZlib{}, (*cpPointer)(nil)} {
		_, err := hardtack.New[string](hardtack.Config{Keys: hardtack.EphemeralKeyring(), InsecureCompression: c})
		var fault *hardtack.ConfigError
		require.ErrorAs(t, err, &fault, "%T", c)
		assert.Equal(t, "InsecureCompression", fault.Field)
	}
	j := jrNew[string](t, hardtack.Config{InsecureCompression: cpConst("")})
	_, cookie, err := cpSave(t, j, strings.Repeat("x", 100))
	require.NoError(t, err)
	s, err := j.Get(jrRequest(cookie))
	require.NoError(t, err)
	assert.Len(t, s.Data, 100)
}

// cpZlib has DEFLATE within zlib, as is easily mistaken.
type cpZlib struct{}

func (cpZlib) AppendDeflate(dst, payload []byte) []byte {
	b := bytes.NewBuffer(dst)
	w := zlib.NewWriter(b)
	w.Write(payload)
	w.Close()
	return b.Bytes()
}

type cpPointer struct{ n int }

func (p *cpPointer) AppendDeflate(dst, payload []byte) []byte {
	p.n++
	return dst
}

// With any budget that is accepted, every session up to it can be saved, and a stored one can come back.
func TestPaddingAndBudget(t *testing.T) {
	for _, limit := range []int{300, 1024, 1400, 2000, 4096} {
		for _, padTo := range []int{64, 1024} {
			c := hardtack.Config{Keys: hardtack.EphemeralKeyring(), PadTo: padTo, Budget: hardtack.Budget{Max: limit}}
			j := jrNew[string](t, c)
			last := 0
			for n := 0; ; n += 7 {
				p, _, err := cpSave(t, j, strings.Repeat("x", n))
				var tooLarge *hardtack.SizeError
				if errors.As(err, &tooLarge) {
					assert.LessOrEqual(t, tooLarge.Over, 20, "of %d", limit)
					assert.Greater(t, last, limit-20, "the room is used")
					break
				}
				require.NoError(t, err)
				require.LessOrEqual(t, p.CookieBytes, limit)
				last = p.CookieBytes
			}
			h, err := hardtack.NewHybrid[string](c, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
			if err != nil {
				assert.ErrorContains(t, err, "PadTo")
				continue
			}
			_, cookie, err := cpSave(t, h, strings.Repeat("x", 5000))
			require.NoError(t, err)
			r, w := jrRequest(cookie), httptest.NewRecorder()
			s, err := h.Get(r)
			require.NoError(t, err)
			s.Data = ""
			p, err := h.Save(w, r, s)
			require.NoError(t, err)
			assert.Equal(t, hardtack.InCookie, p.Where, "limit %d, multiples of %d", limit, padTo)
		}
	}
}

func TestPadding(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	plain := jrNew[string](t, hardtack.Config{Keys: keys})
	for _, multiple := range []int{1, 64, 256, 1024} {
		j := jrNew[string](t, hardtack.Config{Keys: keys, PadTo: multiple})
		lengths := map[int]bool{}
		for n := range 1300 {
			p, cookie, err := cpSave(t, j, strings.Repeat("x", n))
			require.NoError(t, err)
			lengths[p.CookieBytes] = true
			if n%100 == 0 {
				for _, reader := range []*hardtack.Jar[string]{j, plain} {
					s, err := reader.Get(jrRequest(cookie))
					require.NoError(t, err)
					require.Len(t, s.Data, n)
				}
			}
		}
		assert.LessOrEqual(t, len(lengths), 1400/multiple+2, "lengths there are with multiples of %d", multiple)
		if multiple > 1 {
			assert.GreaterOrEqual(t, len(lengths), 1300/multiple)
		}
	}
}

// With 1024, a reference is as long as a small session: the length does not tell which it is.
func TestPaddedReference(t *testing.T) {
	j, err := hardtack.NewHybrid[string](hardtack.Config{Keys: hardtack.EphemeralKeyring(), PadTo: 1024},
		hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	small, _, err := cpSave(t, j, "x")
	require.NoError(t, err)
	large, cookie, err := cpSave(t, j, strings.Repeat("x", 5000))
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, small.Where)
	assert.Equal(t, hardtack.InStore, large.Where)
	assert.Equal(t, small.CookieBytes, large.CookieBytes)
	s, err := j.Get(jrRequest(cookie))
	require.NoError(t, err)
	assert.Len(t, s.Data, 5000)
}

// A codec of the application's own that seals is told to compress as well; one that does not seal is no place for it.
func TestCompressionAndCodecs(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	c := hardtack.Config{Keys: keys, Codec: hardtack.NewSealedCodec(keys, jrRaw(200)), InsecureCompression: cpDeflate{}, PadTo: 64}
	j := jrNew[string](t, c)
	p, cookie, err := cpSave(t, j, strings.Repeat("x", 2000))
	require.NoError(t, err)
	assert.Less(t, p.CookieBytes, 300)
	s, err := j.Get(jrRequest(cookie))
	require.NoError(t, err)
	assert.Len(t, s.Data, 2000)

	c.Codec, err = signed.NewCodec(keys, signed.Options{})
	require.NoError(t, err)
	_, err = hardtack.New[string](c)
	assert.ErrorContains(t, err, "InsecureCompression")
	assert.ErrorContains(t, err, "PadTo")
	for _, n := range []int{-1, 1025} {
		_, err = hardtack.New[string](hardtack.Config{Keys: keys, PadTo: n})
		assert.ErrorContains(t, err, "must be between 0 and 1024")
	}
}
