package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// modules are those whose versions matter to what is measured.
var modules = []string{
	"aidanwoods.dev/go-paseto", "github.com/alexedwards/scs/goredisstore", "github.com/alexedwards/scs/sqlite3store",
	"github.com/alexedwards/scs/v2", "github.com/fxamacker/cbor/v2", "github.com/go-jose/go-jose/v4", "github.com/golang-jwt/jwt/v5",
	"github.com/gorilla/securecookie", "github.com/gorilla/sessions", "github.com/jackc/pgx/v5", "github.com/klauspost/compress",
	"github.com/redis/go-redis/v9", "github.com/tink-crypto/tink-go/v2", "modernc.org/sqlite",
}

// A bench measures selections.
type bench struct {
	dir      string // of the module
	scratch  string // for the test binaries
	progress io.Writer
	rounds   int
}

// measure runs the selections, one after the other and then all again, and returns the Go benchmark format. A minute in which the machine is
// busy with something else slows all contenders down alike.
func (b bench) measure(ctx context.Context, selections []selection) (string, error) {
	if runtime.NumCPU() < 2 {
		return "", errors.New("one core is not enough to measure what a second one brings")
	}
	binaries, err := b.build(ctx, selections)
	if err != nil {
		return "", err
	}
	header, err := b.header(ctx, binaries)
	if err != nil {
		return "", err
	}
	raw := bytes.NewBufferString(header)
	began := time.Now()
	for round := range b.rounds {
		for _, s := range selections {
			times := 1
			if s.inARow {
				if round > 0 {
					continue
				}
				times = b.rounds
			}
			start := time.Now()
			fmt.Fprintf(b.progress, "round %d of %d: %-28s", round+1, b.rounds, s.title)
			for range 1 + s.more {
				out, err := b.run(ctx, binaries[s.pkg], s, times)
				if err != nil {
					return "", fmt.Errorf("%s: %w", s.title, err)
				}
				raw.Write(out)
			}
			fmt.Fprintf(b.progress, "%7.1f s, %3.0f in all\n", time.Since(start).Seconds(), time.Since(began).Seconds())
		}
	}
	return clean(raw)
}

// build makes the test binaries, and returns them by package.
func (b bench) build(ctx context.Context, selections []selection) (map[string]string, error) {
	binaries := map[string]string{}
	for _, s := range selections {
		if binaries[s.pkg] != "" {
			continue
		}
		binary := filepath.Join(b.scratch, s.pkg+".test")
		fmt.Fprintf(b.progress, "building %s\n", s.pkg)
		if out, err := b.command(ctx, b.dir, "go", "test", "-c", "-o", binary, "./"+s.pkg).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w\n%s", s.pkg, err, out)
		}
		binaries[s.pkg] = binary
	}
	return binaries, nil
}

// run measures a selection in one process.
func (b bench) run(ctx context.Context, binary string, s selection, times int, more ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	c := b.command(ctx, filepath.Join(b.dir, s.pkg), binary, append(more, "-test.run=^$", "-test.bench="+s.bench(), "-test.benchmem",
		"-test.benchtime="+s.benchtime, "-test.count="+strconv.Itoa(times), "-test.timeout=15m")...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); ctx.Err() != nil {
		return nil, ctx.Err()
	} else if err != nil {
		return nil, fmt.Errorf("%w\n%s%s", err, &out, &errs)
	}
	if !bytes.Contains(out.Bytes(), []byte("\nBenchmark")) {
		return nil, fmt.Errorf("there is no such benchmark\n%s%s", &out, &errs)
	}
	return out.Bytes(), nil
}

// command ends with the context, and gives the process time to stop the servers that it has started.
func (b bench) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 20 * time.Second
	return c
}

// header returns the configuration lines that go test does not write.
func (b bench) header(ctx context.Context, binaries map[string]string) (string, error) {
	var h strings.Builder
	line := func(key, value string) { fmt.Fprintf(&h, "%s: %s\n", key, value) }
	line("date", time.Now().UTC().Format(time.DateOnly))
	line("go", strings.TrimPrefix(runtime.Version(), "go"))
	line("cores", strconv.Itoa(runtime.NumCPU()))
	args := []string{"list", "-deps", "-test", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}"}
	for pkg := range binaries {
		args = append(args, "./"+pkg)
	}
	linked, err := b.command(ctx, b.dir, "go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	for _, m := range modules {
		if _, version, ok := strings.Cut("\n"+string(linked), "\n"+m+" "); ok {
			version, _, _ = strings.Cut(version, "\n")
			line(m, version)
		}
	}
	if binaries["request"] != "" { // it starts servers
		for _, s := range []struct{ key, pattern string }{
			{"redis-server", "redis-server"}, {"postgres", "/usr/lib/postgresql/*/bin/postgres"},
		} {
			version, err := b.serverVersion(ctx, s.pattern)
			if err != nil {
				return "", err
			}
			line(s.key, version)
		}
	}
	return h.String(), nil
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

// serverVersion asks the program, or the newest of those that the pattern of an absolute path names.
func (b bench) serverVersion(ctx context.Context, program string) (string, error) {
	if filepath.IsAbs(program) {
		found, err := filepath.Glob(program)
		if err != nil || len(found) == 0 {
			return "", fmt.Errorf("there is no %s: make deps installs it", filepath.Base(program))
		}
		program = found[len(found)-1]
	}
	out, err := b.command(ctx, b.dir, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: make deps installs it", program, err)
	}
	return string(versionNumber.Find(out)), nil
}

// clean keeps the results and the configuration, and nothing else that the test binaries have printed.
func clean(raw io.Reader) (string, error) {
	var text strings.Builder
	text.WriteString("Unit cookie-bytes better=lower\nUnit compressed-bytes better=lower\n")
	w := benchfmt.NewWriter(&text)
	reader := benchfmt.NewReader(raw, "benchmarks")
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		result = result.Clone()
		result.Config = slices.DeleteFunc(result.Config, func(c benchfmt.Config) bool { return !known(c.Key) })
		if err := w.Write(result); err != nil {
			return "", err
		}
	}
	return text.String(), reader.Err()
}

// known says whether a configuration line belongs into the files: nothing that names a host or a path does.
func known(key string) bool {
	return slices.Contains(modules, key) ||
		slices.Contains([]string{"date", "go", "cores", "goos", "goarch", "cpu", "pkg", "redis-server", "postgres"}, key)
}
