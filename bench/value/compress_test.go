package value_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/bench/format"
	"github.com/hardtack-go/hardtack/compress"
)

// BenchmarkCompress compresses each session's data in CBOR, and expands it, with encoders and decoders that are used again.
func BenchmarkCompress(b *testing.B) {
	all, err := format.Compressors()
	require.NoError(b, err)
	for _, shape := range format.Shapes() {
		for _, size := range shape.Sizes {
			plain, err := hardtack.CBOR{}.Marshal(shape.Session(size.N))
			require.NoError(b, err)
			for _, op := range []string{"compress", "expand"} {
				for _, c := range all {
					b.Run(fmt.Sprintf("shape=%s/size=%s/op=%s/by=%s", shape.Name, size.Name, op, c.Name), func(b *testing.B) {
						compressed, err := c.Compress(nil, plain)
						require.NoError(b, err)
						work, from := c.Compress, plain
						if op == "expand" {
							work, from = c.Expand, compressed
						}
						var dst []byte
						b.ReportAllocs()
						for b.Loop() {
							if dst, err = work(dst[:0], from); err != nil {
								b.Fatal(err)
							}
						}
						b.ReportMetric(float64(len(compressed)), "compressed-bytes")
					})
				}
			}
		}
	}
}

// Each brings the data back, and one of them is what package compress does.
func TestCompress(t *testing.T) {
	all, err := format.Compressors()
	require.NoError(t, err)
	differs := map[string]bool{}
	for _, shape := range format.Shapes() {
		for _, size := range shape.Sizes {
			plain, err := hardtack.CBOR{}.Marshal(shape.Session(size.N))
			require.NoError(t, err)
			for _, c := range all {
				compressed, err := c.Compress(nil, plain)
				require.NoError(t, err)
				expanded, err := c.Expand(nil, compressed)
				require.NoError(t, err)
				assert.Equal(t, plain, expanded, c.Name)
				if !bytes.Equal(compressed, compress.Deflate{}.AppendDeflate(nil, plain)) {
					differs[c.Name] = true
				}
			}
		}
	}
	assert.Len(t, differs, len(all)-1)
}
