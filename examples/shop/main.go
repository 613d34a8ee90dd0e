// Command shop is a small shop that shows where its session lives: in the
// cookie while it is small, in a store when it has outgrown it.
//
//	go run ./examples/shop
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/keyfile"
)

// shutdownGrace is how long requests may still take after a signal. Connections
// that browsers open in advance count as busy for the first 5 s.
const shutdownGrace = 10 * time.Second

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. It returns the exit status: 2 for what the command line
// got wrong, 1 for what went wrong.
func run(args []string, stdout, stderr io.Writer) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(stderr, "shop:", oneLine(err))
		return status
	}
	opts, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return fail(2, err)
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	handler, opened, err := opts.handler(logger)
	if err != nil {
		return fail(2, err)
	}
	listener, err := net.Listen("tcp", opts.addr)
	if err != nil {
		return fail(1, errors.Join(err, opened.Close()))
	}

	// Before the address is announced: whoever reads it may signal at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr())
	err = serve(ctx, stop, listener, handler, logger)
	if err = errors.Join(err, opened.Close()); err != nil {
		return fail(1, err)
	}
	return 0
}

func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

// serve answers requests until ctx ends, and then the ones it has begun.
func serve(ctx context.Context, stop func(), listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shutting down: %w", err), server.Close())
	}
	return nil
}

// options are the command line.
type options struct {
	addr, mode, store, keys string
	lifetime, idle          time.Duration
	insecure, debugRuntime  bool
	rotation                keyOptions
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("shop", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // an error is one line, without the usage
	fs.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on; port 0 means any free one")
	fs.StringVar(&o.mode, "mode", "hybrid", "hybrid or stateless")
	fs.StringVar(&o.store, "store", "", "where hybrid sessions go that outgrow their cookies: "+storeForms+" (default sqlite:sessions.db beside the key file)")
	fs.StringVar(&o.keys, "keys", "", "key `file`, created on first use (default hardtack-shop/keys.json in the user's cache directory)")
	fs.DurationVar(&o.lifetime, "lifetime", 24*time.Hour, "absolute `duration` of a session")
	fs.DurationVar(&o.idle, "idle", 0, "`duration` after which an unused session ends; 0 means never")
	fs.BoolVar(&o.insecure, "insecure", false, "cookies without Secure and the __Host- prefix, for plain http beyond localhost")
	fs.BoolVar(&o.debugRuntime, "debug-runtime", false, "for soaks: answer /debug/runtime with goroutines and bytes of live heap")
	o.rotation.define(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(usage, "usage: shop [flags]")
			fs.SetOutput(usage)
			fs.PrintDefaults()
		}
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case o.mode != "hybrid" && o.mode != "stateless":
		return o, fmt.Errorf("-mode %q is neither hybrid nor stateless", o.mode)
	case o.mode == "stateless" && o.store != "":
		return o, errors.New("-store is for -mode hybrid")
	case o.lifetime == 0: // which a Config takes for the default
		return o, errors.New("-lifetime must not be 0")
	}
	if err := o.rotation.check(); err != nil {
		return o, err
	}
	_, port, err := net.SplitHostPort(o.addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return o, fmt.Errorf("-addr %q is not HOST:PORT: %w", o.addr, err)
	}
	return o, nil
}

// closers are closed in the opposite order.
type closers []io.Closer

func (c closers) Close() error {
	var faults []error
	for _, closer := range slices.Backward(c) {
		faults = append(faults, closer.Close())
	}
	return errors.Join(faults...)
}

// handler makes the shop that o describes, and opens its keys and its store.
func (o *options) handler(logger *slog.Logger) (handler http.Handler, opened closers, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.Close())
		}
	}()
	path, err := keysPath(o.keys)
	if err != nil {
		return nil, opened, err
	}
	keys, err := keyfile.Open(context.Background(), path, o.rotation.config(o.lifetime, logger))
	if err != nil {
		return nil, opened, err
	}
	opened = append(opened, keys)
	c := serverConfig{Session: hardtack.Config{
		Keys:                keys,
		Lifetime:            o.lifetime,
		IdleTimeout:         o.idle,
		InsecureDevelopment: o.insecure,
		Audience:            "shop",
		Observer:            hardtack.SlogObserver(logger),
		Now:                 o.rotation.clock,
	}}
	if o.mode == "hybrid" {
		store, err := openStore(context.Background(), o.store, path, logger)
		if err != nil {
			return nil, opened, err
		}
		opened = append(opened, store)
		c.Store, c.StoreName = store.Store, store.kind
	}
	handler, err = newServer(c)
	if err == nil && o.rotation.debug {
		handler = withDebug(handler, keys, o.rotation.clock)
	}
	if err == nil && o.debugRuntime {
		handler = withRuntime(handler)
	}
	return handler, opened, err
}
