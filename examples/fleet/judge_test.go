package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func TestVerdict(t *testing.T) {
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(minute float64) time.Time { return noon.Add(time.Duration(minute * float64(time.Minute))) }
	// A session until 20, of a key that retires at 30.
	ask := func(asked, fastest float64) question {
		return question{cookie: held{expires: at(20)}, asked: at(asked), fastest: at(fastest), retire: at(30)}
	}
	with := func(q question, change func(*question)) question {
		change(&q)
		return q
	}
	revoked := func(q *question) { q.revoked = true }
	known := func(q *question) { q.revoked, q.known = true, true }
	for _, c := range []struct {
		name    string
		q       question
		refusal string
		same    bool
		want    verdict
	}{
		{"alive and accepted", ask(10, 12), "", true, kept},
		{"alive with other data", ask(10, 12), "", false, lost},
		{"alive and refused", ask(10, 12), "unknown_key", true, lost},
		{"alive, and said to have expired", ask(10, 12), "expired", true, lost},
		{"alive, key without an end", with(ask(10, 12), func(q *question) { q.retire = time.Time{} }), "", true, kept},
		{"at its end by the fastest clock, accepted", ask(18.5, 20), "", true, kept},
		{"at its end by the fastest clock, refused", ask(18.5, 20), "expired", true, either},
		{"at its end by the fastest clock, with other data", ask(18.5, 20), "", false, lost},
		{"expired and refused", ask(20, 21.5), "expired", true, refused},
		{"expired and accepted", ask(20, 21.5), "", true, wrong},
		{"retired and refused", ask(30, 31), "unknown_key", true, refused},
		{"retired and accepted", ask(30, 31), "", true, wrong},
		{"retired and opened", ask(30, 31), "expired", true, wrong},
		{"retired and accepted, the session alive", with(ask(30, 31), func(q *question) { q.cookie.expires = at(60) }), "", true, wrong},
		{"revoked meanwhile, accepted", with(ask(10, 12), revoked), "", true, kept},
		{"revoked meanwhile, refused", with(ask(10, 12), revoked), "revoked_key", true, either},
		{"revoked and refused", with(ask(10, 12), known), "revoked_key", true, refused},
		{"revoked and accepted", with(ask(10, 12), known), "", true, wrong},
		{"revoked and retired", with(ask(30, 31), known), "revoked_key", true, refused},
	} {
		assert.Equal(t, c.want, c.q.verdict(c.refusal, c.same), c.name)
	}
}

func TestHeldRemembersAllKeys(t *testing.T) {
	a, b := hardtack.KeyID{1}, hardtack.KeyID{2}
	var h held
	first := h.follow("x", a)
	second := first.follow("y", b)
	again := second.follow("z", b)
	assert.True(t, second.sealedBy(a) && second.sealedBy(b) && again.sealedBy(a))
	assert.False(t, first.sealedBy(b))
	assert.Len(t, again.lineage, 2)
	assert.Equal(t, "z", again.value)
}

func TestClock(t *testing.T) {
	c := clock{time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), 60}
	real := c.base.Add(time.Second)
	assert.Equal(t, c.base.Add(time.Minute), c.at(real))
	assert.Equal(t, real, c.real(c.at(real)))
	assert.Equal(t, 90*time.Second, time.Duration(offsets(5, 90*time.Second)[4]-offsets(5, 90*time.Second)[0]))
	assert.Equal(t, []time.Duration{-time.Second, 0, time.Second}, offsets(3, 2*time.Second))
	assert.Equal(t, "-0:43", minutes(-43*time.Second))
	assert.Equal(t, "61:05", minutes(time.Hour+65*time.Second))
}

func TestKeyOf(t *testing.T) {
	id, err := keyOf("AaCxwtPkZm9v") // 01 a0b1c2d3 e4…
	require.NoError(t, err)
	assert.Equal(t, "a0b1c2d3", id.String())
	for _, bad := range []string{"", "Aa", "not base64"} {
		_, err := keyOf(bad)
		assert.Error(t, err, bad)
	}
}

func TestBadFlags(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"-wind", []string{"-wind", "aft"}},
		{"unexpected argument", []string{"good"}},
		{"-variant", []string{"-variant", "best"}},
		{"-servers", []string{"-servers", "1"}},
		{"-sessions", []string{"-sessions", "0"}},
		{"-rotations", []string{"-rotations", "0"}},
		{"-rate", []string{"-rate", "0.5"}},
		{"set them lower", []string{"-rate", "600"}},
		{"-skew", []string{"-skew", "3m"}},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, 2, fleet(c.args, &out, &errs), c.args)
		assert.Empty(t, out.String(), c.args)
		assert.Contains(t, errs.String(), c.want, c.args)
	}
}

// A loss on a machine that starved a server of its looks says nothing about keys, and must say so.
func TestSlowMachineIsNamed(t *testing.T) {
	p, _, err := parse(nil, io.Discard)
	require.NoError(t, err)
	d := &drill{tally: &tally{lost: 1}, plan: p, clock: clock{time.Now(), p.rate}}
	d.servers = []*server{{number: 1}, {number: 2}}
	require.Len(t, d.findings(), 1)
	assert.Equal(t, "sessions lost: 1", d.findings()[0])
	d.servers[1].looks.worst = 2100 * time.Millisecond
	require.Len(t, d.findings(), 2)
	assert.Contains(t, d.findings()[0], "inconclusive: machine too slow: server 2")
	d.plan.variant = variantLate
	assert.Len(t, d.findings(), 1)
}
