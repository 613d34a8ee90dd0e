//go:build unix

package mysql_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/mysql"
	"github.com/hardtack-go/hardtack/storetest"
)

var (
	server    *servers.Server
	serverURL string
)

func TestMain(m *testing.M) {
	main := servers.NewMain()
	server = servers.MariaDB(main)
	serverURL = server.URL()
	os.Exit(main.Run(m.Run))
}

func open(t *testing.T, url string, o mysql.Options) *sqlstore.Store {
	t.Helper()
	o.SweepEvery = -1
	store, err := mysql.Open(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func id(i int) string { return fmt.Sprintf("%043d", i) }

func hour() time.Time { return time.Now().Add(time.Hour) }

func TestStore(t *testing.T) {
	away, hangs := servers.NewProxy(t, server.Addr()), servers.NewProxy(t, server.Addr())
	patient := mysql.Options{ConnectTimeout: time.Minute} // all connections are opened at once, perhaps on a busy machine
	o := storetest.Options{
		Again:  open(t, server.URL(), patient),
		Away:   open(t, server.URLAt(away.Addr()), mysql.Options{}),
		AwayIs: hardtack.ErrStoreUnavailable,
		Hangs:  open(t, server.URLAt(hangs.Addr()), mysql.Options{}),
		Logs:   server.Log,
	}
	away.Refuse()
	hangs.HalfOpen()
	storetest.Run(t, open(t, server.URL(), patient), o)
}

// TestTooLarge: with MariaDB's default of max_allowed_packet, a record at the limit is taken, and one byte more is not.
func TestTooLarge(t *testing.T) {
	const limit = 16<<20 - 1024
	store := open(t, server.URL(), mysql.Options{})
	holds := func(want []byte) {
		t.Helper()
		data, found, err := store.Find(t.Context(), id(1))
		require.NoError(t, err)
		require.True(t, found)
		require.True(t, bytes.Equal(want, data), "%d bytes came back as %d others", len(want), len(data))
	}
	over := bytes.Repeat([]byte("\x00'\xff\\"), limit/4+1)[:limit+1]
	most := over[:limit]
	require.NoError(t, store.Commit(t.Context(), id(1), most, hour()))
	holds(most)
	require.NoError(t, store.Commit(t.Context(), id(1), nil, hour())) // overwrites
	require.NoError(t, store.Delete(t.Context(), id(1)))
	for version := range int64(2) { // an insert and an update
		most[0]++
		swapped, err := store.CompareAndSwap(t.Context(), id(1), version, version+1, most, hour())
		require.NoError(t, err)
		require.True(t, swapped)
		holds(most)
	}
	var size *hardtack.SizeError
	require.ErrorAs(t, store.Commit(t.Context(), id(1), over, hour()), &size)
	assert.Equal(t, hardtack.SizeError{RecordBytes: limit + 1, Limit: limit, Over: 1}, *size)
	swapped, err := store.CompareAndSwap(t.Context(), id(1), 2, 3, over, hour())
	require.ErrorAs(t, err, &size)
	require.False(t, swapped)
	holds(most)
}

// fill makes a pool's connections idle ones.
func fill(t *testing.T, store *sqlstore.Store, conns int) {
	var wg sync.WaitGroup
	for i := range 4 * conns {
		wg.Go(func() { assert.NoError(t, store.Commit(t.Context(), id(i), []byte("kept"), hour())) })
	}
	wg.Wait()
}

// works calls a store once for each connection that its pool may have had, at once: none may fail.
func works(t *testing.T, store *sqlstore.Store, conns int) {
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if i%2 == 0 {
				assert.NoError(t, store.Commit(ctx, id(i), []byte("kept"), hour()))
				return
			}
			data, found, err := store.Find(ctx, id(i))
			assert.NoError(t, err)
			assert.True(t, found)
			assert.Equal(t, "kept", string(data))
		})
	}
	wg.Wait()
}

func TestRestart(t *testing.T) {
	server := servers.MariaDB(t)
	store := open(t, server.URL(), mysql.Options{MaxOpenConns: 8})
	for range 2 {
		fill(t, store, 8)
		server.Kill()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, _, err := store.Find(ctx, id(1))
		cancel()
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		server.Start()
		works(t, store, 8)

		fill(t, store, 8) // and when nobody has called while it was away
		server.Kill()
		server.Start()
		works(t, store, 8)
	}
}

// TestConnectionsReset: the server goes on, but its connections are gone.
func TestConnectionsReset(t *testing.T) {
	proxy := servers.NewProxy(t, server.Addr())
	store := open(t, server.URLAt(proxy.Addr()), mysql.Options{MaxOpenConns: 8})
	for range 3 {
		fill(t, store, 8)
		proxy.Reset()
		time.Sleep(10 * time.Millisecond) // until the kernel has heard of it
		works(t, store, 8)
	}
}

// TestNetworkBack: after a while in which nothing arrived, the store works within a second of the network's return.
func TestNetworkBack(t *testing.T) {
	proxy := servers.NewProxy(t, server.Addr())
	store := open(t, server.URLAt(proxy.Addr()), mysql.Options{MaxOpenConns: 4})
	fill(t, store, 4)
	proxy.HalfOpen()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, _, err := store.Find(ctx, id(i))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	wg.Wait()
	proxy.Heal()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, store.Ping(ctx))
	t.Logf("worked %v after the network was back", time.Since(began).Round(time.Millisecond))
	works(t, store, 4)
}

// TestOneConnection: no call, and not Open, needs a second connection while it has one.
func TestOneConnection(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err := mysql.Open(ctx, server.URL(), mysql.Options{MaxOpenConns: 1})
	require.NoError(t, err)
	fill(t, store, 1)
	works(t, store, 4)
	require.NoError(t, store.Close())
}

func TestOpenShowsNoPassword(t *testing.T) {
	const secret = "Pa55-word"
	u, err := url.Parse(server.URL())
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), secret)
	for name, address := range map[string]string{
		"wrong password":    u.String(),
		"nobody there":      "mysql://user:" + secret + "@127.0.0.1:1/x",
		"no such host":      "mysql://user:" + secret + "@host.invalid/x?timeout=1s",
		"port":              "mysql://user:" + secret + "@host:port/x",
		"slash":             "mysql://user:12/" + secret + "@host/x",
		"slash in password": "mysql://user:" + secret + "/x@host/x",
		"hash":              "mysql://user:12#" + secret + "@host/x",
		"question mark":     "mysql://user:12?" + secret + "@host/x",
		"percent":           "mysql://user:" + secret + "%zz@host/x",
		"control":           "mysql://user:" + secret + "\n@host/x",
		"parameter":         "mysql://user:" + secret + "@host/x?tls=maybe",
		"DSN":               "user:" + secret + "@tcp(127.0.0.1:1)/x",
		"DSN without host":  "user:" + secret + "/x",
		"DSN without tcp":   "user:" + secret + "@host/x",
		"DSN unclosed":      "user:" + secret + "@tcp(host/x",
		"no DSN":            secret,
		"database":          "user:p@tcp(h)/" + secret + "%zz",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			store, err := mysql.Open(ctx, address, mysql.Options{})
			require.Error(t, err)
			require.Nil(t, store)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
				assert.NotContains(t, text, secret)
			}
			t.Log(err)
		})
	}
	_, err = mysql.Open(t.Context(), "mysql://user:"+secret+"@host:port/x", mysql.Options{})
	require.ErrorIs(t, err, mysql.ErrURL)
	_, err = mysql.Open(t.Context(), u.String(), mysql.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
}

func TestOpenTakesADSN(t *testing.T) {
	u, err := url.Parse(server.URL())
	require.NoError(t, err)
	store := open(t, u.User.String()+"@tcp("+u.Host+")"+u.Path+"?parseTime=true&clientFoundRows=false", mysql.Options{})
	require.NoError(t, store.Ping(t.Context()))
}

func TestOpenThatHangs(t *testing.T) {
	proxy := servers.NewProxy(t, server.Addr())
	proxy.HalfOpen()
	began := time.Now()
	_, err := mysql.Open(context.Background(), server.URLAt(proxy.Addr()), mysql.Options{ConnectTimeout: 200 * time.Millisecond})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = mysql.Open(ctx, server.URLAt(proxy.Addr()), mysql.Options{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Less(t, time.Since(began), 10*time.Second, "does not hang")
}
