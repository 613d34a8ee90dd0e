//go:build unix

package faults

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/mysql"
	"github.com/hardtack-go/hardtack/store/sqlstore/postgres"
	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
)

// store is what every store is.
type store interface {
	hardtack.CompareAndSwapper
	hardtack.SubjectIndexer
	hardtack.Pinger
	Close() error
}

// place is where a store keeps its records: a server, or a file.
type place struct {
	name    string          // with the version
	server  *servers.Server // nil for SQLite
	dir     string          // where the data is on disk
	connect func(ctx context.Context, addr, prefix string) (store, error)
	raw     func(t testing.TB, prefix string) raw
	backup  func(t testing.TB, prefix string) (restore func()) // while no store is open
	flush   func(t testing.TB)                                 // what the server has in memory, to disk
}

// open returns the store at the server's own address.
func (p *place) open(t testing.TB, prefix string) store { return p.openAt(t, "", prefix) }

// openAt returns the store by way of a proxy.
func (p *place) openAt(t testing.TB, addr, prefix string) store {
	t.Helper()
	if addr == "" && p.server != nil {
		addr = p.server.Addr()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := p.connect(ctx, addr, prefix)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // some tests have closed it
	return s
}

func atSQLite(t *testing.T) *place {
	dir := t.TempDir()
	p := &place{dir: dir}
	file := filepath.Join(dir, "sessions.db")
	p.connect = func(ctx context.Context, _, prefix string) (store, error) {
		return sqlite.Open(ctx, file, sqlite.Options{Options: sqlstore.Options{Prefix: prefix}})
	}
	p.raw = func(t testing.TB, prefix string) raw { return openSQL(t, "sqlite", file, prefix, "?", "?") }
	p.backup = func(t testing.TB, _ string) func() {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoFileExists(t, file+"-wal", "the store is still open")
		return func() { require.NoError(t, os.WriteFile(file, data, 0o600)) }
	}
	p.flush = func(testing.TB) {}
	p.name = sqliteVersion(t)
	return p
}

func sqliteVersion(t *testing.T) string {
	db := openSQL(t, "sqlite", filepath.Join(t.TempDir(), "version.db"), "", "?", "?")
	return "SQLite " + db.one(t, "SELECT sqlite_version()")
}

func atPostgres(t *testing.T) *place {
	s := servers.Postgres(t)
	p := &place{name: s.Version(), server: s, dir: s.Dir()}
	p.connect = func(ctx context.Context, addr, prefix string) (store, error) {
		return postgres.Open(ctx, s.URLAt(addr), postgres.Options{Options: sqlstore.Options{Prefix: prefix}})
	}
	p.raw = func(t testing.TB, prefix string) raw { return openSQL(t, "pgx", s.URL(), prefix, "$1", "$2") }
	p.backup = func(t testing.TB, prefix string) func() {
		dump := run(t, nil, nil, "pg_dump", "--clean", "--no-owner", "--table="+prefix+"*", s.URL())
		return func() {
			run(t, nil, dump, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", s.URL())
		}
	}
	p.flush = func(t testing.TB) { openSQL(t, "pgx", s.URL(), "", "", "").exec(t, "CHECKPOINT") }
	return p
}

func atMariaDB(t *testing.T) *place {
	s := servers.MariaDB(t)
	p := &place{name: s.Version(), server: s, dir: s.Dir()}
	p.connect = func(ctx context.Context, addr, prefix string) (store, error) {
		return mysql.Open(ctx, s.URLAt(addr), mysql.Options{Options: sqlstore.Options{Prefix: prefix}})
	}
	u := parseURL(t, s.URL())
	password, _ := u.User.Password()
	c := gomysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = u.User.Username(), password, "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	p.raw = func(t testing.TB, prefix string) raw { return openSQL(t, "mysql", c.FormatDSN(), prefix, "?", "?") }
	p.backup = func(t testing.TB, prefix string) func() {
		env := []string{"MYSQL_PWD=" + password}
		where := []string{"--no-defaults", "--protocol=tcp", "--host=" + u.Hostname(), "--port=" + u.Port(), "--user=" + c.User}
		dump := run(t, env, nil, "mariadb-dump", append(where, "--hex-blob", c.DBName,
			prefix+"records", prefix+"subjects", prefix+"schema")...)
		return func() { run(t, env, dump, "mariadb", append(where, c.DBName)...) }
	}
	p.flush = func(t testing.TB) {
		db := openSQL(t, "mysql", c.FormatDSN(), "", "", "")
		for _, table := range strings.Fields(db.one(t, "SELECT GROUP_CONCAT(table_name SEPARATOR ' ') FROM information_schema.tables WHERE table_schema = DATABASE()")) {
			db.exec(t, "FLUSH TABLES "+table+" FOR EXPORT", "UNLOCK TABLES")
		}
	}
	return p
}

func atRedis(t *testing.T) *place {
	s := servers.Redis(t)
	p := &place{name: s.Version(), server: s, dir: s.Dir()}
	p.connect = func(ctx context.Context, addr, prefix string) (store, error) {
		return redisstore.Open(ctx, s.URLAt(addr), redisstore.Options{Prefix: prefix})
	}
	p.raw = func(t testing.TB, prefix string) raw {
		client := redis.NewClient(&redis.Options{Addr: s.Addr()})
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		return &rawRedis{client, prefix}
	}
	p.backup = func(t testing.TB, _ string) func() {
		copied := filepath.Join(t.TempDir(), "copy")
		s.Kill()
		require.NoError(t, os.CopyFS(copied, os.DirFS(p.dir)))
		s.Start()
		return func() {
			s.Kill()
			entries, err := os.ReadDir(p.dir)
			require.NoError(t, err)
			for _, e := range entries {
				require.NoError(t, os.RemoveAll(filepath.Join(p.dir, e.Name())))
			}
			require.NoError(t, os.CopyFS(p.dir, os.DirFS(copied)))
			s.Start()
		}
	}
	p.flush = func(testing.TB) {}
	return p
}

// raw is what is in a place, past its store.
type raw interface {
	// data returns what is stored as a record's data.
	data(t testing.TB, id string) []byte
	// swap exchanges the data of two records, and nothing else of them.
	swap(t testing.TB, a, b string)
	// all returns every key and value, row by row.
	all(t testing.TB) []string
}

type rawSQL struct {
	db          *sql.DB
	prefix      string
	first, next string // placeholders
}

func openSQL(t testing.TB, driver, dsn, prefix, first, next string) *rawSQL {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &rawSQL{db, prefix, first, next}
}

func (r *rawSQL) one(t testing.TB, query string) (s string) {
	t.Helper()
	require.NoError(t, r.db.QueryRow(query).Scan(&s), query)
	return s
}

// exec runs the statements on one connection.
func (r *rawSQL) exec(t testing.TB, statements ...string) {
	t.Helper()
	conn, err := r.db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, s := range statements {
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
}

func (r *rawSQL) data(t testing.TB, id string) (data []byte) {
	t.Helper()
	require.NoError(t, r.db.QueryRow("SELECT data FROM "+r.prefix+"records WHERE id = "+r.first, id).Scan(&data))
	return data
}

func (r *rawSQL) swap(t testing.TB, a, b string) {
	t.Helper()
	da, db := r.data(t, a), r.data(t, b)
	for id, data := range map[string][]byte{a: db, b: da} {
		_, err := r.db.Exec("UPDATE "+r.prefix+"records SET data = "+r.first+" WHERE id = "+r.next, data, id)
		require.NoError(t, err)
	}
}

func (r *rawSQL) all(t testing.TB) (rows []string) {
	t.Helper()
	for _, table := range []string{"records", "subjects", "schema"} {
		result, err := r.db.Query("SELECT * FROM " + r.prefix + table)
		require.NoError(t, err)
		columns, err := result.Columns()
		require.NoError(t, err)
		for result.Next() {
			values := make([]sql.RawBytes, len(columns))
			targets := make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			require.NoError(t, result.Scan(targets...))
			row := table
			for _, v := range values {
				row += " " + string(v)
			}
			rows = append(rows, row)
		}
		require.NoError(t, result.Err())
		require.NoError(t, result.Close())
	}
	return rows
}

type rawRedis struct {
	client *redis.Client
	prefix string
}

const redisVersion = 8 // bytes before the data

func (r *rawRedis) value(t testing.TB, id string) string {
	t.Helper()
	value, err := r.client.Get(t.Context(), r.prefix+"r:"+id).Result()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(value), redisVersion)
	return value
}

func (r *rawRedis) data(t testing.TB, id string) []byte { return []byte(r.value(t, id)[redisVersion:]) }

func (r *rawRedis) swap(t testing.TB, a, b string) {
	t.Helper()
	va, vb := r.value(t, a), r.value(t, b)
	for id, value := range map[string]string{a: va[:redisVersion] + vb[redisVersion:], b: vb[:redisVersion] + va[redisVersion:]} {
		require.NoError(t, r.client.Set(t.Context(), r.prefix+"r:"+id, value, redis.KeepTTL).Err())
	}
}

func (r *rawRedis) all(t testing.TB) (rows []string) {
	t.Helper()
	keys, err := r.client.Keys(t.Context(), r.prefix+"*").Result()
	require.NoError(t, err)
	for _, key := range keys {
		value, err := r.client.Get(t.Context(), key).Result()
		if err != nil { // not a string, but a sorted set
			members, err := r.client.ZRange(t.Context(), key, 0, -1).Result()
			require.NoError(t, err)
			value = fmt.Sprint(members)
		}
		rows = append(rows, key+" "+value)
	}
	return rows
}
