//go:build unix

package mysql_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/internal/outages"
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

func TestOutages(t *testing.T) {
	outages.Run(t, servers.MariaDB(t), func(t *testing.T, url string, conns int) *sqlstore.Store {
		return open(t, url, mysql.Options{MaxOpenConns: conns})
	})
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
