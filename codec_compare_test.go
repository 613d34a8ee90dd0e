package hardtack_test

import (
	"context"
	"testing"

	"github.com/hardtack-go/hardtack"
	"github.com/stretchr/testify/require"
)

// jrUncomparable is a Codec that Go's == panics on.
type jrUncomparable struct {
	*hardtack.SealedCodec
	_ []byte
}

func (c jrUncomparable) Open(ctx context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	return c.SealedCodec.Open(ctx, b, value, rec)
}

func TestCodecNeedNotBeComparable(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	j := jrNew[jrData](t, hardtack.Config{Keys: keys, Codec: jrUncomparable{SealedCodec: hardtack.NewSealedCodec(keys)}})
	pair := jrStart(t, j, jrData{N: 1})
	jrOpen(t, j, pair)
	_, err := j.Get(jrRequest(pair + "x"))
	require.ErrorIs(t, err, hardtack.ErrMalformed)
}
