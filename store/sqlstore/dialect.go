package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Dialect is a kind of database: SQLite, Postgres or MySQL. The zero value is none.
type Dialect struct{ d *dialect }

// String returns the name of the database, "" for the zero value.
func (d Dialect) String() string {
	if d.d == nil {
		return ""
	}
	return d.d.name
}

var (
	// SQLite is version 3.24 and later.
	SQLite = Dialect{sqlite}
	// Postgres is PostgreSQL 10 and later, and what speaks its SQL.
	Postgres = Dialect{postgres}
	// MySQL is MySQL 8 and later and MariaDB 10.4 and later, with InnoDB. The pool must count the rows that a statement
	// matches rather than those that it changes: clientFoundRows=true with github.com/go-sql-driver/mysql.
	MySQL = Dialect{mysql}
)

// dialect is what differs between the databases.
type dialect struct {
	name        string
	schemas     bool // a schema may stand before the prefix
	oneWriter   bool
	sweepGoesOn bool     // a batch begins where the last one ended, and returns the number of rows and their latest expiry
	foundRows   bool     // must be asked whether the pool counts matched rows
	quotes      bool     // the server's errors can quote values
	busy        []string // the codes of errors that say that others were in the way, and nothing was changed
	duplicate   string   // the code for a key that is taken, where insert does not replace what has expired
	statements  texts
	keys        keysTexts
	migrations  [][]string

	// placeholder returns the placeholder of the parameter i, from 1.
	placeholder func(i int) string
	// code returns the server's code of an error, "" for an error that is not the server's.
	code func(err error) string
	// limit returns the size of the largest record.
	limit func(ctx context.Context, db *sql.DB) (int, error)
	// exists is a query that reports whether there is a table of the name given.
	exists string
	// locked runs f while no other program is in it.
	locked func(ctx context.Context, db *sql.DB, n names, f func(querier) error) error
}

// texts are the statements of a Store: {t} begins a table's name, ? is the next parameter.
type texts struct {
	find        string // id, now
	commit      string // id, data, version, expires
	insert      string // the same, and now where it replaces what has expired
	replace     string // data, version, expires, id, now; where insert does not
	update      string // data, version, expires, id, version, now
	remove      string // id
	index       string // id, subject, expires
	unindex     string // id
	sweepRecord string // now, rows; where the sweep goes on: from, now, rows
	sweepIndex  string // the same
}

// Those that are the same everywhere.
const (
	findText    = `SELECT data FROM {t}records WHERE id = ? AND expires > ?`
	updateText  = `UPDATE {t}records SET data = ?, version = ?, expires = ? WHERE id = ? AND version = ? AND expires > ?`
	removeText  = `DELETE FROM {t}records WHERE id = ?`
	unindexText = `DELETE FROM {t}subjects WHERE id = ?`
	insertText  = `INSERT INTO {t}records (id, data, version, expires) VALUES (?, ?, ?, ?)`
	fileText    = `INSERT INTO {t}subjects (id, subject, expires) VALUES (?, ?, ?)`
)

// Those that PostgreSQL and SQLite share.
const (
	upsertText = `INSERT INTO {t}records AS r (id, data, version, expires) VALUES (?, ?, ?, ?)
 ON CONFLICT (id) DO UPDATE SET data = excluded.data, version = excluded.version, expires = excluded.expires`
	insertOrReplaceText = upsertText + ` WHERE r.expires <= ?`
	indexText           = fileText + `
 ON CONFLICT (id) DO UPDATE SET subject = excluded.subject, expires = excluded.expires`
)

func (d *dialect) transient(err error) bool {
	code := d.code(err)
	return code != "" && slices.Contains(d.busy, code)
}

// text puts names and placeholders into a statement.
func (d *dialect) text(n names, query string) string {
	var b strings.Builder
	for i := 1; ; i++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return n.expand(b.String())
		}
		b.WriteString(d.placeholder(i))
		query = after
	}
}

func questionMark(int) string { return "?" }

func fixedLimit(bytes int) func(context.Context, *sql.DB) (int, error) {
	return func(context.Context, *sql.DB) (int, error) { return bytes, nil }
}

var sqlite = &dialect{
	name:      "SQLite",
	oneWriter: true,
	busy:      []string{"busy"},
	statements: texts{
		find: findText, commit: upsertText, insert: insertOrReplaceText, update: updateText, remove: removeText,
		index: indexText, unindex: unindexText,
		sweepRecord: `DELETE FROM {t}records WHERE rowid IN
 (SELECT rowid FROM {t}records WHERE expires <= ? ORDER BY expires LIMIT ?)`,
		sweepIndex: `DELETE FROM {t}subjects WHERE id IN
 (SELECT id FROM {t}subjects WHERE expires <= ? ORDER BY expires LIMIT ?)`,
	},
	keys: keysTexts{
		table: `CREATE TABLE IF NOT EXISTS {t}keys (
 name TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
 document BLOB NOT NULL)`,
		insert: insertKeysText + ` ON CONFLICT (name) DO NOTHING`,
		// What somebody has put there by hand is a TEXT, and no TEXT equals a BLOB.
		update: `UPDATE {t}keys SET document = ? WHERE name = ? AND CAST(document AS BLOB) = ?`,
	},
	migrations:  sqliteMigrations,
	placeholder: questionMark,
	code: func(err error) string {
		// SQLite's own words for SQLITE_BUSY, with every driver.
		if strings.Contains(err.Error(), "database is locked") {
			return "busy"
		}
		return ""
	},
	// SQLITE_MAX_LENGTH, which is for the whole row, less the other columns.
	limit:  fixedLimit(1_000_000_000 - 4096),
	exists: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`,
	locked: lockSQLite,
}

// postgresSweep begins where the last batch ended: what was removed before stands at the low end of the index until a vacuum,
// and each batch would go through all of it again, and through the rows themselves while an older transaction is open. An ARRAY
// is evaluated once; an IN could be evaluated for each row again, and then removes more than a batch.
const postgresSweep = `WITH gone AS (DELETE FROM {t}%[1]s WHERE id = ANY (ARRAY
 (SELECT id FROM {t}%[1]s WHERE expires >= ? AND expires <= ? ORDER BY expires LIMIT ? FOR UPDATE SKIP LOCKED))
 RETURNING expires) SELECT COUNT(*), COALESCE(MAX(expires), 0) FROM gone`

var postgres = &dialect{
	name:    "PostgreSQL",
	schemas: true,
	quotes:  true,
	busy:    []string{"40001", "40P01"}, // serialization failure, deadlock
	statements: texts{
		find: findText, commit: upsertText, insert: insertOrReplaceText, update: updateText, remove: removeText,
		index: indexText, unindex: unindexText,
		sweepRecord: fmt.Sprintf(postgresSweep, "records"),
		sweepIndex:  fmt.Sprintf(postgresSweep, "subjects"),
	},
	sweepGoesOn: true,
	keys: keysTexts{
		table: `CREATE TABLE IF NOT EXISTS {t}keys (
 name TEXT COLLATE "C" PRIMARY KEY,
 document BYTEA NOT NULL)`,
		insert: insertKeysText + ` ON CONFLICT (name) DO NOTHING`,
		update: updateKeysText,
	},
	migrations:  postgresMigrations,
	placeholder: func(i int) string { return "$" + strconv.Itoa(i) },
	code: func(err error) string {
		if e := (interface{ SQLState() string })(nil); errors.As(err, &e) {
			return e.SQLState()
		}
		return ""
	},
	// A message of the protocol has at most 1 GiB, and a driver that sends text needs two bytes for each.
	limit: fixedLimit(512<<20 - 4096),
	// By itself to_regclass may answer from a cache that knows nothing of what was committed since the transaction began.
	exists: `SELECT COUNT(*) FROM pg_catalog.pg_class WHERE oid = to_regclass(?)`,
	locked: lockPostgres,
}

var mysql = &dialect{
	name:      "MySQL",
	foundRows: true,
	quotes:    true,
	busy:      []string{"1205", "1213"}, // lock wait timeout, deadlock
	duplicate: "1062",
	statements: texts{
		find: findText, update: updateText, remove: removeText, unindex: unindexText,
		commit: insertText + `
 ON DUPLICATE KEY UPDATE data = VALUES(data), version = VALUES(version), expires = VALUES(expires)`,
		insert:  insertText,
		replace: `UPDATE {t}records SET data = ?, version = ?, expires = ? WHERE id = ? AND expires <= ?`,
		index: fileText + `
 ON DUPLICATE KEY UPDATE subject = VALUES(subject), expires = VALUES(expires)`,
		sweepRecord: `DELETE FROM {t}records WHERE expires <= ? ORDER BY expires LIMIT ?`,
		sweepIndex:  `DELETE FROM {t}subjects WHERE expires <= ? ORDER BY expires LIMIT ?`,
	},
	keys: keysTexts{
		table: `CREATE TABLE IF NOT EXISTS {t}keys (
 name VARBINARY(64) NOT NULL PRIMARY KEY,
 document LONGBLOB NOT NULL) ENGINE=InnoDB`,
		insert: insertKeysText,
		update: updateKeysText,
	},
	migrations:  mysqlMigrations,
	placeholder: questionMark,
	code:        mysqlNumber,
	limit: func(ctx context.Context, db *sql.DB) (int, error) {
		var packet int
		err := db.QueryRowContext(ctx, `SELECT @@max_allowed_packet`).Scan(&packet)
		return packet - 1024, err // at least 1024; a packet carries the other columns too
	},
	exists: `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?`,
	locked: lockMySQL,
}

// mysqlNumber returns the server's number of an error. The driver's error type has no method that tells it, only a field;
// and this package names no driver, as programs with another database would have it linked.
func mysqlNumber(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		e := reflect.Indirect(reflect.ValueOf(err))
		if e.Kind() != reflect.Struct {
			continue
		}
		if field, ok := e.Type().FieldByName("Number"); ok && len(field.Index) == 1 && field.Type.Kind() == reflect.Uint16 {
			return strconv.FormatUint(e.FieldByIndex(field.Index).Uint(), 10)
		}
	}
	return ""
}
