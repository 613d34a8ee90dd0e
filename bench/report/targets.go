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

// A target is what hardtack wants to reach; verdict says whether the figures in judged do.
type target struct {
	sentence string
	is       string // ≤, ≥ or >
	bound    float64
	judged   []figure
	beside   []figure // measured as well, no part of the target
	why      string   // it may be missed
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
		sentence: "Sealing and opening into a buffer of the caller's allocate nothing.",
		is:       "≤", bound: 0,
		judged: sealAllocs(),
		why:    "Nothing in sealing or opening has to be allocated when the buffer is large enough: what is, is a mistake.",
	},
	roundtripTarget("at least 8 times as fast as gorilla/securecookie with gob, its default", "gorilla-gob", "≥", 8),
	roundtripTarget("at least 3 times as fast as gorilla/securecookie with JSON", "gorilla-json", "≥", 3),
	roundtripTarget("at least 5 times as fast as an encrypted JWT (JWE, dir, A256GCM)", "jwe-a256gcm", "≥", 5),
	roundtripTarget("faster than tink's AEAD on the same CBOR", "tink-cbor", ">", 1),
	requestTarget("1/8", "scs with its store in memory", "scs-memory", 8,
		"scs with its store in memory deciphers nothing: it looks a token up in a map, and decodes what it finds. A stateless session is decrypted, checked and decoded at each request, "+
			"so it costs the more the larger it is. [Where the time goes](profiles.md) has the profile."),
	requestTarget("1/10", "gorilla/sessions", "gorilla-cookie", 10,
		"Both find a cookie in the header, decrypt it and check it, and need memory for the session that they decode. What they have in common brings the two costs closer together. "+
			"[Where the time goes](profiles.md) has the profile."),
	{
		sentence: "A stateless read adds at most 8 allocations to those of the decoded value itself.",
		is:       "≤", bound: 8,
		judged: []figure{{
			name: "request/read/allocations",
			top: term{unit: allocs, of: cell(requestSetting("handler", "read", "1"), "by=hardtack-stateless"),
				less: []string{cell(requestSetting("handler", "read", "1"), "by=none"), valueCell("account", requestSize, "open", "cbor")}},
			tolerance: toleranceCount,
		}},
		why: "The number of allocations does not depend on the machine. What is above the bound came with a change to hardtack, to a library or to Go.",
	},
	{
		sentence: "In a hybrid Jar, reading a session that is in its cookie costs what it costs in a stateless one, within 5 %.",
		is:       "≤", bound: 1.05,
		judged: []figure{inlineFigure("read")},
		beside: []figure{inlineFigure("write")},
		why: "A hybrid Jar has to tell a cookie that has the session from one that has a reference to it. The bound is narrow beside what two runs of the same code differ by where other " +
			"programs use the machine; the interval says how far the rounds lie apart.",
	},
	{
		sentence: "Two cores serve at least 1.8 times as many requests as one.",
		is:       "≥", bound: 1.8,
		judged: []figure{coresFigure("read", "hardtack-stateless"), coresFigure("write", "hardtack-stateless")},
		beside: []figure{coresFigure("read", "none"), coresFigure("write", "none")},
		why: "`none` beside it is what the machine gives to a handler that does nothing. A read allocates, and the garbage collector runs on the cores that are measured: " +
			"the contenders that allocate gain less from a second core than the one that does not.",
	},
}

// requestSize is the size of shape=account that is session.NewAccount, which BenchmarkRequest uses.
const requestSize = "medium"

func sealTarget(op string) target {
	t := target{
		sentence: fmt.Sprintf("%s takes at most 1.2 times as long as bare AES-256-GCM and base64, at 100 to 2,500 bytes.",
			map[string]string{"Seal": "Sealing", "Open": "Opening"}[op]),
		is: "≤", bound: 1.2,
		why: "The floor is bound to nothing, and has no envelope. Name, audience and key ID, to which a token is bound, are three blocks more for GHASH, and weigh the most in the smallest token: " +
			"`…/bound` among the [figures](#figures) is hardtack over a floor that is bound to as much. The rest is the envelope, with its check that there is only one encoding of it. " +
			"Both stay: they are what keeps a token in its place.",
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
		sentence: "From a struct to a cookie and back: " + sentence + ".",
		is:       is, bound: bound,
		why: fmt.Sprintf("`…/%s:cbor+floor` among the [figures](#figures) is what the serializer and the bare cipher would reach by themselves, with no session around them. Where that is below "+
			"the bound, no library on this serializer meets it. Where it is above, the rest is hardtack's own: a record with an identity, a subject and times, a second look at the CBOR that it wrote, "+
			"and memory for what it opened, of which the garbage collector takes its share. [Where the time goes](profiles.md) has the profile.", peer),
	}
	if peer == "tink-cbor" {
		t.why = "A cookie made with tink has the data and an expiry. hardtack's also has an identity, a subject, when it was created and issued, a revision, and a nonce twice as long: some 70 bytes more " +
			"to encode, seal and check, and what hardtack writes as CBOR is looked at once more."
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

func requestTarget(part, whose, peer string, bound float64, why string) target {
	t := target{
		sentence: fmt.Sprintf("What a stateless session adds to a request that reads it with Get, without the Jar's middleware, is at most %s of what %s adds.", part, whose),
		is:       "≥", bound: bound, why: why,
	}
	for _, ours := range []string{"hardtack-stateless", "hardtack-stateless-handler"} {
		for _, op := range []string{"read", "write"} {
			t.beside = append(t.beside, requestFigure(op, peer, ours, true))
		}
	}
	t.judged, t.beside = t.beside[:1:1], t.beside[1:]
	return t
}

// requestFigure is better when it is higher if of is a peer.
func requestFigure(op, of, under string, higher bool) figure {
	f := added(seconds, requestSetting("handler", op, "1"), of, under)
	f.name = cell("request", op, of+":"+under)
	f.higher, f.tolerance = higher, toleranceRequest
	return f
}

func inlineFigure(op string) figure {
	f := added(seconds, cell("Inline", "op="+op), "hardtack-inline", "hardtack-stateless")
	f.name, f.tolerance = cell("inline", op), toleranceRequest
	return f
}

func coresFigure(op, by string) figure {
	f := ratio(seconds, cell("Cores", "cores=1", "op="+op, "by="+by), cell("Cores", "cores=2", "op="+op, "by="+by))
	f.name = cell("cores", op, by)
	f.higher, f.tolerance = true, toleranceCores
	return f
}
