package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "0d": 0, "30d": 30 * day, "2w": 14 * day, "1y": 365 * day, "1y2w3d4h5m6s": year + 2*week + 3*day + 4*time.Hour + 5*time.Minute + 6*time.Second,
		"24h": day, "1.5h": 90 * time.Minute, "10ms": 10 * time.Millisecond, "1d12h": 36 * time.Hour, "292y": 292 * year,
	} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", " ", "d", "30", "-1h", "-30d", "1.5d", "1d2y", "3d3d", "1w-1d", "300y", "292y365d", "99999999999d", "1D", "1 d", "1d ", "30dd", "+1d", "0x1d"} {
		_, err := parseDuration(text)
		assert.ErrorIs(t, err, errDuration, text)
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "30d": 30 * day, "1d2m": day + 2*time.Minute, "1d": day, "23h58m10s": day - 110*time.Second, "1.5s": 1500 * time.Millisecond,
		"365d": year, "-2h": -2 * time.Hour, "250ms": 250 * time.Millisecond,
	} {
		assert.Equal(t, want, formatDuration(d))
	}
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"30d", "1y2w3d4h5m6s", "1.5h", "292y", "-1h", "1d2m0.5s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDuration(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, d, time.Duration(0))
		again, err := parseDuration(formatDuration(d))
		require.NoError(t, err, formatDuration(d))
		require.Equal(t, d, again)
	})
}

func TestRelative(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"now": 0, "in 9m": 9*time.Minute + 30*time.Second, "3d ago": -3*day - time.Hour, "in 119s": 119 * time.Second, "in 2m": 2 * time.Minute,
		"47h ago": -47 * time.Hour, "in 2y": 2 * year, "in 729d": 2*year - time.Second, "1s ago": -time.Second,
	} {
		assert.Equal(t, want, relative(noon.Add(d), noon))
	}
	assert.Equal(t, "-", relative(time.Time{}, noon))
	assert.Equal(t, "always", relative(time.Unix(2, 0), noon))
	assert.Equal(t, "now", relative(noon.Add(999*time.Millisecond), noon))
}

func TestAtFlag(t *testing.T) {
	for text, want := range map[string]time.Time{
		"+7d":                       noon.Add(7 * day),
		"-36h":                      noon.Add(-36 * time.Hour),
		"2030-06-01T14:00:00+02:00": noon,
	} {
		var at atFlag
		require.NoError(t, at.Set(text))
		assert.Equal(t, want, at.moment(noon))
		assert.Equal(t, text, at.String())
	}
	var at atFlag
	assert.Equal(t, noon, at.moment(noon))
	for _, text := range []string{"", "tomorrow", "2030-06-01", "+", "+-1d", "--1d", "7d"} {
		require.Error(t, at.Set(text), text)
	}
}
