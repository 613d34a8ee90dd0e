package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
)

// The measures of the picture, in its own units.
const (
	svgWidth  = 960
	svgLeft   = 92 // of the lanes
	svgRight  = 24
	svgTop    = 64
	svgLane   = 30
	svgBar    = 16
	svgBottom = 76
)

var phaseClasses = map[hardtack.KeyState]string{
	hardtack.KeyAnnounced: "announced",
	hardtack.KeySealing:   "sealing",
	hardtack.KeyRetiring:  "retiring",
	hardtack.KeyRevoked:   "revoked",
}

// svgStyle has colours for both kinds of background, and borders and patterns of lines besides, for those who do not see colours.
const svgStyle = `
    svg { --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --page: #ffffff; --announced: #ddf4ff; --sealing: #1a7f37; --retiring: #bf8700; --revoked: #cf222e }
    @media (prefers-color-scheme: dark) {
      svg { --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d; --page: #0d1117; --announced: #0c2d6b; --sealing: #3fb950; --retiring: #d29922; --revoked: #f85149 }
    }
    .page { fill: var(--page) }
    text { fill: var(--ink); font: 13px ui-sans-serif, system-ui, sans-serif }
    .id { font-family: ui-monospace, monospace }
    .soft { fill: var(--soft); font-size: 12px }
    .grid { stroke: var(--line) }
    .now { stroke: var(--ink); stroke-dasharray: 4 3 }
    .announced { fill: var(--announced); stroke: var(--soft); stroke-dasharray: 3 2 }
    .sealing { fill: var(--sealing) }
    .retiring { fill: var(--retiring); fill-opacity: .55; stroke: var(--retiring) }
    .revoked { fill: none; stroke: var(--revoked); stroke-dasharray: 2 2 }
    .cross { stroke: var(--revoked); stroke-width: 2.5; fill: none }
`

// writeSVG draws the timeline as a picture that needs nothing but itself.
func (t timeline) writeSVG(w io.Writer) error {
	var b strings.Builder
	height := svgTop + len(t.lanes)*svgLane + svgBottom
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="keys-title keys-desc">`+"\n", svgWidth, height)
	element(&b, "title", `id="keys-title"`, "Keys at "+absolute(t.at))
	element(&b, "desc", `id="keys-desc"`, t.describe())
	fmt.Fprintf(&b, "  <style>%s  </style>\n", svgStyle)
	fmt.Fprintf(&b, `  <rect class="page" width="%d" height="%d"/>`+"\n", svgWidth, height)
	element(&b, "text", `x="16" y="26"`, "Keys at "+absolute(t.at))
	bottom := svgTop + len(t.lanes)*svgLane
	t.writeGrid(&b, bottom)
	for i, lane := range t.lanes {
		t.writeLane(&b, lane, svgTop+i*svgLane)
	}
	x := t.x(t.at)
	fmt.Fprintf(&b, `  <line class="now" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", x, svgTop-8, x, bottom+4)
	element(&b, "text", fmt.Sprintf(`x="%.1f" y="%d" text-anchor="middle"`, min(max(x, svgLeft), svgWidth-svgRight-12), svgTop-14), "now")
	writeLegend(&b, bottom+52)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t timeline) x(at time.Time) float64 {
	return svgLeft + t.fraction(at)*(svgWidth-svgLeft-svgRight)
}

// writeGrid draws the dates.
func (t timeline) writeGrid(b *strings.Builder, bottom int) {
	const ticks = 6
	span := t.to.Sub(t.from)
	layout := "2006-01-02"
	if span < ticks*day {
		layout = "01-02 15:04 UTC"
	}
	if span < ticks*time.Minute {
		layout = "15:04:05 UTC"
	}
	for i := range ticks + 1 {
		at := t.from.Add(span / ticks * time.Duration(i))
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case ticks:
			anchor = "end"
		}
		fmt.Fprintf(b, `  <line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", t.x(at), svgTop-4, t.x(at), bottom)
		element(b, "text", fmt.Sprintf(`class="soft" x="%.1f" y="%d" text-anchor="%s"`, t.x(at), bottom+20, anchor), at.UTC().Format(layout))
	}
}

func (t timeline) writeLane(b *strings.Builder, l lane, y int) {
	bar := y + (svgLane-svgBar)/2
	b.WriteString("  <g>\n")
	element(b, "title", "", l.key.describe())
	element(b, "text", fmt.Sprintf(`class="id" x="16" y="%d"`, bar+svgBar-3), l.key.ID.String())
	for _, s := range l.segments {
		from, to := t.x(s.from), t.x(s.to)
		fmt.Fprintf(b, `    <rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", phaseClasses[s.phase], from, bar, max(to-from, 1), svgBar)
		if s.phase == hardtack.KeyRevoked {
			const arm = 5
			middle := float64(bar + svgBar/2)
			fmt.Fprintf(b, `    <path class="cross" d="M%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1f"/>`+"\n",
				to-arm, middle-arm, to+arm, middle+arm, to-arm, middle+arm, to+arm, middle-arm)
		}
	}
	b.WriteString("  </g>\n")
}

func writeLegend(b *strings.Builder, y int) {
	x := svgLeft
	for _, entry := range []struct {
		phase hardtack.KeyState
		text  string
	}{
		{hardtack.KeyAnnounced, "announced: opens, will seal"},
		{hardtack.KeySealing, "seals and opens"},
		{hardtack.KeyRetiring, "only opens"},
		{hardtack.KeyRevoked, "until it was revoked"},
	} {
		fmt.Fprintf(b, `  <rect class="%s" x="%d" y="%d" width="22" height="12"/>`+"\n", phaseClasses[entry.phase], x, y-11)
		element(b, "text", fmt.Sprintf(`class="soft" x="%d" y="%d"`, x+28, y), entry.text)
		x += 28 + 7*len(entry.text) + 24
	}
}

// describe says the timeline in words, for those who do not see it.
func (t timeline) describe() string {
	lines := make([]string, 0, len(t.lanes))
	for _, l := range t.lanes {
		lines = append(lines, l.key.describe())
	}
	return strings.Join(lines, " ")
}

// describe says what is known of the key in a sentence.
func (k listedKey) describe() string {
	text := fmt.Sprintf("Key %s: %s", k.ID, k.State)
	for _, part := range []struct {
		words string
		at    time.Time
	}{
		{"created", k.Created}, {"seals from", k.Activate}, {"seals until", k.SealsUntil}, {"retires", k.Retire}, {"revoked", k.Revoked},
	} {
		if !part.at.IsZero() {
			text += ", " + part.words + " " + absolute(part.at)
		}
	}
	return text + "."
}

// element writes an element with text in it.
func element(b *strings.Builder, name, attributes, text string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	fmt.Fprintf(b, "  <%s%s>", name, attributes)
	_ = xml.EscapeText(b, []byte(text)) // a Builder takes everything
	fmt.Fprintf(b, "</%s>\n", name)
}
