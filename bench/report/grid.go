package main

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A grid is a table, the header first.
type grid [][]string

// markdown aligns all columns but the first to the right, and leaves out the rows of what was not measured.
func (g grid) markdown() string {
	var b strings.Builder
	for i, row := range g {
		if i > 0 && !slices.ContainsFunc(row[1:], func(text string) bool { return text != unmeasured }) {
			continue
		}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---|" + strings.Repeat("--:|", len(row)-1) + "\n")
		}
	}
	return b.String()
}

// unmeasured is the text of a cell of which nothing is known.
const unmeasured = "–"

// A sheet makes the texts of a grid's cells, and keeps the first error that is none of the expected ones.
type sheet struct {
	r   *results
	err error
}

// show returns the median of a figure, "–" if it was not measured, and "noise" if nothing can be said.
func (s *sheet) show(f figure, format func(float64) string) string {
	v, err := s.median(f)
	return shown(v, err, format)
}

func shown(v float64, err error, format func(float64) string) string {
	switch {
	case errors.Is(err, errNoise):
		return "noise"
	case err != nil:
		return unmeasured
	}
	return format(v)
}

func (s *sheet) median(f figure) (float64, error) {
	v, err := f.in(s.r)
	if err != nil && s.err == nil && !errors.Is(err, errMissing) && !errors.Is(err, errNoise) {
		s.err = err
	}
	return v.Center, err
}

// mean shows the geometric mean of the figures.
func (s *sheet) mean(figures []figure, format func(float64) string) string {
	v, err := s.geometric(figures)
	return shown(v, err, format)
}

// geometric returns the geometric mean of the figures. There is none if one of them is missing: the mean of the others would be of something else
// than those beside it.
func (s *sheet) geometric(figures []figure) (float64, error) {
	var medians []float64
	for _, f := range figures {
		v, err := s.median(f)
		if err != nil {
			return 0, err
		}
		medians = append(medians, v)
	}
	return geometric(medians), nil
}

// plain is what one cell measured.
func plain(unit, name string) figure { return figure{name: name, top: term{unit: unit, of: name}} }

// number has three digits, or all that are in front of the point.
func number(v float64) string {
	digits := 2
	switch a := math.Abs(v); {
	case a >= 99.95:
		digits = 0
	case a >= 9.995:
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		return text
	}
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// count is a number without digits after the point, unless there are some.
func count(v float64) string {
	if v != math.Trunc(v) {
		return number(v)
	}
	return strings.TrimSuffix(strings.TrimSuffix(number(v), ".00"), ".0")
}

// duration is a time in seconds with three digits and its unit.
func duration(v float64) string {
	for _, u := range []struct {
		name string
		size float64
	}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
		if math.Abs(v) >= u.size*0.9995 {
			return number(v/u.size) + " " + u.name
		}
	}
	return number(v/1e-9) + " ns"
}

func code(name string) string { return "`" + name + "`" }
