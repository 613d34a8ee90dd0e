package hardtack_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func TestCodecWithoutSeed(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{Codec: jrPlain{id: true}})
	pair := jrStart(t, j, jrData{N: 1})
	r, s := jrOpen(t, j, pair)
	id := s.ID()
	assert.Len(t, id, 22)
	for range 3 {
		pair = jrPut(t, j, r, s)
		r, s = jrOpen(t, j, pair)
		assert.Equal(t, id, s.ID())
	}
}

func TestCodecWithInvalidBytes(t *testing.T) {
	for _, spoil := range []string{" ", ";", ",", `"`, "\\", "\n", "\x00", "\x7f", "é"} {
		j := jrNew[jrData](t, hardtack.Config{Codec: jrPlain{spoil: spoil}})
		s, _ := j.Get(jrRequest())
		w := httptest.NewRecorder()
		_, err := j.Save(w, jrRequest(), s)
		require.Error(t, err, "%q", spoil)
		assert.Empty(t, w.Header())
	}
}
