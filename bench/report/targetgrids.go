package main

import (
	"errors"
	"slices"

	"golang.org/x/perf/benchmath"
)

// The words that say whether a target is met.
const (
	met        = "yes"
	metNoise   = "yes, within noise"
	unmet      = "no"
	unmetNoise = "no, within noise"
)

const metWords = `
**yes**: the 95 % intervals of all figures that the target is made of are within the bound; **no**: that of at least one lies wholly
beyond it. **yes, within noise** and **no, within noise**: neither, so the worst median decides, and another run may decide otherwise.
`

// judgement is what became of a target.
type judgement struct {
	worst   benchmath.Summary
	mean    float64 // of the medians
	of      figure
	verdict string
}

func (t target) judge(r *results) (judgement, error) {
	var medians []float64
	var spreads []benchmath.Summary
	for _, f := range t.judged {
		s, err := f.in(r)
		if err != nil {
			return judgement{}, err
		}
		medians, spreads = append(medians, s.Center), append(spreads, s)
	}
	i := t.worst(medians)
	return judgement{worst: spreads[i], mean: geometric(medians), of: t.judged[i], verdict: t.verdict(spreads)}, nil
}

// verdict says whether the target is met by its figures.
func (t target) verdict(figures []benchmath.Summary) string {
	var medians []float64
	clear := true
	for _, s := range figures {
		if t.beyond(s.Lo, s.Hi) {
			return unmet
		}
		clear = clear && t.meets(s.Lo) && t.meets(s.Hi)
		medians = append(medians, s.Center)
	}
	switch {
	case clear:
		return met
	case t.meets(medians[t.worst(medians)]):
		return metNoise
	default:
		return unmetNoise
	}
}

// beyond says whether all of an interval is on the wrong side of the bound.
func (t target) beyond(low, high float64) bool { return !t.meets(low) && !t.meets(high) }

func targetsGrid(s *sheet) grid {
	g := grid{{"target", "bound", "measured, worst", "which is", "95 % interval", "geometric mean", "met"}}
	for _, t := range targets {
		bound := t.is + " " + count(t.bound)
		j, err := t.judge(s.r)
		if errors.Is(err, errMissing) || errors.Is(err, errNoise) {
			g = append(g, []string{t.sentence, bound, "–", "–", "–", "–", err.Error()})
			continue
		} else if err != nil {
			s.err = err
			return nil
		}
		show, mean, which := number, "–", "–"
		if j.of.under == nil {
			show = count
		}
		if len(t.judged) > 1 {
			which = code(j.of.name)
			if j.of.under != nil {
				mean = number(j.mean)
			}
		}
		g = append(g, []string{t.sentence, bound, show(j.worst.Center), which, show(j.worst.Lo) + " to " + show(j.worst.Hi), mean, j.verdict})
	}
	return g
}

// figuresGrid has every figure that a target is made of or has beside it.
func figuresGrid(s *sheet) grid {
	g := grid{{"figure", "median", "95 % interval", "bound"}}
	for _, t := range targets {
		for i, f := range slices.Concat(t.judged, t.beside) {
			bound := t.is + " " + count(t.bound)
			if i >= len(t.judged) {
				bound = "–"
			}
			show := number
			if f.under == nil {
				show = count
			}
			spread := "–"
			if v, err := f.in(s.r); err == nil {
				spread = show(v.Lo) + " to " + show(v.Hi)
			}
			g = append(g, []string{code(f.name), s.show(f, show), spread, bound})
		}
	}
	return g
}
