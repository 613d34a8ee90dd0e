package main

import (
	"io"
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
	assert.Contains(t, out.String(), "10 ratios: 3 within their tolerance, 2 better, 4 worse, 1 missing, 0 beyond the bound of a target that was met.")
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
	assert.Equal(t, []string{"seal and open", "round trips", "requests"}, titles)
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

// What a target says "yes" to may not become a "no", even where the ratio is within its tolerance.
func TestGuardKeepsTargets(t *testing.T) {
	for _, c := range []struct {
		before, now []float64 // the bound is 1.2
		fails       bool
	}{
		{[]float64{590, 590, 590, 590, 590, 590}, []float64{620, 620, 620, 620, 620, 620}, true},
		{[]float64{590, 590, 590, 590, 590, 590}, []float64{580, 620, 620, 620, 620, 620}, false}, // not clearly
		{[]float64{590, 590, 590, 590, 590, 610}, []float64{620, 620, 620, 620, 620, 620}, false}, // was not clear before
	} {
		with := func(ns []float64) *results {
			r := madeUpResults(t)
			for i := range ns {
				r.cells["Seal/bytes=500/by=hardtack"][seconds][i] = ns[i] * 1e-9
			}
			return r
		}
		committed, err := ratiosOf(with(c.before))
		require.NoError(t, err)
		var out strings.Builder
		runs := 0
		err = guard(&out, committed, func([]selection) (*results, error) {
			runs++
			return with(c.now), nil
		})
		if !c.fails {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "1 of ")
		assert.Equal(t, 2, runs)
		assert.Regexp(t, `seal/500 .* beyond\n`, out.String())
		assert.Contains(t, out.String(), "1 beyond the bound of a target that was met.")
	}
}

func TestComplete(t *testing.T) {
	ratios, err := allRatiosOf(madeUpResults(t))
	require.NoError(t, err)
	require.NoError(t, complete(ratios))

	ratios[0].Name = "other"
	err = complete(ratios)
	require.ErrorContains(t, err, `missing are ["seal/100"], and unknown ["other"]`)
}

// A figure that is lost in noise is missed as one that was not measured.
func TestAllRatiosOfNoise(t *testing.T) {
	r := madeUpResults(t)
	setting := requestSetting("handler", "write", "1")
	for round := range fullRounds / 2 { // half of them
		r.cells[cell(setting, "by=scs-memory")][seconds][round] = r.cells[cell(setting, "by=none")][seconds][round]
	}
	_, err := allRatiosOf(r)
	require.ErrorContains(t, err, "request/write/hardtack-memory:scs-memory")
}

// Everything of ours that the tables show is guarded.
func TestKept(t *testing.T) {
	var names []string
	for _, f := range figures() {
		assert.Less(t, f.tolerance, 1.0, f.name)
		names = append(names, f.name)
	}
	for _, by := range sessions {
		if strings.HasPrefix(by, "hardtack-") {
			assert.Subset(t, names, []string{"request/read/" + by + ":scs-memory", "request/write/" + by + ":scs-memory"})
		}
	}
	assert.Subset(t, names, []string{
		"keys/oldest/100:1", "header/50:1", "payload/hardtack-cbor/2688:64", "payload/hardtack-eddsa/2688:64", "payload/64/gorilla-json:hardtack-cbor",
		"payload/2048/gorilla-json:hardtack-cbor", "roundtrip/form/medium/jwt-hs256:hardtack-hs256", "roundtrip/login/medium/jwt-hs256:hardtack-eddsa",
		"request/read/scs-memory:hardtack-stateless-handler", "request/write/gorilla-cookie:hardtack-stateless-handler",
	})
}

func TestOtherProcessor(t *testing.T) {
	here, there := parsed(t, "cpu: Made Up 1000\nBenchmarkA-2 1 1 ns/op\n"), parsed(t, "cpu: Made Up 2000\nBenchmarkA-2 1 1 ns/op\n")
	require.NoError(t, sameProcessor(here, here))
	err := sameProcessor(there, here)
	require.ErrorContains(t, err, "Made Up 2000")
	assert.Equal(t, 2, exitCode(err))
	assert.Equal(t, 1, exitCode(conclude(io.Discard, []verdict{{outcome: "worse"}})))
}
