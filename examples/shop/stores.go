package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/mongostore"
	"github.com/hardtack-go/hardtack/store/redisstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/mysql"
	"github.com/hardtack-go/hardtack/store/sqlstore/postgres"
	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
)

// storeWait is how long a store may take to answer when the shop starts.
const storeWait = 5 * time.Second

// storeForms is what -store takes.
const storeForms = "memory, sqlite:FILE, postgres://…, mysql://…, redis://…, rediss://… or mongodb://…"

// openedStore is where the sessions go that outgrow their cookies.
type openedStore struct {
	hardtack.Store
	kind string // without the address, which may hold a password
	io.Closer
}

// noLog is go-redis's logger, which by default writes to stderr for each failed
// attempt to connect. The store's errors and the Observer say it already.
type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

type nothingToClose struct{}

func (nothingToClose) Close() error { return nil }

// openStore opens the store that spec describes; empty means a SQLite file
// beside the key file. It has been asked whether it is there. What its server is not well set to is logged.
func openStore(ctx context.Context, spec, keyFile string, logger *slog.Logger) (openedStore, error) {
	if spec == "" {
		spec = "sqlite:" + filepath.Join(filepath.Dir(keyFile), "sessions.db")
	}
	kind, rest, _ := strings.Cut(spec, ":")
	if kind == "memory" && spec == kind {
		return openedStore{hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}), kind, nothingToClose{}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	type store interface {
		hardtack.Pinger
		io.Closer
	}
	var s store
	var err error
	switch kind {
	case "sqlite":
		s, err = sqlite.Open(ctx, rest, sqlite.Options{})
	case "postgres", "postgresql":
		s, err = postgres.Open(ctx, spec, postgres.Options{})
	case "mysql":
		s, err = mysql.Open(ctx, spec, mysql.Options{})
	case "redis", "rediss":
		redis.SetLogger(noLog{})
		var r *redisstore.Store
		if r, err = redisstore.Open(ctx, spec, redisstore.Options{}); err == nil {
			if risk := r.CheckSettings(ctx); risk != nil {
				logger.Warn("sessions may be lost", "reason", oneLine(risk))
			}
		}
		s = r
	case "mongodb", "mongodb+srv":
		s, err = mongostore.Open(ctx, spec, mongostore.Options{})
	default:
		return openedStore{}, fmt.Errorf("-store is none of %s", storeForms)
	}
	if err == nil {
		if err = s.Ping(ctx); err != nil {
			err = errors.Join(err, s.Close())
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %v: %w", storeWait, err)
	}
	if err != nil {
		return openedStore{}, fmt.Errorf("-store %s: %w", kind, err)
	}
	return openedStore{s, kind, s}, nil
}
