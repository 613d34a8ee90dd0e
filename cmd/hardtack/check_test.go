package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// codes runs keys check and returns the findings' codes, the worst first.
func codes(t *testing.T, file string, args ...string) []string {
	t.Helper()
	r := run(t, append([]string{"keys", "check", "--json", "--file", file}, args...)...)
	type report struct {
		OK       bool
		Findings []struct {
			Code, Severity, Message string
			Keys                    []string
		}
	}
	got := decode[report](t, r.out)
	var codes []string
	for _, f := range got.Findings {
		assert.NotEmpty(t, f.Message)
		assert.Contains(t, []string{"error", "warning"}, f.Severity)
		codes = append(codes, f.Code)
	}
	assert.Equal(t, len(codes) == 0, got.OK)
	if got.OK {
		assert.Zero(t, r.status)
	} else {
		assert.Equal(t, exitFailure, r.status)
	}
	return codes
}

func TestCheckFindings(t *testing.T) {
	retain := day + skew
	for name, c := range map[string]struct {
		retain time.Duration
		keys   []entry
		args   []string
		want   []string
	}{
		"nothing": {retain, []entry{{seed: 1, created: noon.Add(-day), activate: noon.Add(-day)}}, []string{"--every", "30d", "--lifetime", "24h"}, nil},
		"a healthy ring in the middle of a rotation": {retain, []entry{
			{seed: 1, created: noon.Add(-time.Hour), activate: noon.Add(time.Hour)},
			{seed: 2, created: noon.Add(-30 * day), activate: noon.Add(-29 * day), retire: noon.Add(time.Hour + retain)},
		}, []string{"--every", "20d", "--lifetime", "24h"}, nil},
		"secrets taken over from a variable": {retain, []entry{{seed: 1, activate: time.Unix(1, 0)}}, nil, nil},
		"near the end":                       {retain, []entry{{seed: 1, activate: noon.Add(-day), retire: noon.Add(7 * day)}}, nil, []string{"no-successor"}},
		"not that near":                      {retain, []entry{{seed: 1, activate: noon.Add(-day), retire: noon.Add(7*day + time.Second)}}, nil, nil},
		"past the end":                       {retain, []entry{{seed: 1, activate: noon.Add(-3 * day), retire: noon.Add(-day)}}, nil, []string{"no-successor"}},
		"overdue":                            {retain, []entry{{seed: 1, activate: noon.Add(-30*day - 1)}}, []string{"--every", "30d"}, []string{"rotation-overdue"}},
		"just in time":                       {retain, []entry{{seed: 1, activate: noon.Add(-30 * day)}}, []string{"--every", "30d"}, nil},
		"overdue, but announced": {retain, []entry{
			{seed: 1, created: noon.Add(-time.Hour), activate: noon.Add(time.Hour)},
			{seed: 2, activate: noon.Add(-60 * day), retire: noon.Add(2 * day)},
		}, []string{"--every", "30d"}, nil},
		"retain unknown":   {0, []entry{{seed: 1, activate: noon.Add(-day)}}, nil, []string{"retain-unknown"}},
		"retain too short": {retain, []entry{{seed: 1, activate: noon.Add(-day)}}, []string{"--lifetime", "24h1s"}, []string{"retain-short"}},
		"never retires":    {retain, []entry{{seed: 1, activate: noon.Add(-day)}, {seed: 2, activate: noon.Add(-2 * day)}}, nil, []string{"never-retires"}},
		"retires early": {retain, []entry{
			{seed: 1, activate: noon.Add(-time.Hour)}, {seed: 2, activate: noon.Add(-2 * day), retire: noon.Add(-time.Hour + retain - 1)},
		}, nil, []string{"retires-early"}},
		"retires early for this lifetime": {3 * retain, []entry{
			{seed: 1, activate: noon.Add(-time.Hour)}, {seed: 2, activate: noon.Add(-2 * day), retire: noon.Add(-time.Hour + retain)},
		}, []string{"--lifetime", "25h"}, []string{"retires-early"}},
		"too many": {retain, []entry{
			{seed: 1, activate: noon.Add(-time.Hour)},
			{seed: 2, activate: noon.Add(-2 * time.Hour), retire: noon.Add(2 * day)},
			{seed: 3, activate: noon.Add(-3 * time.Hour), retire: noon.Add(2 * day)},
		}, []string{"--max-keys", "2"}, []string{"too-many-keys"}},
		"made in the future":   {retain, []entry{{seed: 1, created: noon.Add(skew + 1), activate: noon.Add(-day)}}, nil, []string{"made-in-future", "implausible-time"}},
		"a clock ahead by 2 m": {retain, []entry{{seed: 1, created: noon.Add(skew), activate: noon}}, nil, nil},
		"revoked in the future": {retain, []entry{
			{seed: 1, activate: noon.Add(-day)}, {seed: 2, activate: noon.Add(-2 * day), revoked: noon.Add(time.Hour)},
		}, nil, []string{"made-in-future"}},
		"far off": {retain, []entry{
			{seed: 1, created: noon.Add(-day), activate: noon.Add(401 * day)}, {seed: 2, activate: noon.Add(-2 * day), retire: noon.Add(500 * day)},
		}, nil, []string{"activates-far-off"}},
		"implausible": {retain, []entry{{seed: 1, created: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), activate: noon.Add(-day)}}, nil, []string{"implausible-time"}},
		"seals before its time": {retain, []entry{{seed: 1, created: noon.Add(-day), activate: noon.Add(day)}}, nil,
			[]string{"seals-before-time"}},
		"short notice": {retain, []entry{
			{seed: 1, created: noon.Add(-time.Minute), activate: noon.Add(time.Minute - 1)},
			{seed: 2, activate: noon.Add(-2 * day), retire: noon.Add(2 * day)},
		}, nil, []string{"short-notice"}},
		"prunable": {retain, []entry{
			{seed: 1, activate: noon.Add(-3 * day)}, {seed: 2, activate: noon.Add(-9 * day), retire: noon.Add(-skew)},
		}, nil, []string{"prunable"}},
		"wrapped": {retain, []entry{{seed: 1, activate: noon.Add(-day), wrapped: []byte("wrapped")}}, nil, nil},
		"mixed secrets": {retain, []entry{
			{seed: 1, activate: noon.Add(-time.Hour)}, {seed: 2, activate: noon.Add(-2 * day), retire: noon.Add(2 * day), wrapped: []byte("wrapped")},
		}, nil, []string{"mixed-secrets"}},
		"the worst first": {retain, []entry{
			{seed: 1, activate: noon.Add(-time.Hour)}, {seed: 2, activate: noon.Add(-2 * day), retire: noon.Add(time.Hour)},
			{seed: 3, activate: noon.Add(-20 * day), retire: noon.Add(-15 * day), erased: true},
		}, nil, []string{"retires-early", "prunable"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, codes(t, writeKeys(t, c.retain, c.keys...), c.args...))
		})
	}
}

func TestCheckFile(t *testing.T) {
	assert.Equal(t, []string{"missing"}, codes(t, filepath.Join(t.TempDir(), "none.json")))
	for _, content := range []string{"", "{", `{"version":1,"keys":[]}`, `{"version":2}`, "\x00\x01"} {
		assert.Equal(t, []string{"broken"}, codes(t, writeFile(t, content)), content)
	}
}

func TestCheckModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing on Windows")
	}
	file := writeKeys(t, day+skew, entry{seed: 1, activate: noon.Add(-day)})
	assert.Empty(t, codes(t, file))
	for _, mode := range []os.FileMode{0o640, 0o602, 0o644} {
		require.NoError(t, os.Chmod(file, mode))
		assert.Equal(t, []string{"file-mode"}, codes(t, file), mode)
		assert.Empty(t, codes(t, file, "--insecure-file-mode"))
	}
	// The mode does not hide what else is wrong.
	assert.Equal(t, []string{"file-mode", "retain-short"}, codes(t, file, "--lifetime", "30d"))
	require.NoError(t, os.Chmod(file, 0o600))

	require.NoError(t, os.Chmod(filepath.Dir(file), 0o777))
	assert.Equal(t, []string{"folder-mode"}, codes(t, file))
	link := filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(file, link))
	assert.Equal(t, []string{"folder-mode"}, codes(t, link))
	require.NoError(t, os.Chmod(filepath.Dir(file), 0o777|os.ModeSticky))
	assert.Empty(t, codes(t, file))
}

// All codes are in the help, under their severities.
func TestCheckHelpListsTheCodes(t *testing.T) {
	help := run(t, "keys", "check", "--help").out
	for _, code := range []string{
		"missing", "broken", "file-mode", "folder-mode", "no-successor", "retain-short", "retires-early", "mixed-secrets", "rotation-overdue", "retain-unknown",
		"never-retires", "too-many-keys", "made-in-future", "activates-far-off", "implausible-time", "seals-before-time", "short-notice", "prunable",
	} {
		assert.Contains(t, help, code)
	}
}

func TestCheckText(t *testing.T) {
	healthy := writeKeys(t, day+skew, entry{seed: 1, activate: noon.Add(-day)})
	assert.Equal(t, "Nothing is wrong.\n", run(t, "keys", "check", "--file", healthy).out)
	r := run(t, "keys", "check", "--file", healthy, "--every", "1h")
	assert.Equal(t, "warning  rotation-overdue   Key "+entry{seed: 1}.id(t).String()+" has sealed since 2030-05-31T12:00:00Z, longer than 1h, and no successor is announced.\n", r.out)
	assert.Empty(t, r.err)
}
