//go:build unix

package request

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	mathrand "math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/redis/go-redis/v9"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/redisstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/postgres"
	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
)

// place is a store, as the benchmarks see it.
type place struct {
	count func() (int, error) // the live sessions
	fill  func([]row) error   // as the store's own saves would, only faster; nil if no benchmark needs it
	close func() error
}

type hardtackPlace struct {
	place
	store hardtack.Store
}

type scsPlace struct {
	place
	store scs.Store
}

// row is a session that nobody visits.
type row struct {
	id      string // in the form that hardtack's record IDs and scs's tokens share
	data    []byte
	expires time.Time
}

const rowBytes = 600

// newRows returns n rows by ID, an order in which a database takes them faster.
func newRows(n int) []row {
	rows, id, now := make([]row, n), make([]byte, 32), time.Now()
	for i := range rows {
		rand.Read(id)
		data := make([]byte, rowBytes)
		rand.Read(data)
		rows[i] = row{base64.RawURLEncoding.EncodeToString(id), data, now.Add(time.Hour + mathrand.N(23*time.Hour))}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.id, b.id) })
	return rows
}

func memoryPlace(string) (*hardtackPlace, error) {
	store := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{MaxRecords: 2_000_000, MaxBytes: 4 << 30})
	return &hardtackPlace{place{
		count: func() (int, error) { return store.Len(), nil },
		fill: func(rows []row) error {
			for _, r := range rows {
				if _, err := store.CompareAndSwap(context.Background(), r.id, 0, 1, r.data, r.expires); err != nil {
					return err
				}
			}
			return nil
		},
		close: func() error { return nil },
	}, store}, nil
}

func scsMemory(string) (*scsPlace, error) {
	store := memstore.New()
	return &scsPlace{place{
		count: func() (int, error) {
			all, err := store.All()
			return len(all), err
		},
		fill: func(rows []row) error {
			for _, r := range rows {
				if err := store.Commit(r.id, r.data, r.expires); err != nil {
					return err
				}
			}
			return nil
		},
		close: func() error { // its goroutine keeps the store, and cannot be told to end without a race
			all, err := store.All()
			for id := range all {
				err = errors.Join(err, store.Delete(id))
			}
			return err
		},
	}, store}, nil
}

// openSQLite opens a pool of the file with the settings of sqlite.Open, but for two that suit those who do not repeat what SQLite
// refuses: a busy timeout, and one connection. This one is a choice: writes then wait for each other in a queue, where in SQLite they
// sleep and try again. With eight connections and eight clients, the median of scs's writes took about a quarter of the time, and the slowest
// in a hundred mostly several times as long; which of the two answers more requests differed from run to run.
func openSQLite(file string, pragmas ...string) (*sql.DB, error) {
	query := url.Values{"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {"5000"}, "_pragma": pragmas}
	db, err := sql.Open("sqlite", "file:"+file+"?"+query.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// fillSQLite runs the statement with the arguments of each row, without waiting for the disk, and moves the log into the file.
func fillSQLite(file, insert string, args func(row) []any) func([]row) error {
	return func(rows []row) (err error) {
		db, err := openSQLite(file, "synchronous(OFF)", "cache_size(-262144)") // 256 MiB
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		stmt, err := tx.Prepare(insert)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if _, err := stmt.Exec(args(r)...); err != nil {
				return err
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		return err
	}
}

func sqlitePlace(dir string) (*hardtackPlace, error) {
	file := filepath.Join(dir, "sessions.db")
	store, err := sqlite.Open(context.Background(), file, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return &hardtackPlace{place{
		count: func() (n int, err error) {
			db, err := openSQLite(file)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			err = db.QueryRow("SELECT count(*) FROM hardtack_records WHERE expires > ?", time.Now().UnixMilli()).Scan(&n)
			return n, err
		},
		fill: fillSQLite(file, "INSERT INTO hardtack_records (id, data, version, expires) VALUES (?, ?, 1, ?)", func(r row) []any {
			return []any{r.id, r.data, r.expires.UnixMilli()}
		}),
		close: store.Close,
	}, store}, nil
}

func scsSQLite(dir string) (*scsPlace, error) {
	file := filepath.Join(dir, "sessions.db")
	db, err := openSQLite(file)
	if err != nil {
		return nil, err
	}
	// The table of its README.
	_, err = db.Exec(`
CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL);
CREATE INDEX sessions_expiry_idx ON sessions(expiry);`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	store := sqlite3store.New(db)
	return &scsPlace{place{
		count: func() (int, error) {
			all, err := store.All()
			return len(all), err
		},
		fill: fillSQLite(file, "INSERT INTO sessions (token, data, expiry) VALUES (?, ?, julianday(?))", func(r row) []any {
			return []any{r.id, r.data, r.expires.UTC().Format("2006-01-02T15:04:05.999")}
		}),
		close: func() error {
			store.StopCleanup()
			return db.Close()
		},
	}, store}, nil
}

// openRedis returns a client with the default settings of one of the server's databases, which it empties now and when it is closed.
func openRedis(database int) (client *redis.Client, close func() error, err error) {
	o, err := redis.ParseURL(redisServer().URL())
	if err != nil {
		return nil, nil, err
	}
	o.DB = database
	client = redis.NewClient(o)
	empty := func() error { return client.FlushDB(context.Background()).Err() }
	if err := empty(); err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, func() error { return errors.Join(empty(), client.Close()) }, nil
}

// fillRedis has set called for each row, many in one round trip.
func fillRedis(client *redis.Client, set func(context.Context, redis.Pipeliner, row)) func([]row) error {
	return func(rows []row) error {
		ctx := context.Background()
		for chunk := range slices.Chunk(rows, 1000) {
			_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, r := range chunk {
					set(ctx, p, r)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func countRedis(client *redis.Client) func() (int, error) {
	return func() (int, error) {
		n, err := client.DBSize(context.Background()).Result()
		return int(n), err
	}
}

func redisPlace(string) (*hardtackPlace, error) {
	client, close, err := openRedis(0)
	if err != nil {
		return nil, err
	}
	store, err := redisstore.Open(context.Background(), redisServer().URL(), redisstore.Options{})
	if err != nil {
		return nil, errors.Join(err, close())
	}
	return &hardtackPlace{place{
		count: countRedis(client),
		fill: fillRedis(client, func(ctx context.Context, p redis.Pipeliner, r row) {
			value := append(binary.BigEndian.AppendUint64(nil, 1), r.data...)
			p.Do(ctx, "SET", redisstore.DefaultPrefix+"r:"+r.id, value, "PXAT", r.expires.UnixMilli())
		}),
		close: func() error { return errors.Join(store.Close(), close()) },
	}, store}, nil
}

func scsRedis(string) (*scsPlace, error) {
	client, close, err := openRedis(1)
	if err != nil {
		return nil, err
	}
	return &scsPlace{place{
		count: countRedis(client),
		fill: fillRedis(client, func(ctx context.Context, p redis.Pipeliner, r row) {
			p.Set(ctx, "scs:session:"+r.id, r.data, time.Until(r.expires))
		}),
		close: close,
	}, goredisstore.New(client)}, nil
}

func postgresPlace(string) (*hardtackPlace, error) {
	ctx := context.Background()
	store, err := postgres.Open(ctx, postgresServer().URL(), postgres.Options{})
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("pgx", postgresServer().URL())
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	empty := func() error {
		_, err := db.Exec("TRUNCATE hardtack_records")
		return err
	}
	return &hardtackPlace{place{
		count: func() (n int, err error) {
			err = db.QueryRow("SELECT count(*) FROM hardtack_records WHERE expires > $1", time.Now().UnixMilli()).Scan(&n)
			return n, err
		},
		close: func() error { return errors.Join(empty(), db.Close(), store.Close()) },
	}, store}, nil
}
