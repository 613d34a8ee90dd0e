package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Charts are laid out here, and the template draws them. They are in units of their own viewBox, which at full width are about CSS pixels.

// The measures of the chart of formats.
const (
	rangeLeft   = 280 // of the plot
	rangeRight  = 770
	rangeTop    = 46
	rangeRow    = 34
	rangeBottom = 30
)

// rangeChart is a row for each format, from its smallest cookie to its largest.
type rangeChart struct {
	Height, Bottom float64
	Budget, Max    float64 // where the lines are
	Ticks          []tick
	Rows           []rangeRowView
}

type tick struct {
	X     float64
	Label string
}

type rangeRowView struct {
	Format planFormat
	Title  string
	Y      float64
	Parts  []rangePart
	Median float64
	Class  string // of the median
	End    float64
	Beyond bool // the largest is beyond the plot
}

// rangePart is a part of a line that has one colour.
type rangePart struct {
	From, To float64
	Class    string
}

// Ranges lays out the chart of formats. The axis ends at twice what browsers keep at most.
func (v planView) Ranges() rangeChart {
	limit := float64(v.Assumptions.Max)
	end := 1.08 * limit
	for _, f := range v.Formats {
		end = max(end, 1.05*float64(f.Cookie.Max))
	}
	end = min(end, 2*limit)
	x := func(bytes int) float64 {
		return rangeLeft + min(float64(bytes)/end, 1)*(rangeRight-rangeLeft)
	}
	c := rangeChart{
		Bottom: rangeTop + float64(len(v.Formats))*rangeRow,
		Budget: x(v.Assumptions.Budget),
		Max:    x(v.Assumptions.Max),
	}
	c.Height = c.Bottom + rangeBottom
	for bytes := 0; float64(bytes) <= end; bytes += 1024 {
		c.Ticks = append(c.Ticks, tick{x(bytes), countText(bytes)})
	}
	for i, f := range v.Formats {
		row := rangeRowView{
			Format: f, Title: shorten(f.Title, 40), Y: rangeTop + (float64(i)+.5)*rangeRow,
			Median: x(f.Cookie.Median), Class: v.class(f.Cookie.Median), End: x(f.Cookie.Max), Beyond: float64(f.Cookie.Max) > end,
		}
		from := f.Cookie.Min
		if from == f.Cookie.Max {
			from = 0 // one size: a line is easier to compare than a dot
		}
		row.line("span", from, f.Cookie.Max, v.Assumptions, x)
		row.line("most", from, f.Cookie.P95, v.Assumptions, x)
		c.Rows = append(c.Rows, row)
	}
	return c
}

// line adds a line in the colours of what it crosses.
func (r *rangeRowView) line(kind string, from, to int, a planAssumptions, x func(int) float64) {
	for _, part := range []struct {
		from, to int
		class    string
	}{{0, a.Budget, "fits"}, {a.Budget, a.Max, "high"}, {a.Max, math.MaxInt, "over"}} {
		if start, end := x(max(from, part.from)), x(min(to, part.to)); start < end {
			r.Parts = append(r.Parts, rangePart{start, end, kind + " " + part.class})
		}
	}
}

// class is how a cookie of so many bytes is coloured.
func (v planView) class(bytes int) string {
	switch {
	case bytes > v.Assumptions.Max:
		return "over"
	case bytes > v.Assumptions.Budget:
		return "high"
	}
	return "fits"
}

// The measures of a histogram.
const (
	histLeft   = 8
	histStep   = 17.0 // a bin
	histBar    = 15.0
	histTop    = 18
	histBottom = 104
	histGap    = 8 // before the last bin
)

// histogram counts the samples of a format by size.
type histogram struct {
	Format      planFormat
	Bars        []bar
	Budget, Max float64
}

type bar struct {
	X, Y, Width, Height float64
	Class               string
	Label               string
	Text                string // where it is to be shown
	TextX               float64
}

// Histograms are of use from a few samples on.
func (v planView) Histograms() []histogram {
	if v.Samples.Count < 5 {
		return nil
	}
	most := 1
	for _, f := range v.Formats {
		most = max(most, slices.Max(f.Bins[:]))
	}
	last := len(planFormat{}.Bins) - 1
	x := func(bytes int) float64 { return histLeft + float64(bytes)/256*histStep }
	all := make([]histogram, 0, len(v.Formats))
	for _, f := range v.Formats {
		h := histogram{Format: f, Budget: x(v.Assumptions.Budget), Max: x(v.Assumptions.Max)}
		for i, n := range f.Bins {
			if n == 0 {
				continue
			}
			height := max(float64(n)/float64(most)*(histBottom-histTop), 1.5)
			b := bar{
				X: x(256*i) + (histStep-histBar)/2, Y: histBottom - height, Width: histBar, Height: height,
				Class: v.class(256*i + 1), Label: fmt.Sprintf("%s to %s bytes: %s", countText(256*i+1), countText(256*(i+1)), countText(n)),
			}
			if i == last {
				b.X += histGap
				b.Class, b.Label = "over", "more: "+countText(n)
			}
			if n == slices.Max(f.Bins[:]) {
				b.Text, b.TextX = countText(n), b.X+histBar/2
			}
			h.Bars = append(h.Bars, b)
		}
		all = append(all, h)
	}
	return all
}

// The measures of a chart of modes. All have the same height, so that modes are on one line.
const (
	modeWidth = 300
	modeRow   = 66 // a mode
	modeHead  = 22 // its title above its bars
	modeBar   = 14
	modeNext  = 17 // from a bar to the next
	modeValue = 76 // room for the figure behind a bar
)

// modeChart compares the modes.
type modeChart struct {
	ID, Title, Desc string
	Legend          []legend
	Height          int
	Groups          []modeGroup
}

type legend struct{ Class, Text string }

type modeGroup struct {
	Title string
	Y     int // of the title
	Bars  []bar
}

// ModeCharts are the charts of what differs between the modes in quantity.
func (v planView) ModeCharts() []modeChart {
	return []modeChart{
		v.modeChart("wire", "On the wire", []legend{{"up", "up, Cookie"}, {"down", "down, Set-Cookie"}}, false,
			func(f float64) string { return sizeText(f) + "/s" },
			func(m planMode) []float64 { return []float64{m.Up, m.Down} }),
		v.modeChart("ops", "Store operations", []legend{{"reads", "reads"}, {"writes", "writes"}, {"index", "index"}, {"ends", "ends"}}, true,
			func(f float64) string { return numberText(f) + "/s" },
			func(m planMode) []float64 {
				return []float64{m.Store.Reads, m.Store.Writes, m.Store.Index, m.Store.Ends}
			}),
		v.modeChart("memory", "Store memory", []legend{{"memory", "records and tombstones"}}, false, sizeText,
			func(m planMode) []float64 { return []float64{m.Store.Bytes} }),
	}
}

// modeChart lays out the values of each mode, one below the other or stacked to one bar.
func (v planView) modeChart(id, title string, legend []legend, stacked bool, text func(float64) string, values func(planMode) []float64) modeChart {
	c := modeChart{ID: id, Title: title, Legend: legend}
	most := 0.0
	for _, m := range v.Modes {
		most = max(most, lengths(values(m), stacked))
	}
	scale := 0.0
	if most > 0 {
		scale = (modeWidth - modeValue) / most
	}
	var desc []string
	for i, m := range v.Modes {
		g := modeGroup{Title: shorten(m.Title, 40), Y: i*modeRow + 16}
		y := float64(i*modeRow + modeHead)
		x, sum, parts := 0.0, 0.0, []string(nil)
		for j, value := range values(m) {
			b := bar{X: x, Y: y, Width: barLength(value * scale), Height: modeBar, Class: legend[j].Class, Label: legend[j].Text + ": " + text(value)}
			parts = append(parts, b.Label)
			if stacked {
				x += b.Width
				sum += value
			} else {
				b.Text, b.TextX = figure(value, b.Width, text)
				y += modeNext
			}
			g.Bars = append(g.Bars, b)
		}
		if stacked {
			last := &g.Bars[len(g.Bars)-1]
			last.Text, last.TextX = figure(sum, x, text)
		}
		desc = append(desc, m.Title+": "+strings.Join(parts, ", ")+".")
		c.Groups = append(c.Groups, g)
	}
	c.Height, c.Desc = len(v.Modes)*modeRow, strings.Join(desc, " ")
	return c
}

// barLength is the length of a bar that stands for something, however little.
func barLength(length float64) float64 {
	if length > 0 {
		return max(length, 1)
	}
	return 0
}

// figure is what stands behind a bar that ends at x, and where.
func figure(value, x float64, text func(float64) string) (string, float64) {
	if value == 0 {
		return "none", 0
	}
	return text(value), x + 6
}

// lengths is how long the bar of the values is, or the longest of their bars.
func lengths(values []float64, stacked bool) float64 {
	if !stacked {
		return slices.Max(values)
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

// latencyRow is one operation in the chart of what was measured.
type latencyRow struct {
	operation
	Y             float64
	P50, P95, P99 float64
}

// LatencyHeight is the height of the chart of Latencies.
func (v planView) LatencyHeight() int { return 14 + 34*len(v.Latency.operations()) }

// LatencyBottom is where its axis ends.
func (v planView) LatencyBottom() int { return v.LatencyHeight() - 10 }

// Latencies lays out what was measured, on one scale.
func (v planView) Latencies() []latencyRow {
	var rows []latencyRow
	most := 0.0
	for _, o := range v.Latency.operations() {
		rows = append(rows, latencyRow{operation: o})
		most = max(most, o.Timing.P99)
	}
	for i := range rows {
		row := &rows[i]
		row.Y = 20 + 34*float64(i)
		x := func(us float64) float64 { return 150 + us/max(most, 1e-9)*520 }
		row.P50, row.P95, row.P99 = x(row.Timing.P50), x(row.Timing.P95), x(row.Timing.P99)
	}
	return rows
}

// shorten cuts text that has no room; the whole stands in the table beneath.
func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
