// Package compress makes cookies smaller. It is a module of its own, so that only those who use it depend on klauspost/compress.
//
//	hardtack.Config{Keys: ring, InsecureCompression: compress.Deflate{}}
//
// Read at [hardtack.Config] first what compression gives away.
package compress

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/hardtack-go/hardtack"
)

// level is the first that also codes what does not repeat itself, such as tokens, in fewer bits; the ones above it save no more
// than a few bytes. docs/capacity.md has the sizes.
const level = 7

// Deflate is a [hardtack.Compressor]: DEFLATE (RFC 1951), which was smaller than zstd for nearly all sessions of a cookie's size.
// Its zero value is ready to use, and safe for concurrent use.
type Deflate struct{ _ struct{} }

var _ hardtack.Compressor = Deflate{}

// writer is used again: a new one takes some hundred KiB.
type writer struct {
	to bytes.Buffer
	*flate.Writer
}

var writers = sync.Pool{New: func() any {
	w := new(writer)
	var err error
	if w.Writer, err = flate.NewWriter(&w.to, level); err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// AppendDeflate implements [hardtack.Compressor].
func (Deflate) AppendDeflate(dst, payload []byte) []byte {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.to.Reset()
	w.Reset(&w.to)
	// A bytes.Buffer takes everything.
	_, _ = w.Write(payload)
	_ = w.Close()
	return append(dst, w.to.Bytes()...)
}
