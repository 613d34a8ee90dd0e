//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/storetest"
)

var postgresServer, mariaServer *servers.Server

func TestMain(m *testing.M) {
	main := servers.NewMain()
	postgresServer, mariaServer = servers.Postgres(main), servers.MariaDB(main)
	os.Exit(main.Run(m.Run))
}

// database is an application's own pool of a kind of database.
type database struct {
	dialect sqlstore.Dialect
	pool    func(t *testing.T) *sql.DB // always of the same database within a test
}

func databases() map[string]database {
	return map[string]database{
		"SQLite": {sqlstore.SQLite, func() func(t *testing.T) *sql.DB {
			var file string
			return func(t *testing.T) *sql.DB {
				if file == "" {
					file = filepath.Join(t.TempDir(), "app.db")
				}
				return pool(t, "sqlite", "file:"+file+"?_journal_mode=WAL")
			}
		}()},
		"PostgreSQL": {sqlstore.Postgres, func(t *testing.T) *sql.DB { return pool(t, "pgx", postgresServer.URL()) }},
		"MariaDB":    {sqlstore.MySQL, func(t *testing.T) *sql.DB { return pool(t, "mysql", mariaDSN(true)) }},
	}
}

func pool(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func mariaDSN(foundRows bool) string {
	u, err := url.Parse(mariaServer.URL())
	if err != nil {
		panic(err)
	}
	c := mysqldriver.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	c.Passwd, _ = u.User.Password()
	c.ClientFoundRows = foundRows
	return c.FormatDSN()
}

var prefixes struct {
	sync.Mutex
	n int
}

// prefix returns one that no other test has.
func prefix() string {
	prefixes.Lock()
	defer prefixes.Unlock()
	prefixes.n++
	return fmt.Sprintf("t%d_", prefixes.n)
}

func each(t *testing.T, f func(t *testing.T, d database)) {
	for name, d := range databases() {
		t.Run(name, func(t *testing.T) { f(t, d) })
	}
}

func newStore(t *testing.T, db *sql.DB, d sqlstore.Dialect, o sqlstore.Options) *sqlstore.Store {
	t.Helper()
	if o.SweepEvery == 0 {
		o.SweepEvery = -1
	}
	store, err := sqlstore.New(t.Context(), db, d, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func id(i int) string { return fmt.Sprintf("%043d", i) }

func hour() time.Time { return time.Now().Add(time.Hour) }

func TestOwnPool(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db := d.pool(t)
		o := sqlstore.Options{Prefix: prefix()}
		storetest.Run(t, newStore(t, db, d.dialect, o), storetest.Options{Again: newStore(t, db, d.dialect, o), AwayIs: hardtack.ErrStoreUnavailable})
	})
}

func TestPoolStaysTheCallers(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db := d.pool(t)
		store, err := sqlstore.New(t.Context(), db, d.dialect, sqlstore.Options{Prefix: prefix()})
		require.NoError(t, err)
		require.NoError(t, store.Close())
		require.NoError(t, store.Close())
		require.ErrorIs(t, store.Ping(t.Context()), hardtack.ErrStoreUnavailable)
		require.NoError(t, db.PingContext(t.Context()))

		store, err = sqlstore.New(t.Context(), db, d.dialect, sqlstore.Options{Prefix: prefix(), ClosePool: true})
		require.NoError(t, err)
		require.NoError(t, store.Close())
		require.Error(t, db.PingContext(t.Context()))
	})
}

func TestRawRows(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db, p := d.pool(t), prefix()
		store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p})
		upper, lower, subject := strings.Repeat("A", 43), strings.Repeat("a", 43), strings.Repeat("s", 43)
		expires := time.UnixMilli(4_000_000_000_123)
		require.NoError(t, store.Commit(t.Context(), upper, []byte{0, 1, 0xff, '\''}, expires))
		swapped, err := store.CompareAndSwap(t.Context(), lower, 0, 7, nil, expires)
		require.NoError(t, err)
		require.True(t, swapped)
		require.NoError(t, store.Index(t.Context(), lower, subject, expires))
		for id, want := range map[string]struct {
			data    []byte
			version int64
		}{upper: {[]byte{0, 1, 0xff, '\''}, 0}, lower: {[]byte{}, 7}} {
			var data []byte
			var version, at int64
			require.NoError(t, db.QueryRow(`SELECT data, version, expires FROM `+p+`records WHERE id = '`+id+`'`).Scan(&data, &version, &at))
			assert.Equal(t, string(want.data), string(data))
			assert.Equal(t, want.version, version)
			assert.Equal(t, expires.UnixMilli(), at)
		}
		var gotID, gotSubject string
		require.NoError(t, db.QueryRow(`SELECT id, subject FROM `+p+`subjects`).Scan(&gotID, &gotSubject))
		assert.Equal(t, lower, gotID)
		assert.Equal(t, subject, gotSubject)
	})
}

func TestOpenTogether(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p := prefix()
		pools := make([]*sql.DB, 8)
		for i := range pools {
			pools[i] = d.pool(t)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for i, db := range pools {
			wg.Go(func() {
				store, err := sqlstore.New(ctx, db, d.dialect, sqlstore.Options{Prefix: p})
				if assert.NoError(t, err) {
					assert.NoError(t, store.Commit(ctx, id(i), nil, hour()))
					assert.NoError(t, store.Close())
				}
			})
		}
		wg.Wait()
		var rows, records int
		require.NoError(t, pools[0].QueryRow(`SELECT COUNT(*) FROM `+p+`schema`).Scan(&rows))
		require.NoError(t, pools[0].QueryRow(`SELECT COUNT(*) FROM `+p+`records`).Scan(&records))
		assert.Equal(t, 1, rows)
		assert.Equal(t, len(pools), records)
	})
}

func TestMigration(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db, p := d.pool(t), prefix()
		store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p})
		require.NoError(t, store.Commit(t.Context(), id(1), []byte("kept"), hour()))

		// A newer program adds a table, though eight of its servers start at once.
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				newer, err := sqlstore.NewNewer(t.Context(), db, d.dialect, sqlstore.Options{Prefix: p}, `CREATE TABLE {t}extra (x INTEGER)`)
				if assert.NoError(t, err) {
					_, found, err := newer.Find(t.Context(), id(1))
					assert.NoError(t, err)
					assert.True(t, found)
					assert.NoError(t, newer.Close())
				}
			})
		}
		wg.Wait()
		_, err := db.Exec(`INSERT INTO ` + p + `extra (x) VALUES (1)`)
		require.NoError(t, err)

		// The older program that runs goes on, another of it does not start.
		require.NoError(t, store.Ping(t.Context()))
		_, err = sqlstore.New(t.Context(), db, d.dialect, sqlstore.Options{Prefix: p})
		var schema *sqlstore.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, sqlstore.SchemaError{Have: 2, Want: 1}, *schema)
		assert.ErrorContains(t, err, "newer")

		// A migration that fails leaves the version as it was.
		_, err = sqlstore.NewNewer(t.Context(), db, d.dialect, sqlstore.Options{Prefix: prefix()}, `NONSENSE`)
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	})
}

// TestMigrationCutShort: the end of the context ends New while it migrates, and leaves neither a lock nor a transaction.
func TestMigrationCutShort(t *testing.T) {
	slow := map[string]string{
		"SQLite":     `SELECT COUNT(*) FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)`, // has no end
		"PostgreSQL": `SELECT pg_sleep(60)`,
		"MariaDB":    `DO SLEEP(2)`, // the server may take 5 seconds to notice that nobody waits any more
	}
	for name, d := range databases() {
		t.Run(name, func(t *testing.T) {
			db, o := d.pool(t), sqlstore.Options{Prefix: prefix(), SweepEvery: -1}
			db.SetMaxOpenConns(1) // the next one gets the connection that was in use, if it is still good
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := sqlstore.NewNewer(ctx, db, d.dialect, o, slow[name])
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			assert.Less(t, time.Since(began), 10*time.Second, "does not hang")
			for _, db := range []*sql.DB{db, d.pool(t)} {
				store, err := sqlstore.NewNewer(t.Context(), db, d.dialect, o, `SELECT 1`)
				require.NoError(t, err)
				everyStatement(t, store)
				require.NoError(t, store.Close())
			}
		})
	}
}

func TestSkipMigration(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db, p := d.pool(t), prefix()
		check := func() error {
			store, err := sqlstore.New(t.Context(), db, d.dialect, sqlstore.Options{Prefix: p, SkipMigration: true, SweepEvery: -1})
			if err == nil {
				require.NoError(t, store.Close())
			}
			return err
		}
		var schema *sqlstore.SchemaError
		require.ErrorAs(t, check(), &schema)
		assert.Equal(t, sqlstore.SchemaError{Want: 1, Missing: []string{p + "schema", p + "records", p + "subjects"}}, *schema)
		assert.ErrorContains(t, check(), p+"records")

		statements, err := sqlstore.Schema(d.dialect, p)
		require.NoError(t, err)
		for _, statement := range statements {
			_, err := db.Exec(statement)
			require.NoError(t, err, statement)
		}
		require.NoError(t, check())
		newStore(t, db, d.dialect, sqlstore.Options{Prefix: p})

		_, err = db.Exec(`DROP TABLE ` + p + `subjects`)
		require.NoError(t, err)
		require.ErrorAs(t, check(), &schema)
		assert.Equal(t, sqlstore.SchemaError{Have: 1, Want: 1, Missing: []string{p + "subjects"}}, *schema)
	})
}

func TestPrefix(t *testing.T) {
	for _, p := range []string{
		"Upper_", "1st_", "a-b", "a b", "a;drop table x;--", `a"`, "a`", "a'", "a.", ".a", "a.b.c", "ä", "a\n", strings.Repeat("a", 41),
	} {
		for _, d := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.Postgres, sqlstore.MySQL} {
			_, err := sqlstore.Schema(d, p)
			require.ErrorIs(t, err, sqlstore.ErrPrefix, "%s: %q", d, p)
			_, err = sqlstore.New(t.Context(), nil, d, sqlstore.Options{Prefix: p})
			require.ErrorIs(t, err, sqlstore.ErrPrefix, "%s: %q", d, p)
		}
	}
	for d, allowed := range map[sqlstore.Dialect]bool{sqlstore.SQLite: false, sqlstore.Postgres: true, sqlstore.MySQL: false} {
		_, err := sqlstore.Schema(d, "app.hardtack_")
		assert.Equal(t, allowed, err == nil, d)
	}
	_, err := sqlstore.New(t.Context(), nil, sqlstore.Dialect{}, sqlstore.Options{})
	require.ErrorContains(t, err, "no dialect")
	statements, err := sqlstore.Schema(sqlstore.SQLite, "")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(statements, "\n"), "hardtack_records ")

	db := databases()["PostgreSQL"].pool(t)
	_, err = db.Exec(`CREATE SCHEMA app`)
	require.NoError(t, err)
	everyStatement(t, newStore(t, db, sqlstore.Postgres, sqlstore.Options{Prefix: "app.sessions_"}))
	var rows int
	require.NoError(t, db.QueryRow(`SELECT COUNT(*) FROM app.sessions_schema`).Scan(&rows))
	assert.Equal(t, 1, rows)
}

// everyStatement runs each statement of a store once.
func everyStatement(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, store.Commit(ctx, id(1), []byte("one"), hour()))
	for version := range int64(2) {
		swapped, err := store.CompareAndSwap(ctx, id(2), version, version+1, []byte("two"), hour())
		require.NoError(t, err)
		require.True(t, swapped)
	}
	data, found, err := store.Find(ctx, id(2))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "two", string(data))
	require.NoError(t, store.Index(ctx, id(2), id(3), hour()))
	filed, err := store.FindSubjects(ctx, []string{id(3)})
	require.NoError(t, err)
	require.Len(t, filed, 1)
	require.NoError(t, store.Index(ctx, id(2), "", hour()))
	require.NoError(t, store.Commit(ctx, id(4), nil, time.UnixMilli(1)))
	require.NoError(t, store.Index(ctx, id(4), id(3), time.UnixMilli(1)))
	removed, err := store.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, removed)
	require.NoError(t, store.Delete(ctx, id(1)))
	require.NoError(t, store.Delete(ctx, id(2)))
	require.NoError(t, store.Ping(ctx))
}

// TestRights: a role that may create nothing needs no more than the rights that the documentation names.
func TestRights(t *testing.T) {
	db, p := pool(t, "pgx", postgresServer.URL()), prefix()
	exec(t, db, `CREATE ROLE `+p+`role LOGIN PASSWORD 'restricted'`)
	exec(t, db, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	u, err := url.Parse(postgresServer.URL())
	require.NoError(t, err)
	u.User = url.UserPassword(p+"role", "restricted")
	restricted := pool(t, "pgx", u.String())

	o := sqlstore.Options{Prefix: p, SweepEvery: -1}
	_, err = sqlstore.New(t.Context(), restricted, sqlstore.Postgres, o)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.ErrorContains(t, err, "permission denied")

	newStore(t, db, sqlstore.Postgres, o)
	_, err = sqlstore.New(t.Context(), restricted, sqlstore.Postgres, o)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.ErrorContains(t, err, "permission denied")
	exec(t, db, `GRANT SELECT, INSERT, UPDATE, DELETE ON `+p+`records, `+p+`subjects TO `+p+`role`)
	exec(t, db, `GRANT SELECT ON `+p+`schema TO `+p+`role`)
	everyStatement(t, newStore(t, restricted, sqlstore.Postgres, o)) // there is nothing left to create
	o.SkipMigration = true
	everyStatement(t, newStore(t, restricted, sqlstore.Postgres, o))
}

func TestFoundRows(t *testing.T) {
	db, p := pool(t, "mysql", mariaDSN(false)), prefix()
	_, err := sqlstore.New(t.Context(), db, sqlstore.MySQL, sqlstore.Options{Prefix: p})
	require.ErrorIs(t, err, sqlstore.ErrFoundRows)
	assert.ErrorContains(t, err, "clientFoundRows=true")
	var rows int
	require.NoError(t, db.QueryRow(`SELECT COUNT(*) FROM `+p+`records`).Scan(&rows))
	assert.Zero(t, rows, "the probe leaves nothing behind")
}

func TestBackgroundSweep(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db, p := d.pool(t), prefix()
		store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p, SweepEvery: 20 * time.Millisecond, SweepBatch: 3})
		for i := range 20 {
			require.NoError(t, store.Commit(t.Context(), id(i), nil, time.Now().Add(-time.Second)))
		}
		require.NoError(t, store.Commit(t.Context(), id(20), nil, hour()))
		require.Eventually(t, func() bool {
			var rows int
			return db.QueryRow(`SELECT COUNT(*) FROM `+p+`records`).Scan(&rows) == nil && rows == 1
		}, 20*time.Second, 10*time.Millisecond)
		require.NoError(t, store.Close())
	})
}

// TestErrorsQuoteNothing has the server refuse rows with messages that quote them.
func TestErrorsQuoteNothing(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db, p := d.pool(t), prefix()
		store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p})
		if _, err := db.Exec(`ALTER TABLE ` + p + `records ADD COLUMN required INTEGER DEFAULT 1 CHECK (required > 0)`); err != nil {
			t.Fatal(err)
		}
		if d.dialect != sqlstore.SQLite { // which cannot change a default
			_, err := db.Exec(`ALTER TABLE ` + p + `records ALTER COLUMN required SET DEFAULT 0`)
			require.NoError(t, err)
		} else {
			_, err := db.Exec(`CREATE TRIGGER ` + p + `no BEFORE INSERT ON ` + p + `records BEGIN SELECT RAISE(FAIL, 'refused'); END`)
			require.NoError(t, err)
		}
		secret := strings.Repeat("Z", 43)
		err := store.Commit(t.Context(), secret, []byte("DATA-SECRET"), hour())
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		quotesNothing(t, err, secret, "DATA-SECRET")
		t.Log(err)
	})
}

// TestMySQLNumber: the number is the error's own, never a part of its text.
func TestMySQLNumber(t *testing.T) {
	duplicate := &mysqldriver.MySQLError{Number: 1062, Message: "Duplicate entry 'Error 1213 (40001): ' for key"}
	for want, errs := range map[string][]error{
		"1062": {duplicate, fmt.Errorf("Error 1213 (40001): %w", duplicate)},
		"": {
			errors.New("Error 1062 (23000): Duplicate entry"), mysqldriver.ErrInvalidConn, context.Canceled, driver.ErrBadConn,
			&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		},
	} {
		for _, err := range errs {
			assert.Equal(t, want, sqlstore.MySQL.Code(err), err)
		}
	}
}

// quotesNothing looks at an error and at whatever it wraps.
func quotesNothing(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, secret := range secrets {
			assert.NotContains(t, text, secret)
		}
	}
	var wrapped []error
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		wrapped = []error{u.Unwrap()}
	case interface{ Unwrap() []error }:
		wrapped = u.Unwrap()
	}
	for _, err := range wrapped {
		if err != nil {
			quotesNothing(t, err, secrets...)
		}
	}
}
