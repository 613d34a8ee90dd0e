package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// row is what happened in a part of the drill.
type row struct {
	name     string
	requests int
	atOld    int            // answered by servers of the old application
	opened   map[string]int // by the others' count: requests with a session, by its cookie's format
	refused  int            // by the others' count: requests with a cookie that was refused
	lost     int
}

// now counts from the beginning of the drill.
func (d *drill) now() row {
	n := row{opened: make(map[string]int)}
	for _, s := range d.started {
		if s.old {
			n.atOld += int(s.answered.Load())
		}
	}
	for _, r := range d.releases {
		opened, refused := r.counts.read()
		n.refused += refused
		for format, requests := range opened {
			n.opened[format] += requests
		}
	}
	d.count(func(t *tally) { n.requests, n.lost = t.requests, t.lost })
	return n
}

// row ends a part of the drill.
func (d *drill) row(name string) {
	now, since := d.now(), d.since
	d.since = now
	n := row{name, now.requests - since.requests, now.atOld - since.atOld, maps.Clone(now.opened), now.refused - since.refused, now.lost - since.lost}
	for format, requests := range since.opened {
		n.opened[format] -= requests
	}
	d.rows = append(d.rows, n)
}

// table writes the formats seen over time, and what the clients have found.
func (d *drill) table(out io.Writer) {
	p := &d.plan
	fmt.Fprintf(out, "%s: %d clients\n\n", p.name, p.clients)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "requests\tat old servers\t%s\t%s\trefused\tLOST\t\n", p.format, sealed)
	for _, r := range append(slices.Clone(d.rows), d.total()) {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t  %s\n", r.requests, r.atOld, r.opened[p.format], r.opened[sealed], r.refused, r.lost, r.name)
	}
	w.Flush()
	fmt.Fprintln(out)
	for _, use := range d.use() {
		fmt.Fprintf(out, "FormerUse of %s\n", use)
	}
	fmt.Fprintf(out, "requests under way while servers were replaced: %d, broken: %d\n", d.slow, d.front.broken.Load())
	fmt.Fprintf(out, "bad or ended cookies presented: %d, accepted: %d\n\n", d.presented, d.accepted)
}

func (d *drill) total() row {
	n := d.now()
	n.name = "total"
	return n
}
