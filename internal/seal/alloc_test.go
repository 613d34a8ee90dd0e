package seal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Every request opens a cookie and many seal one: into a buffer with enough
// room, neither allocates.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool drop items, so pooled memory is allocated again; run without -race")
	}
	k := newKey(t, secretOf("allocations"))
	for _, size := range []int{30, 300, 2500} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			e := inline(size)
			e.Subject, e.Lineage = []byte("alice"), lineage(2)
			text := sealed(t, k, e)
			foreign := sealed(t, newKey(t, secretOf("allocations")), e)
			buf := make([]byte, 0, seal.MaxText)
			var got seal.Envelope
			var err error

			assert.Zero(t, testing.AllocsPerRun(1000, func() { _, err = k.Seal(buf, binding, e) }), "Seal")
			require.NoError(t, err)
			assert.Zero(t, testing.AllocsPerRun(1000, func() { _, err = k.Open(buf, binding, text, &got) }), "Open")
			require.NoError(t, err)
			assert.Zero(t, testing.AllocsPerRun(1000, func() { _, err = k.Open(buf, binding, foreign, &got) }), "Open of another server's token")
			require.NoError(t, err)
			assert.Zero(t, testing.AllocsPerRun(1000, func() { _, err = seal.Peek(text) }), "Peek")
			require.NoError(t, err)
		})
	}
}
