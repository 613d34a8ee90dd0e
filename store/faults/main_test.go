//go:build unix

package faults

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	redis.SetLogger(quiet{}) // it reports each connection that a fault has broken
	os.Exit(m.Run())
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// Each store is broken in every way that there is for it.
func TestSQLite(t *testing.T)     { all(t, atSQLite(t)) }
func TestPostgreSQL(t *testing.T) { all(t, atPostgres(t)) }
func TestMariaDB(t *testing.T)    { all(t, atMariaDB(t)) }
func TestRedis(t *testing.T)      { all(t, atRedis(t)) }

func all(t *testing.T, p *place) {
	tests := []struct {
		name   string
		f      func(*testing.T, *place, string)
		server bool // only for those that have one
	}{
		{"killed", testKilled, true},
		{"cut", testCut, true},
		{"away", testAway, true},
		{"hangs", testHangs, true},
		{"lost_answer", testLostAnswer, true},
		{"updates", testUpdates, false},
		{"logout", testLogout, false},
		{"logout_away", testLogoutAway, true},
		{"backup", testBackup, false},
		{"swapped", testSwapped, false},
		{"model", testModel, false},
		{"secrets", testSecrets, false},
		{"end_all", testEndAll, false},
	}
	for _, test := range tests {
		if test.server && p.server == nil {
			continue
		}
		t.Run(test.name, func(t *testing.T) { test.f(t, p, test.name+"_") })
	}
}

// few returns n, or under -short a tenth of it.
func few(n int) int {
	if testing.Short() {
		return max(n/10, 1)
	}
	return n
}

// run runs a program and returns what it writes.
func run(t testing.TB, env []string, stdin []byte, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", program, &words)
	return out
}

func parseURL(t testing.TB, s string) *url.URL {
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}
