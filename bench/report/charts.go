package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-analyze/charts"
)

// A drawing is one chart of the README.
type drawing struct {
	name, title string
	axis        string // what the values are
	along       string // what the labels are
	full        bool   // from full.txt
	plot        func(*sheet) plot
	draw        func(drawing, plot) (string, error)
}

var drawings = []drawing{
	{name: "roundtrip", title: "From a struct to a cookie and back", plot: roundtripPlot, draw: bars,
		axis: "time relative to hardtack-cbor, geometric mean of five sessions (log scale)"},
	{name: "cookie-bytes", title: "How large the cookies are", plot: cookieBytesPlot, draw: columns, axis: "bytes of name and value", along: "session, of medium size"},
	{name: "request", title: "What a session adds to a request", plot: requestPlot, draw: bars,
		axis: "added time, hardtack-stateless read = 1 (log scale)"},
	{name: "growth-payload", title: "A round trip, as the payload grows", plot: payloadPlot, draw: lines,
		axis: "time, hardtack-cbor with 64 bytes = 1 (log scale)", along: "payload, bytes"},
	{name: "growth-live", title: "A read, as the number of stored sessions grows", full: true, plot: livePlot, draw: lines,
		axis: "time, hardtack-stateless with 1 session = 1 (log scale)", along: "live sessions"},
	{name: "growth-header", title: "A read, as the number of other cookies grows", plot: headerPlot, draw: lines,
		axis: "time, hardtack-stateless with 1 cookie = 1 (log scale)", along: "other cookies"},
}

// drawAll returns the charts that there is something to draw in, by name.
func drawAll(short, whole *results) (map[string]string, error) {
	drawn := map[string]string{}
	for _, d := range drawings {
		r := short
		if d.full && whole != nil {
			r = whole
		}
		s := &sheet{r: r}
		p := d.plot(s).withoutGaps()
		if s.err != nil {
			return nil, fmt.Errorf("chart %s: %w", d.name, s.err)
		}
		if len(p.series) == 0 {
			continue
		}
		svg, err := d.draw(d, p)
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", d.name, err)
		}
		drawn[d.name] = svg
	}
	return drawn, nil
}

// The colours are told apart by those who see no red or green as well.
var theme = charts.MakeTheme(charts.ThemeOption{
	AxisStrokeColor:    charts.ColorFromHex("#6E7781"),
	AxisSplitLineColor: charts.ColorFromHex("#E3E6EA"),
	BackgroundColor:    charts.ColorFromHex("#FFFFFF"),
	TextColor:          charts.ColorFromHex("#24292F"),
	SeriesColors:       colors("#0B5FA5", "#E69F00", "#009E73", "#CC3311", "#882E9E", "#56B4E9", "#7A5C2E", "#EE77AA", "#555555", "#99AA00"),
})

func colors(hex ...string) []charts.Color {
	var all []charts.Color
	for _, h := range hex {
		all = append(all, charts.ColorFromHex(h))
	}
	return all
}

var (
	titleFont = charts.NewFontStyleWithSize(15)
	textFont  = charts.NewFontStyleWithSize(10)
	labelFont = charts.NewFontStyleWithSize(9)
	margins   = charts.Box{Top: 18, Right: 40, Bottom: 18, Left: 18, IsSet: true}
)

// decades is an axis for powers of ten that has all of them.
func decades(title string, all [][]float64) charts.ValueAxisOption {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, values := range all {
		for _, v := range values {
			if v != gap {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	lo = math.Floor(lo)
	hi = max(math.Ceil(hi), lo+1)
	return charts.ValueAxisOption{
		Title: title, TitleFontStyle: textFont, LabelFontStyle: labelFont,
		Min: charts.Ptr(lo), Max: charts.Ptr(hi), LabelCount: int(hi-lo) + 1, RangeValuePaddingScale: charts.Ptr(0.0),
		PreferNiceIntervals: charts.Ptr(false), SplitLineShow: charts.Ptr(true), ValueFormatter: power,
	}
}

// room returns where the labels of the bars end: to the left of those that are less than 1, and to the right of the others.
func room(logs [][]float64) [][]float64 {
	var ends []float64
	for _, v := range slices.Concat(logs...) {
		switch {
		case v == gap:
		case v < 0:
			ends = append(ends, v-0.25)
		default:
			ends = append(ends, v+0.25)
		}
	}
	return [][]float64{ends}
}

// power is the number whose logarithm is v.
func power(v float64) string {
	text := number(math.Pow(10, v))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + "×"
}

func painter(width, height int) *charts.Painter {
	return charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height, Theme: theme})
}

func svg(p *charts.Painter, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := p.Bytes()
	return string(text) + "\n", err
}

// bars draws horizontal bars on a logarithmic axis, the shortest on top.
func bars(d drawing, p plot) (string, error) {
	p = p.sorted()
	logs := p.logarithms()
	opt := charts.NewBarChartOptionWithData(logs)
	opt.Theme, opt.Padding, opt.Horizontal = theme, margins, true
	opt.Title = charts.TitleOption{Text: d.title, FontStyle: titleFont}
	opt.CategoryAxis = charts.CategoryAxisOption{Labels: p.labels, LabelFontStyle: labelFont}
	opt.ValueAxis = []charts.ValueAxisOption{decades(d.axis, append(logs, room(logs)...))}
	if len(p.series) > 1 {
		opt.Legend = legend(p)
	} else {
		opt.Legend.Show = charts.Ptr(false)
	}
	for i := range opt.SeriesList {
		opt.SeriesList[i].Label = charts.SeriesLabel{Show: charts.Ptr(true), FontStyle: labelFont, ValueFormatter: power}
	}
	canvas := painter(860, 130+len(p.labels)*(12+16*len(p.series)))
	return svg(canvas, canvas.BarChart(opt))
}

func legend(p plot) charts.LegendOption {
	return charts.LegendOption{
		SeriesNames: p.names(), FontStyle: charts.NewFontStyleWithSize(12), Symbol: charts.SymbolSquare,
		Offset: charts.OffsetStr{Left: charts.PositionLeft, Top: "38"}, Padding: charts.Box{Bottom: 18, IsSet: true},
	}
}

// columns draws vertical bars, a group for each label, on an axis in KiB.
func columns(d drawing, p plot) (string, error) {
	var values [][]float64
	for _, s := range p.series {
		values = append(values, s.values)
	}
	opt := charts.NewBarChartOptionWithData(values)
	opt.Theme, opt.Padding = theme, margins
	opt.Title = charts.TitleOption{Text: d.title, FontStyle: titleFont}
	opt.CategoryAxis = charts.CategoryAxisOption{Labels: p.labels, LabelFontStyle: textFont, Title: d.along, TitleFontStyle: textFont}
	most := 0.0
	for _, v := range slices.Concat(values...) {
		if v != gap {
			most = max(most, math.Ceil(v/1024))
		}
	}
	opt.ValueAxis = []charts.ValueAxisOption{{
		Title: d.axis, TitleFontStyle: textFont, LabelFontStyle: labelFont, Min: charts.Ptr(0.0), Max: charts.Ptr(1024 * most),
		LabelCount: int(most) + 1, RangeValuePaddingScale: charts.Ptr(0.0), PreferNiceIntervals: charts.Ptr(false), ValueFormatter: count,
	}}
	opt.Legend = legend(p)
	canvas := painter(960, 460)
	return svg(canvas, canvas.BarChart(opt))
}

// lines draws lines on a logarithmic axis.
func lines(d drawing, p plot) (string, error) {
	logs := p.logarithms()
	opt := charts.NewLineChartOptionWithData(logs)
	opt.Theme, opt.Padding = theme, margins
	opt.Title = charts.TitleOption{Text: d.title, FontStyle: titleFont}
	opt.XAxis = charts.XAxisOption{Labels: p.labels, LabelFontStyle: labelFont, Title: d.along, TitleFontStyle: textFont}
	opt.YAxis = []charts.YAxisOption{decades(d.axis, logs)}
	opt.Legend = legend(p)
	opt.LineStrokeWidth = 2
	canvas := painter(860, 520)
	return svg(canvas, canvas.LineChart(opt))
}

// drawn says whether there is something to draw.
func drawn(d drawing, r *results) bool { return len(d.plot(&sheet{r: r}).withoutGaps().series) > 0 }
