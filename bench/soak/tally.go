package main

import (
	"fmt"
	"net/http"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// all is the kind that every request is of as well.
const all = "all"

// maxExamples of faults are kept.
const maxExamples = 10

// tally counts what the visitors have met.
type tally struct {
	kinds              map[string]*vegeta.Metrics
	faults             int
	examples           []string
	overflows, returns int
	keys               map[string]bool // that have sealed the cookies presented
	up, down           int             // bytes of Cookie and Set-Cookie headers
}

func newTally() *tally {
	return &tally{kinds: map[string]*vegeta.Metrics{}, keys: map[string]bool{}}
}

// add gives a result to the visitor whose request it was, and counts.
func (t *tally) add(v *visitor, r *vegeta.Result) {
	kind, stored, alive := v.doing.kind, v.stored, v.alive
	t.up += len(v.cookies()) // before the answer changes them
	for _, line := range r.Headers["Set-Cookie"] {
		t.down += len(line)
	}
	a, fault := answer{}, ""
	if r.Code == 0 {
		fault = "no answer: " + r.Error
		v.forget()
	} else {
		a, fault = v.take(int(r.Code), r.Headers, r.Body)
	}
	if fault != "" {
		t.faults++
		if len(t.examples) < maxExamples {
			t.examples = append(t.examples, fmt.Sprintf("visitor %d, %s: %s", v.number, kind, fault))
		}
		if r.Code == http.StatusOK {
			r.Error = fault // which vegeta counts
		}
	}
	t.metrics(all).Add(r)
	t.metrics(kind).Add(r)
	if kind == look && a.Placement.Where != "" {
		t.metrics(lookIn(a.Placement.Where)).Add(r)
	}
	if a.Key != "" {
		t.keys[a.Key] = true
	}
	if alive && v.alive && v.stored != stored {
		if v.stored {
			t.overflows++
		} else {
			t.returns++
		}
	}
}

// lookIn is the kind of a look at a session that is in the cookie or the store.
func lookIn(where string) string { return look + ", session in the " + where }

func (t *tally) metrics(kind string) *vegeta.Metrics {
	m := t.kinds[kind]
	if m == nil {
		m = &vegeta.Metrics{}
		t.kinds[kind] = m
	}
	return m
}

func (t *tally) close() {
	for _, m := range t.kinds {
		m.Close()
	}
}

// count returns how many requests of a kind there were.
func (t *tally) count(kind string) uint64 {
	if m := t.kinds[kind]; m != nil {
		return m.Requests
	}
	return 0
}
