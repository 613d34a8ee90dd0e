package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A committedRatio is a line of ratios.json.
type committedRatio struct {
	Name      string  `json:"name"`
	Median    float64 `json:"median"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Better    string  `json:"better"` // higher or lower
	Tolerance float64 `json:"tolerance"`
}

// figures returns all that have a name in ratios.json: those of the targets, and the sizes of our cookies.
func figures() []figure {
	var all []figure
	for _, t := range targets {
		all = append(append(all, t.judged...), t.beside...)
	}
	all = slices.DeleteFunc(all, func(f figure) bool { // what the machine and other libraries give is not ours to keep
		return f.tolerance == toleranceNotOurs || f.name == coresFigure("read", "none").name || f.name == coresFigure("write", "none").name
	})
	for _, by := range formats[:4] {
		for _, shape := range shapes {
			name := valueCell(shape, "medium", "roundtrip", by)
			all = append(all, figure{name: cell("cookie-bytes", shape, "medium", by), top: term{unit: cookieBytes, of: name}, tolerance: toleranceCount})
		}
	}
	return all
}

// ratiosOf returns the figures that were measured, by name.
func ratiosOf(r *results) ([]committedRatio, error) {
	var ratios []committedRatio
	for _, f := range figures() {
		s, err := f.in(r)
		if errors.Is(err, errMissing) || errors.Is(err, errNoise) {
			continue
		} else if err != nil {
			return nil, err
		}
		better := "lower"
		if f.higher {
			better = "higher"
		}
		ratios = append(ratios, committedRatio{f.name, rounded(s.Center), rounded(s.Lo), rounded(s.Hi), better, f.tolerance})
	}
	return ratios, nil
}

func marshalRatios(ratios []committedRatio) (string, error) {
	text, err := json.MarshalIndent(ratios, "", "\t")
	return string(text) + "\n", err
}

// rounded keeps four digits after the point.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// A verdict is what make bench-check says of one ratio.
type verdict struct {
	committedRatio
	now     float64
	change  float64 // how much worse it is; negative if it is better
	outcome string  // worse, better, within or missing
}

func (v verdict) fails() bool { return v.outcome == "worse" || v.outcome == "missing" }

// compare returns a verdict on each committed ratio.
func compare(committed, measured []committedRatio) []verdict {
	var verdicts []verdict
	for _, c := range committed {
		v := verdict{committedRatio: c, outcome: "missing"}
		if i := slices.IndexFunc(measured, func(m committedRatio) bool { return m.Name == c.Name }); i >= 0 {
			v.now = measured[i].Median
			v.change = change(c, v.now)
			switch {
			case v.change > c.Tolerance:
				v.outcome = "worse"
			case v.change < -c.Tolerance:
				v.outcome = "better"
			default:
				v.outcome = "within"
			}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// change returns by how much a figure has become worse, as a part of the better of the two: 0.25 whether 4 became 5 and lower is better, or
// 5 became 4 and higher is.
func change(c committedRatio, now float64) float64 {
	before, after := c.Median, now
	if c.Better == "higher" {
		before, after = after, before
	}
	switch {
	case after == before:
		return 0
	case after > before:
		return grown(before, after)
	default:
		return -grown(after, before)
	}
}

func grown(from, to float64) float64 {
	if from <= 0 {
		return math.Inf(1)
	}
	return to/from - 1
}

func unmarshalRatios(text []byte) ([]committedRatio, error) {
	var ratios []committedRatio
	if err := json.Unmarshal(text, &ratios); err != nil {
		return nil, fmt.Errorf("ratios.json: %w", err)
	}
	return ratios, nil
}
