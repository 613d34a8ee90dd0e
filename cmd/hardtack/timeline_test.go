package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// odd are files with keys whose times are extreme.
func odd(t *testing.T) map[string]string {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var many []entry
	for i := range byte(60) {
		at := noon.Add(time.Duration(random.Int64N(int64(2*year))) - year)
		e := entry{seed: i + 1, created: at.Add(-time.Duration(random.Int64N(int64(week)))), activate: at}
		switch random.IntN(4) {
		case 0:
			e.retire = at.Add(1 + time.Duration(random.Int64N(int64(year))))
		case 1:
			e.revoked = at
		}
		many = append(many, e)
	}
	many = append(many, entry{seed: 200})
	return map[string]string{
		"one without times":       writeKeys(t, 0, entry{seed: 1}),
		"from a variable":         writeKeys(t, day, entry{seed: 1, activate: time.Unix(2, 0)}, entry{seed: 2, activate: time.Unix(1, 0)}),
		"made just now":           writeKeys(t, day, entry{seed: 1, created: noon, activate: noon}),
		"in the year 8999":        writeKeys(t, day, entry{seed: 1, activate: time.Date(8999, 1, 1, 0, 0, 0, 0, time.UTC)}, entry{seed: 2, retire: time.Date(8999, 1, 2, 0, 0, 0, 0, time.UTC)}),
		"retired, goes on":        writeKeys(t, day, entry{seed: 1, activate: noon.Add(-2 * day), retire: noon.Add(-day)}),
		"seals before its time":   writeKeys(t, day, entry{seed: 1, created: noon, activate: noon.Add(day)}),
		"revoked, never there":    writeKeys(t, day, entry{seed: 1}, entry{seed: 2, revoked: noon.Add(-time.Hour)}),
		"retires before it seals": writeKeys(t, day, entry{seed: 1, activate: noon.Add(time.Hour)}, entry{seed: 2, activate: noon.Add(-day), retire: noon.Add(-time.Hour)}),
		"many":                    writeKeys(t, day, many...),
		"one of each":             oneOfEach(t),
	}
}

func TestListFitsATerminal(t *testing.T) {
	for name, file := range odd(t) {
		t.Run(name, func(t *testing.T) {
			for _, at := range []string{"+0s", "+3d", "-3d", "+20y", "0001-01-02T00:00:00Z", "8999-01-01T00:00:00Z"} {
				r := run(t, "keys", "list", "--at", at, "--file", file)
				require.Zero(t, r.status, r.err)
				for line := range strings.Lines(r.out) {
					assert.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), textWidth, line)
					for _, c := range line {
						assert.Less(t, c, rune(0x7f), line)
					}
				}
			}
		})
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	for name, file := range odd(t) {
		t.Run(name, func(t *testing.T) {
			for _, at := range []string{"+0s", "+3d", "-30y"} {
				picture := filepath.Join(t.TempDir(), "keys.svg")
				r := run(t, "keys", "list", "--at", at, "--svg", picture, "--file", file)
				require.Zero(t, r.status, r.err)
				data, err := os.ReadFile(picture)
				require.NoError(t, err)
				elements := parseSVG(t, string(data))
				assert.Equal(t, 1, elements["svg"])
				assert.GreaterOrEqual(t, elements["title"], 2)
				assert.Equal(t, 1, elements["desc"])
				assert.Zero(t, elements["script"]+elements["image"]+elements["foreignObject"]+elements["a"])
				assert.NotContains(t, string(data), "NaN")
				assert.NotContains(t, string(data), "Inf")
				assert.Contains(t, string(data), `viewBox="0 0 960 `)
				assert.Contains(t, string(data), "prefers-color-scheme: dark")
				for _, k := range readKeys(t, file).Keys {
					assert.Contains(t, string(data), ">"+k.ID().String()+"</text>")
				}
			}
		})
	}
}

// parseSVG reads a whole document and counts its elements. Every width must be a positive number.
func parseSVG(t *testing.T, text string) map[string]int {
	t.Helper()
	elements := make(map[string]int)
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
			for _, a := range e.Attr {
				assert.False(t, strings.HasPrefix(a.Name.Local, "on"), a.Name.Local)
				if a.Name.Local == "width" {
					assert.NotContains(t, a.Value, "-")
				}
			}
		}
	}
}

func TestSVGEscapesText(t *testing.T) {
	var b strings.Builder
	element(&b, "text", "", `<script>&"'`+"\x00")
	assert.Equal(t, "  <text>&lt;script&gt;&amp;&#34;&#39;\uFFFD</text>\n", b.String())
}

// The phases of a key follow each other without gap or overlap, within the picture.
func TestSegments(t *testing.T) {
	for name, file := range odd(t) {
		line := newTimeline(list(readKeys(t, file), noon))
		assert.True(t, line.from.Before(line.to), name)
		for _, lane := range line.lanes {
			for i, s := range lane.segments {
				assert.True(t, s.from.Before(s.to), name)
				assert.False(t, s.from.Before(line.from) || s.to.After(line.to), name)
				if i > 0 {
					assert.Equal(t, lane.segments[i-1].to, s.from, name)
				}
			}
			if lane.key.State == hardtack.KeySealing {
				assert.True(t, covers(lane.segments, noon, hardtack.KeySealing), "%s: %v", name, lane.segments)
			}
		}
	}
}

func covers(segments []segment, at time.Time, phase hardtack.KeyState) bool {
	for _, s := range segments {
		if s.phase == phase && !at.Before(s.from) && !at.After(s.to) {
			return true
		}
	}
	return false
}
