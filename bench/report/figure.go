package main

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

var (
	errMissing = errors.New("not measured")
	errNoise   = errors.New("lost in noise")
)

const (
	seconds     = "sec/op"
	allocs      = "allocs/op"
	cookieBytes = "cookie-bytes"
)

// confidence is what the intervals have at least; six rounds are enough for it.
const confidence = 0.95

// A term is what one cell measured, less what others did and with what yet others did.
type term struct {
	unit string
	of   string
	less []string
	with []string
}

// A figure is a term over another, or a term alone, which is a count then.
type figure struct {
	name      string
	top       term
	under     *term
	higher    bool    // whether more is better
	tolerance float64 // by how much it may be worse in make bench-check
}

// in returns the terms of all rounds.
func (t term) in(r *results) ([]float64, error) {
	of, err := r.values(t.of, t.unit)
	if err != nil {
		return nil, err
	}
	sum := append([]float64(nil), of...)
	for i, name := range append(append([]string(nil), t.less...), t.with...) {
		other, err := r.values(name, t.unit)
		if err != nil {
			return nil, err
		}
		if len(other) != len(sum) {
			return nil, fmt.Errorf("%s has %d rounds, %s has %d", t.of, len(sum), name, len(other))
		}
		for j := range sum {
			if i < len(t.less) {
				sum[j] -= other[j]
			} else {
				sum[j] += other[j]
			}
		}
	}
	return sum, nil
}

// in returns the figure with its spread. The terms of one round are taken together, so what slows a whole round down leaves no trace.
func (f figure) in(r *results) (benchmath.Summary, error) {
	values, err := f.top.in(r)
	if err != nil {
		return benchmath.Summary{}, err
	}
	if f.under == nil {
		return summary(values), nil
	}
	under, err := f.under.in(r)
	if err != nil {
		return benchmath.Summary{}, err
	}
	if len(values) != len(under) {
		return benchmath.Summary{}, fmt.Errorf("%s: %d rounds over %d", f.name, len(values), len(under))
	}
	ratios := values[:0]
	for i, u := range under {
		if u > 0 { // else it says nothing
			ratios = append(ratios, values[i]/u)
		}
	}
	if 2*len(ratios) <= len(under) {
		return benchmath.Summary{}, fmt.Errorf("%w: what %s adds", errNoise, f.under.of)
	}
	return summary(ratios), nil
}

// cells returns the names of all cells that the figure is made of.
func (f figure) cells() []string {
	names := slices.Concat([]string{f.top.of}, f.top.less, f.top.with)
	if f.under != nil {
		names = slices.Concat(names, []string{f.under.of}, f.under.less, f.under.with)
	}
	return names
}

// summary is the median with the interval that has it. The interval is the whole range where rounds are too few for one.
func summary(values []float64) benchmath.Summary {
	sample := benchmath.NewSample(append([]float64(nil), values...), &benchmath.DefaultThresholds)
	s := benchmath.AssumeNothing.Summary(sample, confidence)
	s.Lo, s.Hi = max(s.Lo, sample.Values[0]), min(s.Hi, sample.Values[len(sample.Values)-1])
	return s
}

// geometric returns the geometric mean.
func geometric(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}

// ratio is how often the cell under goes into the cell of.
func ratio(unit, of, under string) figure {
	return figure{name: of, top: term{unit: unit, of: of}, under: &term{unit: unit, of: under}}
}

// added is how often what one contender adds to none goes into what another adds.
func added(unit, setting, of, under string) figure {
	none := []string{cell(setting, "by=none")}
	return figure{
		name:  cell(setting, "added="+of),
		top:   term{unit: unit, of: cell(setting, "by="+of), less: none},
		under: &term{unit: unit, of: cell(setting, "by="+under), less: none},
	}
}
