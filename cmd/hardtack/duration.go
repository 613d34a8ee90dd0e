package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
	year = 365 * day
)

// longUnits are those that a duration may have besides Go's, the longest first.
var longUnits = []struct {
	name string
	size time.Duration
}{{"y", year}, {"w", week}, {"d", day}}

var errDuration = errors.New("not a duration such as 30d, 24h or 1w2d12h30m")

// parseDuration reads what time.ParseDuration does, with d, w and y before it: days of 24 hours, weeks, and years of 365 days.
func parseDuration(text string) (time.Duration, error) {
	var total time.Duration
	rest := text
	for _, unit := range longUnits {
		number, after, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n > uint64(math.MaxInt64-total)/uint64(unit.size) {
			return 0, errDuration
		}
		total += time.Duration(n) * unit.size
		rest = after
	}
	if rest == "" && text != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-total {
		return 0, errDuration
	}
	return total + d, nil
}

// formatDuration writes d exactly, as parseDuration reads it, without units of which there are none: 30d, 1d2m, 1.5s.
func formatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + formatDuration(-d)
	}
	var b strings.Builder
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}} {
		if n := d / unit.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d %= unit.size
		}
	}
	if d > 0 || b.Len() == 0 {
		b.WriteString(d.String())
	}
	return b.String()
}

// durationFlag is a flag's value.
type durationFlag time.Duration

// String is "0" for none, which pflag does not show as a default.
func (d durationFlag) String() string {
	if d == 0 {
		return "0"
	}
	return formatDuration(time.Duration(d))
}

func (*durationFlag) Type() string { return "duration" }

func (d *durationFlag) Set(text string) error {
	v, err := parseDuration(text)
	if err == nil {
		*d = durationFlag(v)
	}
	return err
}

// MarshalText is for JSON.
func (d durationFlag) MarshalText() ([]byte, error) {
	return []byte(formatDuration(time.Duration(d))), nil
}
