package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// Options are the settings of Open. The zero value means the defaults.
type Options struct {
	sqlstore.Options

	// Relaxed sets synchronous to NORMAL: writes are several times faster, since the log is synced only from time to time. A crash of the
	// program loses nothing, but a power cut or a crash of the system loses the writes of the last moments,
	// tombstones of ended sessions among them. The file stays sound.
	Relaxed bool
}

// maxOpenConns is enough for readers to keep a few cores busy; the writer takes one of them.
const maxOpenConns = 8

// ErrInMemory: a path that is none. For sessions in memory there is hardtack.MemoryStore.
var ErrInMemory = errors.New("sqlite: a file is needed; for sessions in memory use hardtack.NewMemoryStore")

var errURI = errors.New("sqlite: the path of a file is needed, not a URI")

// Open opens the store in file and creates it, but not its folder, if there is none. The path is taken as it is: '?', '%' and spaces have no
// meaning. Close ends the store and its connections.
//
// The errors are those of sqlstore.New, ErrInMemory, and a *fs.PathError if the folder is missing or the file can
// be neither opened nor created.
func Open(ctx context.Context, file string, o Options) (*sqlstore.Store, error) {
	if file == "" || strings.Contains(file, ":memory:") {
		return nil, ErrInMemory
	}
	if strings.HasPrefix(file, "file:") {
		return nil, errURI
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	connector, err := sqlite.NewConnector(dsn(path, o.Relaxed))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(maxOpenConns)
	db.SetMaxIdleConns(maxOpenConns)
	o.ClosePool = true
	store, err := sqlstore.New(ctx, db, sqlstore.SQLite, o.Options)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return store, nil
}

// create makes an empty file that only its owner can read, if there is none; SQLite gives the companions the same
// mode. It never opens a file that SQLite may have open: closing it would end SQLite's locks.
func create(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("is a directory")}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	empty, err := os.CreateTemp(filepath.Dir(path), ".hardtack-*") // mode 0600
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return &fs.PathError{Op: "create", Path: path, Err: failed.Err} // the name that the caller knows
	}
	if err != nil {
		return err
	}
	defer os.Remove(empty.Name())
	if err := empty.Close(); err != nil {
		return err
	}
	if err := os.Link(empty.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // another process was first
}

// dsn is the URI of the file with what each connection is set to.
func dsn(path string, relaxed bool) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/folder/file
	}
	synchronous := "FULL"
	if relaxed {
		synchronous = "NORMAL"
	}
	q := url.Values{
		// The Store waits for other writers, as long as the context lasts. SQLite would not wake up.
		"_busy_timeout": {"0"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {synchronous},
		"_txlock":       {"immediate"},
		"_dqs":          {"0"},
		"_error_rc":     {"1"},
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}
