package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/hardtack-go/hardtack"
)

const (
	otherFields = "(other)"
	maxFields   = 1000 // that are told apart, of all depths together
	maxDigits   = 3    // in a name that is shown
	// dominant is the share of all bytes from which on a field is taken apart.
	dominant = 0.5
)

// fieldName is what the name of a field looks like. A name that does not, or has many digits, is likely to be the key of a map, and data.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:-]{0,39}$`)

func presentable(name string) bool {
	digits := 0
	for _, c := range name {
		if '0' <= c && c <= '9' {
			digits++
		}
	}
	return fieldName.MatchString(name) && digits <= maxDigits
}

// weights adds up what the fields of samples take in CBOR.
type weights struct {
	root    weight
	samples int
	fields  int
	touched []*weight // by the present sample
}

// weight is that of one field, over all samples.
type weight struct {
	name     string
	other    bool
	bytes    int // in the present sample
	total    int
	max      int
	samples  int
	children map[string]*weight
}

// add adds a sample and returns its size.
func (w *weights) add(s sample) int {
	size := w.value(&w.root, "", map[string]any(s))
	for _, f := range w.touched {
		f.samples++
		f.total += f.bytes
		f.max = max(f.max, f.bytes)
		f.bytes = 0
	}
	w.touched = w.touched[:0]
	w.samples++
	w.root.total += size
	return size
}

// value adds the fields within v, which belongs to the field parent, and returns the size of v. at is "" or, within arrays, "[]".
// What is within "(other)" has no parent, and is not told apart.
func (w *weights) value(parent *weight, at string, v any) int {
	switch v := v.(type) {
	case map[string]any:
		n := headSize(len(v))
		for name, value := range v {
			child := w.child(parent, at, name)
			within := child
			if child != nil && child.other {
				within = nil
			}
			size := headSize(len(name)) + len(name) + w.value(within, "", value)
			n += size
			if child == nil {
				continue
			}
			if child.bytes == 0 {
				w.touched = append(w.touched, child)
			}
			child.bytes += size
		}
		return n
	case []any:
		n := headSize(len(v))
		for _, value := range v {
			n += w.value(parent, at+"[]", value)
		}
		return n
	}
	data, err := (hardtack.CBOR{}).Marshal(v)
	if err != nil {
		return 0 // a string, number, true, false or null always has an encoding
	}
	return len(data)
}

// child returns the field name of parent, or its "(other)".
func (w *weights) child(parent *weight, at, name string) *weight {
	if parent == nil {
		return nil
	}
	key := at + "." + name
	c := parent.children[key]
	if c == nil && (w.fields >= maxFields || !presentable(name)) {
		key = "." + otherFields
		c = parent.children[key]
	}
	if c != nil {
		return c
	}
	c = &weight{name: strings.TrimPrefix(parent.name+key, "."), other: key == "."+otherFields}
	if parent.children == nil {
		parent.children = make(map[string]*weight)
	}
	parent.children[key] = c
	w.fields++
	return c
}

// headSize is how many bytes CBOR needs for the head of a text, array or map of this length.
func headSize(length int) int {
	switch {
	case length < 24:
		return 1
	case length < 1<<8:
		return 2
	case length < 1<<16:
		return 3
	}
	return 5
}

// report returns the fields, the heaviest first.
func (w *weights) report() []planField { return w.below(&w.root) }

func (w *weights) below(parent *weight) []planField {
	fields := make([]planField, 0, len(parent.children))
	for _, c := range parent.children {
		f := planField{Name: c.name, Samples: c.samples, Mean: float64(c.total) / float64(w.samples), Max: c.max, Share: float64(c.total) / float64(w.root.total)}
		if f.Share >= dominant && len(c.children) > 0 {
			f.Children = w.below(c)
		}
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b planField) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Mean, a.Mean), cmp.Compare(a.Name, b.Name))
	})
	return fields
}

func rank(f planField) int {
	if strings.HasSuffix(f.Name, otherFields) {
		return 1
	}
	return 0
}
