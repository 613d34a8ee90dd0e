//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
)

// realServers skips a test that starts servers if tests are to be short.
func realServers(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts real servers")
	}
}

func requireMeasured(t *testing.T, target, shown string) {
	t.Helper()
	const bytes = 700
	l, err := measureStores(t.Context(), target, bytes)
	require.NoError(t, err)
	assert.Equal(t, shown, l.Target)
	assert.Equal(t, bytes, l.RecordBytes)
	assert.Positive(t, l.Read.Count)
	assert.Equal(t, 2*l.Read.Count, l.Write.Count)
	assert.Equal(t, l.Read.Count, l.Commit.Count)
	require.NotNil(t, l.Index)
	assert.Equal(t, 2*l.Read.Count, l.Index.Count)
	assert.Less(t, 6*(l.Read.Count-1), measureOperations)
	for _, timing := range []planTiming{l.Read, l.Write, l.Commit, *l.Index} {
		assert.Positive(t, timing.P50)
		assert.LessOrEqual(t, timing.P50, timing.P95)
		assert.LessOrEqual(t, timing.P95, timing.P99)
	}
}

func TestMeasureMemory(t *testing.T) { requireMeasured(t, "memory", "memory") }

func TestMeasureSQLite(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	requireMeasured(t, "sqlite", "sqlite")
	assert.Empty(t, names(t, temp), "nothing stays")

	dir := t.TempDir()
	file := filepath.Join(dir, "sessions.db")
	requireMeasured(t, "sqlite:"+file, "sqlite:"+file)
	assert.Empty(t, names(t, dir), "nothing stays, and nothing is made at FILE")

	require.NoError(t, os.WriteFile(file, []byte("no database"), 0o600))
	t.Setenv("MEASURED", "sqlite:"+file)
	requireMeasured(t, "env:MEASURED", "sqlite:"+file)
	assert.Equal(t, []string{"sessions.db"}, names(t, dir))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "no database", string(data), "FILE is not opened")
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestMeasureRedis(t *testing.T) {
	realServers(t)
	server := servers.Redis(t, "--requirepass", "h0rse")
	o, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(o)
	defer client.Close()
	require.NoError(t, client.Set(t.Context(), "hardtack:r:other", "data", 0).Err())
	keys := func() []string { return client.Keys(t.Context(), "*").Val() }

	requireMeasured(t, server.URL(), "redis://"+server.Addr())
	requireClean := func() {
		t.Helper()
		require.Eventually(t, func() bool { k := keys(); return len(k) == 1 && k[0] == "hardtack:r:other" }, 20*time.Second, 100*time.Millisecond, "something stays")
	}
	requireClean()

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil && len(keys()) < 2 {
		}
		cancel()
	}()
	_, err = measureStores(ctx, server.URL(), 100)
	cancel()
	require.ErrorIs(t, err, context.Canceled)
	requireClean()

	_, err = measureStores(t.Context(), "redis://someone:h0use@"+server.Addr(), 100)
	assertPlain(t, err, "WRONGPASS")
	_, err = measureStores(t.Context(), "redis://"+server.Addr(), 100)
	assertPlain(t, err, "NOAUTH")
}

func TestMeasurePostgres(t *testing.T) {
	realServers(t)
	server := servers.Postgres(t)
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	_, err = conn.Exec(t.Context(), `CREATE TABLE hardtack_records (id text)`)
	require.NoError(t, err)
	tables := func() (all []string) {
		rows, err := conn.Query(t.Context(), `SELECT tablename FROM pg_tables WHERE tablename LIKE 'hardtack%'`)
		if assert.NoError(t, err) {
			all, err = pgx.CollectRows(rows, pgx.RowTo[string])
			assert.NoError(t, err)
		}
		return all
	}

	requireMeasured(t, server.URL(), "postgres://"+server.Addr())
	assert.Equal(t, []string{"hardtack_records"}, tables())

	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		for ctx.Err() == nil && len(tables()) < 4 {
		}
		cancel()
	}()
	_, err = measureStores(ctx, server.URL(), 100)
	cancel()
	<-seen
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"hardtack_records"}, tables(), "nothing stays after an interruption")

	rest := server.URL()[strings.LastIndex(server.URL(), "@"):]
	_, err = measureStores(t.Context(), "postgres://h0rse:h0use"+rest, 100)
	assertPlain(t, err, "28P01")

	// A role that may log in, and not make tables.
	for _, statement := range []string{`REVOKE CREATE ON SCHEMA public FROM PUBLIC`, `CREATE ROLE h0rse LOGIN PASSWORD 'h0use'`} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	_, err = measureStores(t.Context(), "postgres://h0rse:h0use"+rest, 100)
	assertPlain(t, err, "permission denied")
	assert.Equal(t, []string{"hardtack_records"}, tables())
}

// TestMeasureSilence: a server that takes connections and never answers holds nobody longer than the context.
func TestMeasureSilence(t *testing.T) {
	realServers(t)
	proxy := servers.NewProxy(t, servers.Redis(t).Addr())
	proxy.HalfOpen()
	for _, target := range []string{"redis://someone:h0use@" + proxy.Addr(), "postgres://h0rse:h0use@" + proxy.Addr() + "/db"} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		start := time.Now()
		_, err := measureStores(ctx, target, 100)
		cancel()
		assert.Less(t, time.Since(start), 10*time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assertPlain(t, err, proxy.Addr())
	}
}

// assertPlain checks that err says what it should, in one line, and no more.
func assertPlain(t *testing.T, err error, says string) {
	t.Helper()
	var failed *failure
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "store", failed.code)
	assert.Contains(t, err.Error(), says)
	assert.NotContains(t, err.Error(), "\n")
	for _, secret := range []string{"h0rse", "h0use", "someone"} {
		assert.NotContains(t, err.Error(), secret)
	}
}

func TestMeasureUnreachable(t *testing.T) {
	t.Setenv("MEASURED", "rediss://someone:h0use@127.0.0.1:1/0")
	for _, target := range []string{
		"redis://someone:h0use@127.0.0.1:1/0",
		"rediss://someone:h0use@127.0.0.1:1/0",
		"env:MEASURED",
		"postgres://h0rse:h0use@127.0.0.1:1/db",
		"postgresql://127.0.0.1:1/db?user=h0rse&password=h0use",
	} {
		_, err := measureStores(t.Context(), target, 100)
		assertPlain(t, err, "127.0.0.1:1")
	}
	_, err := measureStores(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "none", "sessions.db"), 100)
	assertPlain(t, err, "no such file or directory")
}

func TestMeasureWrongTarget(t *testing.T) {
	for _, target := range []string{
		"", "memory:", "memory:h0use", "sqlite:", "sqlite://", "h0use", "mysql://someone:h0use@127.0.0.1/db", "http://someone:h0use@127.0.0.1",
		"redis:h0use", "redis://", "postgres:h0use", "postgres://someone:h0/use@127.0.0.1/db", "redis://someone:h0use/@127.0.0.1/0",
		"redis://someone:h0use%@127.0.0.1", "postgres://someone:h0use@127.0.0.1/db?connect_timeout=h0use",
	} {
		_, err := measureStores(t.Context(), target, 100)
		var mistake *usage
		require.ErrorAs(t, err, &mistake, target)
		assert.NotContains(t, err.Error(), "h0")
	}
	_, err := measureStores(t.Context(), "env:NOT_THERE", 100)
	var failed *failure
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "missing", failed.code)
}

func TestMeasureEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, target := range []string{"memory", "sqlite"} {
		_, err := measureStores(ctx, target, 100)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// If measuring fails, there is all the rest: the text or the JSON, and the page.
func TestMeasureFailsAlone(t *testing.T) {
	const target = "redis://someone:h0use@127.0.0.1:1/0"
	page := filepath.Join(t.TempDir(), "plan.html")
	r := planOf(t, ofSize(300), "--measure", target, "--html", page)
	assert.Equal(t, exitFailure, r.status)
	assert.Equal(t, planOf(t, ofSize(300)).out, r.out)
	assert.Contains(t, r.err, "measuring redis://127.0.0.1:1")
	assert.NotContains(t, r.err, "h0use")
	assert.FileExists(t, page)

	r = planOf(t, ofSize(300), "--measure", target, "--json")
	assert.Equal(t, exitFailure, r.status)
	assert.Equal(t, "store", errorCode(t, r))
	assert.Nil(t, decode[planReport](t, r.out).Latency)
}

// bare hides all but CompareAndSwapper.
type bare struct{ hardtack.CompareAndSwapper }

func TestMeasureWithoutIndex(t *testing.T) {
	l, err := measureStore(t.Context(), bare{hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})}, 100)
	require.NoError(t, err)
	assert.Nil(t, l.Index)
	assert.Positive(t, l.Commit.Count)
	assert.Len(t, l.operations(), 3)
}

// What a target looks like breaks neither a terminal nor Markdown.
func TestMeasureOddTarget(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a`b|c\x1b[31m.db")
	r := planOf(t, ofSize(300), "--measure", "sqlite:"+file)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.out, `/a\x60b\x7cc\u001b[31m.db`+"` from this machine")
	r = planOf(t, ofSize(300), "--measure", "sqlite:/none\x1b[31m/x.db")
	assert.Equal(t, exitFailure, r.status)
	assert.NotContains(t, r.err, "\x1b")
	assert.Contains(t, r.err, `\u001b`)
}
