package format

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	kflate "github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// Compressor makes bytes fewer. Its functions append to dst, use their encoders and decoders again, and are not safe for concurrent use.
type Compressor struct {
	Name     string
	Compress func(dst, plain []byte) ([]byte, error)
	// Expand refuses what would be more than 64 KiB.
	Expand func(dst, compressed []byte) ([]byte, error)
}

const expandMax = 64 << 10

// Compressors returns those that a cookie's data could be compressed with.
func Compressors() (all []Compressor, err error) {
	for _, level := range []int{1, 6, 7, 9} {
		c, failed := deflate(level)
		all, err = append(all, c), errors.Join(err, failed)
	}
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBestCompression} {
		c, failed := zstandard(level)
		all, err = append(all, c), errors.Join(err, failed)
	}
	return all, err
}

// deflate compresses with klauspost/compress, as package compress does, and expands with the standard library, as package hardtack does.
func deflate(level int) (Compressor, error) {
	var to bytes.Buffer
	w, err := kflate.NewWriter(&to, level)
	if err != nil {
		return Compressor{}, err
	}
	from := bytes.NewReader(nil)
	r := flate.NewReader(from)
	limited := io.LimitedReader{R: r}
	var out bytes.Buffer
	return Compressor{
		Name: fmt.Sprintf("deflate-%d", level),
		Compress: func(dst, plain []byte) ([]byte, error) {
			to.Reset()
			w.Reset(&to)
			_, err1 := w.Write(plain)
			err2 := w.Close()
			return append(dst, to.Bytes()...), errors.Join(err1, err2)
		},
		Expand: func(dst, compressed []byte) ([]byte, error) {
			from.Reset(compressed)
			if err := r.(flate.Resetter).Reset(from, nil); err != nil {
				return dst, err
			}
			limited.N = expandMax + 1
			out.Reset()
			if _, err := out.ReadFrom(&limited); err != nil {
				return dst, err
			}
			if limited.N == 0 {
				return dst, errors.New("too large")
			}
			return append(dst, out.Bytes()...), nil
		},
	}, nil
}

// zstandard has no checksum, since a cookie is authenticated, and shortens what does not repeat itself at any level, since some cookies are tokens only.
func zstandard(level zstd.EncoderLevel) (Compressor, error) {
	w, err1 := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true))
	r, err2 := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(expandMax))
	return Compressor{
		Name:     "zstd-" + level.String(),
		Compress: func(dst, plain []byte) ([]byte, error) { return w.EncodeAll(plain, dst), nil },
		Expand:   func(dst, compressed []byte) ([]byte, error) { return r.DecodeAll(compressed, dst) },
	}, errors.Join(err1, err2)
}
