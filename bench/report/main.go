// Command report measures hardtack beside its peers, and writes what came out into docs/benchmarks.
//
//	report quick    measures what the documents quote, writes docs/benchmarks/quick.txt, and then does what render does
//	report full     measures everything, writes docs/benchmarks/full.txt, and then does what render does
//	report profiles writes docs/benchmarks/profiles.md alone, which is the last that quick does
//	report render   writes the tables, charts and ratios that follow from the two files
//	report check    measures what quick does, and fails if a ratio is worse than the committed one by more than its tolerance, or if a target is not
//	                met any more; on another processor than that of the committed ratios it ends with the exit code 2
//
// It has to run in the directory of the module bench. The tables also go into README.md, docs/tradeoffs.md and docs/rotation.md, where these
// have the comments <!-- bench:NAME --> and <!-- /bench:NAME --> around them, each on a line of its own. NAME is one of
//
//	targets         what hardtack wants to reach, and whether it does
//	decision        what each kind of session costs a request
//	roundtrip       from a struct to a cookie and back, by shape and contender
//	request         what each contender adds to a request
//	request-stores  requests over loopback with 1 and 64 clients, by store
//	growth-payload  a round trip as the payload grows
//	growth-live     a request as the number of stored sessions grows
//	growth-keys     opening as the number of keys grows
//	growth-header   a request as the number of other cookies grows
//	cores           what a second core brings
//	cookie-bytes    how large cookies are, by shape and contender
//	compress        how small payloads become, by shape and compressor
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		usage()
	}
	var err error
	switch os.Args[1] {
	case "quick":
		err = write(ctx, quick, quickRounds, "quick.txt")
	case "full":
		err = write(ctx, full, fullRounds, "full.txt")
	case "profiles":
		err = writeProfiles(ctx)
	case "render":
		err = renderInto(root)
	case "check":
		err = check(ctx)
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(exitCode(err))
	}
}

func exitCode(err error) int {
	if errors.Is(err, errOtherProcessor) {
		return 2
	}
	return 1
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: report quick|full|profiles|render|check")
	os.Exit(2)
}

// root is the repository, seen from the module bench.
const root = ".."

func write(ctx context.Context, selections []selection, rounds int, file string) error {
	text, err := measure(ctx, selections, rounds)
	if err != nil {
		return err
	}
	return keep(root, file, text, func() error {
		if file != "quick.txt" {
			return nil
		}
		return writeProfiles(ctx)
	})
}

// keep writes what was measured and what follows from it before anything else that could fail.
func keep(root, file, text string, then func() error) error {
	if err := os.MkdirAll(filepath.Join(root, directory), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, directory, file), []byte(text), 0o644); err != nil {
		return err
	}
	if err := renderInto(root); err != nil {
		return err
	}
	return then()
}

func writeProfiles(ctx context.Context) error {
	text, err := with(bench.profiles, ctx, 1)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, directory, "profiles.md"), []byte(text), 0o644)
}

func measure(ctx context.Context, selections []selection, rounds int) (string, error) {
	return with(func(b bench, ctx context.Context) (string, error) { return b.measure(ctx, selections) }, ctx, rounds)
}

// with has f use a bench with a scratch directory of its own.
func with(f func(bench, context.Context) (string, error), ctx context.Context, rounds int) (string, error) {
	scratch, err := os.MkdirTemp("", "hardtack-bench-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	dir, err := filepath.Abs(".")
	if err != nil {
		return "", err
	}
	return f(bench{dir, scratch, os.Stderr, rounds}, ctx)
}

// renderInto writes what follows from quick.txt and full.txt.
func renderInto(root string) error {
	files, err := render(root)
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
