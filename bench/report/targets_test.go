package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTargetIsJudgedByItsWorst(t *testing.T) {
	r := parsed(t, `BenchmarkA/by=peer-2 1 90 ns/op
BenchmarkA/by=ours-2 1 10 ns/op
BenchmarkB/by=peer-2 1 40 ns/op
BenchmarkB/by=ours-2 1 10 ns/op
`)
	a, b := ratio(seconds, "A/by=peer", "A/by=ours"), ratio(seconds, "B/by=peer", "B/by=ours")
	for _, c := range []struct {
		is    string
		bound float64
		worst float64
		met   bool
	}{
		{"≥", 5, 4, false}, {"≥", 3.9, 4, true}, {"≤", 8, 9, false}, {"≤", 9.1, 9, true}, {">", 4.1, 4, false}, {">", 3, 4, true},
	} {
		j, err := target{is: c.is, bound: c.bound, judged: []figure{a, b}}.judge(r)
		require.NoError(t, err)
		assert.InDelta(t, c.worst, j.worst, 1e-9)
		assert.Equal(t, c.met, j.met, "%s %v", c.is, c.bound)
		assert.InDelta(t, 6, j.mean, 1e-9)
	}
}

func TestExactlyTheBound(t *testing.T) {
	assert.True(t, target{is: "≤", bound: 1}.meets(1))
	assert.True(t, target{is: "≥", bound: 1}.meets(1))
	assert.False(t, target{is: ">", bound: 1}.meets(1))
}

// A target of which a cell is missing is neither met nor left out.
func TestTargetThatWasNotMeasured(t *testing.T) {
	text := targetsGrid(&sheet{r: parsed(t, small)}).markdown()
	assert.Equal(t, len(targets)+2, strings.Count(text, "\n"))
	assert.NotContains(t, text, "| yes |")
	assert.Contains(t, text, "not measured")
}

func TestTargetsOfTheMadeUpResults(t *testing.T) {
	r := madeUpResults(t)
	for _, target := range targets {
		_, err := target.judge(r)
		assert.NoError(t, err, target.sentence)
	}
	names := map[string]bool{}
	for _, f := range figures() {
		assert.False(t, names[f.name], "two figures are named %s", f.name)
		names[f.name] = true
	}
}

// make bench has to measure what the targets and ratios.json are made of, and so does make bench-full.
func TestSelectionsHaveEveryFigure(t *testing.T) {
	for name, selections := range map[string][]selection{"quick": quick, "full": full} {
		for _, f := range figures() {
			for _, cell := range f.cells() {
				found := false
				for _, s := range selections {
					found = found || s.measures(cell)
				}
				assert.True(t, found, "%s: %s of %s", name, cell, f.name)
			}
		}
	}
}

func TestSelectionMeasures(t *testing.T) {
	s := selection{patterns: []string{pattern("Value", "shape=.+", "size=medium"), pattern("Keys")}}
	for name, want := range map[string]bool{
		"Value/shape=cart/size=medium/op=open/by=cbor": true,
		"Value/shape=cart/size=large/op=open/by=cbor":  false,
		"Keys/keys=1/by=hardtack":                      true,
		"Value":                                        false,
		"KeysMore/by=hardtack":                         false,
	} {
		assert.Equal(t, want, s.measures(name), name)
	}
}
