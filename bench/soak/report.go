package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Between these lines of a document is the report.
const beginMark, endMark = "<!-- soak -->", "<!-- /soak -->"

// report is about all contenders.
type report struct {
	settings
	modules  []string // and their versions
	outcomes []*outcome
}

// findings are those of all outcomes, each with the name of the contender.
func (r *report) findings() []string {
	var all []string
	for _, o := range r.outcomes {
		for _, f := range o.findings(r.margins) {
			all = append(all, o.name+": "+f)
		}
	}
	return all
}

// markdown is the whole report.
func (r *report) markdown() string {
	var b strings.Builder
	r.writeHead(&b)
	r.writeFigures(&b)
	r.writeLatencies(&b)
	r.writeCommands(&b)
	if findings := r.findings(); len(findings) > 0 {
		b.WriteString("\n**Not passed:**\n\n")
		for _, f := range findings {
			fmt.Fprintf(&b, "- %s\n", f)
		}
	}
	return b.String()
}

func (r *report) writeHead(b *strings.Builder) {
	fmt.Fprintf(b, "Each shop: %s visitors, %d requests a second for %v, in turns of %v, at most %d connections, seed %d; a rotation every %v.\n",
		thousands(r.visitors), r.rate, r.duration, r.turn, r.connections, r.seed, r.rotateEvery)
	fmt.Fprintf(b, "One machine for shop, Redis and load: %s, %s/%s. %s", plural(runtime.NumCPU(), "core", "cores"), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if i := slices.IndexFunc(r.outcomes, func(o *outcome) bool { return o.redis != nil }); i >= 0 {
		fmt.Fprintf(b, ", %s with %s", r.outcomes[i].redis.version, strings.TrimLeft(strings.Join(redisArgs, " "), "-"))
	}
	for _, m := range r.modules {
		fmt.Fprintf(b, ", %s", m)
	}
	b.WriteString(".\n\n")
}

// figure is a row: what it says of an outcome, or "" if it has nothing to say.
type figure struct {
	title string
	of    func(o *outcome) string
}

func (r *report) figures() []figure {
	perRequest := func(title, unit string, total func(o *outcome) float64) figure {
		return figure{title, func(o *outcome) string {
			return fmt.Sprintf("%.2f%s", total(o)/float64(o.load.count(all)), unit)
		}}
	}
	redis := func(f figure) figure {
		return figure{f.title, func(o *outcome) string {
			if o.redis == nil {
				return ""
			}
			return f.of(o)
		}}
	}
	return []figure{
		{"**verdict**", func(o *outcome) string {
			if len(o.findings(r.margins)) > 0 {
				return "**not passed**"
			}
			return "passed"
		}},
		{"requests (a second)", func(o *outcome) string {
			n := o.load.count(all)
			return fmt.Sprintf("%s (%.1f)", thousands(n), float64(n)/r.duration.Seconds())
		}},
		{"**wrong answers**, arrivals included", func(o *outcome) string {
			return fmt.Sprintf("**%s**", thousands(o.arrivals.faults+o.load.faults))
		}},
		{"logins, logouts", func(o *outcome) string {
			return thousands(o.load.count(login)) + ", " + thousands(o.load.count(logout))
		}},
		{"sessions moved into the store, back into the cookie", func(o *outcome) string {
			if !o.moving {
				return ""
			}
			return thousands(o.load.overflows) + ", " + thousands(o.load.returns)
		}},
		{"rotations, keys that have sealed, keys of cookies presented", func(o *outcome) string {
			if o.sealedWith == 0 {
				return ""
			}
			return fmt.Sprintf("%d, %d, %d", o.rotations, o.sealedWith, len(o.load.keys))
		}},
		perRequest("bytes of Cookie a request", "", func(o *outcome) float64 { return float64(o.load.up) }),
		perRequest("bytes of Set-Cookie a request", "", func(o *outcome) float64 { return float64(o.load.down) }),
		redis(perRequest("Redis commands a request, those within scripts included", "", func(o *outcome) float64 { return float64(o.redis.during.commands()) })),
		redis(perRequest("bytes to Redis a request", "", func(o *outcome) float64 { return float64(o.redis.during.in) })),
		redis(perRequest("bytes from Redis a request", "", func(o *outcome) float64 { return float64(o.redis.during.out) })),
		{"processor time of the shop a request, arrivals and start included", func(o *outcome) string {
			return micros(o.cpu / time.Duration(max(1, o.load.count(all)+o.arrivals.count(all))))
		}},
		redis(figure{"processor time of Redis a request", func(o *outcome) string {
			return micros(o.redis.during.cpu / time.Duration(max(1, o.load.count(all))))
		}}),
		memoryFigure("live heap of the shop", liveHeapOf),
		growthFigure("live heap of the shop", liveHeapOf),
		memoryFigure("resident memory of the shop", residentOf),
		growthFigure("resident memory of the shop", residentOf),
		{"goroutines of the shop before the load, in it (median), after it", func(o *outcome) string {
			return fmt.Sprintf("%d, %d, %d", o.start.goroutines, median(o.samples, goroutinesOf), o.end.goroutines)
		}},
		redis(figure{"memory of Redis before the load, after it, MiB", func(o *outcome) string {
			return inMiB(o.redis.before.memory) + ", " + inMiB(o.redis.during.memory)
		}}),
		redis(figure{"keys in Redis before the load, after it", func(o *outcome) string {
			return thousands(o.redis.before.keys) + ", " + thousands(o.redis.during.keys)
		}}),
	}
}

func memoryFigure(what string, of func(sample) uint64) figure {
	return figure{what + " before the load, after it, MiB", func(o *outcome) string {
		return inMiB(of(o.start)) + ", " + inMiB(of(o.end))
	}}
}

func growthFigure(what string, of func(sample) uint64) figure {
	return figure{what + " in the load: middle third, last third (medians), MiB; growth, KiB a minute", func(o *outcome) string {
		middle, last := thirds(o.samples)
		return fmt.Sprintf("%s, %s; %+.0f", inMiB(median(middle, of)), inMiB(median(last, of)), slope(o.samples, of)/1024)
	}}
}

func (r *report) writeFigures(b *strings.Builder) {
	b.WriteString("| |")
	for _, o := range r.outcomes {
		fmt.Fprintf(b, " %s |", o.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(r.outcomes)) + "\n")
	for _, f := range r.figures() {
		fmt.Fprintf(b, "| %s |", f.title)
		for _, o := range r.outcomes {
			fmt.Fprintf(b, " %s |", f.of(o))
		}
		b.WriteByte('\n')
	}
}

// writeLatencies writes milliseconds from when a request was sent, or began to wait for a connection, to the end of its answer.
func (r *report) writeLatencies(b *strings.Builder) {
	b.WriteString("\n| milliseconds | | requests | p50 | p90 | p95 | p99 | p99.9 | max |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, kind := range []string{all, look, lookIn("cookie"), lookIn("store"), add, remove, login, logout} {
		for _, o := range r.outcomes {
			m := o.load.kinds[kind]
			if m == nil {
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %s |", kind, o.name, thousands(m.Requests))
			for _, p := range []float64{0.50, 0.90, 0.95, 0.99, 0.999} {
				fmt.Fprintf(b, " %s |", millis(m.Latencies.Quantile(p)))
			}
			fmt.Fprintf(b, " %s |\n", millis(m.Latencies.Max))
		}
	}
}

// writeCommands writes how often each command of Redis ran.
func (r *report) writeCommands(b *strings.Builder) {
	commands := map[string]bool{}
	for _, o := range r.outcomes {
		if o.redis != nil {
			for command := range o.redis.during.calls {
				commands[command] = true
			}
		}
	}
	if len(commands) == 0 {
		return
	}
	b.WriteString("\n| Redis commands, those within scripts included |")
	for _, o := range r.outcomes {
		fmt.Fprintf(b, " %s |", o.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(r.outcomes)) + "\n")
	for _, command := range slices.Sorted(maps.Keys(commands)) {
		fmt.Fprintf(b, "| %s |", strings.ToUpper(command))
		for _, o := range r.outcomes {
			cell := ""
			if o.redis != nil {
				cell = thousands(o.redis.during.calls[command])
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		b.WriteByte('\n')
	}
}

func micros(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }
func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
func inMiB(n uint64) string         { return fmt.Sprintf("%.1f", float64(n)/mib) }

func thousands[N int | uint64](n N) string {
	s := strconv.FormatUint(uint64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// deliver prints the report, and writes it into the document if one is named. Its error says what has not passed.
func (r *report) deliver(w io.Writer, document string) error {
	text := r.markdown()
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if document != "" {
		if err := insert(document, text); err != nil {
			return err
		}
	}
	if findings := r.findings(); len(findings) > 0 {
		return errors.New("not passed:\n  " + strings.Join(findings, "\n  "))
	}
	return nil
}

// insert writes the report between the marks of a document.
func insert(document, text string) error {
	content, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(content), beginMark+"\n")
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok || !ok2 {
		return errors.New(document + " has no lines " + beginMark + " and " + endMark)
	}
	return os.WriteFile(document, []byte(before+beginMark+"\n"+text+endMark+after), 0o644)
}
