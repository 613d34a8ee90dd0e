package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// numbersKept decodes JSON with its numbers as they are written.
func numbersKept(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

// Whatever a payload is, it has one form, which is visible; and where that is JSON, nothing was lost.
func FuzzShowPayload(f *testing.F) {
	for _, v := range []any{nil, 1, -1, 1.5, "x", []byte{1}, []any{true, "\x1b\u202e"}, map[string]any{"a": map[int]int{1: 2}}, noon, cbor.Tag{Number: 6, Content: 1}} {
		data, err := cbor.Marshal(v)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"a":["\u001b",1e400,{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range []hardtack.Serializer{hardtack.CBOR{}, hardtack.JSON{}, shouting{}} {
			p := showPayload(s, data)
			forms := 0
			for _, there := range []bool{p.JSON != nil, p.Diagnostic != "", p.Hex != ""} {
				if there {
					forms++
				}
			}
			require.Equal(t, len(data) > 0, forms == 1, "%+v", p)
			for _, r := range p.String() + string(p.JSON) {
				require.False(t, r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0, "%U", r)
			}
			if p.JSON == nil {
				continue
			}
			require.True(t, json.Valid(p.JSON))
			if s.SerializerID() != (hardtack.CBOR{}).SerializerID() {
				require.Equal(t, numbersKept(t, data), numbersKept(t, p.JSON))
				continue
			}
			var value any
			require.NoError(t, cbor.Unmarshal(data, &value))
			value, ok := jsonValue(value)
			require.True(t, ok)
			again, err := json.Marshal(value)
			require.NoError(t, err)
			require.Equal(t, numbersKept(t, again), numbersKept(t, p.JSON))
		}
	})
}
