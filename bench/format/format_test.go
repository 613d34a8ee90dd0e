package format_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/bench/format"
)

// A figure of a format that loses something, or that takes anything, would be of something else.
func TestContenders(t *testing.T) {
	for _, shape := range append(format.Shapes(), format.Texts()) {
		other := shape.Session(shape.Sizes[0].N)
		for level, contenders := range map[string][]format.Contender{"values": shape.Values(), "cookies": shape.Cookies()} {
			for _, c := range contenders {
				for _, size := range shape.Sizes {
					t.Run(strings.Join([]string{shape.Name, level, c.Title, size.Name}, "/"), func(t *testing.T) {
						trial := c.On(size.N)
						value, err := trial.Seal()
						require.NoError(t, err)
						require.NoError(t, trial.Open(value))
						require.NoError(t, trial.Check(value))

						again, err := trial.Seal()
						require.NoError(t, err)
						assert.NoError(t, trial.Check(value), "the first value is as it was")
						assert.NoError(t, trial.Check(again))
						if c.Encrypts {
							assert.NotEqual(t, value, again)
						}

						if size != shape.Sizes[0] {
							assert.ErrorIs(t, c.On(shape.Sizes[0].N).Check(value), format.ErrChanged)
						}
						for _, i := range []int{len(value) / 3, len(value) / 2, len(value) - 8} {
							assert.Error(t, trial.Open(changed(value, i)), "character %d", i)
						}
						assert.Error(t, trial.Open(value[:len(value)/2]))
						assert.Error(t, trial.Open(""))
						text, err := json.Marshal(other)
						require.NoError(t, err)
						assert.Error(t, trial.Open(base64.RawURLEncoding.EncodeToString(text)))
					})
				}
			}
		}
	}
}

// changed returns the value with another character at i.
func changed(value string, i int) string {
	other := "A"
	if value[i] == 'A' {
		other = "B"
	}
	return value[:i] + other + value[i+1:]
}

// The ciphertext of a format that encrypts is not that of the session's text.
func TestEncrypts(t *testing.T) {
	texts := format.Texts()
	for _, contenders := range [][]format.Contender{texts.Values(), texts.Cookies()} {
		for _, c := range contenders {
			signed := strings.Contains(c.Title, "signed") || strings.Contains(c.Title, "hs256") || strings.Contains(c.Title, "eddsa")
			assert.Equal(t, !signed, c.Encrypts, c.Title)
		}
	}
}

// Every format can keep a large session in a cookie.
func TestLargeFits(t *testing.T) {
	for _, shape := range format.Shapes() {
		for _, contenders := range [][]format.Contender{shape.Values(), shape.Cookies()} {
			for _, c := range contenders {
				least := 0
				for _, size := range shape.Sizes {
					value, err := c.On(size.N).Seal()
					require.NoError(t, err)
					n := len(format.CookieName) + len(value)
					assert.LessOrEqual(t, n, format.BrowserMax, "%s, %s, %s", shape.Name, c.Title, size.Name)
					assert.Greater(t, n, least, "%s, %s, %s", shape.Name, c.Title, size.Name)
					least = n
				}
			}
		}
	}
}

// What benchmarks call the contenders.
func TestNames(t *testing.T) {
	for _, shape := range format.Shapes() {
		var names []string
		for _, c := range shape.Values() {
			names = append(names, c.Name)
		}
		assert.Equal(t, []string{"hardtack-cbor", "hardtack-json", "hardtack-hs256", "hardtack-eddsa", "gorilla-gob", "gorilla-json",
			"jwt-hs256", "jwe-a256gcm", "paseto-v4local", "tink-cbor"}, names)
	}
}

func TestCompressors(t *testing.T) {
	all, err := format.Compressors()
	require.NoError(t, err)
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		for _, n := range []int{11, 500, 3000, 40_000} {
			plain := bytes.Repeat([]byte("what is in it, "), n/10)
			compressed, err := c.Compress([]byte("before"), plain)
			require.NoError(t, err)
			again, err := c.Compress(nil, plain)
			require.NoError(t, err)
			assert.Equal(t, "before"+string(again), string(compressed))
			if n >= 500 {
				assert.Less(t, len(again), n/5, c.Name)
			}
			expanded, err := c.Expand([]byte("before"), again)
			require.NoError(t, err, c.Name)
			assert.Equal(t, "before"+string(plain), string(expanded))
		}
		_, err := c.Expand(nil, []byte{0xff, 0xff, 0xff, 0xff})
		assert.Error(t, err, c.Name)
		bomb, err := c.Compress(nil, make([]byte, 1<<20))
		require.NoError(t, err)
		_, err = c.Expand(nil, bomb)
		assert.Error(t, err, c.Name)
	}
	assert.Equal(t, []string{"deflate-1", "deflate-6", "deflate-7", "deflate-9", "zstd-fastest", "zstd-default", "zstd-best"}, names)
}
