package hardtack_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func TestCBORRoundTrip(t *testing.T) {
	type inner struct{ X int }
	type data struct {
		inner
		M map[string]int
		S []string
		T time.Time
		A any
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	in := data{M: map[string]int{"b": 1, "a": 2}, S: []string{"\xff\xfe"}, T: at, A: map[string]any{"n": int64(1)}}
	ser := hardtack.CBOR{}
	first, err := ser.Marshal(in)
	require.NoError(t, err)
	for range 20 {
		again, err := ser.Marshal(in)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
	var out data
	require.NoError(t, ser.Unmarshal(first, &out))
	assert.True(t, at.Equal(out.T))
	assert.Equal(t, at.Format(time.RFC3339Nano), out.T.Format(time.RFC3339Nano))
	assert.Equal(t, in.S, out.S)
	assert.Equal(t, in.M, out.M)
	assert.Equal(t, in.A, out.A)
}

func TestCBORRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"duplicate keys":    "\xa2\x61a\x01\x61a\x02",
		"indefinite length": "\x9f\x01\xff",
		"huge count":        "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
		"trailing bytes":    "\x01\x01",
		"empty":             "",
	} {
		t.Run(name, func(t *testing.T) {
			var v any
			require.Error(t, hardtack.CBOR{}.Unmarshal([]byte(data), &v))
		})
	}
	var deep any
	for range 40 {
		deep = []any{deep}
	}
	_, err := hardtack.CBOR{}.Marshal(deep)
	require.Error(t, err)
	_, err = hardtack.CBOR{}.Marshal(make([]bool, 65536))
	require.NoError(t, err)
	_, err = hardtack.CBOR{}.Marshal(make([]bool, 65537))
	require.Error(t, err)
}

func TestSwitchingSerializer(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	pairs := []string{}
	for _, ser := range []hardtack.Serializer{hardtack.CBOR{}, hardtack.JSON{}, jrRaw(128)} {
		j := jrNew[jrData](t, hardtack.Config{Keys: keys, Serializer: ser})
		pairs = append(pairs, jrStart(t, j, jrData{N: 4}))
		for _, p := range pairs {
			_, s := jrOpen(t, j, p)
			assert.Equal(t, 4, s.Data.N)
		}
	}
	_, err := jrNew[jrData](t, hardtack.Config{Keys: keys}).Get(jrRequest(pairs[2]))
	require.ErrorIs(t, err, hardtack.ErrPayload)
	_, err = hardtack.New[jrData](hardtack.Config{Keys: keys, Serializer: jrRaw(4)})
	assert.Equal(t, []string{"Serializer"}, jrFaults(err))
}
