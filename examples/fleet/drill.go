package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

const (
	parallel = 24                     // requests of clients at a time
	arrivals = 4 * time.Second        // real time in which the clients come
	watching = 100 * time.Millisecond // real time between looks at the key file, and at each server
)

// drill is one run.
type drill struct {
	*tally
	plan    plan
	log     io.Writer
	clock   clock
	dir     string
	binary  string
	file    *keyfile.File
	servers []*server
	clients []*client
	ledger  ledger
	stash   stash
	asker   *asker
	turns   chan struct{}
	turn    atomic.Uint32
	abort   context.CancelCauseFunc

	killing    chan struct{} // full while a server is down, or while none may be
	kills      atomic.Int64
	revoking   atomic.Bool
	revocation atomic.Pointer[revocation]
	live       []int // sessions alive, at each look
	ended      time.Time
}

// run carries out the plan. The error says why the drill could not be done; what it found is in its result.
func run(ctx context.Context, p plan, log io.Writer) (*drill, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := &drill{
		tally:   &tally{refused: make(map[string]int)},
		plan:    p,
		log:     log,
		ledger:  ledger{byID: make(map[hardtack.KeyID]*life)},
		stash:   stash{of: make(map[hardtack.KeyID][]held)},
		asker:   newAsker(parallel),
		turns:   make(chan struct{}, parallel),
		killing: make(chan struct{}, 1),
		abort:   cancel,
	}
	defer d.asker.client.CloseIdleConnections()
	var err error
	if d.dir, err = os.MkdirTemp("", "fleet-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(d.dir)
	if err := d.build(ctx); err != nil {
		return nil, err
	}
	defer d.stop()
	if err := d.start(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "%d servers listen, %d clients come\n", p.servers, p.sessions)
	for i := range p.sessions {
		d.clients = append(d.clients, newClient(d, i))
	}
	return d, d.traffic(ctx)
}

// build makes the shop.
func (d *drill) build(ctx context.Context) error {
	command := func(dir string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		var said bytes.Buffer
		cmd.Stderr = &said
		dieWithParent(cmd)
		out, err := cmd.Output()
		if err != nil {
			return nil, cmp.Or(context.Cause(ctx), fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, &said))
		}
		return bytes.TrimSpace(out), nil
	}
	root, err := command("", "list", "-m", "-f", "{{.Dir}}", "github.com/hardtack-go/hardtack")
	if err != nil {
		return err
	}
	d.binary = filepath.Join(d.dir, "shop")
	_, err = command(filepath.Join(string(root), "examples", "shop"), "build", "-o", d.binary, ".")
	return err
}

// start starts all servers at once. In the good variant there is no key file yet.
func (d *drill) start(ctx context.Context) error {
	d.clock = clock{time.Now().Round(0), d.plan.rate}
	d.file = keyfile.New(filepath.Join(d.dir, "keys.json"), keyfile.Options{})
	if !d.plan.good() {
		if _, err := hardtack.UpdateKeys(ctx, d.file, nil, d.plan.rotate(d.clock.base)); err != nil {
			return err
		}
	}
	started := make(chan error)
	for i, offset := range offsets(d.plan.servers, d.plan.skew) {
		s := &server{number: i + 1, offset: offset, args: d.args(offset)}
		s.looks.knows, s.looks.revoked = make(map[hardtack.KeyID]time.Time), make(map[hardtack.KeyID]time.Time)
		d.servers = append(d.servers, s)
		go func() { started <- s.start(ctx, d.binary) }()
	}
	var err error
	for range d.servers {
		err = errors.Join(err, <-started)
	}
	if err != nil {
		return err
	}
	d.ledger.look(ctx, d.file)
	keys := d.ledger.all()
	if len(keys) == 0 {
		return cmp.Or(d.ledger.fault, errors.New("the servers have made no keys"))
	}
	for _, k := range keys[1:] { // the next key may have been announced already, by a clock that is ahead
		if k.activate.Before(keys[0].activate.Add(d.plan.every)) {
			return fmt.Errorf("servers that started at once have made more than one key: %v and %v", keys[0].id, k.id)
		}
	}
	return nil
}

// args are the flags of a shop.
func (d *drill) args(offset time.Duration) []string {
	args := []string{"-addr", "127.0.0.1:0", "-mode", "stateless", "-keys", d.file.Path(), "-debug-keys",
		"-lifetime", d.plan.lifetime.String(), "-poll", d.plan.poll.String(),
		"-clock-base", d.clock.base.UTC().Format(time.RFC3339Nano), "-clock-rate", fmt.Sprint(d.clock.rate), "-clock-offset", offset.String()}
	if d.plan.good() {
		args = append(args, "-rotate-every", d.plan.every.String(), "-propagation", d.plan.propagation.String())
	}
	if d.plan.noReread {
		args = append(args, "-no-reread")
	}
	return args
}

// stop kills all servers that run.
func (d *drill) stop() {
	var all sync.WaitGroup
	for _, s := range d.servers {
		all.Go(s.kill)
	}
	all.Wait()
	d.ended = time.Now()
}

// fail ends the drill: what happened has nothing to do with keys.
func (d *drill) fail(err error) { d.abort(err) }

// balance returns the next server: round robin, without a look whether it is up.
func (d *drill) balance() *server { return d.servers[int(d.turn.Add(1))%len(d.servers)] }

// fastest and slowest are the extreme clocks of the fleet.
func (d *drill) fastest(real time.Time) time.Time { return d.clock.at(real).Add(d.plan.skew / 2) }
func (d *drill) slowest(real time.Time) time.Time { return d.clock.at(real).Add(-d.plan.skew / 2) }
