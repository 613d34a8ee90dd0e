package hardtack

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What Explain rehearses with is the Jar's core, with all that a core has but for what it must not touch.
func TestSilentCoreIsWhole(t *testing.T) {
	ring := EphemeralKeyring()
	c, err := newCore(Config{
		Keys: ring, Codec: NewSealedCodec(ring),
		Formerly: []Former{{Name: "old", Codec: exForeign{NewSealedCodec(ring)}, Prolong: true}},
	}, NewMemoryStore(MemoryStoreConfig{Now: time.Now}))
	require.NoError(t, err)
	c.warned.Store(true)
	store := c.store.rehearsal(new(rehearsalStore))
	was, got := reflect.ValueOf(c).Elem(), reflect.ValueOf(c.silent(store)).Elem()
	for _, f := range reflect.VisibleFields(was.Type()) {
		switch {
		case len(f.Index) > 1 || f.Name == "Config":
		case f.Name == "warned":
			assert.True(t, got.FieldByIndex(f.Index).IsZero())
		default:
			require.False(t, was.FieldByIndex(f.Index).IsZero(), "the test has to set %s", f.Name)
			assert.False(t, got.FieldByIndex(f.Index).IsZero(), "%s is missing", f.Name)
		}
	}
	silent := c.silent(store)
	assert.Same(t, store, silent.store)
	assert.NotSame(t, ring, silent.Keys)
	assert.Same(t, c.references, silent.references)
}

// exForeign is a codec that is not the sealed one.
type exForeign struct{ Codec }
