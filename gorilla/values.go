package gorilla

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// content is what a Store's session consists of: gorilla's values, and until when it holds unless it is saved again.
type content struct {
	values map[any]any
	until  time.Time // to the millisecond; the zero time means as long as the session's Lifetime

	encoded []byte // values as they were read
}

// endedAt reports whether the session was to be saved again before now.
func (c *content) endedAt(now time.Time) bool { return !c.until.IsZero() && !now.Before(c.until) }

// contentSerializer encodes a content: until as a uvarint of Unix milliseconds, 0 for none, then the values as gob, which
// keeps the type of every value that gob knows.
type contentSerializer struct{}

// SerializerID returns 3.
func (contentSerializer) SerializerID() byte { return 3 }

var errNotContent = errors.New("hardtack: gob: not the content of a gorilla session")

// Marshal implements hardtack.Serializer. gob's errors name types, not values.
func (contentSerializer) Marshal(v any) ([]byte, error) {
	c, ok := v.(*content)
	if !ok {
		return nil, errNotContent
	}
	var until uint64
	if !c.until.IsZero() {
		until = uint64(c.until.UnixMilli())
	}
	buf := bytes.NewBuffer(binary.AppendUvarint(nil, until))
	if err := gob.NewEncoder(buf).Encode(c.values); err != nil {
		return nil, fmt.Errorf("hardtack: gob: %w", err)
	}
	return buf.Bytes(), nil
}

// Unmarshal implements hardtack.Serializer.
func (contentSerializer) Unmarshal(data []byte, v any) error {
	c, ok := v.(*content)
	if !ok {
		return errNotContent
	}
	until, n := binary.Uvarint(data)
	if n <= 0 {
		return errNotContent
	}
	*c = content{encoded: bytes.Clone(data[n:])}
	if until != 0 {
		c.until = time.UnixMilli(int64(until))
	}
	if err := gob.NewDecoder(bytes.NewReader(c.encoded)).Decode(&c.values); err != nil {
		return fmt.Errorf("hardtack: gob: %w", err)
	}
	return nil
}

// sameValues reports whether these are the values that were read. Encoding them again would not tell: gob writes a map in any order.
func sameValues(encoded []byte, values map[any]any) bool {
	var read map[any]any
	return encoded != nil && gob.NewDecoder(bytes.NewReader(encoded)).Decode(&read) == nil && reflect.DeepEqual(read, values)
}
