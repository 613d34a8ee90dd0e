package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// minutes writes a duration of the drill.
func minutes(d time.Duration) string {
	sign := ""
	if d = d.Round(time.Second); d < 0 {
		d, sign = -d, "-"
	}
	return fmt.Sprintf("%s%d:%02d", sign, d/time.Minute, d%time.Minute/time.Second)
}

// table writes the keys, one a line, and the totals.
func (d *drill) table(out io.Writer) {
	p, begun := &d.plan, sealing(d.ledger.all(), d.slowest(d.ended))
	fmt.Fprintf(out, "variant %s: %d servers, clocks %v apart, %d sessions of %v, %g times real time (%v)\n",
		p.variant, p.servers, p.skew, p.sessions, p.lifetime, p.rate, d.ended.Sub(d.clock.base).Round(time.Second))
	fmt.Fprintf(out, "a key every %v, announced %v ahead, opening for %v after; servers look every %v (%v of the drill)%s\n\n",
		p.every, p.propagation, p.retain(), p.poll, time.Duration(float64(p.poll)*p.rate), map[bool]string{true: ", and not again for unknown keys"}[p.noReread])

	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "rotation\tkey\tannounced\tseals from\tretires\tknown after\tsealed\topened\trefused\tlost\t")
	for i, k := range d.ledger.all() {
		retires := d.stamp(k.retire)
		if !k.revoked.IsZero() {
			retires = "revoked " + d.stamp(k.revoked)
		}
		number := ""
		if i <= begun {
			number = fmt.Sprint(i)
		}
		fmt.Fprintf(w, "%s\t%v\t%s\t%s\t%s\t%.1f s\t%d\t%d\t%d\t%d\t\n", number, k.id, d.stamp(k.created), d.stamp(k.activate), retires,
			d.pickup(&k).Seconds(), k.sealed, k.opened, k.refused, k.lost)
	}
	w.Flush()
	fmt.Fprintf(out, `
announced, seals from, retires: minutes of the drill since its beginning, by the clock of whoever made the key.
known after: real time from the file to the slowest server that ran. refused: cookies presented after their end.

`)
	d.totals(out)
}

func (d *drill) totals(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	var worst time.Duration
	for _, s := range d.servers {
		worst = max(worst, s.looks.worst)
	}
	line("servers killed", "%d times", d.kills.Load())
	line("longest pause between two looks", "%.2f s, where %.2f s are left for it by propagation and skew", worst.Seconds(), max(0, d.clock.lasts(d.plan.slack()).Seconds()))
	line("requests answered", "%d, of them %d at the next server because one was down; %d answers did not come", d.requests, d.retried, d.noReply)
	line("sessions", "%d begun, %d logged in anew, %d ended before their client came back; %s", d.sessions, d.renewed, d.unasked, d.alive())
	line("sessions kept", "%d times; %d answers prove nothing, the session ended meanwhile", d.kept, d.either)
	var ages []string
	for n, times := range d.byAge {
		ages = append(ages, fmt.Sprintf("%d: %d", n, times))
	}
	line("by keys that sealed since theirs", "%s", strings.Join(ages, ", "))
	var reasons []string
	for _, r := range slices.Sorted(maps.Keys(d.refused)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", r, d.refused[r]))
	}
	line("refused after their end", "%s", cmp.Or(strings.Join(reasons, ", "), "none"))
	if r := d.revocation.Load(); r != nil {
		line("revoked key "+r.key.String(), "%d cookies sealed with it and %d with another since, each refused by every server: %d refusals, from %.2f s after on; %d other sessions went on",
			r.sealed, r.since, r.refused, r.spread.Seconds(), r.stood)
	}
	line("LOST", "%d", d.lost)
	line("WRONGLY ACCEPTED", "%d", d.wrong)
	w.Flush()
	for _, text := range d.examples {
		fmt.Fprintln(out, "  "+text)
	}
	for _, s := range d.servers {
		for _, text := range append(slices.Compact(s.looks.faults), s.said.String()) {
			if text != "" {
				fmt.Fprintf(out, "  server %d reported: %s\n", s.number, text)
			}
		}
	}
}

// alive says how many sessions were alive, from when on all clients had come.
func (d *drill) alive() string {
	settled := int(2 * arrivals / watching)
	if len(d.live) <= settled {
		return "the drill was too short to count those alive"
	}
	live := slices.Sorted(slices.Values(d.live[settled:]))
	return fmt.Sprintf("%d alive in the median, %d at least", live[len(live)/2], live[0])
}
