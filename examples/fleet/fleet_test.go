package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writer has the drill's progress printed with the test's log.
type writer struct{ *testing.T }

func (w writer) Write(p []byte) (int, error) {
	w.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// rehearse runs a drill to its end.
func rehearse(t *testing.T, args ...string) *drill {
	t.Helper()
	if testing.Short() {
		t.Skip("a drill takes up to a minute: run it without -short")
	}
	p, _, err := parse(args, io.Discard)
	require.NoError(t, err)
	d, err := run(t.Context(), p, writer{t})
	require.NoError(t, err)
	var table bytes.Buffer
	d.table(&table)
	t.Log("\n" + table.String())
	for _, s := range d.servers {
		assert.False(t, s.up())
	}
	return d
}

func TestNothingIsLost(t *testing.T) {
	d := rehearse(t, "-short")
	assert.Empty(t, d.findings())
	assert.Zero(t, d.lost)
	assert.Zero(t, d.wrong)

	// What was not tried was not shown.
	gone := 0
	for _, k := range d.ledger.all() {
		if !k.retire.IsZero() && d.slowest(d.ended).After(k.retire) && k.refused > 0 {
			gone++
		}
	}
	assert.GreaterOrEqual(t, gone, 3, "keys that retired and whose cookies were presented then")
	assert.NotZero(t, d.refused["unknown_key"], "cookies of retired keys")
	assert.NotZero(t, d.refused["revoked_key"], "cookies of the revoked key")
	assert.Positive(t, d.kills.Load())
	require.Greater(t, len(d.byAge), 3, "keys that began to seal between the making and the use of a cookie")
	assert.NotZero(t, d.byAge[3])
	assert.Greater(t, d.kept, 4*d.plan.sessions)
	assert.GreaterOrEqual(t, sealing(d.ledger.all(), d.slowest(d.ended)), short)
	checkTimeline(t, d)
}

func TestTheDrillCanFail(t *testing.T) {
	d := rehearse(t, "-variant", variantLate, "-rotations", "3")
	assert.NotZero(t, d.lost)
	assert.Zero(t, d.wrong)
	require.NotEmpty(t, d.findings())
	assert.Contains(t, d.findings()[0], "sessions lost")
	assert.NotEmpty(t, d.marks)
	checkTimeline(t, d)
}

func checkTimeline(t *testing.T, d *drill) {
	t.Helper()
	svg := d.timeline()
	assert.Less(t, len(svg), 60_000)
	x := xml.NewDecoder(bytes.NewReader(svg))
	for {
		_, err := x.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	for _, k := range d.ledger.all() {
		assert.Contains(t, string(svg), k.id.String())
	}
	const legend = 1
	marks := strings.Count(string(svg), `<rect class="x"`) - legend
	assert.Equal(t, len(d.marks) > 0, marks > 0)
}

// interrupter ends a drill as soon as it says something.
type interrupter struct{ interrupt func() }

func (i interrupter) Write(p []byte) (int, error) {
	i.interrupt()
	return len(p), nil
}

func TestInterruptedDrillLeavesNoServers(t *testing.T) {
	p, _, err := parse([]string{"-sessions", "50"}, io.Discard)
	require.NoError(t, err)
	ctx, interrupt := context.WithCancel(t.Context())
	d, err := run(ctx, p, interrupter{interrupt})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, d.servers, p.servers)
	for _, s := range d.servers {
		require.NotNil(t, s.cmd)
		assert.NotNil(t, s.cmd.ProcessState, "server %d has ended", s.number)
	}
	assert.NoDirExists(t, d.dir)
}
