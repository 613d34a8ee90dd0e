package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
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

// figures returns all that have a name in ratios.json: those of the targets, and what else we want to keep.
func figures() []figure {
	var all []figure
	for _, t := range targets {
		all = append(append(all, t.judged...), t.beside...)
	}
	all = slices.DeleteFunc(all, func(f figure) bool { // what the machine and other libraries give is not ours to keep
		return f.tolerance == toleranceNotOurs || f.name == coresFigure("read", "none").name || f.name == coresFigure("write", "none").name
	})
	return slices.Concat(all, kept())
}

// kept are the figures that no target is about.
func kept() []figure {
	var all []figure
	add := func(f figure, name string, higher bool) {
		f.name, f.higher, f.tolerance = name, higher, toleranceValue
		all = append(all, f)
	}
	for _, by := range sessions {
		if !strings.HasPrefix(by, "hardtack-") {
			continue
		}
		for _, op := range []string{"read", "write"} { // scs with its store in memory is the peer whose cost is the machine's alone
			all = append(all, requestFigure(op, by, "scs-memory", false))
		}
	}
	add(ratio(seconds, keysCell("100", "oldest", "hardtack"), keysCell("1", "oldest", "hardtack")), "keys/oldest/100:1", false)
	add(ratio(seconds, headerCell("50", "hardtack-stateless"), headerCell("1", "hardtack-stateless")), "header/50:1", false)
	smallest, largest := payloads[0], payloads[len(payloads)-1]
	for _, by := range formats[:4] {
		add(ratio(seconds, cell(payloadSetting(largest), "by="+by), cell(payloadSetting(smallest), "by="+by)), cell("payload", by, largest+":"+smallest), false)
	}
	for _, n := range payloads[:len(payloads)-1] {
		add(beside(payloadSetting(n), "gorilla-json", "hardtack-cbor"), cell("payload", n, "gorilla-json:hardtack-cbor"), true)
	}
	for _, shape := range shapes {
		for _, by := range []string{"hardtack-hs256", "hardtack-eddsa"} {
			all = append(all, roundtripFigure(shape, "medium", "jwt-hs256", by))
		}
	}
	for _, by := range formats[:4] {
		for _, shape := range shapes {
			name := valueCell(shape, "medium", "roundtrip", by)
			all = append(all, figure{name: cell("cookie-bytes", shape, "medium", by), top: term{unit: cookieBytes, of: name}, tolerance: toleranceCount})
		}
	}
	return all
}

// allRatiosOf returns all figures, and fails if one was not measured: make bench-check could not guard it.
func allRatiosOf(r *results) ([]committedRatio, error) {
	ratios, err := ratiosOf(r)
	if err != nil {
		return nil, err
	}
	if err := complete(ratios); err != nil {
		return nil, fmt.Errorf("some of what was to be measured was not, or is lost in noise: %w", err)
	}
	return ratios, nil
}

// complete fails if the ratios are not those of figures.
func complete(ratios []committedRatio) error {
	var have, want []string
	for _, r := range ratios {
		have = append(have, r.Name)
	}
	for _, f := range figures() {
		want = append(want, f.name)
	}
	without := func(all, some []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
	}
	if missing, unknown := without(want, have), without(have, want); len(missing)+len(unknown) > 0 {
		return fmt.Errorf("missing are %q, and unknown %q", missing, unknown)
	}
	return nil
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
	outcome string  // worse, better, within, missing, or beyond the bound of a target that was met
}

func (v verdict) fails() bool {
	return slices.Contains([]string{"worse", "missing", "beyond"}, v.outcome)
}

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

// lost returns the names of the figures that lie wholly beyond the bound of a target that was clearly met by what is committed.
func lost(committed, measured []committedRatio) []string {
	var names []string
	for _, t := range targets {
		before, ok := t.spreads(committed)
		if !ok || t.verdict(before) != met {
			continue
		}
		for _, f := range t.judged {
			if i := slices.IndexFunc(measured, func(m committedRatio) bool { return m.Name == f.name }); i >= 0 && t.beyond(measured[i].Low, measured[i].High) {
				names = append(names, f.name)
			}
		}
	}
	return names
}

// spreads returns the figures that the target is judged by, if all of them are there.
func (t target) spreads(ratios []committedRatio) ([]benchmath.Summary, bool) {
	var all []benchmath.Summary
	for _, f := range t.judged {
		i := slices.IndexFunc(ratios, func(c committedRatio) bool { return c.Name == f.name })
		if i < 0 {
			return nil, false
		}
		all = append(all, benchmath.Summary{Center: ratios[i].Median, Lo: ratios[i].Low, Hi: ratios[i].High})
	}
	return all, true
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
