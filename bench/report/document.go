package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hardtack-go/hardtack/bench/doctable"
)

// directory is where the report is.
const directory = "docs/benchmarks"

// others are the documents whose marked tables are filled.
var others = []string{"README.md", "docs/tradeoffs.md", "docs/rotation.md"}

// render returns the files that follow from quick.txt and full.txt, by path below root. It is a function of these and of the documents with
// marked tables.
func render(root string) (map[string]string, error) {
	short, err := readResults(filepath.Join(root, directory, "quick.txt"))
	if err != nil {
		return nil, err
	}
	whole, err := readResults(filepath.Join(root, directory, "full.txt"))
	if err != nil {
		return nil, err
	}
	if short == nil {
		return nil, fmt.Errorf("there is no %s/quick.txt yet: report quick makes it", directory)
	}
	files := map[string]string{}
	ratios, err := allRatiosOf(short)
	if err != nil {
		return nil, err
	}
	add := func(name, text string, err error) error {
		files[directory+"/"+name] = text
		return err
	}
	text, err := marshalRatios(ratios)
	if err := add("ratios.json", text, err); err != nil {
		return nil, err
	}
	text, err = readme(short, whole)
	if err := add("README.md", text, err); err != nil {
		return nil, err
	}
	if whole != nil {
		text, err = fullMatrix(whole)
		if err := add("full.md", text, err); err != nil {
			return nil, err
		}
	}
	drawn, err := drawAll(short, whole)
	if err != nil {
		return nil, err
	}
	for name, svg := range drawn {
		files[directory+"/"+name+".svg"] = svg
	}
	marked, err := fill(root, short, whole)
	if err != nil {
		return nil, err
	}
	maps.Copy(files, marked)
	return files, nil
}

// source returns the results that a table is made of, and the file that has them.
func (t table) source(short, whole *results) (*results, string) {
	if t.full && whole != nil {
		return whole, "full.txt"
	}
	return short, "quick.txt"
}

func (t table) markdown(short, whole *results) (string, error) {
	r, _ := t.source(short, whole)
	s := &sheet{r: r}
	text := t.grid(s).markdown() + t.below
	if s.err != nil {
		return "", fmt.Errorf("table %s: %w", t.name, s.err)
	}
	return text, nil
}

// fill returns the other documents with their tables, those alone that have a place for one.
func fill(root string, short, whole *results) (map[string]string, error) {
	files := map[string]string{}
	for _, path := range others {
		old, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return nil, err
		}
		if err := knownMarkers(string(old)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, t := range tables {
			text, err := t.markdown(short, whole)
			if err != nil {
				return nil, err
			}
			document, ok := files[path]
			if !ok {
				document = string(old)
			}
			document, err = doctable.Replace(document, "bench:"+t.name, text)
			if errors.Is(err, doctable.ErrNoMarker) {
				continue
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			files[path] = document
		}
	}
	return files, nil
}

var marker = regexp.MustCompile(`<!-- /?bench:(.*?) *-->`)

// knownMarkers fails if a document has a place for a table that is not there: nothing would fill it.
func knownMarkers(document string) error {
	for _, found := range marker.FindAllStringSubmatch(document, -1) {
		if !slices.ContainsFunc(tables, func(t table) bool { return t.name == found[1] }) {
			return fmt.Errorf("there is no table for %s", found[0])
		}
	}
	return nil
}

const head = `# Benchmarks

<!-- Written by make bench and make bench-full from quick.txt and full.txt: changes made here are lost. -->

hardtack beside its peers: whatever is compared was measured in turn, in the same rounds, but for the requests among many stored sessions. Ratios are what to read. They carry over to other machines far
better than times do, which are given only as of this one.

## The machine

`

const method = `## How this is measured

` + "`make bench`" + ` measures what this page has, ` + "`make bench-full`" + ` the whole matrix, into ` + "[full.txt](full.txt) and [full.md](full.md)" + `.
Everything is measured in %d rounds, the whole matrix in %d: a round measures each cell once, and what most targets depend on two to six times, one cell after the other and then all again, so
that what disturbs the machine for a while slows all contenders down alike. A ratio is formed each time by itself, and its median is shown. The interval around it has the median with a confidence of 95 %%. What a contender
*adds* is its time less that of the handler without a session, in the same round; times in which that is not above zero are left out, and "noise" stands where they are half of all or more. Requests among many live
sessions are measured as often, but in a row, since the stores take long to fill. Contenders that need a server are measured in a process of their own.

Each peer is used as its documentation recommends, with the keys and settings that it recommends. The code is in [bench/](../../bench). What there is to know:

- Requests have the session ` + "`account`" + ` of medium size. [full.md](full.md) has all shapes and sizes, under Shapes.
- Hybrid contenders that store have a Budget that stores this session of some 440 bytes, which would otherwise be in its cookie.
- All cookies come from one process, so hardtack's derived key is at hand. ` + "`BenchmarkOpenFirst`" + ` of internal/seal has the other case.
- SQLite is modernc.org/sqlite for both: hardtack with its default of 8 connections, scs with the number that was fastest for it in writes with many clients.
- scs is used with LoadAndSave, its middleware, as its documentation recommends for most. ` + "`hardtack-stateless`" + ` is used without the Jar's; the rows with ` + "`-handler`" + ` are with it, and are what to compare where you use it.
- The round trips of hardtack are a serializer and a codec without a Jar, and what a caller can keep is kept: a record, a buffer. So it is for tink. The other peers have
  nothing that could be kept; what they need for each session alike, such as keys, parsers and ciphers, was made once.

The files are in the Go benchmark format. To see all contenders side by side, or to compare with a run of your own:

    benchstat -col /by docs/benchmarks/quick.txt
    benchstat -ignore date,go docs/benchmarks/quick.txt .bench/first.txt

## Guarding the ratios

` + "`make bench-check`" + ` measures what ` + "`make bench`" + ` does into .bench/ and compares with [ratios.json](ratios.json), as committed. It fails if a figure has
become worse by more than its tolerance:

| figure | tolerance |
|---|--:|
| time of one contender over another's, for sealing, opening and round trips | %.0f %% |
| the same with many keys, many other cookies or a large payload, over one or a small one | as above |
| what one contender adds to a request, over what another adds | %.0f %% |
| requests per second on two cores over one | %.0f %% |
| allocations, bytes of a cookie | none |

It also fails if a target that says "yes" above would now say "no". Only worse fails; better is reported. What fails is measured once more, with all that is
measured beside it, and fails only if it does so again. The ratios of one processor are not those of another: on another than that of the committed ones
nothing is compared, and ` + "`report check`" + ` says so and ends with the exit code 2.
`

func readme(short, whole *results) (string, error) {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString(machine(short, whole).markdown())
	b.WriteString("\n## The contenders\n\n")
	contenders := grid{{"name", "what it is"}}
	for _, a := range about {
		contenders = append(contenders, []string{code(strings.ReplaceAll(a[0], ", ", "`, `")), a[1]})
	}
	b.WriteString(strings.Replace(contenders.markdown(), "--:", "---", 1))
	for _, t := range tables {
		r, file := t.source(short, whole)
		text, err := t.markdown(short, whole)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", t.title, t.intro)
		for _, d := range drawings {
			if slices.Contains(t.charts, d.name) && drawn(d, r) {
				fmt.Fprintf(&b, "![%s](%s.svg)\n\n", d.title, d.name)
			}
		}
		b.WriteString(text)
		if t.name == "targets" {
			missed, err := missed(r)
			if err != nil {
				return "", err
			}
			b.WriteString(missed)
		}
		if file != "quick.txt" {
			fmt.Fprintf(&b, "\nFrom [%s](%s).\n", file, file)
		}
	}
	s := &sheet{r: short}
	fmt.Fprintf(&b, "\n## Figures\n\nWhat the targets are made of, and what is measured beside.\n\n%s", figuresGrid(s).markdown())
	b.WriteString("\n## Times, as of this machine\n\nMedians. On another machine they are others.\n")
	for _, g := range absoluteGrids(s) {
		b.WriteString("\n" + g.markdown())
	}
	if s.err != nil {
		return "", s.err
	}
	fmt.Fprintf(&b, "\n"+method, quickRounds, fullRounds, 100*toleranceValue, 100*toleranceRequest, 100*toleranceCores)
	return b.String(), nil
}

// missed says why of the targets that are not met.
func missed(r *results) (string, error) {
	var b strings.Builder
	for _, t := range targets {
		j, err := t.judge(r)
		if errors.Is(err, errMissing) || errors.Is(err, errNoise) {
			continue // the table says so
		} else if err != nil {
			return "", err
		}
		if j.verdict == unmet || j.verdict == unmetNoise {
			fmt.Fprintf(&b, "- *%s* %s\n", t.sentence, t.why)
		}
	}
	if b.Len() == 0 {
		return "", nil
	}
	return "\nWhere one is not met, clearly or within noise:\n\n" + b.String(), nil
}

// machine returns the configuration of one file or of both.
func machine(all ...*results) grid {
	g := grid{{""}}
	var columns []*results
	for i, name := range []string{"quick.txt", "full.txt"} {
		if i < len(all) && all[i] != nil {
			columns, g[0] = append(columns, all[i]), append(g[0], fmt.Sprintf("[%s](%s)", name, name))
		}
	}
	var keys []string
	for _, r := range columns {
		for _, s := range r.config {
			if !slices.Contains(keys, s.key) {
				keys = append(keys, s.key)
			}
		}
	}
	slices.SortStableFunc(keys, func(a, b string) int { return order(a) - order(b) })
	for _, key := range keys {
		row := []string{key}
		for _, r := range columns {
			row = append(row, r.setting(key))
		}
		g = append(g, row)
	}
	return g
}

// order puts the machine before the modules.
func order(key string) int {
	if i := slices.Index([]string{"cpu", "cores", "goos", "goarch", "go", "date", "redis-server", "postgres"}, key); i >= 0 {
		return i
	}
	return 100
}

// fullMatrix returns full.md.
func fullMatrix(r *results) (string, error) {
	var b strings.Builder
	b.WriteString("# The whole matrix\n\n<!-- Written by make bench-full from full.txt: changes made here are lost. -->\n\n" +
		"Everything in [full.txt](full.txt): first the ratios, then the times, as of the machine below. What is behind the names is in the [README](README.md).\n\n")
	g := machine(nil, r)
	b.WriteString(g.markdown())
	var bases []string
	for _, name := range r.names {
		base, _, _ := strings.Cut(name, "/")
		if !slices.Contains(bases, base) {
			bases = append(bases, base)
		}
	}
	s := &sheet{r: r}
	for _, base := range bases {
		reference := references[base]
		fmt.Fprintf(&b, "\n## %s\n", base)
		if reference != "" {
			fmt.Fprintf(&b, "\nTime over that of `%s`:\n\n%s", reference, matrix(s, base, seconds, true).markdown())
		}
		for _, unit := range []struct{ title, name string }{
			{"Time, as of this machine", seconds}, {"What half of the requests took at most, as of this machine", "p50-sec"},
			{"What 99 of 100 requests took at most, as of this machine", "p99-sec"}, {"Allocations", allocs}, {"Bytes of the cookie", cookieBytes}, {"Bytes after compression", "compressed-bytes"},
		} {
			if g := matrix(s, base, unit.name, false); g != nil {
				fmt.Fprintf(&b, "\n%s:\n\n%s", unit.title, g.markdown())
			}
		}
	}
	return b.String(), s.err
}
