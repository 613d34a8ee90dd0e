package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// countText is 12345 as 12,345.
func countText(n int) string { return grouped(strconv.Itoa(n)) }

// grouped puts commas into a whole number.
func grouped(text string) string {
	start := 0
	if strings.HasPrefix(text, "-") {
		start = 1
	}
	for i := len(text) - 3; i > start; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// signedText is countText with a sign that can be seen.
func signedText(n int) string {
	if n < 0 {
		return "−" + countText(-n)
	}
	return countText(n)
}

// numberText has three significant digits, or all before the point.
func numberText(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f >= 100:
		return grouped(strconv.FormatFloat(f, 'f', 0, 64))
	case f < .001:
		return "<0.001"
	}
	digits := max(2-int(math.Floor(math.Log10(f))), 0)
	text := strconv.FormatFloat(f, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// sizeText is bytes with a decimal unit.
func sizeText(bytes float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for bytes >= 999.5 && i < len(units)-1 {
		bytes /= 1000
		i++
	}
	return numberText(bytes) + " " + units[i]
}

// shareText is a share in percent. Neither none nor all is said of what is not.
func shareText(share float64) string {
	switch percent := 100 * share; {
	case percent == 0:
		return "0 %"
	case percent < .1:
		return "<0.1 %"
	case percent > 99.9 && percent < 100:
		return ">99.9 %"
	default:
		return strconv.FormatFloat(math.Round(10*percent)/10, 'f', -1, 64) + " %"
	}
}

// microsText is microseconds in the unit that suits.
func microsText(us float64) string {
	switch {
	case us < 1:
		return numberText(1000*us) + " ns"
	case us < 1000:
		return numberText(us) + " µs"
	}
	return numberText(us/1000) + " ms"
}

// addedText is what a store adds to a request, in microseconds.
func addedText(us float64) string {
	switch {
	case us == 0:
		return "0"
	case us < 0: // not known
		return "–"
	}
	return microsText(us)
}

// tripsText is how many round trips there are on average, and at most.
func tripsText(mean float64, most int) string {
	if mean == float64(most) {
		return numberText(mean)
	}
	return fmt.Sprintf("%s (at most %d)", numberText(mean), most)
}
