package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"regexp"

	"github.com/hardtack-go/hardtack"
)

// KeysOptions are the settings of a Keys. The zero value means the defaults.
type KeysOptions struct {
	// Prefix begins the name of the table, as in Options: "hardtack_" by default, for Store.Keys that of the Store.
	Prefix string

	// Name tells rings apart whose keys are in one table; "default" by default. It is a letter or digit and then up to 63 letters,
	// digits, dots, hyphens and underscores, else the error matches ErrKeysName.
	Name string

	// SkipMigration makes NewKeys only check that the table is there, for a role that may not create any: if it is not, the
	// error matches ErrKeysTable. KeysSchema returns the statement for one's own tool.
	SkipMigration bool
}

// ErrKeysName: KeysOptions.Name is not a name.
var ErrKeysName = errors.New("sqlstore: KeysOptions.Name is not 1 to 64 letters, digits, dots, hyphens and underscores")

// ErrKeysTable: there is no table of keys, and none was to be made.
var ErrKeysTable = errors.New("sqlstore: the table of keys is missing: run the statement of KeysSchema")

var keysNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Keys keeps the keys of a ring in a database, where all servers of a fleet find them. It is a
// hardtack.KeyStore for hardtack.OpenKeyring, which wants a KeyWrapper for it: whoever reads the database, or a backup of it,
// would otherwise have the keys. It is safe for concurrent use. Make one with NewKeys, or with Store.Keys.
//
// Its errors match hardtack.ErrStoreUnavailable, and the cause of the context if that has ended. None contains what is stored.
type Keys struct {
	caller *caller
	name   string

	load, insert, update string
}

var _ hardtack.KeyStore = (*Keys)(nil)

// NewKeys returns a Keys in the database that db is a pool of, and makes its table if it is not there. The pool
// stays the caller's. A MySQL pool may count the rows that a statement matches or those that it changes.
//
// The errors are ErrPrefix, ErrKeysName, ErrKeysTable, or one that matches hardtack.ErrStoreUnavailable and wraps
// the driver's. ctx bounds NewKeys, not the Keys.
func NewKeys(ctx context.Context, db *sql.DB, d Dialect, o KeysOptions) (*Keys, error) {
	if d.d == nil {
		return nil, errNoDialect
	}
	c := newCaller(db, d.d, Options{}.withDefaults())
	return c.keys(ctx, o)
}

// Keys is NewKeys with the Store's pool, its bounds and its Prefix. Once the Store has closed the pool, its calls fail.
func (s *Store) Keys(ctx context.Context, o KeysOptions) (*Keys, error) {
	if o.Prefix == "" {
		o.Prefix = s.options.Prefix
	}
	return s.keys(ctx, o)
}

func (c *caller) keys(ctx context.Context, o KeysOptions) (*Keys, error) {
	n, err := c.dialect.names(o.Prefix)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = "default"
	}
	if !keysNameForm.MatchString(o.Name) {
		return nil, ErrKeysName
	}
	if err := c.opening(ctx, func(ctx context.Context) error { return c.makeKeysTable(ctx, n, o.SkipMigration) }); err != nil {
		return nil, err
	}
	t := c.dialect.keys
	return &Keys{
		caller: c, name: o.Name,
		load: c.dialect.text(n, findKeysText), insert: c.dialect.text(n, t.insert), update: c.dialect.text(n, t.update),
	}, nil
}

// keysTexts are the statements of a Keys that are not the same everywhere.
type keysTexts struct {
	table  string
	insert string // name, document; no row if the name is taken, or the error for a duplicate
	update string // document, name, document
}

const (
	findKeysText   = `SELECT document FROM {t}keys WHERE name = ?`
	insertKeysText = `INSERT INTO {t}keys (name, document) VALUES (?, ?)`
	updateKeysText = `UPDATE {t}keys SET document = ? WHERE name = ? AND document = ?`
)

// KeysSchema returns the statement that makes the table of NewKeys, for one's own migration tool. An empty prefix is the
// default one; one that is not valid gives ErrPrefix.
func KeysSchema(d Dialect, prefix string) (string, error) {
	if d.d == nil {
		return "", errNoDialect
	}
	n, err := d.d.names(prefix)
	if err != nil {
		return "", err
	}
	return n.expand(d.d.keys.table), nil
}

func (c *caller) makeKeysTable(ctx context.Context, n names, onlyCheck bool) error {
	var there int
	if err := c.db.QueryRowContext(ctx, c.dialect.text(n, c.dialect.exists), n.table+"keys").Scan(&there); err != nil || there > 0 {
		return err
	}
	if onlyCheck {
		return ErrKeysTable
	}
	return c.dialect.locked(ctx, c.db, n, func(q querier) error {
		_, err := q.ExecContext(ctx, n.expand(c.dialect.keys.table))
		return err
	})
}

// LoadKeys implements hardtack.KeySource.
func (k *Keys) LoadKeys(ctx context.Context) (document []byte, err error) {
	err = k.caller.call(ctx, "load keys", func() error {
		err := k.caller.db.QueryRowContext(ctx, k.load, k.name).Scan(&document)
		if errors.Is(err, sql.ErrNoRows) {
			document = nil
			return nil
		}
		document = notNull(document)
		return err
	})
	if err != nil {
		return nil, err
	}
	return document, nil
}

// SwapKeys implements hardtack.KeyStore. What the database has refused because others were in the way is repeated while ctx lasts; what may have
// been done is not, and is an error.
func (k *Keys) SwapKeys(ctx context.Context, old, new []byte) (swapped bool, err error) {
	if old == nil {
		rows, err := k.exec(ctx, k.insert, k.name, notNull(new))
		if d := k.caller.dialect.duplicate; d != "" && code(err) == d {
			return false, nil
		}
		return rows == 1, err
	}
	if bytes.Equal(old, new) { // some pools count no row that stays as it is
		have, err := k.LoadKeys(ctx)
		return have != nil && bytes.Equal(have, old), err
	}
	rows, err := k.exec(ctx, k.update, notNull(new), k.name, old)
	return rows == 1, err
}

func (k *Keys) exec(ctx context.Context, query string, args ...any) (rows int, err error) {
	return k.caller.rows(ctx, "swap keys", func() (sql.Result, error) { return k.caller.db.ExecContext(ctx, query, args...) })
}
