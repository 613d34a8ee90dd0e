//go:build unix

package servers

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// subject is a kind of server under test, and how to write to it and to read what was written.
type subject struct {
	start    func(t T) *Server
	put, get []string
	do       func(s *Server, words ...string) (string, error)
	wantURL  string // with the password as * and the address as @
	user     string // whom it runs as when the test runs as root, "" for root
}

func subjects() map[string]subject {
	sql := func(ask func(context.Context, *Server, string, string) (string, error)) func(*Server, ...string) (string, error) {
		return func(s *Server, words ...string) (string, error) {
			return ask(context.Background(), s, passwordOf(s), words[0])
		}
	}
	put := []string{"CREATE TABLE kept (value varchar(10)); INSERT INTO kept VALUES ('hard')"}
	get := []string{"SELECT value FROM kept"}
	return map[string]subject{
		"Redis": {
			start: func(t T) *Server { return Redis(t) }, put: []string{"SET", "kept", "hard"}, get: []string{"GET", "kept"},
			do: redisCommand, wantURL: "redis://@/0",
		},
		"Redis with a password": {
			start: func(t T) *Server { return Redis(t, "--requirepass", "swordfish") },
			put:   []string{"SET", "kept", "hard"}, get: []string{"GET", "kept"},
			do: redisCommand, wantURL: "redis://:*@@/0",
		},
		"PostgreSQL": {
			start: func(t T) *Server { return Postgres(t) }, put: put, get: get, user: "postgres",
			do: sql(func(ctx context.Context, s *Server, password, statement string) (string, error) {
				return psql(ctx, s, password, sqlDatabase, statement)
			}),
			wantURL: "postgres://hardtack:*@@/hardtack?sslmode=disable",
		},
		"MariaDB": {
			start: func(t T) *Server { return MariaDB(t) }, put: put, get: get, do: sql(mariadb), user: "mysql",
			wantURL: "mysql://hardtack:*@@/hardtack",
		},
	}
}

func redisCommand(s *Server, words ...string) (string, error) {
	return redisDo(context.Background(), s.Addr(), passwordOf(s), words...)
}

func passwordOf(s *Server) string {
	u, err := url.Parse(s.URL())
	if err != nil {
		return err.Error()
	}
	password, _ := u.User.Password()
	return password
}

func TestServer(t *testing.T) {
	for name, k := range subjects() {
		t.Run(name, func(t *testing.T) {
			s := k.start(t)
			addr := s.Addr()
			do := func(words []string) string {
				t.Helper()
				answer, err := k.do(s, words...)
				require.NoError(t, err)
				return answer
			}

			t.Run("says what it is", func(t *testing.T) {
				assert.Regexp(t, `^`+strings.Fields(name)[0]+` \d+\.\d+`, s.Version())
				assert.Regexp(t, `^127\.0\.0\.1:\d+$`, addr)
				shown := strings.Replace(s.URL(), addr, "@", 1)
				if password := passwordOf(s); password != "" {
					shown = strings.Replace(shown, password, "*", 1)
				}
				assert.Equal(t, k.wantURL, shown)
				assert.Equal(t, s.URL(), s.URLAt(addr))
				assert.Contains(t, s.URLAt("127.0.0.1:1"), "127.0.0.1:1/")
				assert.DirExists(t, s.Dir())
				assert.NotEmpty(t, s.Log())
				if password := passwordOf(s); password != "" {
					assert.NotContains(t, s.Log(), password)
				}
			})

			t.Run("survives Kill with its data", func(t *testing.T) {
				do(k.put)
				require.Equal(t, "hard", do(k.get))
				pids := pidsOf(t, s)
				log := s.Log()
				s.Kill()
				alive, err := anyAlive(pids)
				require.NoError(t, err)
				assert.False(t, alive)
				_, err = net.Dial("tcp", addr)
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
				s.Kill()

				s.Start()
				assert.Equal(t, addr, s.Addr())
				assert.Equal(t, "hard", do(k.get))
				assert.True(t, strings.HasPrefix(s.Log(), log) && len(s.Log()) > len(log), "the log goes on")
			})

			t.Run("waits for its port", func(t *testing.T) {
				s.Kill()
				squatter, err := net.Listen("tcp4", addr)
				require.NoError(t, err)
				require.ErrorIs(t, s.launch(), errPortTaken)
				require.NoError(t, squatter.Close())
				s.Start()
				assert.Equal(t, "hard", do(k.get))
			})

			t.Run("hangs between Pause and Resume", func(t *testing.T) {
				s.Pause()
				answered := make(chan error, 1)
				go func() {
					_, err := k.do(s, k.get...)
					answered <- err
				}()
				select {
				case err := <-answered:
					assert.Fail(t, "it has answered", "%v", err)
				case <-time.After(300 * time.Millisecond):
				}
				s.Resume()
				select {
				case err := <-answered:
					assert.NoError(t, err)
				case <-time.After(30 * time.Second):
					assert.Fail(t, "it does not answer")
				}
				s.Resume()
			})

			t.Run("survives Kill while it hangs", func(t *testing.T) {
				s.Pause()
				s.Kill()
				s.Start()
				assert.Equal(t, "hard", do(k.get))
			})

			t.Run("starts after it has ended by itself", func(t *testing.T) {
				s.mu.Lock()
				pid, ended := s.root.Process.Pid, s.running.Done()
				s.mu.Unlock()
				require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
				select {
				case <-ended:
				case <-time.After(30 * time.Second):
					require.Fail(t, "it does not end")
				}
				s.Start()
				assert.Equal(t, "hard", do(k.get))
			})

			t.Run("runs as its user", func(t *testing.T) {
				if runtime.GOOS != "linux" {
					t.Skip("there is no /proc to see it in")
				}
				want := uint32(os.Geteuid())
				if want == 0 && k.user != "" {
					who, err := credential(k.user)
					require.NoError(t, err)
					want = who.Uid
				}
				for _, pid := range pidsOf(t, s) {
					info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
					require.NoError(t, err)
					assert.Equal(t, want, info.Sys().(*syscall.Stat_t).Uid)
				}
			})
		})
	}
}

func TestServersAreDurable(t *testing.T) {
	k := subjects()
	for name, want := range map[string]map[string]string{
		"Redis":      {"CONFIG GET appendonly": "appendonly yes", "CONFIG GET appendfsync": "appendfsync always"},
		"PostgreSQL": {"SHOW fsync": "on", "SHOW synchronous_commit": "on", "SHOW full_page_writes": "on"},
		"MariaDB":    {"SELECT @@innodb_flush_log_at_trx_commit": "1", "SELECT @@sql_mode LIKE '%STRICT_TRANS_TABLES%'": "1"},
	} {
		s := k[name].start(t)
		for question, answer := range want {
			got, err := k[name].do(s, strings.Fields(question)...)
			if name != "Redis" {
				got, err = k[name].do(s, question)
			}
			require.NoError(t, err)
			assert.Equal(t, answer, got, question)
		}
	}
}

func TestSettingsOverride(t *testing.T) {
	p := Postgres(t, "max_connections=23")
	got, err := psql(t.Context(), p, passwordOf(p), sqlDatabase, "SHOW max_connections")
	require.NoError(t, err)
	assert.Equal(t, "23", got)

	m := MariaDB(t, "--max-connections=23", "--innodb-flush-log-at-trx-commit=2")
	got, err = mariadb(t.Context(), m, passwordOf(m), "SELECT @@max_connections + @@innodb_flush_log_at_trx_commit")
	require.NoError(t, err)
	assert.Equal(t, "25", got)

	r := Redis(t, "--appendonly", "no", "--maxmemory", "10mb")
	got, err = redisDo(t.Context(), r.Addr(), "", "INFO", "memory")
	require.NoError(t, err)
	assert.Contains(t, got, "maxmemory:10485760\r\n")
	got, err = redisDo(t.Context(), r.Addr(), "", "INFO", "persistence")
	require.NoError(t, err)
	assert.Contains(t, got, "aof_enabled:0\r\n")
}

func TestRedisCluster(t *testing.T) {
	c := RedisCluster(t)
	require.Len(t, c.Addrs(), 3)
	for i, addr := range c.Addrs() {
		require.NoError(t, clusterOK(addr))
		assert.Equal(t, c.Nodes[i].Addr(), addr)
	}
	// the slot of "foo" is 12182, on the last node
	_, err := redisDo(t.Context(), c.Addrs()[0], "", "SET", "foo", "bar")
	require.EqualError(t, err, "MOVED 12182 "+c.Addrs()[2])
	_, err = redisDo(t.Context(), c.Addrs()[2], "", "SET", "foo", "bar")
	require.NoError(t, err)

	c.Nodes[2].Kill()
	require.True(t, poll(endLimit, func() bool { return clusterOK(c.Addrs()[0]) != nil }), "the loss of a node shows")
	c.Nodes[2].Start()
	c.Wait()
	got, err := redisDo(t.Context(), c.Addrs()[2], "", "GET", "foo")
	require.NoError(t, err)
	assert.Equal(t, "bar", got)
}

// failing is a T that tells what it failed with.
type failing struct {
	*testing.T
	messages []string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.messages = append(f.messages, fmt.Sprintf(format, args...))
}

func TestMissingProgramFailsTheTest(t *testing.T) {
	f := &failing{T: t}
	must(f, kind{name: "Nothing", debian: "nothing-server", program: "hardtack-no-such-program"})
	require.Len(t, f.messages, 1)
	assert.Contains(t, f.messages[0], "cannot start Nothing")
	assert.Contains(t, f.messages[0], "apt-get install nothing-server")
}

func TestServerThatDoesNotStartFailsTheTestWithItsLog(t *testing.T) {
	f := &failing{T: t}
	Redis(f, "--no-such-option", "1")
	require.Len(t, f.messages, 1)
	assert.Contains(t, f.messages[0], "no-such-option")
}

func TestMisuseFailsTheTest(t *testing.T) {
	f := &failing{T: t}
	s := Redis(f)
	s.Start()
	require.Len(t, f.messages, 1)
	assert.Contains(t, f.messages[0], "it runs already")
	s.Kill()
	s.Pause()
	require.Len(t, f.messages, 2)
	assert.Contains(t, f.messages[1], "it does not run")
	s.Resume()
	require.Len(t, f.messages, 2)
}
