package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"
)

func TestTargetIsJudgedByItsWorst(t *testing.T) {
	r := parsed(t, `BenchmarkA/by=peer-2 1 90 ns/op
BenchmarkA/by=ours-2 1 10 ns/op
BenchmarkB/by=peer-2 1 40 ns/op
BenchmarkB/by=ours-2 1 10 ns/op
`)
	a, b := ratio(seconds, "A/by=peer", "A/by=ours"), ratio(seconds, "B/by=peer", "B/by=ours")
	for _, c := range []struct {
		is      string
		bound   float64
		worst   float64
		verdict string
	}{
		{"≥", 5, 4, unmet}, {"≥", 3.9, 4, met}, {"≤", 8, 9, unmet}, {"≤", 9.1, 9, met}, {">", 4.1, 4, unmet}, {">", 3, 4, met},
	} {
		j, err := target{is: c.is, bound: c.bound, judged: []figure{a, b}}.judge(r)
		require.NoError(t, err)
		assert.InDelta(t, c.worst, j.worst.Center, 1e-9)
		assert.Equal(t, c.verdict, j.verdict, "%s %v", c.is, c.bound)
		assert.InDelta(t, 6, j.mean, 1e-9)
	}
}

func TestVerdict(t *testing.T) {
	spread := func(low, median, high float64) benchmath.Summary {
		return benchmath.Summary{Lo: low, Center: median, Hi: high}
	}
	for name, c := range map[string]struct {
		is      string
		figures []benchmath.Summary
		want    string
	}{
		"all within":                        {"≤", []benchmath.Summary{spread(1, 2, 5), spread(3, 4, 4)}, met},
		"one wholly beyond":                 {"≤", []benchmath.Summary{spread(1, 2, 3), spread(6, 7, 8)}, unmet},
		"beyond counts more than a median":  {"≤", []benchmath.Summary{spread(4, 9, 12), spread(6, 7, 8)}, unmet},
		"all medians within":                {"≤", []benchmath.Summary{spread(1, 2, 3), spread(3, 4, 6)}, metNoise},
		"a median beyond":                   {"≤", []benchmath.Summary{spread(1, 2, 3), spread(4, 6, 8)}, unmetNoise},
		"at least: all within":              {"≥", []benchmath.Summary{spread(5, 6, 7)}, met},
		"at least: wholly beyond":           {"≥", []benchmath.Summary{spread(2, 3, 4.9)}, unmet},
		"at least: median within":           {"≥", []benchmath.Summary{spread(2, 5, 9)}, metNoise},
		"at least: median beyond":           {"≥", []benchmath.Summary{spread(2, 4, 9)}, unmetNoise},
		"more than: at the bound is beyond": {">", []benchmath.Summary{spread(4, 5, 5)}, unmet},
	} {
		assert.Equal(t, c.want, target{is: c.is, bound: 5}.verdict(c.figures), name)
	}
}

// Each word is explained where the table is, and "no" has a reason, clear or not.
func TestMissedTargetsSayWhy(t *testing.T) {
	for _, target := range targets {
		assert.NotEmpty(t, target.why, target.sentence)
	}
	for _, word := range []string{met, metNoise, unmet, unmetNoise} {
		assert.Contains(t, metWords, "**"+word+"**")
	}
	r := madeUpResults(t)
	slower := r.cells["Seal/bytes=100/by=hardtack"][seconds]
	for _, c := range []struct {
		ns      []float64
		verdict string
		listed  bool
	}{
		{[]float64{550, 550, 550, 550, 550, 550}, met, false},
		{[]float64{550, 550, 550, 550, 650, 650}, metNoise, false},
		{[]float64{550, 550, 650, 650, 650, 650}, unmetNoise, true},
		{[]float64{650, 650, 650, 650, 650, 650}, unmet, true},
	} {
		for i, ns := range c.ns {
			slower[i] = ns * 1e-9
		}
		j, err := targets[0].judge(r)
		require.NoError(t, err)
		assert.Equal(t, c.verdict, j.verdict)
		text, err := missed(r)
		require.NoError(t, err)
		assert.Equal(t, c.listed, strings.Contains(text, targets[0].why), c.verdict)
		table := targetsGrid(&sheet{r: r})
		assert.Equal(t, c.verdict, table[1][len(table[1])-1])
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

// A figure takes its cells in the order in which they were measured, so none may be measured by two selections.
func TestSelectionsHaveNoCellTwice(t *testing.T) {
	for name, selections := range map[string][]selection{"quick": quick, "full": full} {
		for _, cell := range madeUpResults(t).names {
			times := 0
			for _, s := range selections {
				if s.measures(cell) {
					times++
				}
			}
			assert.LessOrEqual(t, times, 1, "%s: %s", name, cell)
			if name == "full" {
				assert.Equal(t, 1, times, cell)
			} else if strings.HasPrefix(cell, "Shapes/") {
				assert.Zero(t, times, cell)
			}
		}
	}
}

// make bench has to measure what the targets and ratios.json are made of, and so does make bench-full.
func TestSelectionsHaveEveryFigure(t *testing.T) {
	for name, selections := range map[string][]selection{"quick": quick, "full": full} {
		for _, f := range figures() {
			var often []int
			for _, cell := range f.cells() {
				found := false
				for _, s := range selections {
					if s.measures(cell) {
						found, often = true, append(often, s.more)
					}
				}
				assert.True(t, found, "%s: %s of %s", name, cell, f.name)
			}
			assert.Len(t, slices.Compact(often), 1, "%s: %s has cells that are measured more often than others", name, f.name)
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
