package main

import "fmt"

const mib = 1 << 20

// margins are what a shop may gain before it counts as a leak. Of memory it is the larger of a share and a number of bytes.
type margins struct {
	goroutines         int
	share              float64
	liveHeap, resident uint64 // bytes
}

var defaultMargins = margins{goroutines: 5, share: 0.10, liveHeap: 2 * mib, resident: 8 * mib}

// findings says what was not well, in sentences; of an outcome that has passed it says nothing.
func (o *outcome) findings(m margins) []string {
	var f []string
	add := func(format string, args ...any) { f = append(f, fmt.Sprintf(format, args...)) }

	if n := o.arrivals.faults + o.load.faults; n > 0 {
		add("%s wrong", plural(n, "answer was", "answers were"))
		for _, example := range append(o.arrivals.examples, o.load.examples...) {
			add("%s", example)
		}
	}
	if o.end.goroutines > o.start.goroutines+m.goroutines {
		add("goroutines leak: %d before the load, %d after it, both without connections", o.start.goroutines, o.end.goroutines)
	}
	grows := func(what string, from, to, least uint64) {
		if float64(to) > float64(from)+max(float64(least), m.share*float64(from)) {
			add("%s grows: from %s to %s MiB", what, inMiB(from), inMiB(to))
		}
	}
	grows("the live heap, before the load and after it,", o.start.liveHeap, o.end.liveHeap, m.liveHeap)
	middle, last := thirds(o.samples)
	grows("the live heap under load, median of the middle and the last third,",
		median(middle, liveHeapOf), median(last, liveHeapOf), m.liveHeap)
	grows("resident memory under load, median of the middle and the last third,",
		median(middle, residentOf), median(last, residentOf), m.resident)

	for _, err := range o.rotationFaults {
		add("a rotation failed: %v", err)
	}
	if o.rotations < o.planned {
		add("the keys were rotated %d times and not %d", o.rotations, o.planned)
	}
	if o.rotations > 0 && o.sealedWith != o.rotations+1 {
		add("the shop has sealed with %d keys after %d rotations", o.sealedWith, o.rotations)
	}
	for _, fault := range o.keyFaults {
		add("the shop reports of its keys: %s", fault)
	}
	if o.moving && (o.load.overflows == 0 || o.load.returns == 0) {
		add("the load was too little: %d sessions have moved into the store, %d back", o.load.overflows, o.load.returns)
	}
	if len(o.samples) < 3 {
		add("the run was too short to judge memory: %s", plural(len(o.samples), "sample", "samples"))
	}
	if o.said != "" {
		add("the shop wrote to standard error: %q", o.said)
	}
	if o.shutdown != nil {
		add("the shop did not end well: %v", o.shutdown)
	}
	return f
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}
