// Command scsshop is the shop of this repository with its sessions in alexedwards/scs and Redis, to be measured beside
// it: the same requests, answers and data. It is set up as the documentation of scs and goredisstore shows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "scsshop:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on; port 0 means any free one")
	url := flag.String("redis", "redis://127.0.0.1:6379", "`URL` of the Redis that keeps the sessions")
	lifetime := flag.Duration("lifetime", 24*time.Hour, "absolute `duration` of a session")
	flag.Parse()

	options, err := redis.ParseURL(*url)
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer client.Close()
	sessions := scs.New()
	sessions.Store = goredisstore.New(client)
	sessions.Lifetime = *lifetime
	sessions.Cookie.Secure = true

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("listening on http://%s\n", listener.Addr())
	return serve(ctx, listener, newServer(sessions))
}

// serve answers requests until ctx ends, with the limits that the other shop has.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(ctx), server.Close())
}
