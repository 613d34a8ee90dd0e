package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRatioPairsTheRounds(t *testing.T) {
	s, err := ratio(seconds, "Ping/size=1/by=deflate-6", "Ping/size=1/by=ours").in(parsed(t, small))
	require.NoError(t, err)
	assert.InDelta(t, 4, s.Center, 1e-9, "the median of 4, 6 and 2; a ratio of medians would be 3.6")
	assert.InDelta(t, 2, s.Lo, 1e-9)
	assert.InDelta(t, 6, s.Hi, 1e-9)
}

func TestAddedPairsTheRounds(t *testing.T) {
	f := added(seconds, "Ping/size=1", "deflate-6", "ours")
	s, err := f.in(parsed(t, small))
	require.NoError(t, err)
	assert.InDelta(t, 8.5, s.Center, 1e-9, "the median of 340/40, 5400/400 and 160/50")
	assert.ElementsMatch(t, []string{
		"Ping/size=1/by=deflate-6", "Ping/size=1/by=none", "Ping/size=1/by=ours", "Ping/size=1/by=none",
	}, f.cells())
}

func TestAddedThatIsNotAboveZero(t *testing.T) {
	r := parsed(t, "BenchmarkA/by=none-2 1 50 ns/op\nBenchmarkA/by=ours-2 1 50 ns/op\nBenchmarkA/by=peer-2 1 90 ns/op\n")
	_, err := added(seconds, "A", "peer", "ours").in(r)
	require.ErrorIs(t, err, errNoise)
	s := &sheet{r: r}
	assert.Equal(t, "noise", s.show(added(seconds, "A", "peer", "ours"), number))
	assert.NoError(t, s.err)
}

func TestRoundsOfNoiseAreLeftOut(t *testing.T) {
	text := ""
	for _, ours := range []string{"60", "40", "70"} { // above none by 10, −10 and 20
		text += "BenchmarkA/by=none-2 1 50 ns/op\nBenchmarkA/by=ours-2 1 " + ours + " ns/op\nBenchmarkA/by=peer-2 1 90 ns/op\n"
	}
	s, err := added(seconds, "A", "peer", "ours").in(parsed(t, text))
	require.NoError(t, err)
	assert.InDelta(t, 3, s.Center, 1e-9, "the median of 40/10 and 40/20")
}

func TestRoundsThatDoNotMatch(t *testing.T) {
	r := parsed(t, "BenchmarkA/by=ours-2 1 50 ns/op\nBenchmarkA/by=ours-2 1 50 ns/op\nBenchmarkA/by=peer-2 1 90 ns/op\n")
	_, err := ratio(seconds, "A/by=peer", "A/by=ours").in(r)
	require.Error(t, err)
	s := &sheet{r: r}
	s.show(ratio(seconds, "A/by=peer", "A/by=ours"), number)
	assert.Error(t, s.err, "this must not become a dash in a table")
}

func TestCounts(t *testing.T) {
	f := figure{top: term{unit: allocs, of: "Ping/size=1/by=ours", less: []string{"Ping/size=1/by=none"}}}
	s, err := f.in(parsed(t, small))
	require.NoError(t, err)
	assert.Equal(t, 2.0, s.Center)
}

func TestSummaryOfSixRoundsHasAnInterval(t *testing.T) {
	values := []float64{6, 1, 5, 2, 4, 3}
	s := summary(values)
	assert.Equal(t, 3.5, s.Center)
	assert.Equal(t, []float64{1, 6}, []float64{s.Lo, s.Hi})
	assert.GreaterOrEqual(t, s.Confidence, confidence)
	assert.Empty(t, s.Warnings)
	assert.Equal(t, []float64{6, 1, 5, 2, 4, 3}, values, "left as they were")
	assert.LessOrEqual(t, len(values), fullRounds, "so few suffice")
}

func TestGeometric(t *testing.T) {
	assert.InDelta(t, 4, geometric([]float64{2, 8}), 1e-9)
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.123: "0.12", 9.994: "9.99", 9.996: "10.0", 99.96: "100", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		assert.Equal(t, want, number(v))
	}
	for v, want := range map[float64]string{0: "0", 3: "3", 12: "12", 100: "100", 1.2: "1.20", -9: "-9", 20: "20", 4096: "4,096"} {
		assert.Equal(t, want, count(v))
	}
	for v, want := range map[float64]string{1.5: "1.50 s", 0.002: "2.00 ms", 1.234e-6: "1.23 µs", 12e-9: "12.0 ns", 0.9999e-6: "1.00 µs"} {
		assert.Equal(t, want, duration(v))
	}
	for v, want := range map[float64]string{0: "1×", -1: "0.1×", 2: "100×", 1.5: "31.6×"} {
		assert.Equal(t, want, power(v))
	}
}

func TestMarkdown(t *testing.T) {
	g := grid{{"a", "b", "c"}, {"x", "1", "–"}, {"gone", "–", "–"}}
	assert.Equal(t, "| a | b | c |\n|---|--:|--:|\n| x | 1 | – |\n", g.markdown())
}
