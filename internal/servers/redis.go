//go:build unix

package servers

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// Redis starts a Redis server, without a password, that writes each change to disk before it answers. The arguments are
// those of redis-server, such as "--maxmemory", "10mb", and override what the package sets; "--requirepass" also goes
// into the URL.
func Redis(t T, args ...string) *Server {
	t.Helper()
	return must(t, redis(func(*Server) []string { return args }, password(args)))
}

func password(args []string) string {
	if i := slices.Index(args, "--requirepass"); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func redis(more func(*Server) []string, password string) kind {
	u := url.URL{Scheme: "redis", Path: "/0"}
	if password != "" {
		u.User = url.UserPassword("", password)
	}
	return kind{
		name: "Redis", debian: "redis-server", program: "redis-server", quit: syscall.SIGKILL,
		args: func(s *Server) []string {
			return append([]string{
				"--bind", loopback, "--port", fmt.Sprint(s.ports[0]), "--dir", s.Dir(), "--daemonize", "no",
				"--save", "", "--appendonly", "yes", "--appendfsync", "always",
			}, more(s)...)
		},
		ready: func(ctx context.Context, s *Server) error { return redisReady(ctx, s, password) },
		url:   u,
	}
}

// redisReady tells whether it is this server that answers, and not another one on its port, and whether it has read its
// data.
func redisReady(ctx context.Context, s *Server, password string) error {
	info, err := redisDo(ctx, s.Addr(), password, "INFO", "server")
	if err != nil {
		return err
	}
	if !strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", s.root.Process.Pid)) {
		return errPortTaken
	}
	_, err = redisDo(ctx, s.Addr(), password, "PING")
	return err
}
