package main

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hardtack-go/hardtack"
)

const (
	otherFields = "(other)"
	maxFields   = 1000 // that are told apart, of all depths together
	maxDigits   = 3    // in a name that is shown
	anyKey      = "*"  // in place of the names of an object that has too many
	maxKeys     = 10   // names of an object that only few samples have and that are told apart
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
	total   int // of all samples
	samples int
	fields  int
	touched []*weight // by the present sample
}

// weight is that of one field, over all samples.
type weight struct {
	at       string // "", or within arrays "[]"
	name     string
	bytes    int // in the present sample
	uses     []use
	children map[string]*weight
}

// use is what a field takes in a sample.
type use struct{ sample, bytes int32 }

func (w *weight) key() string { return w.at + "." + w.name }
func (w *weight) other() bool { return w.name == otherFields }

// sum returns the bytes in all samples, and the most in one.
func (w *weight) sum() (total, most int) {
	for _, u := range w.uses {
		total, most = total+int(u.bytes), max(most, int(u.bytes))
	}
	return total, most
}

// add adds a sample and returns its size.
func (w *weights) add(s sample) int {
	size := w.value(&w.root, "", map[string]any(s))
	for _, f := range w.touched {
		f.uses = append(f.uses, use{int32(w.samples), int32(f.bytes)})
		f.bytes = 0
	}
	w.touched = w.touched[:0]
	w.samples++
	w.total += size
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
			if child != nil && child.other() {
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
	c := &weight{at: at, name: name}
	if known := parent.children[c.key()]; known != nil {
		return known
	}
	if w.fields >= maxFields || !presentable(name) {
		c = &weight{name: otherFields}
		if known := parent.children[c.key()]; known != nil {
			return known
		}
	}
	if parent.children == nil {
		parent.children = make(map[string]*weight)
	}
	parent.children[c.key()] = c
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

// report returns the fields, the heaviest first; with numbers in place of names if they are not to be shown.
func (w *weights) report(names bool) []planField {
	fields := w.below("", &w.root, w.samples)
	if !names {
		number(fields, "field ")
	}
	return fields
}

// below returns the fields of parent, which is in so many samples.
func (w *weights) below(name string, parent *weight, samples int) []planField {
	fields := make([]planField, 0, len(parent.children))
	for _, c := range collapsed(parent.children, samples) {
		total, most := c.sum()
		f := planField{
			Name: strings.TrimPrefix(name+c.key(), "."), Samples: len(c.uses), Mean: float64(total) / float64(w.samples), Max: most,
			Share: float64(total) / float64(w.total),
		}
		if f.Share >= dominant && len(c.children) > 0 {
			f.Children = w.below(f.Name, c, len(c.uses))
		}
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b planField) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Mean, a.Mean), cmp.Compare(a.Name, b.Name))
	})
	return fields
}

// collapsed puts together as "*" what is likely to be keys of a map: more than maxKeys names of an object, of which each is in less than half
// of the samples that have the object.
func collapsed(children map[string]*weight, samples int) map[string]*weight {
	rare := make(map[string][]*weight)
	for _, c := range children {
		if !c.other() && 2*len(c.uses) < samples {
			rare[c.at] = append(rare[c.at], c)
		}
	}
	children = maps.Clone(children)
	for at, all := range rare {
		if len(all) <= maxKeys {
			continue
		}
		for _, c := range all {
			delete(children, c.key())
		}
		together := merged(at, anyKey, all)
		children[together.key()] = together
	}
	return children
}

// merged is one field in place of several.
func merged(at, name string, all []*weight) *weight {
	m := &weight{at: at, name: name, children: make(map[string]*weight)}
	bytes, children := make(map[int32]int32), make(map[string][]*weight)
	for _, w := range all {
		for _, u := range w.uses {
			bytes[u.sample] += u.bytes
		}
		for key, c := range w.children {
			children[key] = append(children[key], c)
		}
	}
	for sample, n := range bytes {
		m.uses = append(m.uses, use{sample, n})
	}
	for key, same := range children {
		m.children[key] = merged(same[0].at, same[0].name, same)
	}
	return m
}

// number replaces the names of fields.
func number(fields []planField, prefix string) {
	for i := range fields {
		f := &fields[i]
		if rank(*f) == 0 {
			f.Name = prefix + strconv.Itoa(i+1)
		} else {
			f.Name = otherFields
		}
		number(f.Children, f.Name+".")
	}
}

func rank(f planField) int {
	if strings.HasSuffix(f.Name, otherFields) {
		return 1
	}
	return 0
}
