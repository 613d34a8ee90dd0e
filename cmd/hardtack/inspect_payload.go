package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/hardtack-go/hardtack"
)

// payload is a session's data in the first of these forms that can hold it.
type payload struct {
	JSON       json.RawMessage `json:"json,omitempty"`
	Diagnostic untrusted       `json:"diagnostic,omitempty"` // CBOR diagnostic notation
	Hex        string          `json:"hex,omitempty"`
}

// foreignSerializer stands for an application's own, whose payloads are shown as they are.
type foreignSerializer byte

func (s foreignSerializer) SerializerID() byte            { return byte(s) }
func (foreignSerializer) Marshal(any) ([]byte, error)     { return nil, errNotOurs }
func (foreignSerializer) Unmarshal(_ []byte, _ any) error { return errNotOurs }

// serializers returns those beside the library's own.
func serializers() (all []hardtack.Serializer) {
	for id := 3; id <= math.MaxUint8; id++ {
		all = append(all, foreignSerializer(id))
	}
	return all
}

func serializerName(s hardtack.Serializer) string {
	switch s := s.(type) {
	case nil:
		return ""
	case hardtack.CBOR:
		return "CBOR"
	case hardtack.JSON:
		return "JSON"
	default:
		return "number " + strconv.Itoa(int(s.SerializerID()))
	}
}

// showPayload returns data in a form that people can read.
func showPayload(s hardtack.Serializer, data []byte) *payload {
	switch s.(type) {
	case hardtack.JSON:
		if json.Valid(data) && utf8.Valid(data) {
			return &payload{JSON: compact(data)}
		}
	case hardtack.CBOR:
		if text, ok := cborJSON(data); ok {
			return &payload{JSON: compact(text)}
		}
		if text, err := cbor.Diagnose(data); err == nil {
			return &payload{Diagnostic: untrusted(text)}
		}
	}
	return &payload{Hex: hex.EncodeToString(data)}
}

func compact(data []byte) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return nil // it was valid
	}
	return visible(b.Bytes(), false)
}

// cborJSON returns CBOR as JSON, unless that would lose something.
func cborJSON(data []byte) ([]byte, bool) {
	mode, err := cbor.DecOptions{
		DupMapKey:            cbor.DupMapKeyEnforcedAPF,
		UTF8:                 cbor.UTF8DecodeInvalid,
		BignumTag:            cbor.BignumTagForbidden,
		MapKeyByteString:     cbor.MapKeyByteStringAllowed,
		UnrecognizedTagToAny: cbor.UnrecognizedTagNumAndContentToAny,
	}.DecMode()
	if err != nil {
		return nil, false
	}
	var v any
	if mode.Unmarshal(data, &v) != nil {
		return nil, false
	}
	v, ok := jsonValue(v)
	if !ok {
		return nil, false
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(v)
	return b.Bytes(), err == nil
}

// jsonValue returns a decoded value in the types of encoding/json, false if JSON has none for it.
func jsonValue(v any) (any, bool) {
	switch v := v.(type) {
	case nil, bool, int64, uint64, big.Int:
		return v, true
	case string:
		return v, utf8.ValidString(v)
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		for i := range v {
			var ok bool
			if v[i], ok = jsonValue(v[i]); !ok {
				return nil, false
			}
		}
		return v, true
	case map[any]any:
		object := make(map[string]any, len(v))
		for key, value := range v {
			name, isText := key.(string)
			shown, ok := jsonValue(value)
			if !isText || !utf8.ValidString(name) || !ok {
				return nil, false
			}
			object[name] = shown
		}
		return object, true
	}
	return nil, false // a byte string, a time, another tag, a simple value
}
