//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/sqlstore"
)

// TestSweepBacklog sweeps a million expired rows while a writer goes on, who waits for at most one batch of them. It has fewer
// with the race detector, which has SQLite, a large program in Go, take minutes for so many.
//
// The IDs are in the order in which the rows expire. With random ones each batch changes a page of the
// primary key's index for almost every row, and SQLite takes about four times as long.
func TestSweepBacklog(t *testing.T) {
	const batch, live = 500, 1000
	expired := 1_000_000
	if raceEnabled || testing.Short() {
		expired = 5_000
		t.Log("5,000 rows only: a million are for a run without -race and -short")
	}
	fills := map[string]string{
		"SQLite": `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %[2]d)
 INSERT INTO %[1]srecords (id, data, version, expires) SELECT printf('%%s%%041d', %[4]s, i), zeroblob(32), 1, %[3]s FROM n`,
		"PostgreSQL": `INSERT INTO %[1]srecords (id, data, version, expires)
 SELECT %[4]s || lpad(i::text, 41, '0'), '\x00', 1, %[3]s FROM generate_series(0, %[2]d - 1) i`,
	}
	for name, fill := range fills {
		t.Run(name, func(t *testing.T) {
			d := databases()[name]
			db, p := d.pool(t), prefix()
			store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p, SweepBatch: batch})
			began := time.Now()
			exec(t, db, fmt.Sprintf(fill, p, expired, "1000 + i", "'xx'"))
			exec(t, db, fmt.Sprintf(fill, p, live, fmt.Sprint(hour().UnixMilli()), "'ll'"))
			exec(t, db, `ANALYZE`) // as a server does by itself
			t.Logf("%s: %d expired and %d live rows made in %v", name, expired, live, time.Since(began).Round(time.Millisecond))

			alone, stop := context.WithTimeout(t.Context(), 2*time.Second)
			without := <-write(t, alone, store, 0)
			stop()

			during, stop := context.WithCancel(t.Context())
			defer stop()
			writing := write(t, during, store, without.last)
			began = time.Now()
			removed, err := store.Sweep(t.Context())
			took := time.Since(began)
			stop()
			with := <-writing
			require.NoError(t, err)
			t.Logf("%s: %d rows removed in %v, %d at a time; meanwhile %d writes acknowledged, the longest took %v, and %v without the sweep",
				name, removed, took.Round(time.Millisecond), batch, with.acknowledged,
				with.longest.Round(time.Microsecond), without.longest.Round(time.Microsecond))

			assert.Equal(t, expired, removed)
			var left, rows int
			require.NoError(t, db.QueryRow(`SELECT COUNT(*) FROM `+p+`records WHERE expires < 4000000`).Scan(&left))
			assert.Zero(t, left, "an expired row is left")
			require.NoError(t, db.QueryRow(`SELECT COUNT(*) FROM `+p+`records WHERE id LIKE 'll%'`).Scan(&rows))
			assert.Equal(t, live, rows, "a live row is gone")
			assert.Greater(t, with.acknowledged, expired/batch/2, "the writer waited for more than a batch")
			data, found, err := store.Find(t.Context(), id(1))
			require.NoError(t, err)
			assert.True(t, found, "what the writer has written is gone")
			assert.Equal(t, fmt.Sprint(with.last), string(data))
		})
	}
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	_, err := db.Exec(query)
	require.NoError(t, err)
}

type written struct {
	acknowledged int
	last         int64
	longest      time.Duration
}

// write swaps one record again and again until ctx ends.
func write(t *testing.T, ctx context.Context, store *sqlstore.Store, version int64) <-chan written {
	done := make(chan written, 1)
	go func() {
		w := written{last: version}
		for ctx.Err() == nil {
			began := time.Now()
			swapped, err := store.CompareAndSwap(context.WithoutCancel(ctx), id(1), w.last, w.last+1, fmt.Append(nil, w.last+1), hour())
			w.longest = max(w.longest, time.Since(began))
			if !assert.NoError(t, err) || !assert.True(t, swapped) {
				break
			}
			w.last++
			w.acknowledged++
		}
		done <- w
	}()
	return done
}

// TestSweepBatches: no statement removes more than a batch, and the end of the context ends the sweep between two.
func TestSweepBatches(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db, p := d.pool(t), prefix()
		store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p, SweepBatch: 10})
		for i := range 35 {
			require.NoError(t, store.Commit(t.Context(), id(i), nil, time.UnixMilli(1)))
			require.NoError(t, store.Index(t.Context(), id(i), id(i), time.UnixMilli(1)))
		}
		batches, err := store.SweepBatches(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []int{10, 10}, batches, "one statement removes one batch")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		removed, err := store.Sweep(ended)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		assert.Zero(t, removed)
		removed, err = store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 50, removed)
	})
}
