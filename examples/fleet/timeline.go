package main

import (
	"bytes"
	"fmt"
	"time"
)

// Sizes of the timeline, in pixels.
const (
	svgWidth  = 960
	svgLeft   = 96 // where the time axis begins
	svgRight  = 12
	svgRow    = 14
	svgBar    = 9
	svgTop    = 58
	svgGap    = 16 // between the servers and the keys
	svgFooter = 26
)

const svgStyle = `
text{font:10px ui-sans-serif,system-ui,sans-serif;fill:#24292f}
.t{font-size:13px;font-weight:600}.r{text-anchor:end}.m{text-anchor:middle}.k{font-family:ui-monospace,monospace}
.g{stroke:#d0d7de;stroke-width:1}
.u{fill:#57606a}.a{fill:#9ec5f4}.s{fill:#0a63c2}.o{fill:#b9c0c8}.x{fill:#cf222e}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.g{stroke:#30363d}.u{fill:#8b949e}.a{fill:#2c5482}.s{fill:#58a6ff}.o{fill:#484f58}.x{fill:#ff7b72}}
`

// drawing is an SVG in the making.
type drawing struct {
	bytes.Buffer
	from, to time.Time // of the time axis, in drill time
	y        int
}

func (g *drawing) add(format string, args ...any) { fmt.Fprintf(g, format+"\n", args...) }

// x is where on the axis a time lies, or its end that is nearer.
func (g *drawing) x(t time.Time) float64 {
	part := float64(t.Sub(g.from)) / float64(g.to.Sub(g.from))
	return svgLeft + min(max(part, 0), 1)*(svgWidth-svgLeft-svgRight)
}

// bar draws a time span in the present row; a zero to means until the end.
func (g *drawing) bar(class string, from, to time.Time) {
	if to.IsZero() {
		to = g.to
	}
	if left, right := g.x(from), g.x(to); right > left {
		g.add(`<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`, class, left, g.y, right-left, svgBar)
	}
}

func (g *drawing) text(class string, x float64, y int, text string) {
	g.add(`<text class="%s" x="%.1f" y="%d">%s</text>`, class, x, y, text)
}

// timeline draws when servers ran and what keys did, as SVG. It is for when the drill has ended.
func (d *drill) timeline() []byte {
	keys := d.ledger.all()
	g := &drawing{from: d.clock.base, to: d.clock.at(d.ended), y: svgTop}
	height := svgTop + svgRow*(len(d.servers)+len(keys)) + svgGap + svgFooter
	g.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="t">`, svgWidth, height, svgWidth, height)
	g.add(`<style>%s</style>`, svgStyle)
	title := fmt.Sprintf("%d rotations under %d sessions on %d servers: %d lost, %d wrongly accepted", sealing(keys, d.slowest(d.ended)), d.plan.sessions, len(d.servers), d.lost, d.wrong)
	g.add(`<title id="t">%s</title>`, title)
	g.text("t", 12, 20, title)
	g.legend()
	g.axis(svgTop + svgRow*(len(d.servers)+len(keys)) + svgGap)
	for _, s := range d.servers {
		g.text("r", svgLeft-8, g.y+svgBar, fmt.Sprintf("server %d, %+gs", s.number, s.offset.Seconds()))
		for _, up := range s.ups {
			to := time.Time{}
			if !up.to.IsZero() {
				to = d.clock.at(up.to)
			}
			g.bar("u", d.clock.at(up.from), to)
		}
		g.marks(d, s)
		g.y += svgRow
	}
	g.y += svgGap
	for i, k := range keys {
		g.text("r k", svgLeft-8, g.y+svgBar, k.id.String())
		g.key(keys, i, k)
		g.y += svgRow
	}
	g.add(`</svg>`)
	return g.Bytes()
}

// key draws the bands of a key.
func (g *drawing) key(keys []life, i int, k life) {
	end := func(t time.Time) time.Time { // nothing goes on after a revocation
		if !k.revoked.IsZero() && (t.IsZero() || k.revoked.Before(t)) {
			return k.revoked
		}
		return t
	}
	var successor time.Time
	for _, other := range keys[i+1:] {
		if successor.IsZero() || other.activate.Before(successor) {
			successor = other.activate
		}
	}
	g.bar("a", k.created, end(k.activate))
	g.bar("s", k.activate, end(successor))
	if !successor.IsZero() {
		g.bar("o", successor, end(k.retire))
	}
	if !k.revoked.IsZero() {
		x, y := g.x(k.revoked), g.y
		g.add(`<path class="x" d="M%.1f %dl7 4.5l-7 4.5z"><title>revoked</title></path>`, x, y)
	}
}

// marks draws what went wrong at a server, at most one mark a pixel.
func (g *drawing) marks(d *drill, s *server) {
	drawn := make(map[int]bool)
	for _, m := range d.tally.marks {
		x := int(g.x(d.clock.at(m.at)))
		if m.server == s.number && !drawn[x] {
			drawn[x] = true
			g.add(`<rect class="x" x="%d" y="%d" width="1" height="%d"/>`, x, g.y-2, svgBar+4)
		}
	}
}

func (g *drawing) legend() {
	x := 12.0
	for _, entry := range []struct{ class, text string }{
		{"u", "server up"}, {"a", "key announced"}, {"s", "key seals"}, {"o", "key only opens"}, {"x", "lost, wrongly accepted, or key revoked"},
	} {
		g.add(`<rect class="%s" x="%.0f" y="33" width="10" height="%d"/>`, entry.class, x, svgBar)
		g.text("", x+14, 41, entry.text)
		x += 40 + 5.2*float64(len(entry.text))
	}
}

// axis draws a line for every so many minutes of the drill.
func (g *drawing) axis(bottom int) {
	step := time.Minute
	for _, s := range []time.Duration{2, 5, 10, 20, 30, 60, 120, 240, 480} {
		if g.to.Sub(g.from)/step > 12 {
			step = s * time.Minute
		}
	}
	for at := time.Duration(0); !g.from.Add(at).After(g.to); at += step {
		x := g.x(g.from.Add(at))
		g.add(`<path class="g" d="M%.1f %dV%d"/>`, x, svgTop-4, bottom)
		g.text("m", x, bottom+12, fmt.Sprintf("%g min", at.Minutes()))
	}
}
