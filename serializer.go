package hardtack

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// Serializer turns session data into bytes and back. It must be safe for
// concurrent use, and deterministic: Handler tells by the bytes whether data has changed.
type Serializer interface {
	// SerializerID is stored with each session, so that sessions written by
	// another Serializer are still read: 1 is CBOR, 2 is JSON, 3 is gob as package gorilla
	// writes it, 128 to 255 are for applications. Others are reserved.
	SerializerID() byte
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into what v points to. It must copy what it keeps of data.
	Unmarshal(data []byte, v any) error
}

// Identifiers of the serializers of this module.
const (
	serializerCBOR = 1
	serializerJSON = 2
	serializerGob  = 3
	firstUserID    = 128
)

// Limits of CBOR data. Encoding fails beyond them just as decoding does, so
// nothing is written that could not be read.
const (
	maxNesting  = 32
	maxElements = 1 << 16
)

// CBOR is the default Serializer: RFC 8949 in its core deterministic encoding.
//
// Exported fields of structs are stored by name, or as their cbor or json tag says.
// Fields that the type does not have are ignored and missing ones keep their zero
// value, so fields can be added and removed between deploys. time.Time keeps
// nanoseconds and the offset of its zone, not the zone's name. In fields of type any, maps come back as map[string]any,
// integers as int64 and text as string. At most 32 levels of nesting, and 65,536 elements in each array or map.
// Its zero value is ready to use.
type CBOR struct{}

// cborModes are built on first use: compiled options, not state.
var cborModes = sync.OnceValues(func() (cbor.EncMode, cbor.DecMode) {
	enc := cbor.CoreDetEncOptions()
	enc.Time = cbor.TimeRFC3339Nano
	enc.TimeTag = cbor.EncTagRequired
	em, err := enc.EncMode()
	if err != nil {
		panic(err) // the options above are constants
	}
	dm, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		MaxNestedLevels:   maxNesting,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxElements,
		IntDec:            cbor.IntDecConvertSignedOrFail,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		// Go strings may hold any bytes; what was written must come back.
		UTF8:           cbor.UTF8DecodeInvalid,
		DefaultMapType: reflect.TypeFor[map[string]any](),
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return em, dm
})

// SerializerID returns 1.
func (CBOR) SerializerID() byte { return serializerCBOR }

// Marshal encodes v.
func (CBOR) Marshal(v any) ([]byte, error) {
	em, dm := cborModes()
	data, err := em.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("hardtack: CBOR: %w", err)
	}
	if err := dm.Wellformed(data); err != nil {
		return nil, fmt.Errorf("hardtack: CBOR: could not be read back: %w", err)
	}
	return data, nil
}

// Unmarshal decodes data into v.
func (CBOR) Unmarshal(data []byte, v any) error {
	_, dm := cborModes()
	return dm.Unmarshal(data, v)
}

// JSON is a Serializer on encoding/json, for sessions that should be readable
// by other tools. It is larger and slower than CBOR; text that is not UTF-8 is
// changed, and integers in fields of type any come back as float64. Its zero value is ready to use.
type JSON struct{}

// SerializerID returns 2.
func (JSON) SerializerID() byte { return serializerJSON }

// Marshal encodes v.
func (JSON) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

// Unmarshal decodes data into v.
func (JSON) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
