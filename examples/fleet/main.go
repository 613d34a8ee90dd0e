// Command fleet is a drill: five shops share a key file that is rotated again and again, while they are killed and started and
// their clocks differ, and 2,000 clients use them. It counts the sessions that are lost, and the cookies
// that are accepted after their end.
//
//	go run ./examples/fleet
//	go run ./examples/fleet -variant late   # what it looks like when it goes wrong
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const short = 9 // rotations

func main() { os.Exit(fleet(os.Args[1:], os.Stdout, os.Stderr)) }

// fleet is the program. It returns the exit status: 0 if nothing was lost or wrongly accepted, 1 if something was or the drill
// could not be done, 2 for what the command line got wrong.
func fleet(args []string, stdout, stderr io.Writer) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(stderr, "fleet:", err)
		return status
	}
	p, svg, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return fail(2, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := run(ctx, p, stderr)
	if d == nil {
		return fail(1, err)
	}
	d.table(stdout)
	if svg != "" {
		err = errors.Join(err, os.WriteFile(svg, d.timeline(), 0o644))
	}
	if err != nil {
		return fail(1, err)
	}
	if found := d.findings(); len(found) > 0 {
		return fail(1, errors.New(strings.Join(found, "; ")))
	}
	return 0
}

func parse(args []string, usage io.Writer) (p plan, svg string, err error) {
	fs := flag.NewFlagSet("fleet", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // an error is one line, without the usage
	fs.StringVar(&p.variant, "variant", variantGood, "good: the servers rotate, well ahead; late: keys are announced for less than the servers take to look, "+
		"and nobody looks again for unknown ones; late-reread: they do")
	fs.IntVar(&p.servers, "servers", 5, "`number` of shops")
	fs.IntVar(&p.sessions, "sessions", 2000, "`number` of clients")
	fs.IntVar(&p.rotations, "rotations", 30, "`number` of keys that follow the first")
	isShort := fs.Bool("short", false, fmt.Sprintf("%d rotations instead", short))
	fs.Float64Var(&p.rate, "rate", 60, "speed of the drill's clocks, `times` real time")
	fs.DurationVar(&p.skew, "skew", 90*time.Second, "`duration` between the slowest clock and the fastest, by themselves")
	fs.BoolVar(&p.noReread, "no-reread", false, "servers do not look at the key file because of unknown keys")
	fs.Uint64Var(&p.seed, "seed", 1, "`number` that says who does what; when, the machine says too")
	fs.StringVar(&svg, "svg", "fleet.svg", "`file` for the timeline; empty means none")
	err = fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(usage, "usage: fleet [flags]")
		fs.SetOutput(usage)
		fs.PrintDefaults()
	case err == nil && fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case err == nil:
		if *isShort {
			p.rotations = short
		}
		err = p.complete()
	}
	return p, svg, err
}
