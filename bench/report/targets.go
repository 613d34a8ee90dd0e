package main

import (
	"fmt"
	"math"
	"strings"
)

// What make bench-check lets a figure be worse by. Counts do not vary. What is left when the handler's own time is taken off two requests
// varies with both, and a second core is at the mercy of whatever else the machine does.
const (
	toleranceValue   = 0.15
	toleranceRequest = 0.35
	toleranceCores   = 0.15
	toleranceCount   = 0
	toleranceNotOurs = math.MaxFloat64 // says nothing more of hardtack, and is not in ratios.json
)

// A target is what hardtack wants to reach. It is met if every figure in judged is within the bound.
type target struct {
	sentence   string
	definition string
	is         string // ≤, ≥ or >
	bound      float64
	judged     []figure
	beside     []figure // measured as well, no part of the target
	why        string   // it may be missed
}

// meets says whether a figure is within the bound.
func (t target) meets(v float64) bool {
	switch t.is {
	case "≤":
		return v <= t.bound
	case "≥":
		return v >= t.bound
	default:
		return v > t.bound
	}
}

// worst returns the value that is farthest on the wrong side.
func (t target) worst(values []float64) int {
	worst := 0
	for i, v := range values {
		if t.is == "≤" && v > values[worst] || t.is != "≤" && v < values[worst] {
			worst = i
		}
	}
	return worst
}

var targets = []target{
	sealTarget("Seal"),
	sealTarget("Open"),
	{
		sentence:   "Sealing and opening into a buffer of the caller's allocate nothing.",
		definition: "allocations of `Seal` and `Open` by=hardtack, 100 to 2,500 bytes",
		is:         "≤", bound: 0,
		judged: sealAllocs(),
	},
	roundtripTarget("at least 8 times as fast as gorilla/securecookie with gob, its default", "gorilla-gob", "≥", 8),
	roundtripTarget("at least 3 times as fast as gorilla/securecookie with JSON", "gorilla-json", "≥", 3),
	roundtripTarget("at least 5 times as fast as an encrypted JWT (JWE, dir, A256GCM)", "jwe-a256gcm", "≥", 5),
	roundtripTarget("faster than tink's AEAD on the same CBOR", "tink-cbor", ">", 1),
	{
		sentence:   "What a stateless session adds to a request that reads it is at most 1/8 of what scs with its store in memory adds.",
		definition: "(scs-memory − none) / (hardtack-stateless − none), `Request` via=handler op=read clients=1",
		is:         "≥", bound: 8,
		judged: []figure{requestFigure("read", "scs-memory", "hardtack-stateless", true)},
		beside: []figure{requestFigure("write", "scs-memory", "hardtack-stateless", true)},
	},
	{
		sentence:   "What a stateless session adds to a request that reads it is at most 1/10 of what gorilla/sessions adds.",
		definition: "(gorilla-cookie − none) / (hardtack-stateless − none), `Request` via=handler op=read clients=1",
		is:         "≥", bound: 10,
		judged: []figure{requestFigure("read", "gorilla-cookie", "hardtack-stateless", true)},
		beside: []figure{requestFigure("write", "gorilla-cookie", "hardtack-stateless", true)},
	},
	{
		sentence:   "A stateless read adds at most 8 allocations to those of the decoded value itself.",
		definition: "allocations of hardtack-stateless − none, `Request` via=handler op=read clients=1, less those of `Value` shape=account size=" + requestSize + " op=open by=cbor",
		is:         "≤", bound: 8,
		judged: []figure{{
			name: "request/read/allocations",
			top: term{unit: allocs, of: cell(requestSetting("handler", "read", "1"), "by=hardtack-stateless"),
				less: []string{cell(requestSetting("handler", "read", "1"), "by=none"), valueCell("account", requestSize, "open", "cbor")}},
			tolerance: toleranceCount,
		}},
	},
	{
		sentence:   "In a hybrid Jar, reading a session that is in its cookie costs what it costs in a stateless one, within 5 %.",
		definition: "(hardtack-inline − none) / (hardtack-stateless − none), `Request` via=handler op=read clients=1",
		is:         "≤", bound: 1.05,
		judged: []figure{requestFigure("read", "hardtack-inline", "hardtack-stateless", false)},
		beside: []figure{requestFigure("write", "hardtack-inline", "hardtack-stateless", false)},
	},
	{
		sentence:   "Two cores serve at least 1.8 times as many requests as one.",
		definition: "`Cores` cores=2 / cores=1 in requests per second, by=hardtack-stateless; by=none beside it is what the machine gives",
		is:         "≥", bound: 1.8,
		judged: []figure{coresFigure("read", "hardtack-stateless"), coresFigure("write", "hardtack-stateless")},
		beside: []figure{coresFigure("read", "none"), coresFigure("write", "none")},
	},
}

// requestSize is the size of shape=account that is session.NewAccount, which BenchmarkRequest uses.
const requestSize = "medium"

func sealTarget(op string) target {
	t := target{
		sentence: fmt.Sprintf("%s takes at most 1.2 times as long as bare AES-256-GCM and base64, at 100 to 2,500 bytes.",
			map[string]string{"Seal": "Sealing", "Open": "Opening"}[op]),
		definition: fmt.Sprintf("`%s` hardtack / floor", op),
		is:         "≤", bound: 1.2,
		why: "The floor is bound to nothing. Name, audience and key ID, to which a token is bound, are three blocks more for GHASH, as `floor-bound` shows, and their part is largest in the smallest token; " +
			"the rest is the envelope, with its check that there is only one encoding of it. Both stay: they are what keeps a token in its place.",
	}
	for _, n := range []string{"100", "500", "1000", "2500"} {
		f := ratio(seconds, cell(op, "bytes="+n, "by=hardtack"), cell(op, "bytes="+n, "by=floor"))
		f.name, f.tolerance = cell(strings.ToLower(op), n), toleranceValue
		t.judged = append(t.judged, f)
		f = ratio(seconds, cell(op, "bytes="+n, "by=hardtack"), cell(op, "bytes="+n, "by=floor-bound"))
		f.name, f.tolerance = cell(strings.ToLower(op), n, "bound"), toleranceNotOurs // the one above tells as much
		t.beside = append(t.beside, f)
	}
	return t
}

func sealAllocs() []figure {
	var figures []figure
	for _, op := range []string{"Seal", "Open"} {
		for _, n := range []string{"100", "500", "1000", "2500"} {
			name := cell(op, "bytes="+n, "by=hardtack")
			figures = append(figures, figure{name: cell(strings.ToLower(op), n, "allocations"), top: term{unit: allocs, of: name}, tolerance: toleranceCount})
		}
	}
	return figures
}

func roundtripTarget(sentence, peer, is string, bound float64) target {
	t := target{
		sentence:   "From a struct to a cookie and back: " + sentence + ".",
		definition: fmt.Sprintf("`Value` op=roundtrip %s / hardtack-cbor, each shape at size=medium", peer),
		is:         is, bound: bound,
		why: fmt.Sprintf("`…/%s:cbor+floor` among the [figures](#figures) is the most that is to be had: what the serializer and the bare cipher would reach by themselves, with no session around them. "+
			"The larger the session, the more of a round trip is CBOR, allocation and base64, which belong to libraries; gob, JSON and JWE have a cost of their own for each token, however small, which large sessions "+
			"spread over more bytes. [Where the time goes](profiles.md) has the profile.", peer),
	}
	if peer == "tink-cbor" {
		t.why = "A cookie made with tink has the data and an expiry. hardtack's also has an identity, a subject, the times of creation and issue, a revision and a nonce of 24 bytes: 94 bytes more, to be encoded, " +
			"sealed and checked, whatever the data. So it is behind for a session that is little else, and ahead for those that are larger. [Where the time goes](profiles.md) has the profile."
	}
	for _, shape := range shapes {
		t.judged = append(t.judged, roundtripFigure(shape, "medium", peer, "hardtack-cbor"))
		t.beside = append(t.beside, ceilingFigure(shape, "medium", peer))
	}
	for _, size := range []string{"small", "large"} {
		t.beside = append(t.beside, roundtripFigure("account", size, peer, "hardtack-cbor"))
	}
	if peer == "gorilla-json" {
		for _, shape := range shapes {
			t.beside = append(t.beside, roundtripFigure(shape, "medium", peer, "hardtack-json"))
		}
	}
	return t
}

func roundtripFigure(shape, size, peer, ours string) figure {
	f := ratio(seconds, valueCell(shape, size, "roundtrip", peer), valueCell(shape, size, "roundtrip", ours))
	f.name = cell("roundtrip", shape, size, peer+":"+ours)
	f.higher, f.tolerance = true, toleranceValue
	return f
}

// ceilingFigure is what the serializer and the floor alone would reach.
func ceilingFigure(shape, size, peer string) figure {
	f := roundtripFigure(shape, size, peer, "cbor")
	f.name = cell("roundtrip", shape, size, peer+":cbor+floor")
	f.under.with = []string{valueCell(shape, size, "roundtrip", "floor")}
	f.tolerance = toleranceNotOurs
	return f
}

func requestFigure(op, of, under string, higher bool) figure {
	f := added(seconds, requestSetting("handler", op, "1"), of, under)
	f.name = cell("request", op, of+":"+under)
	f.higher, f.tolerance = higher, toleranceRequest
	return f
}

func coresFigure(op, by string) figure {
	f := ratio(seconds, cell("Cores", "cores=1", "op="+op, "by="+by), cell("Cores", "cores=2", "op="+op, "by="+by))
	f.name = cell("cores", op, by)
	f.higher, f.tolerance = true, toleranceCores
	return f
}
