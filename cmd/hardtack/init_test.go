package main

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func TestInit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	r := run(t, "keys", "init", "--file", file, "--lifetime", "30d")
	require.Zero(t, r.status, r.err)
	set := readKeys(t, file)
	require.Len(t, set.Keys, 1)
	assert.Equal(t, 30*day+skew, set.Retain)
	st, ok := inState(set, hardtack.KeySealing, noon)
	require.True(t, ok)
	assert.Equal(t, noon, st.Key.Activate().UTC())
	assert.Equal(t, noon, st.Key.Created().UTC())
	assert.Contains(t, r.out, "Key "+st.Key.ID().String()+" seals now.")
	if runtime.GOOS != "windows" {
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}

	before, err := os.ReadFile(file)
	require.NoError(t, err)
	r = run(t, "keys", "init", "--file", file)
	assert.Equal(t, exitFailure, r.status)
	assert.Equal(t, "hardtack: "+file+" exists already, and is left as it is\n", r.err)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}

func TestInitByDefaultSuitsTheDefaultLifetime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, run(t, "keys", "init", "--file", file).status)
	keys, err := hardtack.NewKeyring(readKeys(t, file).Keys...)
	require.NoError(t, err)
	jar, err := hardtack.New[struct{}](hardtack.Config{Keys: keys})
	require.NoError(t, err)
	assert.Equal(t, readKeys(t, file).Retain, jar.Config().Lifetime+skew)
}

func TestInitFromEnv(t *testing.T) {
	newest, older, oldest := entry{seed: 1}, entry{seed: 2}, entry{seed: 3}
	t.Setenv("SESSION_SECRET", strings.Join([]string{
		base64.StdEncoding.EncodeToString(newest.secret()), hex.EncodeToString(older.secret()), base64.RawURLEncoding.EncodeToString(oldest.secret()),
	}, ","))
	file := filepath.Join(t.TempDir(), "keys.json")
	r := run(t, "keys", "init", "--file", file, "--from-env", "SESSION_SECRET")
	require.Zero(t, r.status, r.err)
	set := readKeys(t, file)
	require.Len(t, set.Keys, 3)

	// The one that sealed before does so now, by any server's clock.
	for _, clock := range []time.Time{noon.Add(-skew), noon, noon.Add(skew)} {
		st, ok := inState(set, hardtack.KeySealing, clock)
		require.True(t, ok)
		assert.Equal(t, newest.id(t), st.Key.ID())
	}

	// After a rotation, none retires before the sessions of today have ended.
	require.Zero(t, run(t, "keys", "rotate", "--file", file).status)
	for _, e := range []entry{newest, older, oldest} {
		k, ok := readKeys(t, file).Find(e.id(t))
		require.True(t, ok)
		assert.False(t, k.Retire().Before(noon.Add(day-3*time.Second)), k.Retire())
	}
	assert.Equal(t, exitOK, run(t, "keys", "check", "--file", file).status)
}

func TestInitFromEnvKeepsTimesThatAreGiven(t *testing.T) {
	newest, older := entry{seed: 1}, entry{seed: 2}
	t.Setenv("SESSION_SECRET", hex.EncodeToString(newest.secret())+";activate=2030-05-01T00:00:00Z,"+
		hex.EncodeToString(older.secret())+";activate=2030-04-01T00:00:00Z;retire=2030-07-01T00:00:00Z,revoked:5d0c11fe")
	file := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, run(t, "keys", "init", "--file", file, "--from-env", "SESSION_SECRET").status)
	set := readKeys(t, file)
	k, _ := set.Find(newest.id(t))
	assert.Equal(t, time.Date(2030, 5, 1, 0, 0, 0, 0, time.UTC), k.Activate())
	k, _ = set.Find(older.id(t))
	assert.Equal(t, time.Date(2030, 7, 1, 0, 0, 0, 0, time.UTC), k.Retire())
	k, ok := set.Find(hardtack.KeyID{0x5d, 0x0c, 0x11, 0xfe})
	assert.True(t, ok && k.Revoked())
}

func TestInitFromEnvFaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	for _, value := range []string{"", "tooshort", "{", strings.Repeat("x", 64)} {
		t.Setenv("SESSION_SECRET", value)
		r := run(t, "keys", "init", "--file", file, "--from-env", "SESSION_SECRET")
		assert.Equal(t, exitFailure, r.status)
		assert.Contains(t, r.err, "environment variable SESSION_SECRET")
		if value != "" && value != "{" {
			assert.NotContains(t, r.err, value)
		}
		assert.NoFileExists(t, file)
	}
}
