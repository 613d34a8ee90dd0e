package main

import "fmt"

// findings are what must not be; none if the swap went as it should.
func (d *drill) findings() (found []string) {
	for _, f := range []struct {
		n    int
		what string
	}{
		{d.lost, "sessions lost"},
		{d.mixed, "answers were somebody else's"},
		{d.resurrected, "clients were logged in again by themselves"},
		{d.accepted, "bad or ended cookies accepted"},
		{int(d.front.broken.Load()), "requests broken"},
		{d.late, "requests in the old format when everybody had moved"},
	} {
		if f.n > 0 {
			found = append(found, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	return found
}

// inOldFormat is how often a session has come in the old format, by the last release's count.
func (d *drill) inOldFormat() int {
	if len(d.releases) == 0 {
		return 0
	}
	opened, _ := d.releases[len(d.releases)-1].counts.read()
	return opened[d.plan.format]
}

// use is what each server of ours has to say about its former formats.
func (d *drill) use() (lines []string) {
	for _, r := range d.releases {
		for i, s := range r.servers {
			if s.use == nil {
				continue
			}
			for _, u := range s.use() {
				lines = append(lines, fmt.Sprintf("%s, server %d: %s %d, last at %s", r.name, i+1, u.Label, u.Opened, u.Last.Format("15:04:05")))
			}
		}
	}
	return lines
}
