package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBadKeyFlags(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"-poll", []string{"-poll", "0"}},
		{"Interval", []string{"-poll", "1ms"}},
		{"-propagation", []string{"-propagation", "1h"}},
		{"Propagation", []string{"-rotate-every", "1h", "-propagation", "2h"}},
		{"Propagation", []string{"-rotate-every", "1h", "-propagation", "1m"}},
		{"-clock-rate", []string{"-clock-rate", "0"}},
		{"-clock-base", []string{"-clock-rate", "60"}},
		{"-clock-base", []string{"-clock-base", "noon"}},
	} {
		status, stdout, stderr := result(t, append([]string{"-keys", keys, "-mode", "stateless", "-addr", "127.0.0.1:0"}, c.args...)...)
		assert.Equal(t, 2, status, c.args)
		assert.Empty(t, stdout, c.args)
		assert.Contains(t, stderr, c.want, c.args)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
	}
}

func TestClock(t *testing.T) {
	before := time.Now()
	o := keyOptions{rate: 1, offset: time.Hour}
	assert.WithinRange(t, o.clock(), before.Add(time.Hour), time.Now().Add(time.Hour))

	o = keyOptions{rate: 60, base: before.Add(-time.Minute)}
	earliest := o.base.Add(time.Hour)
	assert.WithinRange(t, o.clock(), earliest, earliest.Add(60*time.Since(before)+time.Millisecond))
}

// debugKeys asks a shop for its keys.
func debugKeys(t *testing.T, p *process) (r keyReport) {
	t.Helper()
	response, err := http.Get(p.url + "/debug/keys")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, json.NewDecoder(response.Body).Decode(&r))
	return r
}

func TestDebugKeys(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	p := start(t, "-keys", keys, "-mode", "stateless")
	response, err := http.Get(p.url + "/debug/keys")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusNotFound, response.StatusCode)

	p = start(t, "-keys", keys, "-mode", "stateless", "-debug-keys", "-clock-offset", "1h")
	response, err = http.Post(p.url+"/api/items", "", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	r := debugKeys(t, p)
	require.Len(t, r.Keys, 1)
	assert.Equal(t, keyCounts{ID: r.Sealing, State: "sealing", Sealed: 1}, r.Keys[0])
	assert.Empty(t, r.Faults)
	assert.WithinDuration(t, time.Now().Add(time.Hour), r.Clock, time.Minute)
	assert.WithinDuration(t, r.Clock, r.Loaded, time.Minute)
}

func TestShopsRotateTheirKeyFile(t *testing.T) {
	args := []string{"-keys", filepath.Join(t.TempDir(), "keys.json"), "-mode", "stateless", "-debug-keys", "-lifetime", "5m",
		"-poll", "50ms", "-rotate-every", "4m", "-propagation", "3m", "-clock-base", time.Now().UTC().Format(time.RFC3339Nano), "-clock-rate", "200"}
	a, b := start(t, args...), start(t, args...)
	first := debugKeys(t, a).Sealing
	for _, p := range []*process{a, b} {
		assert.Eventually(t, func() bool { return debugKeys(t, p).Sealing != first }, 30*time.Second, 50*time.Millisecond)
	}
	assert.Eventually(t, func() bool {
		for _, k := range debugKeys(t, b).Keys {
			if k.ID == first {
				return k.State == "gone"
			}
		}
		return true
	}, 30*time.Second, 50*time.Millisecond, "the first key retires")
}
