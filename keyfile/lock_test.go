package keyfile

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A writer that never gives the lock back does not hold others up for ever, even without a deadline of theirs.
func TestLockIsNotAwaitedForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(nil)
		m.held = true
		begun := time.Now()
		_, err := on(m).SwapKeys(t.Context(), nil, documentA)
		assert.ErrorIs(t, err, ErrLocked)
		assert.EqualError(t, err, "key file /d/keys.json: another writer holds the lock: /d/keys.json.lock, for 10s")
		assert.Equal(t, lockWait, time.Since(begun))
		assert.Empty(t, m.names)
	})
}

// slow is a disk whose lock is somebody else's for a while.
type slow struct {
	*model
	until time.Time
}

func (s slow) lock(path, like string) (io.Closer, error) {
	if time.Now().Before(s.until) {
		return nil, errBusy
	}
	return s.model.lock(path, like)
}

func TestLockIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &File{path: target, disk: slow{newModel(nil), time.Now().Add(3 * time.Second)}}
		swapped, err := f.SwapKeys(t.Context(), nil, documentA)
		require.NoError(t, err)
		assert.True(t, swapped)
	})
}
