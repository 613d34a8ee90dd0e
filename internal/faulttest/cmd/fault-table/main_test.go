package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	counts, document := filepath.Join(dir, "counts"), filepath.Join(dir, "stores.md")
	require.NoError(t, os.WriteFile(counts, []byte(`
{"store":"Redis 7.0","fault":"killed","sessions":3,"acknowledged":1000,"unavailable":2,"conflicts":3,"no_answer":4,"read_back":3}
{"store":"MariaDB 10","fault":"killed","sessions":1,"lost":1,"logged_out":2,"mixed_up":4}
{"store":"Redis 7.0","fault":"killed","sessions":3,"acknowledged":234567,"unavailable":1,"read_back":3}
`), 0o600))
	require.NoError(t, os.WriteFile(document, []byte("before\n<!-- counts -->\nold\n<!-- /counts -->\nafter\n"), 0o600))
	for range 2 { // what it has written can be replaced again
		require.NoError(t, run(counts, document))
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		assert.Equal(t, `before
<!-- counts -->
| store | fault | sessions | saves acknowledged | saves refused | read back | lost | mixed up |
|---|---|--:|--:|--:|--:|--:|--:|
| MariaDB 10 | killed | 1 | 0 | 0 | 0 | 3 | 4 |
| Redis 7.0 | killed | 6 | 235,567 | 10 | 6 | 0 | 0 |
<!-- /counts -->
after
`, string(text))
	}
}

func TestRunFails(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	good := write("counts", `{"store":"Redis"}`)
	document := write("stores.md", "<!-- counts -->\n<!-- /counts -->")
	require.NoError(t, run(good, document))
	assert.ErrorContains(t, run(write("empty", ""), document), "no counts")
	assert.Error(t, run(write("broken", "{"), document))
	assert.ErrorContains(t, run(good, write("unmarked.md", "<!-- counts -->\n")), "no lines")
	assert.ErrorIs(t, run(filepath.Join(dir, "missing"), document), os.ErrNotExist)
	assert.ErrorIs(t, run(good, filepath.Join(dir, "missing")), os.ErrNotExist)
}
