// Command hardtack handles the keys of hardtack's session cookies and looks into cookies. docs/rotation.md is its
// runbook, hardtack --help its reference.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now}
	return a.run(ctx, os.Args[1:])
}
