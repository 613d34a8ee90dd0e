package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// debugClient asks shops about themselves, on connections of its own that do not stay.
var debugClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: requestWait}

func getJSON(ctx context.Context, url string, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := debugClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", request.URL.Path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(out)
}

// sample is what a shop's process occupies at a moment.
type sample struct {
	at         time.Duration // of its turns
	resident   uint64        // bytes
	liveHeap   uint64        // bytes that the last garbage collection has left
	goroutines int
}

// ask has the process say what it occupies, which collects its garbage first if it is told to.
func (p *process) ask(ctx context.Context, collect bool) (sample, error) {
	var r struct {
		Goroutines int    `json:"goroutines"`
		LiveHeap   uint64 `json:"live_heap_bytes"`
	}
	url := p.url + "/debug/runtime"
	if collect {
		url += "?gc=1"
	}
	if err := getJSON(ctx, url, &r); err != nil {
		return sample{}, err
	}
	resident, err := resident(p.cmd.Process.Pid)
	return sample{0, resident, r.LiveHeap, r.Goroutines}, err
}

// quiet closes the connections of the load, waits until there are at most so many goroutines, but not for ever, and looks.
func (p *process) quiet(ctx context.Context, s settings, l *load, goroutines int) (sample, error) {
	l.transport.CloseIdleConnections()
	for deadline := time.Now().Add(s.settle); ; time.Sleep(100 * time.Millisecond) {
		now, err := p.ask(ctx, true)
		if err != nil {
			return now, err
		}
		if now.goroutines <= goroutines || time.Now().After(deadline) {
			break
		}
	}
	return p.ask(ctx, true) // what a sync.Pool holds survives one collection
}

// watch looks at the process again and again in its turns until they are over or the context ends.
func (p *process) watch(ctx context.Context, every time.Duration, t turns) ([]sample, error) {
	var samples []sample
	for at, on := t.wait(ctx, every); on; at, on = t.wait(ctx, at+every) {
		s, err := p.ask(ctx, false)
		if ctx.Err() != nil {
			return samples, nil
		}
		if err != nil {
			return samples, err
		}
		s.at = at
		samples = append(samples, s)
	}
	return samples, nil
}

func residentOf(s sample) uint64   { return s.resident }
func liveHeapOf(s sample) uint64   { return s.liveHeap }
func goroutinesOf(s sample) uint64 { return uint64(s.goroutines) }

// median returns the middle value, 0 of no samples.
func median[T cmp.Ordered](samples []sample, of func(sample) T) (m T) {
	values := make([]T, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	if len(values) > 0 {
		m = values[len(values)/2]
	}
	return m
}

// thirds returns the middle and the last third. The first is left out: a process that has just begun still grows.
func thirds(samples []sample) (middle, last []sample) {
	n := len(samples)
	return samples[n/3 : 2*n/3], samples[2*n/3:]
}

// slope returns by how many bytes a minute the line grows that fits the last two thirds best.
func slope(samples []sample, of func(sample) uint64) float64 {
	samples = samples[len(samples)/3:]
	var x, y, xx, xy, n float64
	for _, s := range samples {
		at, value := s.at.Minutes(), float64(of(s))
		x, y, xx, xy, n = x+at, y+value, xx+at*at, xy+at*value, n+1
	}
	if d := n*xx - x*x; d > 0 {
		return (n*xy - x*y) / d
	}
	return 0
}
