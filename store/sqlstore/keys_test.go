//go:build unix

package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/keystoretest"
	"github.com/hardtack-go/hardtack/store/sqlstore"
)

func newKeys(t *testing.T, db *sql.DB, d sqlstore.Dialect, o sqlstore.KeysOptions) *sqlstore.Keys {
	t.Helper()
	keys, err := sqlstore.NewKeys(t.Context(), db, d, o)
	require.NoError(t, err)
	return keys
}

func TestKeysOwnPool(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p := prefix()
		d.pool(t) // whose file, of SQLite, lasts as long as t
		keystoretest.Run(t, func(t *testing.T, name string) hardtack.KeyStore {
			return newKeys(t, d.pool(t), d.dialect, sqlstore.KeysOptions{Prefix: p, Name: name})
		})
	})
}

// TestKeysChangedRows: a MySQL pool that counts what a statement changes, not what it matches, will do for keys.
func TestKeysChangedRows(t *testing.T) {
	p := prefix()
	keystoretest.Run(t, func(t *testing.T, name string) hardtack.KeyStore {
		return newKeys(t, pool(t, "mysql", mariaDSN(false)), sqlstore.MySQL, sqlstore.KeysOptions{Prefix: p, Name: name})
	})
}

func TestKeysInterpolated(t *testing.T) {
	p := prefix()
	keystoretest.Run(t, func(t *testing.T, name string) hardtack.KeyStore {
		return newKeys(t, pool(t, "mysql", mariaDSN(true)+"&interpolateParams=true"), sqlstore.MySQL, sqlstore.KeysOptions{Prefix: p, Name: name})
	})
}

// TestKeysOneConnection: no call needs a second connection while it has one.
func TestKeysOneConnection(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p, db := prefix(), d.pool(t)
		db.SetMaxOpenConns(1)
		keystoretest.RunFleet(t, keystoretest.Backend{Open: func(t *testing.T, name string) hardtack.KeyStore {
			return newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: p, Name: name})
		}})
	})
}

func TestKeysOfStore(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p, db := prefix(), d.pool(t)
		store := newStore(t, db, d.dialect, sqlstore.Options{Prefix: p, MaxCalls: 1})
		keys, err := store.Keys(t.Context(), sqlstore.KeysOptions{})
		require.NoError(t, err)
		swapped, err := keys.SwapKeys(t.Context(), nil, []byte("document"))
		require.NoError(t, err)
		require.True(t, swapped)
		other, err := store.Keys(t.Context(), sqlstore.KeysOptions{Prefix: prefix()})
		require.NoError(t, err)
		document, err := other.LoadKeys(t.Context())
		require.NoError(t, err)
		require.Nil(t, document)
		document, err = newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: p, Name: "default"}).LoadKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, "document", string(document))
		require.NoError(t, store.Close())
		_, err = keys.LoadKeys(t.Context())
		require.NoError(t, err, "the pool is the caller's")
	})
}

// TestKeysSchema: the table can be made by others, before or after, and is independent of the records'.
func TestKeysSchema(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p, db := prefix(), d.pool(t)
		_, err := sqlstore.NewKeys(t.Context(), db, d.dialect, sqlstore.KeysOptions{Prefix: p, SkipMigration: true})
		require.ErrorIs(t, err, sqlstore.ErrKeysTable)
		statement, err := sqlstore.KeysSchema(d.dialect, p)
		require.NoError(t, err)
		for range 2 {
			_, err = db.Exec(statement)
			require.NoError(t, err)
		}
		keys := newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: p, SkipMigration: true})
		swapped, err := keys.SwapKeys(t.Context(), nil, []byte("document"))
		require.NoError(t, err)
		require.True(t, swapped)

		_, err = sqlstore.New(t.Context(), db, d.dialect, sqlstore.Options{Prefix: p, SkipMigration: true, SweepEvery: -1})
		schema := (*sqlstore.SchemaError)(nil)
		require.ErrorAs(t, err, &schema)
		newStore(t, db, d.dialect, sqlstore.Options{Prefix: p})
		document, err := newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: p}).LoadKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, "document", string(document))
	})
	statement, err := sqlstore.KeysSchema(sqlstore.Postgres, "app.x_")
	require.NoError(t, err)
	require.Contains(t, statement, " app.x_keys ")
	statement, err = sqlstore.KeysSchema(sqlstore.SQLite, "")
	require.NoError(t, err)
	require.Contains(t, statement, " hardtack_keys ")
}

func TestKeysMadeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p := prefix()
		var wg sync.WaitGroup
		for range 8 {
			db := d.pool(t)
			wg.Go(func() {
				_, err := sqlstore.NewKeys(t.Context(), db, d.dialect, sqlstore.KeysOptions{Prefix: p})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
	})
}

// TestKeysRole: the rights that the package's documentation lists are enough.
func TestKeysRole(t *testing.T) {
	p, db := prefix(), pool(t, "pgx", postgresServer.URL())
	exec(t, db, `CREATE ROLE `+p+`role LOGIN PASSWORD 'restricted'`)
	u, err := url.Parse(postgresServer.URL())
	require.NoError(t, err)
	u.User = url.UserPassword(p+"role", "restricted")
	restricted := pool(t, "pgx", u.String())
	_, err = sqlstore.NewKeys(t.Context(), restricted, sqlstore.Postgres, sqlstore.KeysOptions{Prefix: p})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.ErrorContains(t, err, "permission denied")

	newKeys(t, db, sqlstore.Postgres, sqlstore.KeysOptions{Prefix: p})
	exec(t, db, `GRANT SELECT, INSERT, UPDATE ON `+p+`keys TO `+p+`role`)
	keystoretest.Run(t, func(t *testing.T, name string) hardtack.KeyStore {
		return newKeys(t, restricted, sqlstore.Postgres, sqlstore.KeysOptions{Prefix: p, Name: name})
	})
}

func TestNewKeysRefuses(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		db := d.pool(t)
		for _, name := range []string{"a b", "a:b", "-a", ".", "ü", "a\n", "a'", strings.Repeat("a", 65)} {
			_, err := sqlstore.NewKeys(t.Context(), db, d.dialect, sqlstore.KeysOptions{Name: name})
			assert.ErrorIs(t, err, sqlstore.ErrKeysName, "%q", name)
		}
		_, err := sqlstore.NewKeys(t.Context(), db, d.dialect, sqlstore.KeysOptions{Prefix: "no such thing"})
		require.ErrorIs(t, err, sqlstore.ErrPrefix)
		_, err = sqlstore.KeysSchema(d.dialect, "no such thing")
		require.ErrorIs(t, err, sqlstore.ErrPrefix)
		long := newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: prefix(), Name: strings.Repeat("a", 64)})
		swapped, err := long.SwapKeys(t.Context(), nil, []byte("document"))
		require.NoError(t, err)
		require.True(t, swapped)

		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the caller's own")
		cancel(cause)
		_, err = sqlstore.NewKeys(ctx, db, d.dialect, sqlstore.KeysOptions{})
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		require.ErrorIs(t, err, cause)
	})
	_, err := sqlstore.NewKeys(t.Context(), nil, sqlstore.Dialect{}, sqlstore.KeysOptions{})
	require.Error(t, err)
	_, err = sqlstore.KeysSchema(sqlstore.Dialect{}, "")
	require.Error(t, err)
}

// TestKeysErrors: an error says which fault it is, and nothing of what is stored.
func TestKeysErrors(t *testing.T) {
	const secret = "dG9wLXNlY3JldA"
	each(t, func(t *testing.T, d database) {
		p, db := prefix(), d.pool(t)
		keys := newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: p, Name: secret})
		check := func(err error) {
			t.Helper()
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
				require.NotContains(t, text, secret)
			}
		}
		swap := func(old, new string) error {
			swapped, err := keys.SwapKeys(t.Context(), []byte(old), []byte(new))
			require.False(t, swapped)
			return err
		}
		_, err := keys.SwapKeys(t.Context(), nil, []byte(secret))
		require.NoError(t, err)

		// The server quotes the row that breaks a rule, and its new content.
		switch d.dialect {
		case sqlstore.SQLite:
			_, err = db.Exec(`CREATE TRIGGER ` + p + `rule BEFORE UPDATE ON ` + p + `keys BEGIN SELECT RAISE(ABORT, 'rule'); END`)
		default:
			_, err = db.Exec(`ALTER TABLE ` + p + `keys ADD CONSTRAINT ` + p + `rule CHECK (LENGTH(document) < 20)`)
		}
		require.NoError(t, err)
		check(swap(secret, secret+secret))
		_, err = db.Exec(`DROP TABLE ` + p + `keys`)
		require.NoError(t, err)
		check(swap(secret, secret+secret))
		_, err = keys.LoadKeys(t.Context())
		check(err)
		_, err = keys.SwapKeys(t.Context(), nil, []byte(secret))
		check(err)
	})
}

// TestKeysByHand: what somebody has put into the table is taken, and replaced, as it is.
func TestKeysByHand(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		p, db := prefix(), d.pool(t)
		keys := newKeys(t, db, d.dialect, sqlstore.KeysOptions{Prefix: p})
		_, err := db.Exec(`INSERT INTO ` + p + `keys (name, document) VALUES ('default', '{"by": "hand"}')`)
		require.NoError(t, err)
		document, err := keys.LoadKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, `{"by": "hand"}`, string(document))
		swapped, err := keys.SwapKeys(t.Context(), document, []byte("new"))
		require.NoError(t, err)
		require.True(t, swapped)
	})
}
