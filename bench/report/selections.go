package main

import "strings"

// How often everything is measured. Many short rounds give a better median than few long ones, where other programs share the machine; six are
// the least that give an interval of 95 %.
const (
	quickRounds = 12
	fullRounds  = 6
)

// A selection is what one process measures in a round.
type selection struct {
	pkg       string // directory
	title     string
	benchtime string
	patterns  []string
	inARow    bool // all rounds at once: for what takes longer to set up than to measure
	more      int  // times in each round, beyond the first: for what a target depends on
}

// bench returns the regular expression for go test: pattern("Value", "shape=cart", "op=(open|seal)") has each part match as a whole.
func (s selection) bench() string { return strings.Join(s.patterns, "|") }

func pattern(base string, parts ...string) string {
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	return strings.Join(append([]string{"^Benchmark" + base + "$"}, parts...), "/")
}

// Those that need a server are measured in a process of their own: starting it, and talking to it, is nothing that the others should notice. No cell
// may be in both, since a figure needs each of its cells equally often.
const (
	serverless = "by=(none|hardtack-stateless|hardtack-stateless-handler|hardtack-inline|hardtack-inline-handler|hardtack-memory|" +
		"gorilla-cookie|gorilla-file|scs-memory|hardtack-sqlite|scs-sqlite)"
	withServer = "by=(hardtack-redis|hardtack-postgres|scs-redis)"
)

// quick is what the targets and the tables of other documents need.
var quick = []selection{
	{pkg: "value", title: "seal and open", benchtime: "50ms", more: 2, patterns: []string{pattern("(Seal|Open)")}},
	{pkg: "value", title: "round trips", benchtime: "40ms", more: 1, patterns: []string{
		pattern("Value", "shape=.+", "size=medium", "op=roundtrip"),
		pattern("Value", "shape=account", "size=(small|large)", "op=roundtrip"),
		pattern("Value", "shape=account", "size="+requestSize, "op=open", "by=(cbor|hardtack-cbor)"),
	}},
	{pkg: "value", title: "payloads", benchtime: "15ms", patterns: []string{pattern("Payload")}},
	{pkg: "value", title: "keys", benchtime: "25ms", patterns: []string{pattern("Keys")}},
	{pkg: "value", title: "compression", benchtime: "10ms", patterns: []string{pattern("Compress", "shape=.+", "size=medium")}},
	{pkg: "request", title: "requests", benchtime: "100ms", more: 1, patterns: []string{
		pattern("Request", "via=handler", "op=.+", "clients=1", serverless),
	}},
	{pkg: "request", title: "requests with servers", benchtime: "100ms", more: 1, patterns: []string{
		pattern("Request", "via=handler", "op=.+", "clients=1", withServer),
	}},
	{pkg: "request", title: "inline", benchtime: "40ms", more: 5, patterns: []string{pattern("Inline")}},
	{pkg: "request", title: "loopback", benchtime: "60ms", patterns: []string{
		pattern("Request", "via=loopback", "op=.+", "clients=(1|64)", serverless),
	}},
	{pkg: "request", title: "loopback with servers", benchtime: "60ms", patterns: []string{
		pattern("Request", "via=loopback", "op=.+", "clients=(1|64)", withServer),
	}},
	{pkg: "request", title: "cores", benchtime: "100ms", more: 1, patterns: []string{pattern("Cores")}},
	{pkg: "request", title: "headers", benchtime: "50ms", patterns: []string{pattern("Header")}},
	{pkg: "request", title: "live sessions", benchtime: "40ms", inARow: true, patterns: []string{
		pattern("Live", "live=(1|1000|100000)", "op=read"),
	}},
}

// full is the whole matrix.
var full = []selection{
	{pkg: "value", title: "seal and open", benchtime: "200ms", patterns: []string{pattern("(Seal|Open)")}},
	{pkg: "value", title: "values", benchtime: "50ms", patterns: []string{pattern("Value")}},
	{pkg: "value", title: "payloads", benchtime: "50ms", patterns: []string{pattern("Payload")}},
	{pkg: "value", title: "keys", benchtime: "50ms", patterns: []string{pattern("Keys")}},
	{pkg: "value", title: "compression", benchtime: "20ms", patterns: []string{pattern("Compress")}},
	{pkg: "request", title: "requests", benchtime: "100ms", patterns: []string{pattern("Request", "via=.+", "op=.+", "clients=.+", serverless)}},
	{pkg: "request", title: "requests with servers", benchtime: "100ms", patterns: []string{pattern("Request", "via=.+", "op=.+", "clients=.+", withServer)}},
	{pkg: "request", title: "inline", benchtime: "50ms", more: 5, patterns: []string{pattern("Inline")}},
	{pkg: "request", title: "shapes", benchtime: "30ms", patterns: []string{pattern("Shapes")}},
	{pkg: "request", title: "cores", benchtime: "200ms", patterns: []string{pattern("Cores")}},
	{pkg: "request", title: "headers", benchtime: "100ms", patterns: []string{pattern("Header")}},
	{pkg: "request", title: "live sessions", benchtime: "70ms", inARow: true, patterns: []string{pattern("Live")}},
}
