package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// relative says how far t is from now, in one unit: "in 9m", "3d ago", "now", "-" for the zero time.
func relative(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if t.Year() < 2000 {
		return "always" // a key without a time
	}
	d := max(t.Sub(now), -math.MaxInt64) // as long as a Duration can be, 292 years, whose negative is one too
	switch {
	case d >= time.Second:
		return "in " + oneUnit(d)
	case d <= -time.Second:
		return oneUnit(-d) + " ago"
	}
	return "now"
}

// oneUnit is d in the largest unit of which there are at least two, rounded down.
func oneUnit(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"y", year}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}} {
		if d >= 2*unit.size {
			return strconv.FormatInt(int64(d/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

// absolute is t as people read it and parse it.
func absolute(t time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Year() < 2000:
		return "always"
	}
	return t.UTC().Format(time.RFC3339)
}

// atFlag is a moment: RFC 3339, or from now on such as +7d or -36h.
type atFlag struct {
	text string
	time time.Time
	from time.Duration
}

func (a *atFlag) String() string { return a.text }
func (*atFlag) Type() string     { return "time" }

func (a *atFlag) Set(text string) error {
	parsed := atFlag{text: text}
	var err error
	switch {
	case strings.HasPrefix(text, "+"):
		parsed.from, err = parseDuration(text[1:])
	case strings.HasPrefix(text, "-"):
		parsed.from, err = parseDuration(text[1:])
		parsed.from = -parsed.from
	default:
		parsed.time, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return errors.New("neither a time such as 2030-06-01T12:00:00Z nor a duration from now such as +7d or -36h")
	}
	*a = parsed
	return nil
}

// moment is the time that is meant.
func (a *atFlag) moment(now time.Time) time.Time {
	if !a.time.IsZero() {
		return a.time.UTC()
	}
	return now.Add(a.from).UTC().Truncate(time.Millisecond)
}
