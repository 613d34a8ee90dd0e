package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
	"github.com/hardtack-go/hardtack/storetest"
)

// maxData is what SQLite takes, less room for the other columns.
const maxData = 1_000_000_000 - 4096

func open(t testing.TB, file string, o sqlite.Options) *sqlstore.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), file, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func quiet(file string, t testing.TB) *sqlstore.Store {
	return open(t, file, sqlite.Options{Options: sqlstore.Options{SweepEvery: -1}})
}

// raw is a connection that Open knows nothing of, as of another program.
func raw(t testing.TB, file string) *sql.DB {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file}).String())
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

func id(i int) string { return fmt.Sprintf("%043d", i) }

func hour() time.Time { return time.Now().Add(time.Hour) }

func TestStore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	storetest.Run(t, quiet(file, t), storetest.Options{Again: quiet(file, t)})
}

// TestTooLarge writes no record at the limit: it and SQLite's own copies of it would take gigabytes of memory.
func TestTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("reserves a gigabyte of memory")
	}
	store := quiet(filepath.Join(t.TempDir(), "sessions.db"), t)
	data := make([]byte, maxData+1) // never touched
	var size *hardtack.SizeError
	require.ErrorAs(t, store.Commit(t.Context(), id(1), data, hour()), &size)
	assert.Equal(t, hardtack.SizeError{RecordBytes: maxData + 1, Limit: maxData, Over: 1}, *size)
	_, err := store.CompareAndSwap(t.Context(), id(1), 0, 1, data, hour())
	require.ErrorAs(t, err, &size)
	require.NotErrorIs(t, err, hardtack.ErrStoreUnavailable)
	_, found, err := store.Find(t.Context(), id(1))
	require.NoError(t, err)
	assert.False(t, found)
}

func TestDurability(t *testing.T) {
	for name, c := range map[string]struct {
		relaxed bool
		want    int
	}{"full": {false, 2}, "relaxed": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sessions.db")
			assert.Equal(t, c.want, sqlite.Synchronous(t, file, c.relaxed))
			store := open(t, file, sqlite.Options{Relaxed: c.relaxed, Options: sqlstore.Options{SweepEvery: -1}})
			require.NoError(t, store.Commit(t.Context(), id(1), nil, hour()))
			var mode string
			require.NoError(t, raw(t, file).QueryRow(`PRAGMA journal_mode`).Scan(&mode))
			assert.Equal(t, "wal", mode)
		})
	}
}

func TestPaths(t *testing.T) {
	for _, name := range []string{
		"plain.db", "with space.db", "question?mark.db", "?first", "hash#tag.db", "percent%41.db", "100%.db", "a&b=c.db",
		"plus+.db", "quote'\".db", "ünïcode.db", "x?_query_only=1&mode=ro.db",
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "a folder?#%")
			require.NoError(t, os.Mkdir(folder, 0o700))
			file := filepath.Join(folder, name)
			store := quiet(file, t)
			require.NoError(t, store.Commit(t.Context(), id(1), []byte("kept"), hour()))
			require.FileExists(t, file)
			require.NoError(t, store.Close())
			files, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Len(t, files, 1, "nothing else is left behind")
			data, found, err := quiet(file, t).Find(t.Context(), id(1))
			require.NoError(t, err)
			assert.True(t, found)
			assert.Equal(t, "kept", string(data))
		})
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	quiet("sessions.db", t)
	assert.FileExists(t, "sessions.db")
}

func TestFileModes(t *testing.T) {
	folder := t.TempDir()
	store := quiet(filepath.Join(folder, "sessions.db"), t)
	require.NoError(t, store.Commit(t.Context(), id(1), nil, hour()))
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 3, "the file, the log and its index")
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestRefusedFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, data, 0o600))
		return file
	}
	refuse := func(file string) error {
		t.Helper()
		store, err := sqlite.Open(t.Context(), file, sqlite.Options{})
		require.Error(t, err)
		require.Nil(t, store)
		return err
	}

	require.ErrorIs(t, refuse(":memory:"), sqlite.ErrInMemory)
	assert.ErrorContains(t, refuse("file::memory:?cache=shared"), "hardtack.NewMemoryStore")
	require.ErrorIs(t, refuse(""), sqlite.ErrInMemory)
	assert.ErrorContains(t, refuse("file:sessions.db"), "not a URI")
	require.ErrorIs(t, refuse(filepath.Join(folder, "missing", "sessions.db")), os.ErrNotExist)
	assert.NoDirExists(t, filepath.Join(folder, "missing"))
	assert.ErrorContains(t, refuse(folder), "is a directory")

	err := refuse(write("text.db", []byte(strings.Repeat("This is not a database. ", 100))))
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.ErrorContains(t, err, "not a database")

	whole := filepath.Join(folder, "whole.db")
	require.NoError(t, quiet(whole, t).Close())
	data, err := os.ReadFile(whole)
	require.NoError(t, err)
	for i := 100; i < 4096; i++ {
		data[i] = 0xff
	}
	assert.ErrorContains(t, refuse(write("broken.db", data)), "malformed")
}

func TestReadOnly(t *testing.T) {
	folder := tmpfs(t, "1m")
	file := filepath.Join(folder, "sessions.db")
	store := quiet(file, t)
	require.NoError(t, store.Commit(t.Context(), id(1), []byte("kept"), hour()))
	require.NoError(t, store.Close())
	remount(t, folder, true)
	_, err := sqlite.Open(t.Context(), file, sqlite.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	_, err = sqlite.Open(t.Context(), filepath.Join(folder, "new.db"), sqlite.Options{})
	assert.ErrorContains(t, err, "read-only file system")
	remount(t, folder, false)
	_, found, err := quiet(file, t).Find(t.Context(), id(1))
	require.NoError(t, err)
	assert.True(t, found)
}

// TestDiskFull fills a small file system with records. What was acknowledged stays, and there is room again after a sweep.
func TestDiskFull(t *testing.T) {
	folder := tmpfs(t, "4m")
	var now atomic.Int64
	now.Store(time.Now().UnixMilli())
	store := open(t, filepath.Join(folder, "sessions.db"), sqlite.Options{Options: sqlstore.Options{
		SweepEvery: -1, Now: func() time.Time { return time.UnixMilli(now.Load()) }}})
	ctx := t.Context()
	soon, late := time.UnixMilli(now.Load()+60_000), time.UnixMilli(now.Load()+3_600_000)
	data := func(i int) []byte { return []byte(strings.Repeat(id(i), 100)) }
	expires := func(i int) time.Time {
		if i%2 == 0 {
			return soon
		}
		return late
	}
	var err error
	written := 0
	for ; err == nil; written++ {
		require.Less(t, written, 2000, "the disk is never full")
		_, err = store.CompareAndSwap(ctx, id(written), 0, 1, data(written), expires(written))
	}
	written--
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.NotContains(t, err.Error(), id(written))
	t.Logf("full after %d records of 4300 bytes: %v", written, err)
	for i := range written {
		got, found, err := store.Find(ctx, id(i))
		require.NoError(t, err)
		require.True(t, found, i)
		require.Equal(t, data(i), got)
	}

	require.NoError(t, os.WriteFile(filepath.Join(folder, "other"), nil, 0o600))
	remount(t, folder, false, "size=16m")
	for i := written; i < written+100; i++ {
		swapped, err := store.CompareAndSwap(ctx, id(i), 0, 1, data(i), late)
		require.NoError(t, err)
		require.True(t, swapped, "what failed was not done")
	}
	now.Add(60_000)
	removed, err := store.Sweep(ctx)
	require.NoError(t, err)
	assert.Equal(t, (written+1)/2, removed)
	for i := range written + 100 {
		_, found, err := store.Find(ctx, id(i))
		require.NoError(t, err)
		require.Equal(t, i%2 == 1 || i >= written, found, i)
	}
}

// TestLockedByAnother: while another program holds the write lock, writers wait no longer than their contexts, and readers not at all.
func TestLockedByAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	store := open(t, file, sqlite.Options{Options: sqlstore.Options{SweepEvery: -1, BusyTimeout: 200 * time.Millisecond}})
	require.NoError(t, store.Commit(t.Context(), id(1), []byte("before"), hour()))
	other := raw(t, file)
	_, err := other.Exec(`BEGIN IMMEDIATE`)
	require.NoError(t, err)

	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = store.Commit(ctx, id(1), []byte("during"), hour())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, store.Delete(ctx, id(1)), context.DeadlineExceeded)

	cause := fmt.Errorf("the caller's cause")
	cancelled, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { stop(cause) })
	_, err = store.CompareAndSwap(cancelled, id(1), 0, 1, nil, hour())
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, context.Canceled)

	err = store.Ping(t.Context())
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.NotErrorIs(t, err, context.DeadlineExceeded, "BusyTimeout is not the caller's")
	assert.ErrorContains(t, err, "database is locked")
	assert.Less(t, time.Since(began), 10*time.Second, "does not hang")

	data, found, err := store.Find(t.Context(), id(1))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "before", string(data))

	var wg sync.WaitGroup
	wg.Go(func() { assert.NoError(t, store.Commit(t.Context(), id(1), []byte("after"), hour())) })
	time.Sleep(20 * time.Millisecond)
	_, err = other.Exec(`ROLLBACK`)
	require.NoError(t, err)
	wg.Wait()
	data, _, err = store.Find(t.Context(), id(1))
	require.NoError(t, err)
	assert.Equal(t, "after", string(data))
}

func TestClose(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	store := open(t, file, sqlite.Options{Options: sqlstore.Options{SweepEvery: time.Millisecond}})
	require.NoError(t, store.Commit(t.Context(), id(1), nil, hour()))
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	assert.NoFileExists(t, file+"-wal")
	_, _, err := store.Find(t.Context(), id(1))
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, store.Ping(t.Context()), hardtack.ErrStoreUnavailable)
}

func BenchmarkFind(b *testing.B) {
	store := quiet(filepath.Join(b.TempDir(), "sessions.db"), b)
	data := make([]byte, 4096)
	for i := range 1000 {
		require.NoError(b, store.Commit(b.Context(), id(i), data, hour()))
	}
	b.ReportAllocs()
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, found, err := store.Find(b.Context(), id(int(next.Add(1)%1000))); err != nil || !found {
				b.Error(found, err)
			}
		}
	})
}

func BenchmarkCompareAndSwap(b *testing.B) {
	for name, relaxed := range map[string]bool{"full": false, "relaxed": true} {
		b.Run(name, func(b *testing.B) {
			store := open(b, filepath.Join(b.TempDir(), "sessions.db"),
				sqlite.Options{Relaxed: relaxed, Options: sqlstore.Options{SweepEvery: -1}})
			data := make([]byte, 4096)
			b.ReportAllocs()
			for version := int64(0); b.Loop(); version++ {
				if swapped, err := store.CompareAndSwap(b.Context(), id(1), version, version+1, data, hour()); err != nil || !swapped {
					b.Fatal(swapped, err)
				}
			}
		})
	}
}
