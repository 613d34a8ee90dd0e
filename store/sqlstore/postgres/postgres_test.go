//go:build unix

package postgres_test

import (
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
	"github.com/hardtack-go/hardtack/store/sqlstore/postgres"
	"github.com/hardtack-go/hardtack/storetest"
)

// maxData is half of what PostgreSQL takes in one message, less room for the other columns.
const maxData = 512<<20 - 4096

var (
	server    *servers.Server
	serverURL string
)

func TestMain(m *testing.M) {
	main := servers.NewMain()
	server = servers.Postgres(main)
	serverURL = server.URL()
	os.Exit(main.Run(m.Run))
}

// patient is for tests that open all connections at once: each login hashes 4096 times, which takes its time on a busy
// machine with the race detector.
var patient = postgres.Options{ConnectTimeout: time.Minute}

func open(t *testing.T, url string, o postgres.Options) *sqlstore.Store {
	t.Helper()
	o.SweepEvery = -1
	store, err := postgres.Open(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func id(i int) string { return fmt.Sprintf("%043d", i) }

func hour() time.Time { return time.Now().Add(time.Hour) }

func TestStore(t *testing.T) {
	away, hangs := servers.NewProxy(t, server.Addr()), servers.NewProxy(t, server.Addr())
	o := storetest.Options{
		Again:  open(t, server.URL(), patient),
		Away:   open(t, server.URLAt(away.Addr()), postgres.Options{}),
		AwayIs: hardtack.ErrStoreUnavailable,
		Hangs:  open(t, server.URLAt(hangs.Addr()), postgres.Options{}),
		Logs:   server.Log,
	}
	away.Refuse()
	hangs.HalfOpen()
	storetest.Run(t, open(t, server.URL(), patient), o)
}

// TestSerializable: a role whose transactions are stricter than usual makes the server refuse more, which is repeated.
func TestSerializable(t *testing.T) {
	strict := server.URL() + "&default_transaction_isolation=serializable"
	storetest.Run(t, open(t, strict, patient), storetest.Options{Again: open(t, strict, patient)})
}

// TestTooLarge writes no record at the limit: it, the message that carries it and the server's own copies
// would take gigabytes of memory.
func TestTooLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("reserves half a gigabyte of memory")
	}
	store := open(t, server.URL(), postgres.Options{})
	data := make([]byte, maxData+1) // never touched
	var size *hardtack.SizeError
	require.ErrorAs(t, store.Commit(t.Context(), id(1), data, hour()), &size)
	assert.Equal(t, hardtack.SizeError{RecordBytes: maxData + 1, Limit: maxData, Over: 1}, *size)
}

func TestOutages(t *testing.T) {
	outages.Run(t, servers.Postgres(t), func(t *testing.T, url string, conns int) *sqlstore.Store {
		return open(t, url, postgres.Options{MaxOpenConns: conns})
	})
}

func TestOpenShowsNoPassword(t *testing.T) {
	const secret = "Pa55-word"
	u, err := url.Parse(server.URL())
	require.NoError(t, err)
	u.User = url.UserPassword(u.User.Username(), secret)
	for name, address := range map[string]string{
		"wrong password":    u.String(),
		"nobody there":      "postgres://user:" + secret + "@127.0.0.1:1/x",
		"no such host":      "postgres://user:" + secret + "@host.invalid/x?connect_timeout=1",
		"port":              "postgres://user:" + secret + "@host:port/x",
		"slash":             "postgres://user:12/" + secret + "@host/x",
		"slash in password": "postgres://user:" + secret + "/x@host/x",
		"hash":              "postgres://user:12#" + secret + "@host/x",
		"question mark":     "postgres://user:12?" + secret + "@host/x",
		"percent":           "postgres://user:" + secret + "%zz@host/x",
		"control":           "postgres://user:" + secret + "\n@host/x",
		"parameter":         "postgres://user:" + secret + "@host/x?sslmode=maybe",
		"certificate":       "postgres://user:" + secret + "@host/x?sslmode=verify-full&sslrootcert=/missing",
		"words":             "host=127.0.0.1 port=1 user=u password=" + secret,
		"broken words":      "host=127.0.0.1 password='" + secret,
		"no words":          secret,
	} {
		t.Run(name, func(t *testing.T) {
			store, err := postgres.Open(t.Context(), address, postgres.Options{})
			require.Error(t, err)
			require.Nil(t, store)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
				assert.NotContains(t, text, secret)
			}
			t.Log(err)
		})
	}
	_, err = postgres.Open(t.Context(), "postgres://user:"+secret+"@host:port/x", postgres.Options{})
	require.ErrorIs(t, err, postgres.ErrURL)
	_, err = postgres.Open(t.Context(), u.String(), postgres.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	_, err = postgres.Open(t.Context(), "postgres://u@h/x?sslmode=verify-full&sslrootcert=/missing", postgres.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOpenThatHangs(t *testing.T) {
	proxy := servers.NewProxy(t, server.Addr())
	proxy.HalfOpen()
	began := time.Now()
	_, err := postgres.Open(context.Background(), server.URLAt(proxy.Addr()), postgres.Options{ConnectTimeout: 200 * time.Millisecond})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = postgres.Open(ctx, server.URLAt(proxy.Addr()), postgres.Options{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Less(t, time.Since(began), 10*time.Second, "does not hang")
}
