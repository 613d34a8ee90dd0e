package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// profiled are the cells that docs/benchmarks/profiles.md shows the time of.
var profiled = []struct {
	title, pkg, cell string
}{
	{"Opening 100 bytes", "value", cell("Open", "bytes=100", "by=hardtack")},
	{"Sealing 100 bytes", "value", cell("Seal", "bytes=100", "by=hardtack")},
	{"A round trip of a login", "value", valueCell("login", "medium", "roundtrip", "hardtack-cbor")},
	{"A round trip of an account", "value", valueCell("account", "medium", "roundtrip", "hardtack-cbor")},
	{"A round trip of a cart", "value", valueCell("cart", "medium", "roundtrip", "hardtack-cbor")},
	{"A request that reads", "request", cell(requestSetting("handler", "read", "1"), "by=hardtack-stateless")},
}

const profilesHead = `# Where the time goes

<!-- Written by make bench: changes made here are lost. -->

Profiles of what the [targets](README.md#targets) are about, by go tool pprof: flat is the time in the function itself, cum with those that it calls. Samples
vary by some percent from one run to the next.
`

// profiles returns profiles.md.
func (b bench) profiles(ctx context.Context) (string, error) {
	var selections []selection
	for _, p := range profiled {
		selections = append(selections, selection{pkg: p.pkg})
	}
	binaries, err := b.build(ctx, selections)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString(profilesHead)
	for _, p := range profiled {
		fmt.Fprintf(b.progress, "profiling %s\n", p.cell)
		profile := filepath.Join(b.scratch, "cpu.prof")
		parts := strings.Split(p.cell, "/")
		s := selection{pkg: p.pkg, benchtime: "2s", patterns: []string{pattern(parts[0], parts[1:]...)}}
		if _, err := b.run(ctx, binaries[p.pkg], s, 1, "-test.cpuprofile="+profile); err != nil {
			return "", err
		}
		c := b.command(ctx, b.scratch, "go", "tool", "pprof", "-top", "-cum", "-nodecount=30", "-hide=^(runtime|testing)\\.|benchmark|Benchmark", "-show_from=hardtack", binaries[p.pkg], profile)
		c.Env = append(os.Environ(), "PPROF_TMPDIR="+b.scratch)
		out, err := c.Output()
		if err != nil {
			return "", fmt.Errorf("pprof: %w", err)
		}
		fmt.Fprintf(&text, "\n## %s\n\n`%s`\n\n```\n%s```\n", p.title, p.cell, table1(string(out)))
	}
	return text.String(), nil
}

var typeArguments = regexp.MustCompile(`\[(go\.shape|[^]]*struct)[^\n]*\]`)

// table1 returns the lines from the heading of pprof's table on, with type arguments shortened.
func table1(top string) string {
	_, rows, found := strings.Cut(top, "      flat  flat%")
	if !found {
		return top
	}
	return typeArguments.ReplaceAllString("      flat  flat%"+rows, "[…]")
}
