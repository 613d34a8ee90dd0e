package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// Options are the settings of Open. The zero value means the defaults.
type Options struct {
	sqlstore.Options

	// MaxOpenConns bounds the connections of this process, idle ones included; 16 by default. With all of them in use, a call
	// waits for one as long as its context lasts.
	MaxOpenConns int

	// ConnectTimeout bounds how long a connection may take to be made, beside the context; timeout of the
	// URL by default, or else 2 seconds.
	ConnectTimeout time.Duration
}

const (
	defaultMaxOpenConns   = 16
	defaultConnectTimeout = 2 * time.Second

	// maxConnLifetime lets connections follow a server that has moved.
	maxConnLifetime = 30 * time.Minute
)

// ErrURL: what Open was given cannot be parsed. The error says no more, as any part of it may be the password.
var ErrURL = errors.New("mysql: malformed URL or DSN, or a parameter that the driver does not take; " +
	"in a URL percent-encode what is special in the password")

// Open opens the store in the database at address: a URL, mysql://user:password@host:port/database, or a DSN of the
// driver, user:password@tcp(host:port)/database. Both take the driver's parameters, such as ?tls=true. Of these, clientFoundRows and
// rejectReadOnly are always set, and the driver logs nothing. Close ends the store and its connections.
//
// The errors are ErrURL and those of sqlstore.New. None contains the password.
func Open(ctx context.Context, address string, o Options) (*sqlstore.Store, error) {
	config, err := parse(address)
	if err != nil {
		return nil, err
	}
	config.ClientFoundRows = true
	config.RejectReadOnly = true // leaves a server that is no longer the primary
	config.Logger = &mysql.NopLogger{}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = config.Timeout
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	if o.MaxOpenConns <= 0 {
		o.MaxOpenConns = defaultMaxOpenConns
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, ErrURL
	}
	db := sql.OpenDB(timely{connector, o.ConnectTimeout})
	o.MaxCalls = o.MaxOpenConns // and with it the connections
	db.SetMaxIdleConns(o.MaxOpenConns)
	db.SetConnMaxLifetime(maxConnLifetime)
	o.ClosePool = true
	store, err := sqlstore.New(ctx, db, sqlstore.MySQL, o.Options)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return store, nil
}

// timely bounds the whole of a connection's making; the driver's timeout bounds the dialling only.
type timely struct {
	driver.Connector
	timeout time.Duration
}

func (c timely) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.Connector.Connect(ctx)
}

// parse takes a URL or a DSN. The driver's errors, and the URL's, would show parts of it.
func parse(address string) (*mysql.Config, error) {
	if !strings.HasPrefix(address, "mysql://") {
		config, err := mysql.ParseDSN(address)
		if err != nil {
			return nil, ErrURL
		}
		return config, nil
	}
	u, err := url.Parse(address)
	// A special character that is not encoded makes the rest of a password a path, which later errors show.
	if err != nil || u.Fragment != "" || u.User == nil && strings.Contains(address, "@") {
		return nil, ErrURL
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	config, err := mysql.ParseDSN("tcp(" + net.JoinHostPort(u.Hostname(), port) + ")" + u.EscapedPath() + "?" + u.RawQuery)
	if err != nil {
		return nil, ErrURL
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	return config, nil
}
