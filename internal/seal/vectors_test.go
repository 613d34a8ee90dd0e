package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

var vectorsPath = filepath.Join("testdata", "vectors.json")

// hexBytes is a byte string in lower-case hexadecimal.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// vectorFile is vectors.json; the last section of docs/format.md describes it.
type vectorFile struct {
	Format   string           `json:"format"`
	Keys     []vectorKey      `json:"keys"`
	Accepted []acceptedVector `json:"accepted"`
	Refused  []refusedVector  `json:"refused"`
	Records  []recordVector   `json:"records"`
	Subjects []subjectVector  `json:"subjects"`
}

// subjectVector is what the index by subject knows a subject as.
type subjectVector struct {
	Secret   hexBytes `json:"secret"`
	Audience string   `json:"audience"`
	Subject  string   `json:"subject"`
	Tag      string   `json:"tag"`
}

type vectorKey struct {
	Secret     hexBytes `json:"secret"`
	KeyID      hexBytes `json:"key_id"`
	SealingKey hexBytes `json:"sealing_key"`
	SigningKey hexBytes `json:"signing_key"`
	IndexKey   hexBytes `json:"index_key"`
	FormerKey  hexBytes `json:"former_key"`
}

// presented is how a token meets its reader.
type presented struct {
	Audience   string     `json:"audience"`
	CookieName string     `json:"cookie_name"`
	Now        int64      `json:"now"`
	LifetimeMS int64      `json:"lifetime_ms,omitempty"`
	IdleMS     int64      `json:"idle_timeout_ms,omitempty"`
	Retired    []hexBytes `json:"retired,omitempty"`
	Revoked    []hexBytes `json:"revoked,omitempty"`
}

type vectorSeed struct {
	Seed      hexBytes `json:"seed"`
	SessionID string   `json:"session_id"`
	Locator   string   `json:"locator"`
	RecordKey hexBytes `json:"record_key"`
}

type vectorSealed struct {
	Nonce     hexBytes     `json:"nonce"`
	AAD       hexBytes     `json:"aad"`
	GCMKey    hexBytes     `json:"gcm_key"`
	Plaintext hexBytes     `json:"plaintext"`
	Fields    vectorFields `json:"fields"`
}

type vectorFields struct {
	Kind       int      `json:"kind"`
	Idle       bool     `json:"idle"`
	Serializer int      `json:"serializer"`
	Created    int64    `json:"created"`
	Issued     int64    `json:"issued"`
	Expires    int64    `json:"expires"`
	Revision   uint64   `json:"revision,string"`
	Lineage    []string `json:"lineage"`
	Subject    hexBytes `json:"subject"`
	Payload    hexBytes `json:"payload"`
	Compressed bool     `json:"compressed,omitempty"`
	Inflated   hexBytes `json:"inflated,omitempty"` // the payload, if it is compressed
	Pad        int      `json:"pad,omitempty"`
}

type acceptedVector struct {
	Name string `json:"name"`
	vectorKey
	presented
	vectorSeed
	vectorSealed
	Token hexBytes `json:"token"`
	Text  string   `json:"text"`
}

type refusedVector struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	What   string `json:"what"`
	// Opens says that the token is authentic and well-formed: what is wrong
	// lies in the reader's ring, clock or configuration.
	Opens bool `json:"opens"`
	presented
	Text string `json:"text"`
}

// recordVector is a record and the session that looks for it. Where the record
// was opened under its own locator, that is the one of the seed.
type recordVector struct {
	Name   string `json:"name"`
	Reason string `json:"reason"` // empty if the record is accepted
	What   string `json:"what"`
	vectorSeed
	LeastRevision uint64        `json:"least_revision,string"`
	Sealed        *vectorSealed `json:"sealed,omitempty"` // of authentic ones
	Record        hexBytes      `json:"record"`
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func encodeVectors(t testing.TB, f vectorFile) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(f))
	return b.Bytes()
}

func readVectors(t testing.TB) (f vectorFile) {
	t.Helper()
	data, err := os.ReadFile(vectorsPath)
	require.NoError(t, err)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&f))
	return f
}

// keysOf returns the ring of the vectors.
func keysOf(t testing.TB, f vectorFile) map[seal.KeyID]*seal.Key {
	t.Helper()
	keys := make(map[seal.KeyID]*seal.Key)
	for _, k := range f.Keys {
		key := newKey(t, (*[seal.SecretSize]byte)(k.Secret))
		keys[key.ID()] = key
	}
	return keys
}

// TestVectors checks that testdata/vectors.json says what the package does.
// With -update it writes the file first.
func TestVectors(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		needsFixedNonce(t)
		want := encodeVectors(t, makeVectors(t))
		if *update {
			require.NoError(t, os.WriteFile(vectorsPath, want, 0o644))
		}
		got, err := os.ReadFile(vectorsPath)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "%s is not what the code makes; see -update", vectorsPath)
	})
	f := readVectors(t)
	require.Equal(t, "hardtack v1 vectors", f.Format)
	require.NotEmpty(t, f.Keys)
	require.NotEmpty(t, f.Accepted)
	require.NotEmpty(t, f.Refused)
	require.NotEmpty(t, f.Records)
	require.NotEmpty(t, f.Subjects)
	keys := keysOf(t, f)

	t.Run("keys", func(t *testing.T) {
		for _, k := range f.Keys {
			id := seal.IDOf((*[seal.SecretSize]byte)(k.Secret))
			assert.EqualValues(t, id[:], k.KeyID)
			for info, want := range map[string]hexBytes{
				"sealing": k.SealingKey, "signing": k.SigningKey, "index": k.IndexKey, "former": k.FormerKey,
			} {
				assert.EqualValues(t, want, seal.Subkey(k.Secret, "hardtack "+info, 32), info)
			}
		}
	})

	t.Run("subjects", func(t *testing.T) {
		seen := map[string]bool{}
		for _, v := range f.Subjects {
			assert.Equal(t, v.Tag, newKey(t, (*[seal.SecretSize]byte)(v.Secret)).IndexTag(v.Audience, v.Subject))
			key := specHKDF(v.Secret, "hardtack index", 32)
			assert.Equal(t, v.Tag, encode(specHMAC(key, join(specLP(v.Audience), []byte(v.Subject)))))
			assert.False(t, seen[v.Tag], "two subjects of one tag")
			seen[v.Tag] = true
		}
	})

	for _, v := range f.Accepted {
		t.Run("accepted/"+v.Name, func(t *testing.T) {
			key := keys[seal.KeyID(v.KeyID)]
			require.NotNil(t, key)
			assert.Contains(t, f.Keys, v.vectorKey)
			assert.Equal(t, encode(v.Token), v.Text)
			peeked, err := seal.Peek(v.Text)
			require.NoError(t, err)
			assert.Equal(t, key.ID(), peeked)

			b := seal.NewBinding(v.Audience, v.CookieName)
			assert.EqualValues(t, v.AAD, seal.TokenAAD(key.ID(), b))
			gcmKey, err := seal.XAESDerive(v.SealingKey, [seal.PrefixSize]byte(v.Nonce))
			require.NoError(t, err)
			assert.EqualValues(t, v.GCMKey, gcmKey[:])

			var e seal.Envelope
			plain, err := key.Open(nil, b, v.Text, &e)
			require.NoError(t, err)
			assert.EqualValues(t, v.Plaintext, plain)
			assert.Equal(t, v.Fields, canonical(fieldsOf(&e)))
			assert.Equal(t, v.vectorSeed, seedOf(e.Seed))
			assert.Equal(t, len(v.Text), seal.TextSize(&e))
			assert.EqualValues(t, v.Plaintext, seal.AppendEnvelope(nil, &e), "encodes as it was")
		})
	}

	reasons := map[string]error{
		"malformed": seal.ErrMalformed, "unknown_key": seal.ErrUnknownKey, "forged": seal.ErrForged,
	}
	for _, v := range f.Refused {
		t.Run("refused/"+v.Name, func(t *testing.T) {
			assert.NotEmpty(t, v.What)
			key := keys[seal.KeyID(f.Keys[0].KeyID)]
			if id, err := seal.Peek(v.Text); err == nil && keys[id] != nil {
				key = keys[id]
			}
			var e seal.Envelope
			_, err := key.Open(nil, seal.NewBinding(v.Audience, v.CookieName), v.Text, &e)
			if v.Opens {
				assert.NoError(t, err)
			} else {
				assert.Equal(t, reasons[v.Reason], err)
			}
		})
	}

	for _, v := range f.Records {
		t.Run("records/"+v.Name, func(t *testing.T) {
			assert.NotEmpty(t, v.What)
			assert.Equal(t, v.Reason == "ended", seal.IsTombstone(v.Record))
			seed := seal.Seed(v.Seed)
			var e seal.Envelope
			err := seal.OpenRecord(v.Locator, &seed, v.Record, &e)
			if v.Sealed == nil {
				assert.Equal(t, seal.ErrForged, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, v.Reason == "missing", e.Revision < v.LeastRevision)
			assert.Equal(t, seed, e.Seed)
			assert.Equal(t, v.vectorSeed, seedOf(seed))
			assert.Equal(t, v.Sealed.Fields, canonical(fieldsOf(&e)))
			assert.EqualValues(t, v.Sealed.AAD, seal.RecordAAD(v.Locator, v.Record))
			gcmKey, err := seal.XAESDerive(v.RecordKey, [seal.PrefixSize]byte(v.Sealed.Nonce))
			require.NoError(t, err)
			assert.EqualValues(t, v.Sealed.GCMKey, gcmKey[:])
			assert.EqualValues(t, v.Sealed.Plaintext, seal.AppendEnvelope(nil, &e), "encodes as it was")
			assert.Equal(t, len(v.Record), seal.RecordSize(&e))
		})
	}
}

// canonical has no nil where JSON has something empty.
func canonical(f vectorFields) vectorFields {
	f.Lineage = append([]string{}, f.Lineage...)
	f.Subject = append(hexBytes{}, f.Subject...)
	f.Payload = append(hexBytes{}, f.Payload...)
	return f
}

// TestVectorsByTheSpecification reads all vectors with the second reader.
func TestVectorsByTheSpecification(t *testing.T) {
	needsFixedNonce(t)
	f := readVectors(t)
	reader := func(p presented) *specReader {
		r := &specReader{
			secrets: make(map[string][]byte), audience: p.Audience, cookieName: p.CookieName,
			now: p.Now, lifetime: p.LifetimeMS, idle: p.IdleMS,
		}
		for _, k := range f.Keys {
			r.secrets[hex.EncodeToString(specHKDF(k.Secret, "hardtack key id", 4))] = k.Secret
		}
		for _, id := range p.Retired {
			r.retired = append(r.retired, hex.EncodeToString(id))
		}
		for _, id := range p.Revoked {
			r.revoked = append(r.revoked, hex.EncodeToString(id))
		}
		return r
	}
	checkSeed := func(t *testing.T, s vectorSeed) {
		for label, want := range map[string][]byte{
			"session id":     unbase64(t, s.SessionID),
			"record locator": unbase64(t, s.Locator),
			"record key":     s.RecordKey,
		} {
			assert.Equal(t, want, specHKDF(s.Seed, "hardtack "+label, len(want)), label)
		}
		assert.Len(t, s.SessionID, 22)
		assert.Len(t, s.Locator, 43)
	}
	checkSealed := func(t *testing.T, want vectorSealed, got specOpened) {
		assert.EqualValues(t, want.Nonce, got.nonce)
		assert.EqualValues(t, want.AAD, got.aad)
		assert.EqualValues(t, want.GCMKey, got.gcmKey)
		assert.EqualValues(t, want.Plaintext, got.plaintext)
		assert.Equal(t, want.Fields, canonical(got.fields))
	}
	for _, v := range f.Accepted {
		t.Run("accepted/"+v.Name, func(t *testing.T) {
			o, reason := reader(v.presented).open(v.Text)
			require.Empty(t, reason)
			assert.EqualValues(t, v.Secret, o.secret)
			assert.EqualValues(t, v.Seed, o.seed)
			checkSeed(t, v.vectorSeed)
			checkSealed(t, v.vectorSealed, o)
			for label, want := range map[string]hexBytes{
				"sealing": v.SealingKey, "signing": v.SigningKey, "index": v.IndexKey, "former": v.FormerKey,
			} {
				assert.EqualValues(t, want, specHKDF(v.Secret, "hardtack "+label, 32), label)
			}
		})
	}
	for _, v := range f.Refused {
		t.Run("refused/"+v.Name, func(t *testing.T) {
			_, reason := reader(v.presented).open(v.Text)
			assert.Equal(t, v.Reason, reason, v.What)
		})
	}
	for _, v := range f.Records {
		t.Run("records/"+v.Name, func(t *testing.T) {
			o, reason := specRecord(v.Seed, v.Locator, v.LeastRevision, v.Record)
			assert.Equal(t, v.Reason, reason, v.What)
			if v.Sealed != nil {
				checkSeed(t, v.vectorSeed)
				checkSealed(t, *v.Sealed, o)
			}
		})
	}
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	b, ok := specBase64(text)
	require.True(t, ok)
	return b
}

// Names must be unique, or a failure would not say where it is; and every
// reason that the specification has must occur.
func TestVectorsAreComplete(t *testing.T) {
	f := readVectors(t)
	names, reasons := make(map[string]int), make(map[string]int)
	for _, v := range f.Accepted {
		names["accepted "+v.Name]++
	}
	for _, v := range f.Refused {
		names["refused "+v.Name]++
		reasons[v.Reason]++
	}
	for _, v := range f.Records {
		names["record "+v.Name]++
		reasons[v.Reason]++
	}
	for name, n := range names {
		assert.Equal(t, 1, n, name)
	}
	for _, reason := range []string{
		"malformed", "unknown_key", "forged", "revoked_key", "not_yet_valid", "expired", "idle", "ended", "missing", "",
	} {
		assert.Positive(t, reasons[reason], "%q", reason)
	}
}
