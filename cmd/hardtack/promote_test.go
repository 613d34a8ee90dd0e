package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// rotated is a file with a sealing key and an announced one.
func rotated(t *testing.T) (file string, sealing, announced hardtack.KeyID) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, runAt(t, noon.Add(-day), "keys", "init", "--file", file).status)
	require.Zero(t, runAt(t, noon.Add(-time.Minute), "keys", "rotate", "--propagation", "1h", "--file", file).status)
	set := readKeys(t, file)
	require.Len(t, set.Keys, 2)
	return file, set.Keys[1].ID(), set.Keys[0].ID()
}

func TestPromote(t *testing.T) {
	file, old, announced := rotated(t)
	r := run(t, "keys", "promote", announced.String(), "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.err, "warning: it was announced less than 2m ago")
	assert.Equal(t, "Key "+announced.String()+" seals now.\nKey "+old.String()+" only opens now; it opens until 2030-06-02T13:01:00Z (in 25h).\n", r.out)
	st, _ := inState(readKeys(t, file), hardtack.KeySealing, noon)
	assert.Equal(t, announced, st.Key.ID())

	r = run(t, "keys", "promote", announced.String(), "--file", file)
	assert.Equal(t, exitFailure, r.status)
	assert.Equal(t, "hardtack: key "+announced.String()+" is sealing, and only an announced one can be promoted\n", r.err)
	r = run(t, "keys", "promote", old.String(), "--file", file)
	assert.Contains(t, r.err, "is retiring, and")
	r = run(t, "keys", "promote", "5d0c11fe", "--file", file)
	assert.Equal(t, "hardtack: there is no key 5d0c11fe\n", r.err)
}

func TestPromoteWithoutWarning(t *testing.T) {
	file, _, announced := rotated(t)
	r := runAt(t, noon.Add(2*time.Minute), "keys", "promote", announced.String(), "--json", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Empty(t, r.err)
	got := decode[changed](t, r.out)
	assert.Equal(t, announced, got.Promoted)
	assert.Empty(t, got.Warnings)
}

func TestRevoke(t *testing.T) {
	file, old, announced := rotated(t)
	r := run(t, "keys", "revoke", old.String(), "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.out, "Key "+old.String()+" is revoked. It was sealing; its secret is erased")
	assert.Contains(t, r.out, "A new key takes its place. Key ")
	set := readKeys(t, file)
	k, _ := set.Find(old)
	assert.True(t, k.Revoked())
	st, ok := inState(set, hardtack.KeySealing, noon)
	require.True(t, ok)
	assert.NotEqual(t, announced, st.Key.ID())

	again := runAt(t, noon.Add(time.Hour), "keys", "revoke", old.String(), "--file", file)
	assert.Zero(t, again.status)
	assert.Contains(t, again.out, "was revoked already, at 2030-06-01T12:00:00Z")
	assert.Equal(t, set, readKeys(t, file))
}

func TestRevokeAnnounced(t *testing.T) {
	file, old, announced := rotated(t)
	r := run(t, "keys", "revoke", announced.String(), "--json", "--file", file)
	require.Zero(t, r.status, r.err)
	got := decode[changed](t, r.out)
	assert.Equal(t, "announced", got.Was)
	assert.Nil(t, got.Successor)
	k, _ := readKeys(t, file).Find(old)
	assert.Zero(t, k.Retire(), "it has no successor any more")
}

func TestRevokeUnknown(t *testing.T) {
	file, old, _ := rotated(t)
	r := run(t, "keys", "revoke", "5d0c11fe", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.out, "Key 5d0c11fe was not there. Its ID is remembered")
	assert.Contains(t, r.out, "Key "+old.String()+" seals now")
	k, ok := readKeys(t, file).Find(hardtack.KeyID{0x5d, 0x0c, 0x11, 0xfe})
	assert.True(t, ok && k.Revoked())
}

func TestPrune(t *testing.T) {
	retain := day + skew
	retired := entry{seed: 3, activate: noon.Add(-9 * day), retire: noon.Add(-3 * time.Minute)}
	gone := entry{seed: 4, activate: noon.Add(-20 * day), retire: noon.Add(-2 * day), erased: true}
	file := writeKeys(t, retain, entry{seed: 1, activate: noon.Add(-retain - 3*time.Minute)}, retired, gone)
	before := readKeys(t, file)

	r := run(t, "keys", "prune", "--dry-run", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Equal(t, "Would erase the secrets of "+retired.id(t).String()+", which have retired.\nWould forget "+gone.id(t).String()+", of which nothing need be remembered.\n", r.out)
	assert.Equal(t, before, readKeys(t, file))

	r = run(t, "keys", "prune", "--json", "--file", file)
	require.Zero(t, r.status, r.err)
	got := decode[changed](t, r.out)
	assert.Equal(t, []hardtack.KeyID{retired.id(t)}, got.Erased)
	assert.Equal(t, []hardtack.KeyID{gone.id(t)}, got.Forgotten)
	set := readKeys(t, file)
	require.Len(t, set.Keys, 2)
	assert.True(t, set.Keys[1].Erased())

	r = run(t, "keys", "prune", "--file", file)
	assert.Zero(t, r.status)
	assert.Equal(t, "Nothing to do: no key has retired that is still there.\n", r.out)
	r = run(t, "keys", "prune", "--json", "--file", file)
	assert.Contains(t, r.out, `"erased": []`)
}

func TestPruneSetsWhenKeysRetire(t *testing.T) {
	old := entry{seed: 2, activate: noon.Add(-2 * day)}
	file := writeKeys(t, day+skew, entry{seed: 1, created: noon.Add(-2 * time.Hour), activate: noon.Add(-time.Hour)}, old)
	before := readKeys(t, file)

	r := run(t, "keys", "prune", "--dry-run", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Equal(t, "Key "+old.id(t).String()+" would retire at 2030-06-02T11:02:00Z (in 23h).\n", r.out)
	r = run(t, "keys", "prune", "--dry-run", "--json", "--file", file)
	want := map[hardtack.KeyID]time.Time{old.id(t): noon.Add(day + skew - time.Hour)}
	assert.Equal(t, want, decode[changed](t, r.out).Retire)
	assert.Equal(t, before, readKeys(t, file))

	r = run(t, "keys", "prune", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Equal(t, "Key "+old.id(t).String()+" retires at 2030-06-02T11:02:00Z (in 23h).\n", r.out)
	k, _ := readKeys(t, file).Find(old.id(t))
	assert.Equal(t, want[old.id(t)], k.Retire())
	r = run(t, "keys", "prune", "--file", file)
	assert.Contains(t, r.out, "Nothing to do")
}

func TestListRevokedWhileAnnounced(t *testing.T) {
	file, _, announced := rotated(t)
	require.Zero(t, run(t, "keys", "revoke", announced.String(), "--file", file).status)
	r := run(t, "keys", "list", "--file", file)
	assert.Regexp(t, "(?m)^"+announced.String()+`  revoked  60s ago  -           -            revoked now  gone$`, r.out)
	assert.Regexp(t, `(?m)^ +2030-05-31 \d\d:\d\d UTC +2030-06-01 \d\d:\d\d UTC$`, r.out)
}
