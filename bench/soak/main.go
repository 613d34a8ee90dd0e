package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hardtack-go/hardtack/internal/servers"
)

func main() {
	// What has been started ends with Run, also when a server cannot be started.
	servers := servers.NewMain()
	os.Exit(servers.Run(func() int { return run(servers, os.Args[1:], os.Stdout, os.Stderr) }))
}

// settings are the same for all contenders.
type settings struct {
	duration    time.Duration // of the measured load of each
	turn        time.Duration // of one, after which it is another's
	rate        int           // requests a second
	visitors    int
	connections int
	rotateEvery time.Duration
	sampleEvery time.Duration
	settle      time.Duration // that goroutines of closed connections may take to end
	seed        uint64
	margins     margins
	progress    io.Writer
}

// run is the program. It returns the exit status: 2 for what the command line got wrong, 1 for what went wrong.
func run(t servers.T, args []string, stdout, stderr io.Writer) int {
	s := settings{sampleEvery: time.Second, settle: 15 * time.Second, margins: defaultMargins, progress: stderr}
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.DurationVar(&s.duration, "duration", 5*time.Minute, "`time` for which each shop is under load")
	fs.DurationVar(&s.turn, "turn", 5*time.Second, "`time` after which it is the other shop's turn to be under load; both have but one if it is not less than -duration")
	fs.IntVar(&s.rate, "rate", 500, "requests a second")
	fs.IntVar(&s.visitors, "visitors", 10_000, "customers, each with a cookie jar and at most one request at a time")
	fs.IntVar(&s.connections, "connections", 64, "most connections to a shop")
	fs.DurationVar(&s.rotateEvery, "rotate", time.Minute, "`time` under load between two rotations of the keys, the last at least half of it before the end")
	fs.Uint64Var(&s.seed, "seed", 1, "of what the customers do")
	root := fs.String("root", filepath.Join("..", ".."), "the `folder` of the repository")
	document := fs.String("document", "", "`file` to write the report into, between "+beginMark+" and "+endMark)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	fail := func(status int, err error) int {
		fmt.Fprintln(stderr, "soak:", err)
		return status
	}
	if err := s.check(); err != nil {
		return fail(2, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := soak(ctx, t, s, *root)
	if err != nil {
		return fail(1, err)
	}
	if err := report.deliver(stdout, *document); err != nil {
		return fail(1, err)
	}
	return 0
}

// settling is how long after a rotation hardtack keys rotate takes another one for the same.
const settling = 10 * time.Second

// rotations returns how often the keys are rotated; the last time while there is load enough left to use the key.
func (s *settings) rotations() int {
	return max(0, int((s.duration-s.rotateEvery/2)/s.rotateEvery))
}

func (s *settings) check() error {
	switch {
	case s.duration <= 0:
		return errors.New("-duration must be more than 0")
	case s.turn <= 0:
		return errors.New("-turn must be more than 0")
	case s.rate <= 0:
		return errors.New("-rate must be more than 0")
	case s.visitors <= 0:
		return errors.New("-visitors must be more than 0")
	case s.connections <= 0:
		return errors.New("-connections must be more than 0")
	case s.rotateEvery <= 0:
		return errors.New("-rotate must be more than 0")
	case s.rotateEvery <= settling && s.rotations() > 1:
		return fmt.Errorf("-rotate must be more than %v: hardtack keys rotate refuses a second rotation within that time", settling)
	}
	return nil
}

// soak builds both shops and runs them.
func soak(ctx context.Context, t servers.T, s settings, root string) (*report, error) {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(s.progress, "building the shops and the hardtack command")
	built, err := buildAll(ctx, root, dir)
	if err != nil {
		return nil, err
	}
	modules, err := modulesOf(built.scsshop)
	if err != nil {
		return nil, err
	}
	outcomes, err := soakAll(ctx, s,
		func() (*contender, error) { return openHardtack(ctx, t, dir, built) },
		func() (*contender, error) { return openSCS(ctx, t, built) },
	)
	if err != nil {
		return nil, err
	}
	return &report{s, modules, outcomes}, nil
}
