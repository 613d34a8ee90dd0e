package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// outcome is what keys simulate prints.
type outcome struct {
	Terms    terms     `json:"terms"`
	Begin    time.Time `json:"begin"`
	End      time.Time `json:"end"`
	Keys     []life    `json:"keys"`
	MostKeys int       `json:"most_keys"` // secrets at the same time
	MostIDs  int       `json:"most_ids"`  // with the IDs of keys that are gone
	Lineage  lineage   `json:"lineage"`
	// Usual is a server that reads its keys one poll after the others, Late one that gets them by the deploy's delay later still.
	Usual lag  `json:"usual"`
	Late  lag  `json:"late"`
	Lost  lost `json:"lost"`
	// Slack is how late a server may get its keys without harm, clocks that differ by 2 minutes included.
	Slack durationFlag `json:"slack"`
}

// lost is a server that is cut off from its keys for good.
type lost struct {
	// AtWorst is how long after that it first refuses a session, or has one refused, if it happens just before a key
	// is announced; AtBest if just after. Empty: not within the simulation.
	AtWorst string `json:"at_worst,omitempty"`
	AtBest  string `json:"at_best,omitempty"`
}

// run simulates from begin on.
func (t terms) run(begin time.Time) (o outcome, err error) {
	s := simulate(t.policy(), begin, begin.Add(time.Duration(t.Over)))
	lifetime, poll := time.Duration(t.Lifetime), time.Duration(t.Poll)
	o = outcome{
		Terms: t, Begin: s.begin, End: s.end, Keys: s.lives, MostKeys: s.mostKeys, MostIDs: s.mostIDs,
		Slack: t.Propagation - t.Poll - durationFlag(skew),
	}
	if o.Lineage, err = s.longestLineage(lifetime); err != nil {
		return o, err
	}
	if o.Usual, err = s.compare(poll, time.Time{}, lifetime); err != nil {
		return o, err
	}
	if o.Late, err = s.compare(poll+time.Duration(t.LateDeploy), time.Time{}, lifetime); err != nil {
		return o, err
	}
	middle := s.lives[len(s.lives)/2].Announced
	if o.Lost.AtWorst, err = s.untilLoss(poll, middle, lifetime); err != nil {
		return o, err
	}
	o.Lost.AtBest, err = s.untilLoss(poll, middle.Add(time.Second), lifetime)
	return o, err
}

// untilLoss is how long after being cut off a server refuses a session, or has one refused; empty if it does not.
func (s *simulation) untilLoss(poll time.Duration, cut time.Time, lifetime time.Duration) (string, error) {
	l, err := s.compare(poll, cut, lifetime)
	if err != nil {
		return "", err
	}
	var first time.Time
	for _, r := range append(l.Refused, l.Unread...) {
		if first.IsZero() || r.From.Before(first) {
			first = r.From
		}
	}
	if first.IsZero() {
		return "", nil
	}
	return formatDuration(first.Sub(cut).Round(time.Minute)), nil
}

// harmful reports whether a session would be refused by the servers that were asked about.
func (o outcome) harmful() bool {
	return len(o.Usual.Refused)+len(o.Usual.Unread)+len(o.Late.Refused)+len(o.Late.Unread) > 0
}

func (o outcome) write(w io.Writer) {
	t := o.Terms
	fmt.Fprintf(w, "A new key every %s, announced %s before it seals; sessions of up to %s.\n", t.Every.String(), t.Propagation.String(), t.Lifetime.String())
	fmt.Fprintf(w, "Times are counted from the beginning.\n\n")
	show := func(at time.Time) string {
		if at.IsZero() {
			return "-"
		}
		return formatDuration(at.Sub(o.Begin))
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KEY\tANNOUNCED\tSEALS\tSEALS UNTIL\tSAFE TO DROP\tRETIRES\tERASED\tFORGOTTEN")
	for _, k := range o.Keys {
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Number, show(k.Announced), show(k.Seals), show(k.SealsTo), show(k.Unneeded), show(k.Retires), show(k.Erased), show(k.Forgotten))
	}
	_ = tw.Flush() // what it writes to takes everything
	fmt.Fprintln(w)
	fmt.Fprintf(w, "At most %d secrets at the same time, and %d entries with the IDs of keys that are gone.\n", o.MostKeys, o.MostIDs)
	if o.Lineage.Keys == 0 {
		fmt.Fprintln(w, "No session lives through a rotation.")
	} else {
		fmt.Fprintf(w, "A session is sealed anew with up to %d further keys; its lineage takes %d bytes of the cookie.\n", o.Lineage.Keys, o.Lineage.CookieBytes)
	}
	fmt.Fprintln(w)
	o.Usual.write(w, fmt.Sprintf("A server that looks every %s", t.Poll.String()), show)
	if t.LateDeploy > 0 {
		o.Late.write(w, fmt.Sprintf("A server whose keys come %s late", t.LateDeploy.String()), show)
	}
	o.Lost.write(w)
	fmt.Fprintf(w, "Keys may come up to %s late without harm, with clocks that differ by 2m.\n", o.Slack.String())
}

func (l lag) write(w io.Writer, who string, show func(time.Time) string) {
	var longest time.Duration
	for _, s := range l.Lacked {
		longest = max(longest, s.To.Sub(s.From))
	}
	fmt.Fprintf(w, "%s lacks %d keys for up to %s each", who, len(l.Lacked), formatDuration(longest))
	if len(l.Refused)+len(l.Unread) == 0 {
		fmt.Fprintln(w, ", before they seal. It refuses no session.")
		return
	}
	fmt.Fprintln(w, ".")
	refusals(w, "  It refuses the others' sessions of key", l.Refused, show)
	refusals(w, "  The others refuse its sessions of key", l.Unread, show)
}

// refusals writes the first stretch and how many more there are.
func refusals(w io.Writer, what string, found []stretch, show func(time.Time) string) {
	if len(found) == 0 {
		return
	}
	first := found[0]
	fmt.Fprintf(w, "%s %d for %s, from %s to %s", what, first.Key, formatDuration(first.To.Sub(first.From)), show(first.From), show(first.To))
	if n := len(found) - 1; n > 0 {
		fmt.Fprintf(w, ", and so with %d more", n)
	}
	fmt.Fprintln(w, ".")
}

func (l lost) write(w io.Writer) {
	switch {
	case l.AtWorst == "":
		fmt.Fprintln(w, "A server that is cut off for good refuses no session within this time.")
	case l.AtBest == "":
		fmt.Fprintf(w, "A server that is cut off for good refuses the first session after %s at the earliest.\n", l.AtWorst)
	default:
		fmt.Fprintf(w, "A server that is cut off for good refuses the first session after %s to %s.\n", l.AtWorst, l.AtBest)
	}
}
