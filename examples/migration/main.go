// Command migration is a drill: a shop on gorilla/sessions, one with a JWT made by hand and one on alexedwards/scs each become a shop on
// hardtack, in the middle of traffic, and every client checks at every answer that nothing of its session was lost.
//
//	go run ./examples/migration
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
)

// fewest clients, so that there are enough visits for what happens during them.
const fewest = 40

func main() { os.Exit(migration(os.Args[1:], os.Stdout, os.Stderr)) }

// migration is the program. It returns the exit status: 0 if nothing was lost or wrongly accepted, 1 if something was or the drill
// could not be done, 2 for what the command line got wrong.
func migration(args []string, stdout, stderr io.Writer) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(stderr, "migration:", err)
		return status
	}
	fs := flag.NewFlagSet("migration", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // an error is one line, without the usage
	clients := fs.Int("clients", 1000, "`number` of clients")
	seed := fs.Uint64("seed", 1, "`number` that says who does what; when, the machine says too")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, "usage: migration [flags]")
		fs.SetOutput(stdout)
		fs.PrintDefaults()
		return 0
	case err != nil:
		return fail(2, err)
	case fs.NArg() > 0:
		return fail(2, fmt.Errorf("unexpected argument %q", fs.Arg(0)))
	case *clients < fewest:
		return fail(2, fmt.Errorf("-clients must be at least %d", fewest))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var found []string
	for _, s := range swaps() {
		d, err := run(ctx, plan{s, *clients, *seed})
		if err != nil {
			return fail(1, err)
		}
		d.table(stdout)
		for _, f := range d.findings() {
			found = append(found, s.name+": "+f)
		}
	}
	if found != nil {
		return fail(1, errors.New(strings.Join(found, "; ")))
	}
	return 0
}
