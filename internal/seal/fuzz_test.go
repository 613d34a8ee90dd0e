package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// FuzzOpen presents any text to the vectors' keys. Only the vectors' own tokens
// open: nobody else has sealed anything.
func FuzzOpen(f *testing.F) {
	v := readVectors(f)
	keys := keysOf(f, v)
	authentic := make(map[string]bool)
	add := func(p presented, text string, opens bool) {
		if p.Audience == "" && p.CookieName == cookieName {
			f.Add(text)
			authentic[text] = opens
		}
	}
	for _, a := range v.Accepted {
		add(a.presented, a.Text, true)
	}
	for _, r := range v.Refused {
		add(r.presented, r.Text, r.Opens)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, peekErr := seal.Peek(text)
		opened := false
		for _, k := range keys {
			var e seal.Envelope
			plain, err := k.Open(nil, binding, text, &e)
			switch err {
			case nil:
				opened = true
				require.True(t, authentic[text], "accepted: %q", text)
				require.Equal(t, k.ID(), id)
				require.True(t, bytes.Equal(plain, seal.AppendEnvelope(nil, &e)))
			case seal.ErrForged:
				require.NoError(t, peekErr)
				require.Equal(t, k.ID(), id)
			case seal.ErrUnknownKey:
				require.NoError(t, peekErr)
				require.NotEqual(t, k.ID(), id)
			case seal.ErrMalformed:
			default:
				require.NoError(t, err)
			}
			if err != nil {
				require.Empty(t, plain)
			}
		}
		require.Equal(t, authentic[text], opened, "%q", text)
	})
}

// FuzzEnvelope decodes anything as the inside of a token and of a record.
func FuzzEnvelope(f *testing.F) {
	v := readVectors(f)
	for _, a := range v.Accepted {
		f.Add([]byte(a.Plaintext))
	}
	for _, r := range v.Records {
		if r.Sealed != nil {
			f.Add([]byte(r.Sealed.Plaintext))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { canonicalEncoding(t, b) })
}

// FuzzRecord presents anything as what a store had at a locator.
func FuzzRecord(f *testing.F) {
	v := readVectors(f)
	var session recordVector // whose record we look for
	authentic := make(map[string]bool)
	for _, r := range v.Records {
		f.Add([]byte(r.Record))
		if r.Reason == "missing" { // but for a reference that wants a later revision
			session = r
			authentic[string(r.Record)] = true
		}
	}
	require.NotEmpty(f, authentic)
	seed := seal.Seed(session.Seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		var e seal.Envelope
		err := seal.OpenRecord(session.Locator, &seed, data, &e)
		require.True(t, bytes.Equal(before, data), "written to")
		if authentic[string(data)] {
			require.NoError(t, err)
			require.Equal(t, len(data), seal.RecordSize(&e))
		} else {
			require.Equal(t, seal.ErrForged, err)
		}
		require.Equal(t, bytes.Equal(data, seal.Tombstone()), seal.IsTombstone(data))
	})
}

// A fuzz target whose corpus has moved away runs on nothing, and passes.
func TestFuzzCorpora(t *testing.T) {
	for _, name := range []string{"FuzzOpen", "FuzzEnvelope", "FuzzRecord"} {
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", name))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(files), 8, name)
		for _, file := range files {
			data, err := os.ReadFile(filepath.Join("testdata", "fuzz", name, file.Name()))
			require.NoError(t, err)
			assert.True(t, bytes.HasPrefix(data, []byte("go test fuzz v1\n")), file.Name())
		}
	}
}
