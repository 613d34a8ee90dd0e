package compress_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/compress"
)

// inflate is another implementation.
func inflate(t require.TestingT, data []byte) []byte {
	r := bytes.NewReader(data)
	payload, err := io.ReadAll(flate.NewReader(r))
	require.NoError(t, err)
	require.Zero(t, r.Len())
	return payload
}

func payloads() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	all := [][]byte{{}, {0}, []byte(strings.Repeat("ship's biscuit ", 2000)), make([]byte, 32768)}
	for n := 1; n <= 32768; n = n*3/2 + 1 {
		random, text := make([]byte, n), make([]byte, n)
		for i := range random {
			random[i], text[i] = byte(r.Uint32()), "abcdefgh"[r.IntN(8)]
		}
		all = append(all, random, text)
	}
	return all
}

func TestDeflateIsReadByOthers(t *testing.T) {
	for _, p := range payloads() {
		before := bytes.Clone(p)
		out := compress.Deflate{}.AppendDeflate([]byte("before"), p)
		require.True(t, bytes.HasPrefix(out, []byte("before")))
		require.True(t, bytes.Equal(before, inflate(t, out[len("before"):])))
		require.True(t, bytes.Equal(before, p))
	}
}

// Writers are shared: nothing of one payload may get into another.
func TestDeflateConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, p := range payloads() {
				if !bytes.Equal(p, inflate(t, compress.Deflate{}.AppendDeflate(nil, p))) {
					t.Error("a payload did not come back")
				}
			}
		})
	}
	wg.Wait()
}

func FuzzDeflate(f *testing.F) {
	f.Add([]byte("ship's biscuit"))
	f.Fuzz(func(t *testing.T, p []byte) {
		require.True(t, bytes.Equal(p, inflate(t, compress.Deflate{}.AppendDeflate(nil, p))))
	})
}

type cart struct {
	Lines []string
}

func save(t *testing.T, jar *hardtack.Jar[cart], c cart) (hardtack.Placement, *http.Request, error) {
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s, _ := jar.Get(r)
	s.Data = c
	p, err := jar.Save(w, r, s)
	for _, cookie := range w.Result().Cookies() {
		r.AddCookie(cookie)
	}
	return p, r, err
}

func lines(n int) (c cart) {
	for i := range n {
		c.Lines = append(c.Lines, fmt.Sprintf("HT-%06d ship's biscuit, 500 g", 100417+7919*i))
	}
	return c
}

// The same keys, with compression and without: both read both.
func TestJarsReadEachOther(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	with, err := hardtack.New[cart](hardtack.Config{Keys: keys, InsecureCompression: compress.Deflate{}})
	require.NoError(t, err)
	without, err := hardtack.New[cart](hardtack.Config{Keys: keys})
	require.NoError(t, err)
	for _, n := range []int{0, 1, 12, 60} {
		small, r, err := save(t, with, lines(n))
		require.NoError(t, err)
		s, err := without.Get(r)
		require.NoError(t, err)
		assert.Equal(t, lines(n), s.Data)
		large, r, err := save(t, without, lines(n))
		require.NoError(t, err)
		s, err = with.Get(r)
		require.NoError(t, err)
		assert.Equal(t, lines(n), s.Data)
		if n < 2 {
			assert.Equal(t, large.CookieBytes, small.CookieBytes, "compressing makes it no smaller")
		} else {
			assert.Less(t, small.CookieBytes, large.CookieBytes)
		}
		assert.Equal(t, large.PayloadBytes, small.PayloadBytes, "the payload is what the serializer made")
	}
}

// What would overflow does not, as long as it fits compressed.
func TestHybridStaysInline(t *testing.T) {
	store := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
	jar, err := hardtack.NewHybrid[cart](hardtack.Config{Keys: hardtack.EphemeralKeyring(), InsecureCompression: compress.Deflate{}}, store)
	require.NoError(t, err)
	p, r, err := save(t, jar, lines(300)) // 9 KB
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, p.Where)
	assert.Greater(t, p.PayloadBytes, 4096)
	s, err := jar.Get(r)
	require.NoError(t, err)
	assert.Equal(t, lines(300), s.Data)

	p, r, err = save(t, jar, lines(1500)) // more than is compressed
	require.NoError(t, err)
	assert.Equal(t, hardtack.InStore, p.Where)
	s, err = jar.Get(r)
	require.NoError(t, err)
	assert.Equal(t, lines(1500), s.Data)
}

func BenchmarkDeflate(b *testing.B) {
	p, err := hardtack.CBOR{}.Marshal(lines(30))
	require.NoError(b, err)
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	var dst []byte
	for b.Loop() {
		dst = compress.Deflate{}.AppendDeflate(dst[:0], p)
	}
}
