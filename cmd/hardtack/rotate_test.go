package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

func TestRotate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, runAt(t, noon.Add(-30*day), "keys", "init", "--file", file).status)
	old := readKeys(t, file).Keys[0].ID()

	r := runAt(t, noon.Add(300*time.Millisecond), "keys", "rotate", "--file", file)
	require.Zero(t, r.status, r.err)
	assert.Empty(t, r.err)
	set := readKeys(t, file)
	require.Len(t, set.Keys, 2)
	seals := noon.Add(10*time.Minute + time.Second) // rounded up
	assert.Equal(t, seals, set.Keys[0].Activate().UTC())
	assert.Equal(t, seals.Add(day+skew), set.Keys[1].Retire().UTC())
	assert.Equal(t, fmt.Sprintf("Key %v is announced and seals from 2030-06-01T12:10:01Z on (in 10m).\n"+
		"Key %v seals now, until 2030-06-01T12:10:01Z; it opens until 2030-06-02T12:12:01Z (in 24h).\n", set.Keys[0].ID(), old), r.out)

	r = runAt(t, noon.Add(time.Minute), "keys", "rotate", "--file", file)
	assert.Equal(t, exitFailure, r.status)
	assert.Contains(t, r.err, "is announced already and seals from 2030-06-01T12:10:01Z on (in 9m); no key was added")
	assert.Equal(t, set, readKeys(t, file))

	// Once it seals, the next may come.
	r = runAt(t, noon.Add(time.Hour), "keys", "rotate", "--propagation", "1d", "--lifetime", "2d", "--json", "--file", file)
	require.Zero(t, r.status, r.err)
	added := decode[changed](t, r.out).Added
	set = readKeys(t, file)
	assert.Equal(t, set.Keys[0].ID(), added)
	assert.Equal(t, noon.Add(day+time.Hour), set.Keys[0].Activate().UTC())
	assert.Equal(t, 2*day+skew, set.Retain)
	assert.Equal(t, noon.Add(day+time.Hour+2*day+skew), set.Keys[1].Retire().UTC())
}

func TestRotateNow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, run(t, "keys", "init", "--file", file).status)

	r := run(t, "keys", "rotate", "--now", "--json", "--file", file) // in the same millisecond
	require.Zero(t, r.status, r.err)
	got := decode[changed](t, r.out)
	require.Len(t, got.Keys, 2)
	assert.Equal(t, got.Added, got.Keys[0].ID)
	assert.Contains(t, r.out, `"state": "sealing"`)
	assert.NotContains(t, r.out, `"state": "announced"`)
	assert.NotEmpty(t, got.Warnings)

	r = runAt(t, noon.Add(9*time.Second), "keys", "rotate", "--now", "--file", file)
	assert.Equal(t, exitFailure, r.status)
	assert.Contains(t, r.err, "was added less than 10s ago")
	r = runAt(t, noon.Add(11*time.Second), "keys", "rotate", "--now", "--file", file)
	assert.Zero(t, r.status)
	assert.Len(t, readKeys(t, file).Keys, 3)
}

func TestRotateWarnsOfShortPropagation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	require.Zero(t, run(t, "keys", "init", "--file", file).status)
	r := run(t, "keys", "rotate", "--propagation", "119s", "--file", file)
	assert.Zero(t, r.status)
	assert.Contains(t, r.err, "warning: a propagation time of less than 2m")
	assert.Equal(t, exitFailure, run(t, "keys", "check", "--file", file).status)
}

// contested is a store that somebody else changes between reading and writing.
type contested struct {
	*keyfile.File
	meanwhile func()
}

func (c *contested) SwapKeys(ctx context.Context, old, new []byte) (bool, error) {
	if f := c.meanwhile; f != nil {
		c.meanwhile = nil
		f()
	}
	return c.File.SwapKeys(ctx, old, new)
}

func TestRotateNoticesAnotherRotation(t *testing.T) {
	for name, c := range map[string]struct {
		immediately bool
		meanwhile   []string
		want        string
	}{
		"announced":       {false, []string{"rotate"}, "changed"},
		"announced, now":  {true, []string{"rotate"}, "changed"},
		"sealing":         {false, []string{"rotate", "--now"}, "changed"},
		"sealing, now":    {true, []string{"rotate", "--now"}, "changed"},
		"unrelated":       {false, []string{"revoke", "5d0c11fe"}, ""},
		"unrelated, now":  {true, []string{"revoke", "5d0c11fe"}, ""},
		"nothing, really": {true, []string{"prune"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "keys.json")
			require.Zero(t, runAt(t, noon.Add(-day), "keys", "init", "--file", file).status)
			store := &contested{keyfile.New(file, keyfile.Options{}), func() {
				r := run(t, append(append([]string{"keys"}, c.meanwhile...), "--file", file)...)
				assert.Zero(t, r.status, r.err)
			}}
			rotator := rotator{clock: func() time.Time { return noon }, immediately: c.immediately, propagation: time.Hour}
			_, err := hardtack.UpdateKeys(t.Context(), store, nil, rotator.change)
			var failed *failure
			if c.want == "" {
				require.NoError(t, err)
			} else if assert.True(t, errors.As(err, &failed), err) {
				assert.Equal(t, c.want, failed.code)
			}
			keys := 0
			for _, k := range readKeys(t, file).Keys {
				if !k.Revoked() {
					keys++
				}
			}
			assert.Equal(t, 2, keys)
		})
	}
}

// Of two real processes, one adds a key and the other says that it does not.
func TestTwoRotationsAtOnce(t *testing.T) {
	for _, extra := range [][]string{nil, {"--now"}} {
		for range 20 {
			file := filepath.Join(t.TempDir(), "keys.json")
			require.Zero(t, execute(t, "keys", "init", "--file", file).status)
			var results [2]result
			var both sync.WaitGroup
			for i := range results {
				both.Go(func() {
					results[i] = execute(t, append([]string{"keys", "rotate", "--json", "--file", file}, extra...)...)
				})
			}
			both.Wait()
			require.Equal(t, exitFailure, results[0].status+results[1].status, "%+v", results) // 0 and 1
			for _, r := range results {
				if r.status == exitFailure {
					assert.Contains(t, []string{"announced", "changed"}, errorCode(t, r))
				}
			}
			assert.Len(t, readKeys(t, file).Keys, 2)
		}
	}
}
