//go:build unix

package postgres_test

import (
	"bytes"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/keystoretest"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/sqlstore"
	"github.com/hardtack-go/hardtack/store/sqlstore/postgres"
)

func openKeys(t *testing.T, url, name string) *sqlstore.Keys {
	keys, err := open(t, url, postgres.Options{MaxOpenConns: 2, ConnectTimeout: 5 * time.Second}).Keys(t.Context(), sqlstore.KeysOptions{Name: name})
	require.NoError(t, err)
	return keys
}

// raw is a pool that Open knows nothing of.
func raw(t *testing.T, url string) *sql.DB {
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func keysAt(t *testing.T, url string) keystoretest.Backend {
	db := raw(t, url)
	return keystoretest.Backend{
		Open: func(t *testing.T, name string) hardtack.KeyStore { return openKeys(t, url, name) },
		Put: func(t *testing.T, name string, document []byte) {
			query, args := `TRUNCATE hardtack_keys`, []any(nil)
			if document != nil {
				query, args = `UPDATE hardtack_keys SET document = $1 WHERE name = $2`, []any{document, name}
			}
			_, err := db.ExecContext(t.Context(), query, args...)
			require.NoError(t, err)
		},
	}
}

// dump is what a backup has of the keys.
func dump(t *testing.T, db *sql.DB) []byte {
	rows, err := db.Query(`SELECT document FROM hardtack_keys`)
	require.NoError(t, err)
	defer rows.Close()
	var all bytes.Buffer
	for rows.Next() {
		var document []byte
		require.NoError(t, rows.Scan(&document))
		all.Write(document)
	}
	require.NoError(t, rows.Err())
	return all.Bytes()
}

func TestKeys(t *testing.T) {
	b := keysAt(t, server.URL())
	keystoretest.Run(t, b.Open)
	keystoretest.RunFleet(t, b)
	keystoretest.RunLosses(t, b)
	keystoretest.RunCutOff(t, b)
	keystoretest.RunWrapping(t, b, func(t *testing.T) []byte { return dump(t, raw(t, server.URL())) })
}

// TestKeysSerializable: transactions that are stricter than usual make the server refuse more, which is repeated.
func TestKeysSerializable(t *testing.T) {
	b := keysAt(t, server.URL()+"&default_transaction_isolation=serializable")
	keystoretest.Run(t, func(t *testing.T, name string) hardtack.KeyStore { return b.Open(t, "serializable."+name) })
}

func TestKeysOutages(t *testing.T) {
	own := servers.Postgres(t)
	b := keysAt(t, own.URL())
	t.Run("Killed", func(t *testing.T) { keystoretest.RunOutage(t, b, own.Kill, own.Start) })
	t.Run("Paused", func(t *testing.T) {
		defer own.Resume()
		keystoretest.RunOutage(t, b, own.Pause, own.Resume)
	})
}

func TestKeysLostAnswers(t *testing.T) {
	proxy := servers.NewProxy(t, server.Addr())
	keystoretest.RunLostAnswers(t, keysAt(t, server.URL()), func(t *testing.T, name string) hardtack.KeyStore {
		return openKeys(t, server.URLAt(proxy.Addr()), name)
	}, func() { proxy.DropReplyTo(`"version"`) })
}
