package sqlite

import (
	"database/sql"
	"testing"

	"modernc.org/sqlite"

	"github.com/stretchr/testify/require"
)

// Synchronous returns what Open's connections are set to.
func Synchronous(t *testing.T, file string, relaxed bool) (level int) {
	connector, err := sqlite.NewConnector(dsn(file, relaxed))
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer db.Close()
	require.NoError(t, db.QueryRow(`PRAGMA synchronous`).Scan(&level))
	return level
}
