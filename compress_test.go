package hardtack_test

import (
	"bytes"
	"compress/flate"
	"errors"
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

// What a faulty Compressor makes is refused by readers, and not taken for data.
func TestFaultyCompressor(t *testing.T) {
	for _, c := range []cpConst{"", "\x00", "no stream of that kind"} {
		j := jrNew[string](t, hardtack.Config{InsecureCompression: c})
		_, cookie, err := cpSave(t, j, strings.Repeat("x", 100))
		require.NoError(t, err)
		_, err = j.Get(jrRequest(cookie))
		assert.ErrorIs(t, err, hardtack.ErrMalformed)
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
