package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// check measures into .bench and compares with the committed ratios.
func check(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(root, directory, "ratios.json"))
	if err != nil {
		return fmt.Errorf("nothing to compare with: %w", err)
	}
	committed, err := unmarshalRatios(text)
	if err != nil {
		return err
	}
	if err := complete(committed); err != nil {
		return fmt.Errorf("ratios.json is not what make bench writes now: %w", err)
	}
	if err := checkProcessor(ctx); err != nil {
		return err
	}
	files := []string{"first.txt", "second.txt"}
	return guard(os.Stdout, committed, func(selections []selection) (*results, error) {
		now, err := checkOnce(ctx, selections, files[0])
		files = files[1:]
		return now, err
	})
}

// errOtherProcessor says nothing of hardtack: there is nothing to compare with.
var errOtherProcessor = errors.New("the committed ratios are of another processor, and do not carry over to this one")

// checkProcessor measures one cell, only to see the name of the processor in what go test prints.
func checkProcessor(ctx context.Context) error {
	before, err := readResults(filepath.Join(root, directory, "quick.txt"))
	if err != nil {
		return err
	}
	if before == nil {
		return fmt.Errorf("nothing to compare with: there is no %s/quick.txt", directory)
	}
	text, err := measure(ctx, []selection{{pkg: "value", title: "processor", benchtime: "1x", patterns: []string{pattern("Open", "bytes=100", "by=floor")}}}, 1)
	if err != nil {
		return err
	}
	now, err := parse(strings.NewReader(text))
	if err != nil {
		return err
	}
	return sameProcessor(before, now)
}

func sameProcessor(before, now *results) error {
	if a, b := before.setting("cpu"), now.setting("cpu"); a != b {
		return fmt.Errorf("%w: %q there, %q here", errOtherProcessor, a, b)
	}
	return nil
}

// guard measures, and fails if a ratio is worse than the committed one by more than its tolerance, or clearly beyond the bound of a target that
// was clearly met. What is, is measured a second time, since one disturbed run is no finding; what is so twice is one.
func guard(out io.Writer, committed []committedRatio, measure func([]selection) (*results, error)) error {
	now, err := measure(quick)
	if err != nil {
		return err
	}
	verdicts, err := verdictsOn(committed, now)
	if err != nil {
		return err
	}
	failed := failing(verdicts)
	again := selectionsOf(quick, failed)
	if len(again) == 0 {
		return conclude(out, verdicts)
	}
	fmt.Fprintf(out, "%d of %d ratios are beyond their tolerance or bound; measuring once more what they are made of.\n", len(failed), len(verdicts))
	second, err := measure(again)
	if err != nil {
		return err
	}
	now.merge(second)
	if verdicts, err = verdictsOn(committed, now); err != nil {
		return err
	}
	for i, v := range verdicts {
		if v.fails() && !slices.Contains(failed, v.Name) {
			verdicts[i].outcome = "within" // the first time it was
		}
	}
	return conclude(out, verdicts)
}

// checkOnce measures, and leaves the text in .bench.
func checkOnce(ctx context.Context, selections []selection, file string) (*results, error) {
	text, err := measure(ctx, selections, quickRounds)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(root, ".bench"), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(root, ".bench", file), []byte(text), 0o644); err != nil {
		return nil, err
	}
	return parse(strings.NewReader(text))
}

func verdictsOn(committed []committedRatio, r *results) ([]verdict, error) {
	measured, err := ratiosOf(r)
	if err != nil {
		return nil, err
	}
	verdicts := compare(committed, measured)
	beyond := lost(committed, measured)
	for i, v := range verdicts {
		if slices.Contains(beyond, v.Name) {
			verdicts[i].outcome = "beyond"
		}
	}
	return verdicts, nil
}

func failing(verdicts []verdict) []string {
	var names []string
	for _, v := range verdicts {
		if v.fails() {
			names = append(names, v.Name)
		}
	}
	return names
}

// selectionsOf returns those that measure a cell of one of the figures named.
func selectionsOf(all []selection, names []string) []selection {
	var cells []string
	for _, f := range figures() {
		if slices.Contains(names, f.name) {
			cells = append(cells, f.cells()...)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(s selection) bool {
		return !slices.ContainsFunc(cells, s.measures)
	})
}

// measures says whether go test would select the cell.
func (s selection) measures(name string) bool {
	return slices.ContainsFunc(s.patterns, func(p string) bool {
		parts := strings.Split("Benchmark"+name, "/")
		for i, expression := range strings.Split(p, "/") {
			if i >= len(parts) || !regexp.MustCompile(expression).MatchString(parts[i]) {
				return false
			}
		}
		return true
	})
}

// conclude prints what is out of the ordinary, and fails if something is worse.
func conclude(out io.Writer, verdicts []verdict) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	counts := map[string]int{}
	fmt.Fprintln(w, "ratio\tcommitted\tnow\tworse by\ttolerance\t")
	for _, v := range verdicts {
		counts[v.outcome]++
		switch v.outcome {
		case "worse", "better", "beyond":
			fmt.Fprintf(w, "%s\t%.4g\t%.4g\t%+.0f %%\t%.0f %%\t%s\n", v.Name, v.Median, v.now, 100*v.change, 100*v.Tolerance, v.outcome)
		case "missing":
			fmt.Fprintf(w, "%s\t%.4g\t\t\t\tmissing\n", v.Name, v.Median)
		}
	}
	if counts["within"] < len(verdicts) {
		w.Flush()
	}
	fmt.Fprintf(out, "%d ratios: %d within their tolerance, %d better, %d worse, %d missing, %d beyond the bound of a target that was met.\n",
		len(verdicts), counts["within"], counts["better"], counts["worse"], counts["missing"], counts["beyond"])
	if bad := len(failing(verdicts)); bad > 0 {
		return fmt.Errorf("%d of %d ratios are worse than what is committed in docs/benchmarks/ratios.json, or beyond a bound that they were within", bad, len(verdicts))
	}
	return nil
}
