// Command gin is a gin server whose sessions are those of gin-contrib/sessions, kept by hardtack.
//
//	go run ./examples/gin
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
	"github.com/hardtack-go/hardtack/keyfile"
)

func main() {
	log.SetFlags(0)
	gin.SetMode(gin.ReleaseMode)
	if err := run(); err != nil {
		log.Fatal("gin: ", err)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on; port 0 means any free one")
	keys := flag.String("keys", "", "key `file`, created on first use; without one the keys, and all sessions, end with the process")
	stateless := flag.Bool("stateless", false, "keep sessions in their cookies only")
	insecure := flag.Bool("insecure", false, "cookies without Secure, for plain http beyond localhost")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	// Keys that die with the process are for a first look only: every restart logs everybody out.
	ring := hardtack.EphemeralKeyring()
	if *keys != "" {
		var err error
		if ring, err = keyfile.Open(context.Background(), *keys, hardtack.KeyringConfig{}); err != nil {
			return err
		}
		defer ring.Close()
	}
	c := gorilla.StoreConfig{Config: hardtack.Config{
		Keys:                ring,
		InsecureDevelopment: *insecure,
		Observer:            hardtack.SlogObserver(slog.Default()),
	}}
	if !*stateless {
		c.Overflow = hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}) // store/ has stores that outlive the process
	}
	handler, err := newHandler(c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}

	// Before the address is announced: whoever reads it may signal at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("listening on http://%s\n", listener.Addr())
	return serve(ctx, stop, listener, handler)
}

// serve answers requests until ctx ends, and then the ones it has begun.
func serve(ctx context.Context, stop func(), listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shutting down: %w", err), server.Close())
	}
	return nil
}
