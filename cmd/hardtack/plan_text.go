package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shownFields is how many fields of a level the text lists.
const shownFields = 12

// write writes the report as Markdown, aligned so that a terminal shows it well too.
func (r *planReport) write(w io.Writer) {
	a := &r.Assumptions
	fmt.Fprintf(w, "# Sessions: %s\n\n", plural(r.Samples.Count, "sample", "samples"))
	fmt.Fprintf(w, "**Advice.** %s\n\n", r.Advice.Sentence)
	for _, text := range r.Advice.Warnings {
		fmt.Fprintf(w, "- %s\n", text)
	}
	if len(r.Advice.Warnings) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "Assumed: %s users with a session each, of %s; %s requests per second, of which %s save the session; %s of the sessions end by a logout; "+
		"a subject of %d bytes; the cookie %s, and no other.\n\n", countText(a.Users), a.Lifetime.String(), numberText(a.RequestsPerSecond), shareText(a.Writes), shareText(a.Logouts), a.SubjectBytes, code(a.CookieName))
	r.writeCookies(w)
	r.writeFields(w)
	r.writeModes(w)
	if r.Latency != nil {
		r.writeLatency(w)
	}
	r.writeMeaning(w)
}

func (r *planReport) writeCookies(w io.Writer) {
	a := &r.Assumptions
	fmt.Fprintf(w, "## Cookies\n\nBytes of name and value. The data alone is %s bytes of CBOR on average, %s of JSON.\n\n", numberText(r.Samples.CBOR.Mean), numberText(r.Samples.JSON.Mean))
	t := table{{"", "median", "mean", "p95", "max", "left of " + countText(a.Budget), "left of " + countText(a.Max), "over " + countText(a.Budget), "over " + countText(a.Max)}}
	for _, f := range r.Formats {
		t = append(t, []string{f.Title, countText(f.Cookie.Median), numberText(f.Cookie.Mean), countText(f.Cookie.P95), countText(f.Cookie.Max),
			signedText(f.HeadRoomBudget), signedText(f.HeadRoomMax), shareText(f.OverBudgetShare), shareText(f.OverMaxShare)})
	}
	t.write(w)
	fmt.Fprintln(w, "Sealed cookies are encrypted. Everybody who sees a signed one can read it, and only stateless sessions can be signed.\n"+
		"Compression lets the length tell what is inside; padding blurs lengths, and costs what its rows have more.")
	fmt.Fprintln(w)
}

func (r *planReport) writeFields(w io.Writer) {
	fmt.Fprint(w, "## Fields\n\nBytes of name and value in CBOR, the mean over all samples.\n\n")
	t := table{{"", "samples", "mean", "max", "share"}}
	var add func(fields []planField)
	add = func(fields []planField) {
		rest := planField{}
		for i, f := range fields {
			if i >= shownFields {
				rest.Mean, rest.Share = rest.Mean+f.Mean, rest.Share+f.Share
				continue
			}
			t = append(t, []string{code(f.Name), countText(f.Samples), numberText(f.Mean), countText(f.Max), shareText(f.Share)})
			add(f.Children)
		}
		if more := len(fields) - shownFields; more > 0 {
			t = append(t, []string{fmt.Sprintf("%d more", more), "", numberText(rest.Mean), "", shareText(rest.Share)})
		}
	}
	add(r.Fields)
	t.write(w)
}

func (r *planReport) writeModes(w io.Writer) {
	fmt.Fprint(w, "## Modes\n\nWith sealed CBOR, without compression. The third is another library's.\n\n")
	head := []string{""}
	for _, m := range r.Modes {
		head = append(head, m.Title)
	}
	t := table{head}
	row := func(name string, value func(m planMode) string) {
		cells := []string{name}
		for _, m := range r.Modes {
			cells = append(cells, value(m))
		}
		t = append(t, cells)
	}
	row("samples that can be saved", func(m planMode) string { return shareText(m.Saved) })
	row("samples in the store", func(m planMode) string { return shareText(m.Stored) })
	row("mean cookie, bytes", func(m planMode) string { return m.carried(numberText(m.CookieMean)) })
	row("up, Cookie headers", func(m planMode) string { return m.carried(perSecond(m.Up)) })
	row("down, Set-Cookie headers", func(m planMode) string { return m.carried(perSecond(m.Down)) })
	row("store: reads per second", func(m planMode) string { return numberText(m.Store.Reads) })
	row("store: writes per second", func(m planMode) string { return numberText(m.Store.Writes) })
	row("store: logouts per second", func(m planMode) string { return numberText(m.Store.Ends) })
	row("store: index calls per second", func(m planMode) string { return numberText(m.Store.Index) })
	row("store: mean record, bytes", func(m planMode) string { return numberText(m.Store.RecordMean) })
	row("store: memory", func(m planMode) string { return sizeText(m.Store.Bytes) })
	row("round trips to read, mean", func(m planMode) string { return tripsText(m.ReadTrips, m.ReadTripsMost) })
	row("round trips to save, mean", func(m planMode) string { return tripsText(m.WriteTrips, m.WriteTripsMost) })
	row("round trips to log in, at most", func(m planMode) string { return strconv.Itoa(m.LoginTripsMost) })
	row("round trips to log out, at most", func(m planMode) string { return strconv.Itoa(m.LogoutTripsMost) })
	if l := r.Latency; l != nil {
		row("time to read, on average", func(m planMode) string { return addedText(l.toRead(m)) })
		row("time to save, on average", func(m planMode) string { return addedText(l.toSave(m)) })
	}
	t.write(w)
}

func (r *planReport) writeLatency(w io.Writer) {
	l := r.Latency
	fmt.Fprintf(w, "## Latency\n\n%s from this machine, one client, records of %s bytes.\n\n", code(l.Target), countText(l.RecordBytes))
	t := table{{"", "calls", "median", "p95", "p99"}}
	for _, o := range l.operations() {
		t = append(t, []string{o.Name, countText(o.Timing.Count), microsText(o.Timing.P50), microsText(o.Timing.P95), microsText(o.Timing.P99)})
	}
	t.write(w)
}

func (r *planReport) writeMeaning(w io.Writer) {
	fmt.Fprintln(w, "## What to expect")
	for _, m := range r.Modes {
		fmt.Fprintf(w, "\n**%s**\n\n", strings.ToUpper(m.Title[:1])+m.Title[1:])
		for _, line := range [][2]string{{"Ending", m.Revoke}, {"Replay", m.Replay}, {"Two saves at once", m.Concurrent}, {"The store is away", m.Outage}} {
			fmt.Fprintf(w, "- %s: %s\n", line[0], line[1])
		}
	}
}

// table is of Markdown: its first row is the head, its first column text, and the others are numbers.
type table [][]string

func (t table) write(w io.Writer) {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for i, row := range t {
		for j, cell := range row {
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			if j == 0 {
				fmt.Fprint(w, "| ", cell, pad, " |")
			} else {
				fmt.Fprint(w, " ", pad, cell, " |")
			}
		}
		fmt.Fprintln(w)
		if i > 0 {
			continue
		}
		fmt.Fprint(w, "|", strings.Repeat("-", widths[0]+2), "|")
		for _, width := range widths[1:] {
			fmt.Fprint(w, strings.Repeat("-", width+1), ":|")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// code is for Markdown, in a table too: what would end it is escaped.
func code(s string) string { return "`" + codeEscapes.Replace(s) + "`" }

var codeEscapes = strings.NewReplacer("`", `\x60`, "|", `\x7c`)

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return countText(n) + " " + many
}

func perSecond(bytes float64) string { return sizeText(bytes) + "/s" }
