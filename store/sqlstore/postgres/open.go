package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// Options are the settings of Open. The zero value means the defaults.
type Options struct {
	sqlstore.Options

	// MaxOpenConns bounds the connections of this process, idle ones included; 16 by default. With all of them in use, a call
	// waits for one as long as its context lasts.
	MaxOpenConns int

	// ConnectTimeout bounds how long a connection may take to be made, beside the context; connect_timeout of the
	// URL by default, or else 2 seconds.
	ConnectTimeout time.Duration
}

const (
	defaultMaxOpenConns   = 16
	defaultConnectTimeout = 2 * time.Second

	// pingTimeout leaves time for another connection when an idle one does not answer.
	pingTimeout = 300 * time.Millisecond

	// maxConnLifetime lets connections follow a server that has moved.
	maxConnLifetime = 30 * time.Minute
)

// ErrURL: what Open was given cannot be parsed. The error says no more, as any part of it may be the password.
var ErrURL = errors.New("postgres: malformed URL or connection string; percent-encode what is special in the password")

// Open opens the store in the database at url, postgres://user:password@host:port/database or what else
// pgx takes; the variables PGHOST, PGPASSWORD and so on complete it. Close ends the store and its connections.
//
// The errors are ErrURL, one that wraps a *fs.PathError if a certificate cannot be read, and those of sqlstore.New.
// None contains the password.
func Open(ctx context.Context, url string, o Options) (*sqlstore.Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	if o.ConnectTimeout > 0 {
		config.ConnectTimeout = o.ConnectTimeout
	}
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = defaultConnectTimeout
	}
	if o.MaxOpenConns <= 0 {
		o.MaxOpenConns = defaultMaxOpenConns
	}
	// Go's own keep-alive notices in 3 minutes what pgx's notices in 50.
	config.DialFunc = (&net.Dialer{}).DialContext
	db := stdlib.OpenDB(*config, stdlib.OptionShouldPing(broken))
	o.MaxCalls = o.MaxOpenConns // and with it the connections
	db.SetMaxIdleConns(o.MaxOpenConns)
	db.SetConnMaxLifetime(maxConnLifetime)
	o.ClosePool = true
	store, err := sqlstore.New(ctx, db, sqlstore.Postgres, o.Options)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return store, nil
}

// broken reports whether an idle connection has ended. It closes such a one; the driver's own ping then fails at once,
// and the pool takes another. That ping would wait as long as the context lasts for a server that cannot be reached.
func broken(ctx context.Context, p stdlib.ShouldPingParams) bool {
	if p.IdleDuration <= time.Second && !doubtful(p.Conn.PgConn().Conn()) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return p.Conn.PgConn().Ping(ctx) != nil
}

// parse is pgx.ParseConfig with errors that show nothing of the URL. A special character that is not encoded
// would make the rest of a password a path or a host name, which later errors show.
func parse(url string) (*pgx.ConnConfig, error) {
	if scheme, rest, ok := strings.Cut(url, "://"); ok && scheme != "" {
		authority := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			authority = rest[:end]
		}
		if !strings.Contains(authority, "@") && strings.Contains(rest, "@") {
			return nil, ErrURL
		}
	}
	config, err := pgx.ParseConfig(url)
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		return nil, fmt.Errorf("postgres: %w", file)
	}
	if err != nil {
		return nil, ErrURL
	}
	return config, nil
}
