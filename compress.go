package hardtack

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"
)

// Compressor makes the payload of cookies smaller: see Config.InsecureCompression. It must be safe for concurrent use.
// That of the module github.com/hardtack-go/hardtack/compress is one.
type Compressor interface {
	// AppendDeflate appends payload to dst as one raw DEFLATE stream (RFC 1951), whole and with its last block, and returns
	// the result. It keeps neither. The Jar uses it if it is smaller than payload. To return dst as it is means that payload is not compressed.
	AppendDeflate(dst, payload []byte) []byte
}

// probe returns an error unless what c makes of a text can be read. It is for mistakes that would lose every session, such as another format around DEFLATE.
func probe(c Compressor) (err error) {
	if c == nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			err = errors.New("panics")
		}
	}()
	text := bytes.Repeat([]byte("ship's biscuit, "), 64)
	small := c.AppendDeflate(nil, text)
	if len(small) == 0 {
		return nil
	}
	if again, err := inflate(small); err != nil || !bytes.Equal(again, text) {
		return errors.New("makes no raw DEFLATE stream (RFC 1951)")
	}
	return nil
}

// maxInflated is the most that a cookie's payload may be before it is compressed, in bytes: what DEFLATE can look back,
// and a bound on what a reader does for one cookie.
const maxInflated = 32 << 10

// deflate returns the payload compressed, if that is smaller.
func deflate(c Compressor, payload []byte) ([]byte, bool) {
	if c == nil || len(payload) > maxInflated {
		return payload, false
	}
	small := c.AppendDeflate(make([]byte, 0, len(payload)), payload)
	if len(small) == 0 || len(small)+1 >= len(payload) { // the form is a byte more
		return payload, false
	}
	return small, true
}

// inflater is a reader of DEFLATE that is used again.
type inflater struct {
	from bytes.Reader
	io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	i := new(inflater)
	i.ReadCloser = flate.NewReader(&i.from)
	return i
}}

// inflate returns what was compressed, in memory of its own. It is ErrMalformed if data is not one DEFLATE stream, of at most maxInflated bytes.
func inflate(data []byte) ([]byte, error) {
	i := inflaters.Get().(*inflater)
	defer inflaters.Put(i)
	i.from.Reset(data)
	defer i.from.Reset(nil)
	if err := i.ReadCloser.(flate.Resetter).Reset(&i.from, nil); err != nil {
		return nil, ErrMalformed
	}
	payload := make([]byte, 0, min(4*len(data)+64, maxInflated+1))
	for {
		n, err := i.Read(payload[len(payload):cap(payload)])
		payload = payload[:len(payload)+n]
		switch {
		case len(payload) > maxInflated, err == io.EOF && i.from.Len() > 0:
			return nil, ErrMalformed
		case err == io.EOF:
			return payload, nil
		case err != nil:
			return nil, ErrMalformed
		case len(payload) == cap(payload):
			payload = append(payload, 0)[:len(payload)]
		}
	}
}
