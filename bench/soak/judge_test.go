package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// good is an outcome in which nothing is wrong.
func good() *outcome {
	o := &outcome{
		name: "good", moving: true, arrivals: newTally(), load: newTally(), rotations: 4, planned: 4, sealedWith: 5,
		start: sample{resident: 20 * mib, liveHeap: 4 * mib, goroutines: 7}, end: sample{resident: 40 * mib, liveHeap: 5 * mib, goroutines: 8},
	}
	o.load.overflows, o.load.returns = 10, 5
	for i := range 30 {
		o.samples = append(o.samples, sample{time.Duration(i) * time.Second, 30 * mib, 4 * mib, 20})
	}
	return o
}

func TestFindings(t *testing.T) {
	assert.Empty(t, good().findings(defaultMargins))
	for want, spoil := range map[string]func(*outcome){
		"2 answers were wrong": func(o *outcome) { o.load.faults, o.arrivals.faults = 1, 1 },
		"visitor 7: bad":       func(o *outcome) { o.load.faults, o.load.examples = 1, []string{"visitor 7: bad"} },
		"goroutines leak: 7 before the load, 13 after it":      func(o *outcome) { o.end.goroutines = 13 },
		"before the load and after it, grows: from 4.0 to 6.5": func(o *outcome) { o.end.liveHeap = 13 * mib / 2 },
		"live heap under load": func(o *outcome) {
			for i := range o.samples {
				o.samples[i].liveHeap = uint64(i) * mib
			}
		},
		"resident memory under load": func(o *outcome) {
			for i := range o.samples {
				o.samples[i].resident = uint64(i) * mib
			}
		},
		"a rotation failed: no":              func(o *outcome) { o.rotationFaults = []error{errors.New("no")} },
		"rotated 3 times and not 4":          func(o *outcome) { o.rotations = 3 },
		"sealed with 4 keys after 4":         func(o *outcome) { o.sealedWith = 4 },
		"reports of its keys: old":           func(o *outcome) { o.keyFaults = []string{"old"} },
		"the load was too little":            func(o *outcome) { o.load.returns = 0 },
		"too short to judge memory":          func(o *outcome) { o.samples = o.samples[:2] },
		`wrote to standard error: "warning"`: func(o *outcome) { o.said = "warning" },
		"did not end well: killed":           func(o *outcome) { o.shutdown = errors.New("killed") },
	} {
		o := good()
		spoil(o)
		assert.Contains(t, strings.Join(o.findings(defaultMargins), "\n"), want)
	}
}

func TestGrowthWithinTheMargin(t *testing.T) {
	o := good()
	o.end.goroutines, o.end.liveHeap = 12, 6*mib
	for i := range o.samples {
		o.samples[i].liveHeap += uint64(i) * mib / 10
		o.samples[i].resident += uint64(i) * mib / 4
	}
	for i := range 10 {
		o.samples[i].resident = 500 * mib // the first third does not count
	}
	assert.Empty(t, o.findings(defaultMargins))
}

func TestSlope(t *testing.T) {
	var samples []sample
	for i := range 60 {
		samples = append(samples, sample{at: time.Duration(i) * time.Second, liveHeap: 1000 + uint64(10*i)})
	}
	assert.InDelta(t, 600, slope(samples, liveHeapOf), 0.001, "bytes a minute")
	assert.Zero(t, slope(nil, liveHeapOf))
	assert.EqualValues(t, 1300, median(samples, liveHeapOf))
	assert.Zero(t, median(nil, liveHeapOf))
}

func TestInsert(t *testing.T) {
	document := filepath.Join(t.TempDir(), "soak.md")
	require.Error(t, insert(document, "text"), "there is none")
	require.NoError(t, os.WriteFile(document, []byte(beginMark+"\nno end"), 0o644))
	require.ErrorContains(t, insert(document, "text"), endMark)

	ours, err := os.ReadFile(filepath.Join("..", "..", "docs", "soak.md"))
	require.NoError(t, err)
	assert.Contains(t, string(ours), "\n"+beginMark+"\n")
	assert.Contains(t, string(ours), "\n"+endMark+"\n")
}

func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{
		{"-duration", "0"}, {"-turn", "0"}, {"-rate", "0"}, {"-visitors", "-1"}, {"-connections", "0"}, {"-rotate", "0"}, {"-rotate", "10s"}, {"-nonsense"},
	} {
		var stderr strings.Builder
		assert.Equal(t, 2, run(t, args, io.Discard, &stderr), args)
		assert.Contains(t, stderr.String(), args[0])
	}
	assert.Equal(t, 0, run(t, []string{"-help"}, io.Discard, io.Discard))

	var stderr strings.Builder
	assert.Equal(t, 1, run(t, []string{"-root", t.TempDir()}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "building shop")
}
