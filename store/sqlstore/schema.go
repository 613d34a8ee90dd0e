package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
)

// A migration is the statements that lead from one version of the schema to the next. MySQL commits each by
// itself, so that one which was cut short is run again from its beginning: each must bear that.
var sqliteMigrations = [][]string{{
	`CREATE TABLE IF NOT EXISTS {t}records (
 id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
 data BLOB NOT NULL,
 version INTEGER NOT NULL,
 expires INTEGER NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS {x}records_expires ON {t}records (expires)`,
	`CREATE TABLE IF NOT EXISTS {t}subjects (
 id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
 subject TEXT COLLATE BINARY NOT NULL,
 expires INTEGER NOT NULL) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS {x}subjects_subject ON {t}subjects (subject)`,
	`CREATE INDEX IF NOT EXISTS {x}subjects_expires ON {t}subjects (expires)`,
}}

var postgresMigrations = [][]string{{
	`CREATE TABLE IF NOT EXISTS {t}records (
 id TEXT COLLATE "C" PRIMARY KEY,
 data BYTEA NOT NULL,
 version BIGINT NOT NULL,
 expires BIGINT NOT NULL)`,
	`ALTER TABLE {t}records ALTER COLUMN data SET STORAGE EXTERNAL`, // what is sealed cannot be compressed
	`CREATE INDEX IF NOT EXISTS {x}records_expires ON {t}records (expires)`,
	`CREATE TABLE IF NOT EXISTS {t}subjects (
 id TEXT COLLATE "C" PRIMARY KEY,
 subject TEXT COLLATE "C" NOT NULL,
 expires BIGINT NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS {x}subjects_subject ON {t}subjects (subject)`,
	`CREATE INDEX IF NOT EXISTS {x}subjects_expires ON {t}subjects (expires)`,
}}

var mysqlMigrations = [][]string{{
	`CREATE TABLE IF NOT EXISTS {t}records (
 id VARBINARY(43) NOT NULL PRIMARY KEY,
 data LONGBLOB NOT NULL,
 version BIGINT NOT NULL,
 expires BIGINT NOT NULL,
 KEY {x}records_expires (expires)) ENGINE=InnoDB`,
	`CREATE TABLE IF NOT EXISTS {t}subjects (
 id VARBINARY(43) NOT NULL PRIMARY KEY,
 subject VARBINARY(43) NOT NULL,
 expires BIGINT NOT NULL,
 KEY {x}subjects_subject (subject),
 KEY {x}subjects_expires (expires)) ENGINE=InnoDB`,
}}

// The table of the versions has one row for each migration that is complete.
const (
	versionsText = `CREATE TABLE IF NOT EXISTS {t}schema (version INTEGER NOT NULL PRIMARY KEY)`
	versionText  = `INSERT INTO {t}schema (version) VALUES (%d)`
)

// Schema returns the statements that make the tables of an empty database, for one's own migration tool. They are
// what New runs by itself without Options.SkipMigration. An empty prefix is the default one; one that is
// not valid gives ErrPrefix.
func Schema(d Dialect, prefix string) ([]string, error) {
	if d.d == nil {
		return nil, errNoDialect
	}
	n, err := d.d.names(prefix)
	if err != nil {
		return nil, err
	}
	statements := []string{n.expand(versionsText)}
	for i := range d.d.migrations {
		statements = append(statements, d.d.migration(n, i)...)
	}
	return statements, nil
}

// migration returns the statements that lead from the version have to the next.
func (d *dialect) migration(n names, have int) []string {
	var statements []string
	for _, statement := range d.migrations[have] {
		statements = append(statements, n.expand(statement))
	}
	return append(statements, fmt.Sprintf(n.expand(versionText), have+1))
}

// SchemaError says that the tables are not those that this program needs: New was not to make them, or
// was made by an older program than the one that made them.
type SchemaError struct {
	Have    int      // the version of the schema in the database; 0 if there is none
	Want    int      // the version that this program needs
	Missing []string // the tables that are missing
}

func (e *SchemaError) Error() string {
	switch {
	case e.Have > e.Want:
		return fmt.Sprintf("sqlstore: the database has version %d of the schema, newer than version %d of this program: update the program", e.Have, e.Want)
	case len(e.Missing) > 0:
		return fmt.Sprintf("sqlstore: the database has version %d of the schema and lacks %s; version %d is needed: run the statements of Schema",
			e.Have, strings.Join(e.Missing, ", "), e.Want)
	}
	return fmt.Sprintf("sqlstore: the database has version %d of the schema, version %d is needed: run the statements of Schema", e.Have, e.Want)
}

// querier is a *sql.DB, *sql.Tx or *sql.Conn.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// migrate brings the schema to the present version, or only looks whether it is there.
func (d *dialect) migrate(ctx context.Context, db *sql.DB, n names, onlyCheck bool) error {
	state, err := d.inspect(ctx, db, n)
	switch {
	case err != nil:
		return err
	case state == nil:
		return nil
	case onlyCheck || state.Have >= state.Want:
		return state
	}
	return d.locked(ctx, db, n, func(q querier) error {
		if _, err := q.ExecContext(ctx, n.expand(versionsText)); err != nil {
			return err
		}
		state, err := d.inspect(ctx, q, n) // another server may have been first
		if err != nil || state == nil {
			return err
		}
		for have := state.Have; have < state.Want; have++ {
			for _, statement := range d.migration(n, have) {
				if _, err := q.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// inspect returns what is not as it should be, nil if all is.
func (d *dialect) inspect(ctx context.Context, q querier, n names) (*SchemaError, error) {
	e := &SchemaError{Want: len(d.migrations)}
	for _, table := range []string{"schema", "records", "subjects"} {
		var there int
		if err := q.QueryRowContext(ctx, d.text(n, d.exists), n.table+table).Scan(&there); err != nil {
			return nil, err
		}
		if there == 0 {
			e.Missing = append(e.Missing, n.table+table)
		} else if table == "schema" {
			query := n.expand(`SELECT COALESCE(MAX(version), 0) FROM {t}schema`)
			if err := q.QueryRowContext(ctx, query).Scan(&e.Have); err != nil {
				return nil, err
			}
		}
	}
	if e.Have == e.Want && len(e.Missing) == 0 {
		return nil, nil
	}
	return e, nil
}

func lockSQLite(ctx context.Context, db *sql.DB, _ names, f func(querier) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// BeginTx would begin as the pool's driver is set to.
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		if ctx.Err() != nil {
			discard(conn) // it may have begun
		}
		return err
	}
	err = f(conn)
	if err == nil {
		_, err = conn.ExecContext(ctx, `COMMIT`)
	}
	if err != nil {
		if _, undone := conn.ExecContext(ctx, `ROLLBACK`); undone != nil {
			discard(conn) // or the next user of the connection is within the transaction
		}
	}
	return err
}

func lockPostgres(ctx context.Context, db *sql.DB, n names, f func(querier) error) error {
	// What is read after the lock must be what its last holder has committed.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockKey(n.table))); err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func lockMySQL(ctx context.Context, db *sql.DB, n names, f func(querier) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var database string
	if err := conn.QueryRowContext(ctx, `SELECT DATABASE()`).Scan(&database); err != nil {
		return err
	}
	name := fmt.Sprintf("hardtack-%x", lockKey(database+"."+n.table)) // a lock's name holds for the whole server
	for got := (sql.NullInt64{}); got.Int64 != 1; {
		if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, 10)`, name).Scan(&got); err != nil {
			return err
		}
		if !got.Valid {
			return errors.New("GET_LOCK failed")
		}
	}
	err = f(conn)
	if _, stays := conn.ExecContext(ctx, `DO RELEASE_LOCK(?)`, name); stays != nil {
		discard(conn) // the lock ends with the connection
	}
	return err
}

// discard has the pool close a connection instead of taking it back.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

func lockKey(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte("hardtack sqlstore " + name))
	return h.Sum64()
}
