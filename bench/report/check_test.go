package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	committed := []committedRatio{
		{Name: "slower", Median: 1, Better: "lower", Tolerance: 0.15},
		{Name: "slightly slower", Median: 1, Better: "lower", Tolerance: 0.15},
		{Name: "faster", Median: 1, Better: "lower", Tolerance: 0.15},
		{Name: "peer less far behind", Median: 10, Better: "higher", Tolerance: 0.15},
		{Name: "peer slightly less far behind", Median: 10, Better: "higher", Tolerance: 0.15},
		{Name: "peer farther behind", Median: 10, Better: "higher", Tolerance: 0.15},
		{Name: "one allocation", Median: 0, Better: "lower"},
		{Name: "one byte more", Median: 300, Better: "lower"},
		{Name: "no byte more", Median: 300, Better: "lower"},
		{Name: "gone", Median: 1, Better: "lower", Tolerance: 0.15},
	}
	measured := []committedRatio{
		{Name: "slower", Median: 1.16}, {Name: "slightly slower", Median: 1.14}, {Name: "faster", Median: 0.8},
		{Name: "peer less far behind", Median: 8.6}, {Name: "peer slightly less far behind", Median: 8.8}, {Name: "peer farther behind", Median: 12},
		{Name: "one allocation", Median: 1}, {Name: "one byte more", Median: 301}, {Name: "no byte more", Median: 300}, {Name: "new", Median: 9},
	}
	outcomes := map[string]string{}
	verdicts := compare(committed, measured)
	for _, v := range verdicts {
		outcomes[v.Name] = v.outcome
	}
	assert.Equal(t, map[string]string{
		"slower": "worse", "slightly slower": "within", "faster": "better",
		"peer less far behind": "worse", "peer slightly less far behind": "within", "peer farther behind": "better",
		"one allocation": "worse", "one byte more": "worse", "no byte more": "within", "gone": "missing",
	}, outcomes)
	assert.Equal(t, []string{"slower", "peer less far behind", "one allocation", "one byte more", "gone"}, failing(verdicts))

	var out strings.Builder
	require.ErrorContains(t, conclude(&out, verdicts), "5 of 10")
	assert.Contains(t, out.String(), "10 ratios: 3 within their tolerance, 2 better, 4 worse, 1 missing.")
	assert.Regexp(t, `slower +1 +1\.16 +\+16 % +15 % +worse`, out.String())
	assert.NotContains(t, out.String(), "slightly")
}

func TestBetterDoesNotFail(t *testing.T) {
	var out strings.Builder
	require.NoError(t, conclude(&out, compare(
		[]committedRatio{{Name: "a", Median: 2, Better: "lower", Tolerance: 0.1}, {Name: "b", Median: 2, Better: "lower", Tolerance: 0.1}},
		[]committedRatio{{Name: "a", Median: 1}, {Name: "b", Median: 2}},
	)))
	assert.Contains(t, out.String(), "better")
}

// The second run is of those selections alone that have something to do with what failed.
func TestSelectionsOf(t *testing.T) {
	var titles []string
	for _, s := range selectionsOf(quick, []string{"seal/100", "request/read/allocations"}) {
		titles = append(titles, s.title)
	}
	assert.Equal(t, []string{"seal and open", "round trips", "requests without a network"}, titles)
	assert.Empty(t, selectionsOf(quick, nil))
}

// What is committed for a run is within its tolerance of that run.
func TestRatiosOfTheSameRun(t *testing.T) {
	r := madeUpResults(t)
	ratios, err := ratiosOf(r)
	require.NoError(t, err)
	assert.Len(t, ratios, len(figures()))
	text, err := marshalRatios(ratios)
	require.NoError(t, err)
	committed, err := unmarshalRatios([]byte(text))
	require.NoError(t, err)
	verdicts, err := verdictsOn(committed, r)
	require.NoError(t, err)
	assert.Empty(t, failing(verdicts))
}

// One contender that has become slower is found, and nothing else.
func TestRatiosOfASlowerRun(t *testing.T) {
	committed, err := ratiosOf(madeUpResults(t))
	require.NoError(t, err)
	r := madeUpResults(t)
	slow := r.cells["Seal/bytes=500/by=hardtack"][seconds]
	for i := range slow {
		slow[i] *= 1.2
	}
	verdicts, err := verdictsOn(committed, r)
	require.NoError(t, err)
	assert.Equal(t, []string{"seal/500"}, failing(verdicts))
}

// guarded runs guard on a run for each of the factors that sealing 500 bytes becomes slower by.
func guarded(t *testing.T, factors ...float64) (out string, runs int, err error) {
	t.Helper()
	committed, err := ratiosOf(madeUpResults(t))
	require.NoError(t, err)
	var b strings.Builder
	err = guard(&b, committed, func(selections []selection) (*results, error) {
		r := madeUpResults(t)
		slow := r.cells["Seal/bytes=500/by=hardtack"][seconds]
		for i := range slow {
			slow[i] *= factors[runs]
		}
		if runs == 1 {
			assert.Len(t, selections, 1)
			// What was within its tolerance before is not judged again.
			other := r.cells["Open/bytes=500/by=hardtack"][seconds]
			for i := range other {
				other[i] *= 3
			}
		}
		runs++
		return r, nil
	})
	return b.String(), runs, err
}

func TestGuard(t *testing.T) {
	_, runs, err := guarded(t, 1.1)
	require.NoError(t, err)
	assert.Equal(t, 1, runs)

	out, runs, err := guarded(t, 1.3, 1.1)
	require.NoError(t, err)
	assert.Equal(t, 2, runs)
	assert.Contains(t, out, "measuring once more")

	out, runs, err = guarded(t, 1.3, 1.3)
	require.ErrorContains(t, err, "1 of ")
	assert.Equal(t, 2, runs)
	assert.Contains(t, out, "seal/500")
	assert.NotContains(t, out, "open/500")
}

// A cell that is gone is missing the second time as well.
func TestGuardMissing(t *testing.T) {
	committed, err := ratiosOf(madeUpResults(t))
	require.NoError(t, err)
	var b strings.Builder
	err = guard(&b, committed, func([]selection) (*results, error) {
		r := madeUpResults(t)
		delete(r.cells, "Seal/bytes=500/by=hardtack")
		return r, nil
	})
	require.Error(t, err)
	assert.Regexp(t, `seal/500 .*missing`, b.String())
}
