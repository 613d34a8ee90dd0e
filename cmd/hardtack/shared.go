package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9/logging"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/redisstore"
	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// shared is a source of keys that all servers of a fleet use.
type shared struct {
	url    string // or env:NAME
	ring   string
	create bool // make what is missing in a database
}

var (
	errNoSource = errors.New("--source: not one of redis://, rediss://, postgres://, mysql:// and sqlite:FILE")
	errRing     = errors.New("--ring: not 1 to 64 letters, digits, dots, hyphens and underscores")
	// What is malformed is not quoted: any part of it may be the password.
	errSourceURL = errors.New("--source: malformed; what is special in a password must be percent-encoded")
)

// name says where it is, without user, password and parameters.
func (s *shared) name() string {
	if strings.HasPrefix(s.url, "env:") || strings.HasPrefix(s.url, "sqlite:") {
		return s.url
	}
	if u, err := url.Parse(s.url); err == nil && u.Host != "" && (u.User != nil || !strings.Contains(s.url, "@")) {
		return u.Scheme + "://" + u.Host + u.Path
	}
	return "the source"
}

// dial returns the store, and what to call when it is no longer needed.
func (s *shared) dial(ctx context.Context) (hardtack.KeyStore, func(), error) {
	address := s.url
	if variable, ok := strings.CutPrefix(address, "env:"); ok {
		if address = os.Getenv(variable); address == "" {
			return nil, nil, fail("missing", "the environment variable %s is not set, or empty", variable)
		}
	}
	scheme, rest, _ := strings.Cut(address, ":")
	switch scheme {
	case "redis", "rediss":
		return s.dialRedis(ctx, address)
	case "sqlite":
		return s.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		config, err := pgx.ParseConfig(address)
		if err != nil || exposed(address) {
			return nil, nil, &usage{errSourceURL}
		}
		return s.useSQL(ctx, stdlib.OpenDB(*config), sqlstore.Postgres)
	case "mysql":
		return s.dialMySQL(ctx, address)
	}
	return nil, nil, &usage{errNoSource}
}

// exposed reports whether what stands before an @ would be taken for something else than a user and a password.
func exposed(address string) bool {
	u, err := url.Parse(address)
	return err != nil || u.User == nil && strings.Contains(address, "@")
}

func (s *shared) dialRedis(ctx context.Context, address string) (hardtack.KeyStore, func(), error) {
	if exposed(address) {
		return nil, nil, &usage{errSourceURL}
	}
	logging.Disable() // what it has to say is in the errors
	sessions, err := redisstore.Open(ctx, address, redisstore.Options{})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", hardtack.ErrKeySource, err)
	}
	keys, err := sessions.Keys(redisstore.KeysOptions{Name: s.ring})
	if err != nil {
		_ = sessions.Close()
		return nil, nil, &usage{errRing}
	}
	return keys, func() { _ = sessions.Close() }, nil
}

// dialMySQL takes the URLs that the store's package mysql does.
func (s *shared) dialMySQL(ctx context.Context, address string) (hardtack.KeyStore, func(), error) {
	u, err := url.Parse(address)
	if err != nil || exposed(address) || u.Fragment != "" {
		return nil, nil, &usage{errSourceURL}
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	config, err := mysql.ParseDSN("tcp(" + net.JoinHostPort(u.Hostname(), port) + ")" + u.EscapedPath() + "?" + u.RawQuery)
	if err != nil {
		return nil, nil, &usage{errSourceURL}
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.ClientFoundRows = true
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, nil, &usage{errSourceURL}
	}
	return s.useSQL(ctx, sql.OpenDB(connector), sqlstore.MySQL)
}

// openSQLite opens a database that exists: to make one is the servers' business, who know its mode.
func (s *shared) openSQLite(ctx context.Context, file string) (hardtack.KeyStore, func(), error) {
	path, err := filepath.Abs(strings.TrimPrefix(file, "//"))
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", hardtack.ErrKeySource, err)
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=rw&_txlock=immediate"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, nil, err
	}
	return s.useSQL(ctx, db, sqlstore.SQLite)
}

func (s *shared) useSQL(ctx context.Context, db *sql.DB, d sqlstore.Dialect) (hardtack.KeyStore, func(), error) {
	hangUp := func() { _ = db.Close() }
	keys, err := sqlstore.NewKeys(ctx, db, d, sqlstore.KeysOptions{Name: s.ring, SkipMigration: !s.create})
	if err == nil {
		return keys, hangUp, nil
	}
	hangUp()
	switch {
	case errors.Is(err, sqlstore.ErrKeysName):
		return nil, nil, &usage{errRing}
	case errors.Is(err, sqlstore.ErrKeysTable):
		return nil, nil, hardtack.ErrNoKeySet
	}
	return nil, nil, fmt.Errorf("%w: %w", hardtack.ErrKeySource, err)
}
