package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/go-analyze/charts"
)

// A plot has a line or a row of bars for each series, with a value for each label.
type plot struct {
	labels []string
	series []series
}

type series struct {
	name   string
	values []float64
}

// gap stands for what was not measured.
var gap = charts.GetNullValue()

// value is the median for a chart.
func (s *sheet) value(f figure) float64 {
	v, err := s.median(f)
	if err != nil {
		return gap
	}
	return v
}

// withoutGaps leaves out the labels that no series has a value for, and then the series without values.
func (p plot) withoutGaps() plot {
	var kept plot
	var at []int
	for i, label := range p.labels {
		if slices.ContainsFunc(p.series, func(s series) bool { return s.values[i] != gap }) {
			kept.labels, at = append(kept.labels, label), append(at, i)
		}
	}
	for _, s := range p.series {
		var values []float64
		for _, i := range at {
			values = append(values, s.values[i])
		}
		if slices.ContainsFunc(values, func(v float64) bool { return v != gap }) {
			kept.series = append(kept.series, series{s.name, values})
		}
	}
	return kept
}

// sorted puts the labels into the order of the first series, the largest value first.
func (p plot) sorted() plot {
	at := make([]int, len(p.labels))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(p.series[0].values[b], p.series[0].values[a]) })
	out := plot{series: make([]series, len(p.series))}
	for _, i := range at {
		out.labels = append(out.labels, p.labels[i])
		for j, s := range p.series {
			out.series[j].name = s.name
			out.series[j].values = append(out.series[j].values, s.values[i])
		}
	}
	return out
}

func roundtripPlot(s *sheet) plot {
	p := plot{series: []series{{name: "round trip"}}}
	for _, by := range slices.Concat(parts, formats) {
		v, err := s.geometric(roundtripRatios(by))
		if err != nil {
			v = gap
		}
		p.labels, p.series[0].values = append(p.labels, by), append(p.series[0].values, v)
	}
	return p
}

func cookieBytesPlot(s *sheet) plot {
	p := plot{labels: shapes}
	for _, by := range formats {
		line := series{name: by}
		for _, shape := range shapes {
			line.values = append(line.values, s.value(plain(cookieBytes, valueCell(shape, "medium", "roundtrip", by))))
		}
		p.series = append(p.series, line)
	}
	return p
}

func requestPlot(s *sheet) plot {
	p := plot{labels: sessions, series: []series{{name: "read"}, {name: "write"}}}
	for i, op := range []string{"read", "write"} {
		for _, by := range sessions {
			p.series[i].values = append(p.series[i].values, s.value(addedOverRead(op, by)))
		}
	}
	return p
}

func payloadPlot(s *sheet) plot {
	payloads := s.r.settings("Payload", "bytes")
	p := plot{labels: payloads}
	for _, by := range formats {
		line := series{name: by}
		for _, n := range payloads {
			line.values = append(line.values, s.value(ratio(seconds, cell(payloadSetting(n), "by="+by), cell(payloadSetting(payloads[0]), "by=hardtack-cbor"))))
		}
		p.series = append(p.series, line)
	}
	return p
}

func livePlot(s *sheet) plot {
	var p plot
	lives := s.r.settings("Live", "live")
	for _, n := range lives {
		p.labels = append(p.labels, thousands(n))
	}
	for _, by := range living {
		line := series{name: by}
		for _, n := range lives {
			line.values = append(line.values, s.value(ratio(seconds, cell("Live", "live="+n, "op=read", "by="+by), "Live/live=1/op=read/by=hardtack-stateless")))
		}
		p.series = append(p.series, line)
	}
	return p
}

func headerPlot(s *sheet) plot {
	p := plot{labels: cookies}
	for _, by := range headed {
		line := series{name: by}
		for _, n := range cookies {
			line.values = append(line.values, s.value(headerFigure(n, by)))
		}
		p.series = append(p.series, line)
	}
	return p
}

// logarithms has the values of the plot as powers of ten.
func (p plot) logarithms() [][]float64 {
	var all [][]float64
	for _, s := range p.series {
		var values []float64
		for _, v := range s.values {
			if v != gap {
				v = math.Log10(v)
			}
			values = append(values, v)
		}
		all = append(all, values)
	}
	return all
}

func (p plot) names() []string {
	var names []string
	for _, s := range p.series {
		names = append(names, "\u00a0"+s.name) // the library leaves next to nothing between the symbol and the text
	}
	return names
}
