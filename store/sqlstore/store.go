package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

// Store keeps records in a database. It is a hardtack.CompareAndSwapper, SubjectIndexer, Sweeper and
// Pinger, and safe for concurrent use. Make one with New, or with Open of a subpackage.
//
// Its errors match hardtack.ErrStoreUnavailable, and the cause of the context if that has ended. Two are
// returned instead and change nothing: hardtack.ErrRecordID and *hardtack.SizeError.
type Store struct {
	caller
	names   names
	options Options
	limit   int // bytes of data

	find, commit, insert, replace, update, remove, index, unindex *sql.Stmt
	sweeps                                                        []*sql.Stmt

	stopSweeper context.CancelFunc
	sweeper     sync.WaitGroup
	closing     sync.Once
	closed      error
}

var (
	_ hardtack.CompareAndSwapper = (*Store)(nil)
	_ hardtack.SubjectIndexer    = (*Store)(nil)
	_ hardtack.Sweeper           = (*Store)(nil)
	_ hardtack.Pinger            = (*Store)(nil)
)

var errNoDialect = errors.New("sqlstore: no dialect")

// ErrFoundRows: a MySQL pool counts the rows that a statement changes, not those that it matches. With
// github.com/go-sql-driver/mysql set clientFoundRows=true in the DSN.
var ErrFoundRows = errors.New("sqlstore: the MySQL pool does not count matched rows: set clientFoundRows=true")

// New returns a Store in the database that db is a pool of, and makes its tables if they are not there. The pool stays the
// caller's: its bounds, its time limits and, unless Options.ClosePool is set, its end.
//
// The errors are ErrPrefix, *SchemaError, ErrFoundRows, or one that matches hardtack.ErrStoreUnavailable
// and wraps the driver's. ctx bounds New, not the Store.
func New(ctx context.Context, db *sql.DB, d Dialect, o Options) (*Store, error) {
	if d.d == nil {
		return nil, errNoDialect
	}
	return newStore(ctx, db, d.d, o)
}

func newStore(ctx context.Context, db *sql.DB, d *dialect, o Options) (*Store, error) {
	n, err := d.names(o.Prefix)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Store{caller: newCaller(db, d, o), names: n, options: o}
	if err := s.open(ctx); err != nil {
		s.closeStatements()
		return nil, err
	}
	s.startSweeper()
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.migrate, s.checkFoundRows, s.readLimit, s.prepare, s.try} {
		if err := s.opening(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	return s.dialect.migrate(ctx, s.db, s.names, s.options.SkipMigration)
}

// checkFoundRows sees whether an update that changes nothing counts. It leaves nothing behind.
func (s *Store) checkFoundRows(ctx context.Context) error {
	if !s.dialect.foundRows {
		return nil
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `START TRANSACTION`); err != nil {
		return err
	}
	defer func() {
		if _, undone := conn.ExecContext(ctx, `ROLLBACK`); undone != nil { // that of a sql.Tx would not end with ctx
			discard(conn)
		}
	}()
	random := make([]byte, 32)
	rand.Read(random)
	probe := base64.RawURLEncoding.EncodeToString(random)
	if _, err := conn.ExecContext(ctx, s.text(insertText), probe, []byte{}, 0, 0); err != nil {
		return err
	}
	result, err := conn.ExecContext(ctx, s.text(`UPDATE {t}records SET version = 0 WHERE id = ?`), probe)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrFoundRows, err)
	}
	return nil
}

func (s *Store) readLimit(ctx context.Context) (err error) {
	s.limit, err = s.dialect.limit(ctx, s.db)
	return err
}

func (s *Store) text(query string) string { return s.dialect.text(s.names, query) }

func (s *Store) prepare(ctx context.Context) (err error) {
	stmt := func(query string) *sql.Stmt {
		if query == "" || err != nil {
			return nil
		}
		var prepared *sql.Stmt
		prepared, err = s.db.PrepareContext(ctx, s.text(query))
		return prepared
	}
	s.closeStatements() // of an attempt that others were in the way of
	t := s.dialect.statements
	s.find, s.commit, s.insert, s.replace = stmt(t.find), stmt(t.commit), stmt(t.insert), stmt(t.replace)
	s.update, s.remove, s.index, s.unindex = stmt(t.update), stmt(t.remove), stmt(t.index), stmt(t.unindex)
	s.sweeps = []*sql.Stmt{stmt(t.sweepRecord), stmt(t.sweepIndex)}
	return err
}

// try is Ping, but within the call of open: one that waits for another would wait for itself where MaxCalls is 1.
func (s *Store) try(ctx context.Context) error {
	_, err := s.remove.ExecContext(ctx, "")
	return err
}

func (s *Store) closeStatements() error {
	var errs []error
	for _, stmt := range append([]*sql.Stmt{s.find, s.commit, s.insert, s.replace, s.update, s.remove, s.index, s.unindex}, s.sweeps...) {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// Close ends the sweeper and waits for it, gives the statements back, and closes the pool if Options.ClosePool
// is set. Calls in flight may fail, later ones do. A second Close does nothing and returns the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stopSweeper()
		s.sweeper.Wait()
		if s.options.ClosePool {
			s.closed = s.db.Close() // and the statements with it
		} else {
			s.closed = s.closeStatements()
		}
	})
	return s.closed
}

// now is the time of the Store's clock, in the database's unit.
func (s *Store) now() int64 { return s.options.Now().UnixMilli() }

// Find implements hardtack.Store. The data is a copy.
func (s *Store) Find(ctx context.Context, id string) (data []byte, found bool, err error) {
	if !hardtack.ValidRecordID(id) {
		return nil, false, hardtack.ErrRecordID
	}
	err = s.call(ctx, "find", func() error {
		err := s.find.QueryRowContext(ctx, id, s.now()).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		return err
	})
	return data, found, err
}

// Commit implements hardtack.Store.
func (s *Store) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	if err := s.check(id, data); err != nil {
		return err
	}
	_, err := s.exec(ctx, "commit", s.commit, id, notNull(data), 0, expires.UnixMilli())
	return err
}

// Delete implements hardtack.Store.
func (s *Store) Delete(ctx context.Context, id string) error {
	if !hardtack.ValidRecordID(id) {
		return hardtack.ErrRecordID
	}
	_, err := s.exec(ctx, "delete", s.remove, id)
	return err
}

// CompareAndSwap implements hardtack.CompareAndSwapper.
func (s *Store) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (swapped bool, err error) {
	if err := s.check(id, data); err != nil {
		return false, err
	}
	data = notNull(data)
	if old == 0 {
		return s.put(ctx, id, new, data, expires.UnixMilli())
	}
	rows, err := s.exec(ctx, "swap", s.update, data, new, expires.UnixMilli(), id, old, s.now())
	return rows == 1, err
}

// put inserts a record if there is none, or only an expired one.
func (s *Store) put(ctx context.Context, id string, version int64, data []byte, expires int64) (bool, error) {
	if s.replace == nil {
		rows, err := s.exec(ctx, "swap", s.insert, id, data, version, expires, s.now())
		return rows == 1, err
	}
	for range 2 {
		rows, err := s.exec(ctx, "swap", s.insert, id, data, version, expires)
		if err == nil || code(err) != s.dialect.duplicate {
			return rows == 1, err
		}
		rows, err = s.exec(ctx, "swap", s.replace, data, version, expires, id, s.now())
		if err != nil || rows == 1 {
			return rows == 1, err
		}
		// The record is live, or an expired one was swept since: the next insert tells.
	}
	return false, nil
}

// Index implements hardtack.SubjectIndexer.
func (s *Store) Index(ctx context.Context, id, subject string, expires time.Time) error {
	if !hardtack.ValidRecordID(id) || subject != "" && !hardtack.ValidRecordID(subject) {
		return hardtack.ErrRecordID
	}
	var err error
	if subject == "" {
		_, err = s.exec(ctx, "index", s.unindex, id)
	} else {
		_, err = s.exec(ctx, "index", s.index, id, subject, expires.UnixMilli())
	}
	return err
}

// maxSubjects is how many subjects one query asks for: SQLite once took no more than 999 parameters.
const maxSubjects = 900

// FindSubjects implements hardtack.SubjectIndexer. Up to 900 subjects are looked up in one
// statement, so that an entry that moves from one to another meanwhile is found.
func (s *Store) FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	for _, subject := range subjects {
		if !hardtack.ValidRecordID(subject) {
			return nil, hardtack.ErrRecordID
		}
	}
	found := make(map[string]time.Time)
	for chunk := range slices.Chunk(subjects, maxSubjects) {
		err := s.call(ctx, "find subjects", func() error {
			part, err := s.findSubjects(ctx, chunk)
			maps.Copy(found, part)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s *Store) findSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	query := `SELECT id, expires FROM {t}subjects WHERE subject IN (?` + strings.Repeat(", ?", len(subjects)-1) + `) AND expires > ?`
	args := make([]any, 0, len(subjects)+1)
	for _, subject := range subjects {
		args = append(args, subject)
	}
	rows, err := s.db.QueryContext(ctx, s.text(query), append(args, s.now())...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[string]time.Time)
	for rows.Next() {
		var id string
		var expires int64
		if err := rows.Scan(&id, &expires); err != nil {
			return nil, err
		}
		found[id] = time.UnixMilli(expires)
	}
	return found, rows.Err()
}

// Ping implements hardtack.Pinger. It deletes a record that cannot be there, so that it notices a database that is
// read-only, a missing table and a missing right.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.exec(ctx, "ping", s.remove, "")
	return err
}

// check refuses what the database would not take as it is.
func (s *Store) check(id string, data []byte) error {
	if !hardtack.ValidRecordID(id) {
		return hardtack.ErrRecordID
	}
	if over := len(data) - s.limit; over > 0 {
		return &hardtack.SizeError{RecordBytes: len(data), Limit: s.limit, Over: over}
	}
	return nil
}

// notNull makes nil empty: to database/sql nil is NULL.
func notNull(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
