package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// oneOfEach is a file with a key in each state.
func oneOfEach(t *testing.T) string {
	t.Helper()
	retain := 24*time.Hour + skew
	return writeKeys(t, retain,
		entry{seed: 1, created: noon.Add(-5 * time.Minute), activate: noon.Add(9 * time.Minute)},
		entry{seed: 2, created: noon.Add(-day), activate: noon.Add(-6 * time.Hour), retire: noon.Add(9*time.Minute + retain)},
		entry{seed: 3, created: noon.Add(-3 * day), activate: noon.Add(-2 * day), retire: noon.Add(retain - 6*time.Hour)},
		entry{seed: 4, created: noon.Add(-4 * day), activate: noon.Add(-3 * day), retire: noon.Add(retain - 2*day), erased: true},
		entry{seed: 5, created: noon.Add(-4 * day), activate: noon.Add(-4 * day), revoked: noon.Add(-36 * time.Hour)},
	)
}

func TestListGolden(t *testing.T) {
	file := oneOfEach(t)
	for name, args := range map[string][]string{
		"list.txt":       nil,
		"list-times.txt": {"--times"},
		"list-later.txt": {"--at", "+3d"},
		"list-at.txt":    {"--at", "2030-05-30T13:00:00+01:00"},
		"list.json":      {"--json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, append([]string{"keys", "list", "--file", file}, args...)...)
			require.Zero(t, r.status, r.err)
			assert.Empty(t, r.err)
			golden(t, name, r.out)
		})
	}
}

func TestSVGGolden(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "keys.svg")
	r := run(t, "keys", "list", "--file", oneOfEach(t), "--svg", picture)
	require.Zero(t, r.status, r.err)
	got, err := os.ReadFile(picture)
	require.NoError(t, err)
	golden(t, "list.svg", string(got))
}

func TestSimulateGolden(t *testing.T) {
	for name, args := range map[string][]string{
		"simulate.txt":       nil,
		"simulate-long.txt":  {"--every", "7d", "--lifetime", "30d", "--propagation", "48h", "--over", "90d"},
		"simulate-late.txt":  {"--late-deploy", "2d", "--over", "200d"},
		"simulate-late.json": {"--late-deploy", "2d", "--over", "200d", "--json"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, append([]string{"keys", "simulate"}, args...)...)
			assert.Empty(t, r.err)
			golden(t, name, r.out)
		})
	}
}
