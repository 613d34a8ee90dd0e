package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// script swaps what one key holds, and returns 1 if it did.
type script struct{ source, hash string }

func newScript(source string) script { return script{source, redis.NewScript(source).Hash()} }

// onlyOnce is a command that the client does not repeat.
type onlyOnce struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (onlyOnce) NoRetry() bool { return true }

// once runs a script, never twice, and reports whether it has swapped.
func (s script) once(ctx context.Context, client redis.UniversalClient, key string, args ...any) (swapped bool, err error) {
	run := func(command, text string) *redis.Cmd {
		cmd := redis.NewCmd(ctx, append([]any{command, text, 1, key}, args...)...)
		cmd.SetFirstKeyPos(3)
		_ = client.Process(ctx, onlyOnce{cmd}) // cmd has the error
		return cmd
	}
	cmd := run("evalsha", s.hash)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd = run("eval", s.source)
	}
	swapped, err = cmd.Bool()
	return swapped && err == nil, err
}
