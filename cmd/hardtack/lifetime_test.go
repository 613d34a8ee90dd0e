package main

import (
	"encoding/hex"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

// A file that keyfile.Open made does not know how long sessions live.
func TestLifetimeOfAFileThatSaysNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	ring, err := keyfile.Open(t.Context(), file, hardtack.KeyringConfig{})
	require.NoError(t, err)
	require.NoError(t, ring.Close())
	require.Zero(t, readKeys(t, file).Retain)
	now := time.Now()
	r := runAt(t, now, "keys", "rotate", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.out, "it never retires, unless hardtack keys lifetime says how long sessions live")
	r = runAt(t, now, "keys", "check", "--file", file)
	assert.Contains(t, r.out, "hardtack keys lifetime sets it")

	r = runAt(t, now, "keys", "lifetime", "24h", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Empty(t, r.err)
	assert.Contains(t, r.out, "Sessions live up to 1d: a key opens for 1d2m after its successor has begun to seal.\n")
	set := readKeys(t, file)
	assert.Equal(t, day+skew, set.Retain)
	require.Len(t, set.Keys, 2)
	assert.Equal(t, set.Keys[0].Activate().Add(day+skew), set.Keys[1].Retire())
	assert.Zero(t, set.Keys[0].Retire())
	r = runAt(t, now, "keys", "check", "--file", file)
	assert.Zero(t, r.status, r.out)
}

func TestLifetimeRaisedAndLowered(t *testing.T) {
	retain := day + skew
	sealing := entry{seed: 1, created: noon.Add(-2 * day), activate: noon.Add(-time.Hour)}
	retiring := entry{seed: 2, activate: noon.Add(-9 * day), retire: noon.Add(retain - time.Hour)}
	gone := entry{seed: 3, activate: noon.Add(-20 * day), retire: noon.Add(-2 * day)}
	file := writeKeys(t, retain, sealing, retiring, gone)
	assert.Equal(t, []string{"retain-short", "retires-early", "prunable"}, codes(t, file, "--lifetime", "48h"))

	r := run(t, "keys", "lifetime", "48h", "--json", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Empty(t, decode[changed](t, r.out).Warnings)
	raised := readKeys(t, file)
	assert.Equal(t, 2*day+skew, raised.Retain)
	k, _ := raised.Find(retiring.id(t))
	assert.Equal(t, noon.Add(-time.Hour+2*day+skew), k.Retire())
	k, _ = raised.Find(gone.id(t))
	assert.Equal(t, gone.retire, k.Retire())
	assert.False(t, k.Erased(), "prune does that")
	assert.Equal(t, []string{"prunable"}, codes(t, file, "--lifetime", "48h"))

	r = run(t, "keys", "lifetime", "1h", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.err, "warning: keys were kept for 2d2m until now")
	lowered := readKeys(t, file)
	assert.Equal(t, time.Hour+skew, lowered.Retain)
	assert.Equal(t, raised.Keys, lowered.Keys)
}

func TestLifetimeFaults(t *testing.T) {
	file := writeKeys(t, day+skew, entry{seed: 1, activate: noon.Add(-day)})
	before := readKeys(t, file)
	for _, args := range [][]string{nil, {"soon"}, {"0s"}, {"401d"}, {"1h", "2h"}} {
		r := run(t, append(append([]string{"keys", "lifetime"}, args...), "--file", file)...)
		assert.Equal(t, exitUsage, r.status, args)
	}
	assert.Equal(t, exitUsage, run(t, "keys", "lifetime", "1h").status)
	assert.Equal(t, exitFailure, run(t, "keys", "lifetime", "1h", "--file", file+".none").status)
	assert.Equal(t, before, readKeys(t, file))
}

func TestInitFromEnvSaysWhenOldKeysRetire(t *testing.T) {
	newest, older := entry{seed: 1}, entry{seed: 2}
	t.Setenv("SESSION_SECRET", hex.EncodeToString(newest.secret())+","+hex.EncodeToString(older.secret()))
	file := filepath.Join(t.TempDir(), "keys.json")
	r := run(t, "keys", "init", "--from-env", "SESSION_SECRET", "--lifetime", "24h", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.NotContains(t, r.out, "never retires")
	k, _ := readKeys(t, file).Find(older.id(t))
	assert.Equal(t, noon.Add(day+skew), k.Retire())
	k, _ = readKeys(t, file).Find(newest.id(t))
	assert.Zero(t, k.Retire())
	st, _ := inState(readKeys(t, file), hardtack.KeySealing, noon)
	assert.Equal(t, newest.id(t), st.Key.ID())
	assert.Empty(t, codes(t, file, "--lifetime", "24h"))
}
