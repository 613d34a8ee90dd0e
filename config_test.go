package hardtack_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func TestZeroConfigIsSecure(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	s, _ := j.Get(jrRequest())
	w := httptest.NewRecorder()
	_, err := j.Save(w, jrRequest(), s)
	require.NoError(t, err)
	line := w.Header().Get("Set-Cookie")
	assert.True(t, strings.HasPrefix(line, "__Host-session="), line)
	_, attributes, _ := strings.Cut(line, ";")
	assert.Equal(t, " Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax", attributes)
	assert.Equal(t, hardtack.Budget{Max: 4096, Inline: 3072, LowWater: 2304, Record: 1 << 20}, j.Config().Budget)
}

// jrFaults returns the fields of all *ConfigError in err.
func jrFaults(err error) (fields []string) {
	switch e := err.(type) {
	case *hardtack.ConfigError:
		return []string{e.Field}
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			fields = append(fields, jrFaults(err)...)
		}
	}
	return fields
}

func TestFaults(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	long := strings.Repeat("a", 1025)
	tests := map[string]struct {
		c     hardtack.Config
		field string
	}{
		"host prefix with domain":    {hardtack.Config{Domain: "example.com"}, "Domain"},
		"in lower case":              {hardtack.Config{Name: "__host-a", Domain: "example.com"}, "Domain"},
		"host prefix with path":      {hardtack.Config{Path: "/a"}, "Path"},
		"host and http with path":    {hardtack.Config{Name: "__HOST-HTTP-a", Path: "/a"}, "Path"},
		"none without secure":        {hardtack.Config{InsecureDevelopment: true, SameSite: http.SameSiteNoneMode}, "SameSite"},
		"partitioned, not secure":    {hardtack.Config{InsecureDevelopment: true, Partitioned: true}, "Partitioned"},
		"unknown SameSite":           {hardtack.Config{SameSite: 9}, "SameSite"},
		"bad name":                   {hardtack.Config{Name: "a b"}, "Name"},
		"long name":                  {hardtack.Config{Name: strings.Repeat("a", 3900)}, "Name"},
		"long path":                  {hardtack.Config{Name: "a", Path: "/" + long}, "Path"},
		"bad path":                   {hardtack.Config{Name: "a", Path: "a"}, "Path"},
		"path with semicolon":        {hardtack.Config{Name: "a", Path: "/;"}, "Path"},
		"bad domain":                 {hardtack.Config{Name: "a", Domain: "a_b;"}, "Domain"},
		"domain with dot at the end": {hardtack.Config{Name: "a", Domain: "example.com."}, "Domain"},
		"path that never matches":    {hardtack.Config{Name: "a", Path: "/a?b"}, "Path"},
		"domain with dot in front":   {hardtack.Config{Name: "a", Domain: ".example.com"}, "Domain"},
		"idle over lifetime":         {hardtack.Config{IdleTimeout: 25 * time.Hour}, "IdleTimeout"},
		"negative idle":              {hardtack.Config{IdleTimeout: -1}, "IdleTimeout"},
		"over 400 days":              {hardtack.Config{Lifetime: 400*24*time.Hour + 1}, "Lifetime"},
		"negative lifetime":          {hardtack.Config{Lifetime: -1}, "Lifetime"},
		"store timeout":              {hardtack.Config{StoreTimeout: -1}, "StoreTimeout"},
		"max over 4096":              {hardtack.Config{Budget: hardtack.Budget{Max: 4097}}, "Budget.Max"},
		"inline over max":            {hardtack.Config{Budget: hardtack.Budget{Max: 2000, Inline: 2001}}, "Budget.Inline"},
		"low water over inline":      {hardtack.Config{Budget: hardtack.Budget{LowWater: 3073}}, "Budget.LowWater"},
		"small record":               {hardtack.Config{Budget: hardtack.Budget{Record: 4095}}, "Budget.Record"},
		"long audience":              {hardtack.Config{Audience: strings.Repeat("a", 256)}, "Audience"},
		"former is present":          {hardtack.Config{Formerly: []hardtack.Former{{}}}, "Formerly[0]"},
		"former with bad name":       {hardtack.Config{Formerly: []hardtack.Former{{Name: "a b"}}}, "Formerly[0].Name"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			c.c.Keys = keys
			_, err := hardtack.New[jrData](c.c)
			var fault *hardtack.ConfigError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, []string{c.field}, jrFaults(err), "%v", err)
		})
	}

	_, err := hardtack.New[jrData](hardtack.Config{Name: "a b", Path: "x", Lifetime: -1, Audience: strings.Repeat("a", 256)})
	fields := jrFaults(err)
	for _, f := range []string{"Keys", "Name", "Path", "Lifetime", "Audience"} {
		assert.Contains(t, fields, f)
	}
	_, err = hardtack.NewHybrid[jrData](hardtack.Config{Keys: keys, Name: "a b"}, nil)
	assert.ElementsMatch(t, []string{"Name", "(store)"}, jrFaults(err))
	_, err = hardtack.NewHybrid[jrData](hardtack.Config{Keys: keys, Codec: jrPlain{}, StoreRetired: true},
		hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	assert.ElementsMatch(t, []string{"Codec", "StoreRetired"}, jrFaults(err))
}

func TestSealedCodecHasToBeMade(t *testing.T) {
	for name, codec := range map[string]*hardtack.SealedCodec{"nil": nil, "zero": {}, "no ring": hardtack.NewSealedCodec(nil)} {
		_, err := hardtack.New[jrData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Codec: codec})
		assert.Equal(t, []string{"Codec"}, jrFaults(err), name)
		_, err = hardtack.New[jrData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: []hardtack.Former{{Name: "old", Codec: codec}}})
		assert.Equal(t, []string{"Formerly[0].Codec"}, jrFaults(err), name)
	}
}

// Another ring would not hear of Lifetime, and so let its keys retire too early.
func TestSealedCodecHasTheRingOfTheJar(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	codec := hardtack.NewSealedCodec(hardtack.EphemeralKeyring())
	_, err := hardtack.New[jrData](hardtack.Config{Keys: keys, Codec: codec})
	assert.Equal(t, []string{"Codec"}, jrFaults(err))
	_, err = hardtack.New[jrData](hardtack.Config{Keys: keys, Formerly: []hardtack.Former{{Name: "old", Codec: codec}}})
	assert.NoError(t, err, "a former may have a ring of its own")
}

func TestSealedCodecKnowsTheSerializerOfTheJar(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	j := jrNew[jrData](t, hardtack.Config{Keys: keys, Serializer: jrRaw(200), Codec: hardtack.NewSealedCodec(keys)})
	_, s := jrOpen(t, j, jrStart(t, j, jrData{N: 4}))
	assert.Equal(t, 4, s.Data.N)
}

func TestKeyMayNotRetireTooEarly(t *testing.T) {
	b := jrAt(0)
	limit := b.Activate().Add(time.Hour + 2*time.Minute)
	for _, c := range []struct {
		retire time.Time
		good   bool
	}{{limit, true}, {limit.Add(-1), false}} {
		ring := jrRing(t, hardtack.GenerateKey(jrEpoch.Add(-time.Hour), c.retire), b)
		_, err := hardtack.New[jrData](hardtack.Config{Keys: ring, Lifetime: time.Hour, Now: newJrClock().now})
		if c.good {
			require.NoError(t, err)
		} else {
			assert.Equal(t, []string{"Keys"}, jrFaults(err))
		}
	}
}

func TestInsecureDevelopment(t *testing.T) {
	for name, want := range map[string]string{"": "session", "__Secure-a": "a", "__HOST-HTTP-b": "b", "c": "c"} {
		j := jrNew[jrData](t, hardtack.Config{Name: name, InsecureDevelopment: true})
		s, _ := j.Get(jrRequest())
		w := httptest.NewRecorder()
		_, err := j.Save(w, jrRequest(), s)
		require.NoError(t, err)
		line := w.Header().Get("Set-Cookie")
		assert.True(t, strings.HasPrefix(line, want+"="), line)
		assert.NotContains(t, line, "Secure")
	}
}

func TestConfigIsCopied(t *testing.T) {
	c := hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: []hardtack.Former{{Name: "old"}}}
	j := jrNew[jrData](t, c)
	assert.Empty(t, c.Name)
	assert.Empty(t, c.Formerly[0].Path)
	c.Formerly[0].Name = "changed"
	assert.Equal(t, "old", j.Config().Formerly[0].Name)
	j.Config().Formerly[0].Name = "changed"
	assert.Equal(t, "old", j.Config().Formerly[0].Name)
}

func TestConfigCanGrow(t *testing.T) {
	typ := reflect.TypeFor[hardtack.Config]()
	assert.Equal(t, "_", typ.Field(0).Name, "unkeyed literals do not compile")
	assert.False(t, typ.Comparable(), "neither does ==")
}
