package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9/logging"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/redisstore"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/postgres"
	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
)

const (
	measureWarmUp     = 200  // operations before those that count
	measureOperations = 2000 // of all kinds together
	measureTime       = 2 * time.Second
	measureExpiry     = time.Minute     // of records, should nobody be there any more to delete them
	indexExpiry       = 5 * time.Second // of what is filed: a Store may note for so long that it no longer is
	cleanUpTime       = 5 * time.Second
)

var (
	errNoTarget = errors.New("--measure: not one of memory, sqlite, sqlite:FILE, redis://, rediss:// and postgres://")
	// What is malformed is not quoted: any part of it may be the password.
	errTargetURL = errors.New("--measure: malformed; what is special in a password must be percent-encoded")
)

// measureStores measures the store at target from this machine, with one client and records of recordBytes random bytes. The target
// is memory, sqlite, sqlite:FILE, redis://…, rediss://…, postgres://…, or env:NAME for a variable that has it.
//
// A round is a new record, its reading, its change and its logout: two CompareAndSwap, a Find, a Commit, and two Index if the store has an
// index. A Delete takes it away, and does not count, since no request of a hybrid Jar calls it. After 200 operations that
// do not count it measures 2000, but neither for longer than 2 seconds. In all it takes 30 seconds at most, or as long as ctx lasts.
//
// Sessions that are there are never touched, and nothing stays, even when ctx ends:
//   - sqlite is a database in a new temporary folder; sqlite:FILE is one in a new folder .hardtack-plan-… beside FILE, and so on
//     its disk. The folder goes afterwards. FILE itself is not opened, and need not be there;
//   - in Redis, keys begin with "hardtack:plan:". Records are deleted, and would expire within a minute; the index expires within 5 seconds;
//   - in PostgreSQL, the tables hardtack_plan_…_records, _subjects and _schema, with 16 random digits, are made and dropped. The role must be
//     allowed to make tables.
//
// Only if the program is killed, or the server lost, may the folder or the tables stay, with a record of random bytes at most.
//
// An error is a usage for a target that is none, and otherwise a failure. Neither shows user or password.
func measureStores(ctx context.Context, target string, recordBytes int) (l planLatency, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if variable, ok := strings.CutPrefix(target, "env:"); ok {
		if target = os.Getenv(variable); target == "" {
			return planLatency{}, fail("missing", "the environment variable %s is not set, or empty", untrusted(variable))
		}
	}
	t, err := parseTarget(target)
	if err != nil {
		return planLatency{}, err
	}
	defer func() {
		if err != nil {
			l, err = planLatency{}, t.explain(ctx, err)
		}
	}()
	store, cleanUp, err := t.open(ctx)
	if err != nil {
		return planLatency{}, err
	}
	defer func() {
		// What was made must go even if ctx has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		if failed := cleanUp(ctx); err == nil {
			err = failed
		}
	}()
	l, err = measureStore(ctx, store, recordBytes)
	l.Target = t.name
	return l, err
}

// measureStore measures with records of its own, and deletes them.
func measureStore(ctx context.Context, store hardtack.CompareAndSwapper, recordBytes int) (planLatency, error) {
	r := rounds{store: store, data: make([]byte, recordBytes)}
	r.indexer, _ = store.(hardtack.SubjectIndexer)
	_, _ = rand.Read(r.data) // never fails
	if err := r.run(ctx, measureWarmUp); err != nil {
		return planLatency{}, err
	}
	r.find, r.swap, r.commit, r.index = nil, nil, nil, nil
	if err := r.run(ctx, measureOperations); err != nil {
		return planLatency{}, err
	}
	l := planLatency{RecordBytes: recordBytes, Read: timing(r.find), Write: timing(r.swap), Commit: timing(r.commit)}
	if r.indexer != nil {
		index := timing(r.index)
		l.Index = &index
	}
	return l, nil
}

// rounds collects how long operations took.
type rounds struct {
	store                     hardtack.CompareAndSwapper
	indexer                   hardtack.SubjectIndexer // nil if the store is none
	data                      []byte
	find, swap, commit, index []time.Duration
}

// run makes rounds until there are that many operations, or the time is over; at least one.
func (r *rounds) run(ctx context.Context, operations int) error {
	for start := time.Now(); len(r.find)+len(r.swap)+len(r.commit)+len(r.index) < operations && time.Since(start) < measureTime; {
		if err := r.round(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errMeasured is a store that does not hold what it was given, because others are at work in it or it loses records.
var errMeasured = errors.New("a record was gone or had changed")

// round is the life of one record.
func (r *rounds) round(ctx context.Context) (err error) {
	// The stores obey the context; this one is in memory and need not look.
	if err := ctx.Err(); err != nil {
		return err
	}
	id, expires := newRecordID(), time.Now().Add(measureExpiry)
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		if err != nil && r.indexer != nil {
			_ = r.indexer.Index(ctx, id, "", time.Now().Add(indexExpiry)) // it expires besides
		}
		err = cmp.Or(err, r.store.Delete(ctx, id))
	}()
	swap := func(old, new int64) error {
		start := time.Now()
		swapped, err := r.store.CompareAndSwap(ctx, id, old, new, r.data, expires)
		r.swap = append(r.swap, time.Since(start))
		if err == nil && !swapped {
			err = errMeasured
		}
		return err
	}
	if err := swap(0, 1); err != nil {
		return err
	}
	start := time.Now()
	data, found, err := r.store.Find(ctx, id)
	r.find = append(r.find, time.Since(start))
	if err == nil && (!found || len(data) < len(r.data)) {
		err = errMeasured
	}
	if err != nil {
		return err
	}
	if err := swap(1, 2); err != nil {
		return err
	}
	start = time.Now()
	err = r.store.Commit(ctx, id, make([]byte, tombstoneBytes), expires)
	r.commit = append(r.commit, time.Since(start))
	if err != nil || r.indexer == nil {
		return err
	}
	for _, subject := range []string{newRecordID(), ""} { // as a login, and as a logout
		start := time.Now()
		err := r.indexer.Index(ctx, id, subject, start.Add(indexExpiry))
		r.index = append(r.index, time.Since(start))
		if err != nil {
			return err
		}
	}
	return nil
}

// newRecordID returns an ID that no session has.
func newRecordID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func timing(took []time.Duration) planTiming {
	slices.Sort(took)
	return planTiming{Count: len(took), P50: percentile(took, 50), P95: percentile(took, 95), P99: percentile(took, 99)}
}

// percentile is the least of the sorted times that p percent of them do not exceed, in microseconds.
func percentile(sorted []time.Duration, p int) float64 {
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[rank-1]) / float64(time.Microsecond)
}

// target is where a store is.
type target struct {
	kind    string // memory, sqlite, redis or postgres
	address string // the URL, or for sqlite the folder in which to make one; empty for the temporary one
	name    string // what may be shown
	// What must not be shown.
	user, password string
}

func parseTarget(s string) (target, error) {
	scheme, rest, _ := strings.Cut(s, ":")
	switch scheme {
	case "memory":
		if s == "memory" {
			return target{kind: "memory", name: s}, nil
		}
	case "sqlite":
		t := target{kind: "sqlite", name: untrusted(s).String()}
		if s != "sqlite" {
			file := strings.TrimPrefix(rest, "//")
			if file == "" {
				return target{}, &usage{errNoTarget}
			}
			t.address = filepath.Dir(file)
		}
		return t, nil
	case "redis", "rediss", "postgres", "postgresql":
		u, err := url.Parse(s)
		if err != nil || exposed(s) || u.Host == "" {
			return target{}, &usage{errTargetURL}
		}
		password, _ := u.User.Password()
		kind := "redis"
		if strings.HasPrefix(scheme, "postgres") {
			kind = "postgres"
		}
		return target{kind: kind, address: s, name: untrusted(scheme + "://" + u.Host).String(), user: u.User.Username(), password: password}, nil
	}
	return target{}, &usage{errNoTarget}
}

// open returns the store, and what takes it away again.
func (t *target) open(ctx context.Context) (hardtack.CompareAndSwapper, func(context.Context) error, error) {
	switch t.kind {
	case "sqlite":
		return t.openSQLite(ctx)
	case "redis":
		logging.Disable() // what it has to say is in the errors
		store, err := redisstore.Open(ctx, t.address, redisstore.Options{Prefix: redisstore.DefaultPrefix + "plan:"})
		if err != nil {
			return nil, nil, err
		}
		return store, func(context.Context) error { return store.Close() }, nil
	case "postgres":
		return t.openPostgres(ctx)
	}
	return hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}), func(context.Context) error { return nil }, nil
}

func (t *target) openSQLite(ctx context.Context) (hardtack.CompareAndSwapper, func(context.Context) error, error) {
	dir, err := os.MkdirTemp(t.address, ".hardtack-plan-")
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "plan.db"), sqlite.Options{Options: sqlstore.Options{SweepEvery: -1}})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, nil, err
	}
	return store, func(context.Context) error { return cmp.Or(store.Close(), os.RemoveAll(dir)) }, nil
}

// openPostgres makes tables. A connection beside the store's own drops them, so that it is there when the store is closed.
func (t *target) openPostgres(ctx context.Context) (hardtack.CompareAndSwapper, func(context.Context) error, error) {
	config, err := pgx.ParseConfig(t.address)
	if err != nil {
		return nil, nil, &usage{errTargetURL}
	}
	t.user, t.password = config.User, config.Password // also those of the query and the environment
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	prefix := "hardtack_plan_" + hex.EncodeToString(random[:]) + "_"
	drop := func(ctx context.Context) error {
		defer conn.Close(ctx)
		for _, table := range []string{"records", "subjects", "schema"} {
			if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS "+prefix+table); err != nil {
				return fmt.Errorf("the tables %s* could not be dropped: %w", prefix, err)
			}
		}
		return nil
	}
	store, err := postgres.Open(ctx, t.address, postgres.Options{Options: sqlstore.Options{Prefix: prefix, SweepEvery: -1}})
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		return nil, nil, cmp.Or(drop(ctx), err)
	}
	return store, func(ctx context.Context) error { return cmp.Or(store.Close(), drop(ctx)) }, nil
}

// explain makes a failure of err that shows neither user nor password.
func (t *target) explain(ctx context.Context, err error) error {
	var mistake *usage
	if errors.As(err, &mistake) {
		return err
	}
	if ended := context.Cause(ctx); ended != nil {
		return fail("store", "measuring %s: not done in time, or interrupted: %w", t.name, ended)
	}
	text := err.Error()
	var (
		connecting *pgconn.ConnectError
		network    *net.OpError
		refused    *pgconn.PgError
	)
	if errors.As(err, &connecting) { // its own text names the user, and goes on for lines
		text = strings.ReplaceAll(connecting.Unwrap().Error(), "\n", "; ")
		if errors.As(err, &network) {
			text = network.Error()
		}
	}
	if errors.As(err, &refused) && strings.Contains(text, strconv.Quote(t.user)) {
		text = "the server refused: SQLSTATE " + refused.Code
	}
	if t.password != "" && strings.Contains(text, t.password) {
		text = "it could not be used"
	}
	return fail("store", "measuring %s: %s", t.name, untrusted(text))
}
