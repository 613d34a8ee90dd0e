package main

import (
	"errors"
	"slices"
)

// judgement is what became of a target.
type judgement struct {
	worst, mean float64
	of          figure
	met         bool
}

func (t target) judge(r *results) (judgement, error) {
	var medians []float64
	for _, f := range t.judged {
		s, err := f.in(r)
		if err != nil {
			return judgement{}, err
		}
		medians = append(medians, s.Center)
	}
	i := t.worst(medians)
	return judgement{worst: medians[i], mean: geometric(medians), of: t.judged[i], met: t.meets(medians[i])}, nil
}

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
		v, err := j.of.in(s.r)
		if err != nil {
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
		met := "**no**"
		if j.met {
			met = "yes"
		}
		g = append(g, []string{t.sentence, bound, show(j.worst), which, show(v.Lo) + " to " + show(v.Hi), mean, met})
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
