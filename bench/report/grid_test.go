package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rowOf(t *testing.T, g grid, first string) []string {
	t.Helper()
	for _, row := range g {
		if row[0] == first {
			return row
		}
	}
	require.Fail(t, "no row", first)
	return nil
}

// The mean of four shapes is not to be compared with those of five.
func TestMeanOfWhatIsNotAllThere(t *testing.T) {
	r := madeUpResults(t)
	delete(r.cells, valueCell("form", "medium", "roundtrip", "tink-cbor"))
	s := &sheet{r: r}
	g := roundtripGrid(s)
	mean := len(shapes) + 1
	row := rowOf(t, g, "`tink-cbor`")
	assert.Equal(t, []string{"–", "–"}, row[mean-1:mean+1])
	assert.NotEqual(t, "–", row[1])
	assert.NotEqual(t, "–", rowOf(t, g, "`gorilla-gob`")[mean])
	p := roundtripPlot(s)
	for i, by := range p.labels {
		assert.Equal(t, by == "tink-cbor", p.series[0].values[i] == gap, by)
	}
	assert.NoError(t, s.err)
}

// Table and chart have the same base, which is what a stateless read adds.
func TestRequestsHaveOneBase(t *testing.T) {
	r := madeUpResults(t)
	write := r.cells[cell(requestSetting("handler", "write", "1"), "by=hardtack-stateless")][seconds]
	none := r.cells[cell(requestSetting("handler", "write", "1"), "by=none")][seconds]
	for i := range write {
		write[i] += 2 * (write[i] - none[i]) // a write adds three times as much as a read
	}
	s := &sheet{r: r}
	g, p := requestGrid(s), requestPlot(s)
	assert.Equal(t, "1.00", rowOf(t, g, "`hardtack-stateless`")[1])
	assert.Equal(t, "3.00", rowOf(t, g, "`hardtack-stateless`")[3])
	for i, by := range p.labels {
		row := rowOf(t, g, code(by))
		assert.Equal(t, []string{row[1], row[3]}, []string{number(p.series[0].values[i]), number(p.series[1].values[i])}, by)
	}
	assert.NoError(t, s.err)
}
