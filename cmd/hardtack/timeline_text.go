package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
)

// textWidth is the width of a terminal's line.
const textWidth = 80

var phaseRunes = map[hardtack.KeyState]byte{
	hardtack.KeyAnnounced: '.',
	hardtack.KeySealing:   '=',
	hardtack.KeyRetiring:  '-',
	hardtack.KeyRevoked:   '~',
}

// writeText draws the timeline in ASCII.
func (t timeline) writeText(w io.Writer) {
	const label = 10
	const columns = textWidth - label
	column := func(at time.Time) int { return int(t.fraction(at)*(columns-1) + 0.5) }
	now := column(t.at)

	fmt.Fprintf(w, "%*s%s\n", label, "", dates(t, columns))
	fmt.Fprintf(w, "%*s%s\n", label, "", nowMark(columns, now))
	for _, lane := range t.lanes {
		line := []byte(strings.Repeat(" ", columns))
		for _, s := range lane.segments {
			from, to := column(s.from), column(s.to)
			for i := from; i < max(to, from+1); i++ {
				line[i] = phaseRunes[s.phase]
			}
			switch {
			case s.open:
				line[columns-1] = '>'
			case s.phase == hardtack.KeyRevoked:
				line[to] = 'x'
			case s.to.Equal(lane.key.Retire):
				line[to] = '|'
			}
		}
		if line[now] == ' ' {
			line[now] = ':'
		}
		fmt.Fprintf(w, "%-*s%s\n", label, lane.key.ID, strings.TrimRight(string(line), " "))
	}
	fmt.Fprintf(w, "%*s%s\n", label, "", ". announced  = seals  - only opens  | retires  x revoked  > no end")
}

// dates is a line with the timeline's beginning and end.
func dates(t timeline, columns int) string {
	layout := "2006-01-02"
	if t.to.Sub(t.from) < 4*day {
		layout = "2006-01-02 15:04 UTC"
	}
	from, to := t.from.UTC().Format(layout), t.to.UTC().Format(layout)
	return fmt.Sprintf("%-*s%s", columns-len(to), from, to)
}

// nowMark is a line that points at the present.
func nowMark(columns, now int) string {
	const right, left = "v now", "now v"
	if now+len(right) <= columns {
		return strings.Repeat(" ", now) + right
	}
	return strings.Repeat(" ", now+1-len(left)) + left
}
