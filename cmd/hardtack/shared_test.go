package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// database is an empty SQLite database.
func database(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

func TestSharedSource(t *testing.T) {
	path := database(t)
	_, id := identity(t)
	to := id.Recipient().String()
	t.Setenv("DATABASE_URL", "sqlite:"+path)
	keys := func(args ...string) result {
		t.Helper()
		return run(t, append(append([]string{"keys"}, args...), "--source", "env:DATABASE_URL")...)
	}

	r := keys("list", "--json")
	assert.Equal(t, "missing", errorCode(t, r))
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	tables := 0
	require.NoError(t, db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables))
	assert.Zero(t, tables, "only init makes the table")

	assert.Equal(t, "plaintext", errorCode(t, keys("init", "--json")))
	require.Zero(t, keys("init", "--age-recipient", to).status)
	assert.Equal(t, "exists", errorCode(t, keys("init", "--age-recipient", to, "--json")))
	assert.Equal(t, "wrapped", errorCode(t, keys("rotate", "--json")))
	r = keys("rotate", "--age-recipient", to, "--json")
	require.Zero(t, r.status, r.err)
	added := decode[changed](t, r.out).Added
	for _, args := range [][]string{{"list"}, {"check"}, {"promote", added.String()}, {"prune"}, {"revoke", added.String(), "--age-recipient", to}} {
		r := keys(args...)
		assert.Zero(t, r.status, r.err)
	}
	assert.Equal(t, "missing", errorCode(t, keys("list", "--ring", "other", "--json")))
}

func TestSharedSourceInTheClear(t *testing.T) {
	path := database(t)
	source := []string{"--source", "sqlite:" + path, "--insecure-plaintext-keys"}
	require.Zero(t, run(t, append([]string{"keys", "init"}, source...)...).status)
	require.Zero(t, run(t, append([]string{"keys", "rotate", "--json"}, source...)...).status)
	r := run(t, "keys", "list", "--source", "sqlite:"+path)
	require.Zero(t, r.status, r.err)
	assert.Contains(t, r.out, "clear")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// No part of a URL may be the password and be shown all the same.
func TestSourceURLs(t *testing.T) {
	t.Setenv("SOME_URL", "redis://user:h0rse@127.0.0.1:1/0")
	for source, want := range map[string]int{
		"redis://user:h0rse@127.0.0.1:1/0":                exitFailure, // nobody listens there
		"postgres://user:h0rse@127.0.0.1:1/db":            exitFailure,
		"postgres://127.0.0.1:1/db?password=h0rse":        exitFailure,
		"mysql://user:h0rse@127.0.0.1:1/db":               exitFailure,
		"env:SOME_URL":                                    exitFailure,
		"env:ANOTHER_URL":                                 exitFailure,
		"sqlite:" + filepath.Join(t.TempDir(), "none.db"): exitFailure,
		"postgres://user:h0r/se@127.0.0.1/db":             exitUsage,
		"redis://user:h0rse/@127.0.0.1/0":                 exitUsage,
		"mysql://user:h0rse#@127.0.0.1/db":                exitUsage,
		"mysql://user:h0rse%@127.0.0.1/db":                exitUsage,
		"mysql://user:h0rse@127.0.0.1/db?h0rse=h0rse":     exitFailure,
		"user:h0rse@tcp(127.0.0.1:1)/db":                  exitUsage,
		"http://user:h0rse@127.0.0.1":                     exitUsage,
		"h0rse":                                           exitUsage,
	} {
		for _, args := range [][]string{{"list"}, {"check"}, {"rotate", "--json"}, {"init"}} {
			r := run(t, append(append([]string{"keys"}, args...), "--source", source)...)
			assert.Equal(t, want, r.status, "%s: %s", source, r.err)
			assert.NotEmpty(t, r.out+r.err)
			assert.NotContains(t, r.out+r.err, "h0r", source)
		}
	}
	assert.Equal(t, exitUsage, run(t, "keys", "list", "--source", "sqlite:"+database(t), "--ring", "a b").status)
	assert.Equal(t, exitUsage, run(t, "keys", "list", "--source", "sqlite:x", "--file", "y").status)
	assert.Equal(t, exitUsage, run(t, "keys", "list", "--ring", "x", "--file", "y").status)
}
