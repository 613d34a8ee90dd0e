package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// results are the measurements of one file.
type results struct {
	config []setting
	names  []string // of the cells, in the order of the file
	cells  map[string]map[string][]float64
}

// A setting is a configuration line of the file.
type setting struct{ key, value string }

// readResults returns the measurements in a file, or nil if it is not there.
func readResults(path string) (*results, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	return parse(f)
}

// parse reads the Go benchmark format. What a cell measured the n-th time belongs to the n-th round.
func parse(in io.Reader) (*results, error) {
	r := &results{cells: map[string]map[string][]float64{}}
	reader := benchfmt.NewReader(in, "benchmarks")
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, record
		case *benchfmt.Result:
			r.add(record)
		}
	}
	return r, reader.Err()
}

func (r *results) add(record *benchfmt.Result) {
	for _, c := range record.Config {
		if c.Key != "pkg" && !slices.ContainsFunc(r.config, func(s setting) bool { return s.key == c.Key }) {
			r.config = append(r.config, setting{c.Key, string(c.Value)})
		}
	}
	name := cellName(record.Name)
	if r.cells[name] == nil {
		r.names = append(r.names, name)
		r.cells[name] = map[string][]float64{}
	}
	for _, v := range record.Values {
		r.cells[name][v.Unit] = append(r.cells[name][v.Unit], v.Value)
	}
}

// merge takes the cells of newer in the place of those of the same name.
func (r *results) merge(newer *results) {
	for _, name := range newer.names {
		if r.cells[name] == nil {
			r.names = append(r.names, name)
		}
		r.cells[name] = newer.cells[name]
	}
}

// setting returns the value of a configuration line, or "".
func (r *results) setting(key string) string {
	for _, s := range r.config {
		if s.key == key {
			return s.value
		}
	}
	return ""
}

// values returns what the rounds gave for a cell, and fails if it was not measured.
func (r *results) values(name, unit string) ([]float64, error) {
	if v := r.cells[name][unit]; len(v) > 0 {
		return v, nil
	}
	return nil, fmt.Errorf("%w: %s of %s", errMissing, unit, name)
}

// cellName is a benchmark's name without "Benchmark" and without the number of processors.
func cellName(full benchfmt.Name) string {
	base, parts := full.Parts()
	if n := len(parts); n > 0 && parts[n-1][0] == '-' {
		parts = parts[:n-1]
	}
	var b strings.Builder
	b.Write(base)
	for _, p := range parts {
		b.Write(p)
	}
	return b.String()
}

// settings returns the values that a part of a benchmark's name has, in the order of the file.
func (r *results) settings(base, key string) []string {
	var values []string
	for _, name := range r.names {
		parts := strings.Split(name, "/")
		for _, part := range parts[1:] {
			k, v, _ := strings.Cut(part, "=")
			if parts[0] == base && k == key && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
	}
	return values
}

// cell returns the name of a cell: cell("Request", "via=handler", "by=none").
func cell(parts ...string) string { return strings.Join(parts, "/") }

// split takes the contender off the name of a cell.
func split(name string) (setting, by string) {
	i := strings.LastIndex(name, "/by=")
	if i < 0 {
		return name, ""
	}
	return name[:i], name[i+len("/by="):]
}
