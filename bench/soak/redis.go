package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hardtack-go/hardtack/internal/servers"
)

// redisServer is a Redis that is asked about itself.
type redisServer struct {
	server *servers.Server
	client *redis.Client
}

func openRedis(server *servers.Server) *redisServer {
	return &redisServer{server, redis.NewClient(&redis.Options{Addr: server.Addr()})}
}

func (r *redisServer) close() error {
	err := r.client.Close()
	r.server.Kill()
	return err
}

// redisState is what a Redis holds at a moment, and has done.
type redisState struct {
	memory, keys uint64
	in, out      uint64 // bytes received and sent
	cpu          time.Duration
	calls        map[string]uint64 // by command
}

// housekeeping are commands that are no work on sessions: those of this program, and what clients say to each new connection.
var housekeeping = []string{"info", "dbsize", "hello", "client|setinfo", "client|setname", "client|maint_notifications", "ping", "script|load"}

func (r *redisServer) state(ctx context.Context) (s redisState, err error) {
	text, err := r.client.Info(ctx, "memory", "stats", "cpu", "commandstats").Result()
	if err != nil {
		return s, err
	}
	keys, err := r.client.DBSize(ctx).Result()
	if err != nil {
		return s, err
	}
	s.keys, s.calls = uint64(keys), map[string]uint64{}
	number := func(text string) (n uint64) {
		n, e := strconv.ParseUint(text, 10, 64)
		err = cmp.Or(err, e)
		return n
	}
	seconds := func(text string) time.Duration {
		f, e := strconv.ParseFloat(text, 64)
		err = cmp.Or(err, e)
		return time.Duration(f * float64(time.Second))
	}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		switch name {
		case "used_memory":
			s.memory = number(value)
		case "total_net_input_bytes":
			s.in = number(value)
		case "total_net_output_bytes":
			s.out = number(value)
		case "used_cpu_user", "used_cpu_sys":
			s.cpu += seconds(value)
		}
		if command, ok := strings.CutPrefix(name, "cmdstat_"); ok && !slices.Contains(housekeeping, command) {
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			s.calls[command] = number(calls)
		}
	}
	if err != nil {
		err = fmt.Errorf("INFO of Redis: %w", err)
	}
	return s, err
}

// since returns what was done since an earlier moment, and what is held now.
func (s redisState) since(earlier redisState) redisState {
	calls := map[string]uint64{}
	for command, n := range s.calls {
		if n -= earlier.calls[command]; n > 0 {
			calls[command] = n
		}
	}
	return redisState{s.memory, s.keys, s.in - earlier.in, s.out - earlier.out, s.cpu - earlier.cpu, calls}
}

// commands returns how many commands there were.
func (s *redisState) commands() (n uint64) {
	for _, calls := range s.calls {
		n += calls
	}
	return n
}
