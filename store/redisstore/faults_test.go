//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

// throughProxy returns a Store behind a proxy whose connection is there, so that what the proxy
// does next meets a command and no handshake.
func throughProxy(t *testing.T, change ...func(*redis.Options)) (*redisstore.Store, *servers.Proxy) {
	p := servers.NewProxy(t, server.Addr())
	s := newStore(t, connect(t, p.Addr(), append(change, func(o *redis.Options) { o.PoolSize = 1 })...))
	require.NoError(t, s.Ping(within(t)))
	return s, p
}

func data(version int64) []byte { return fmt.Appendf(nil, "data of version %d", version) }

// A swap whose answer was lost has been made. The repetition must not take it for another's.
// Whether the client repeats commands or not: a swap whose answer was lost is an
// error, and never a conflict with itself.
func TestLostAnswerOfSwap(t *testing.T) {
	for name, change := range map[string][]func(*redis.Options){"with retries": nil, "without": {withoutRetries}} {
		t.Run(name, func(t *testing.T) {
			s, p := throughProxy(t, change...)
			_, err := s.CompareAndSwap(within(t), newID(), 0, 1, nil, inAnHour()) // the server knows the script from now on
			require.NoError(t, err)
			id := newID()
			const swaps = 300
			for version := int64(1); version <= swaps; version++ {
				p.DropReplyTo(id)
				swapped, err := s.CompareAndSwap(within(t), id, version-1, version, data(version), inAnHour())
				require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
				require.False(t, swapped)
				require.NotContains(t, err.Error(), id)
				p.Heal()
				holds(t, s, id, data(version)) // it has taken effect
			}
		})
	}
}

func holds(t *testing.T, s *redisstore.Store, id string, want []byte) {
	t.Helper()
	got, found, err := s.Find(within(t), id)
	require.NoError(t, err)
	require.True(t, found)
	require.True(t, bytes.Equal(want, got))
}

func TestLostAnswersOfOtherCalls(t *testing.T) {
	s, p := throughProxy(t)
	ctx, id, a, b := within(t), newID(), newID(), newID()
	p.DropReplyTo(id)
	require.NoError(t, s.Commit(ctx, id, []byte("data"), inAnHour()))
	p.DropReplyTo(id)
	holds(t, s, id, []byte("data"))
	p.DropReplyTo(id)
	require.NoError(t, s.Delete(ctx, id))
	_, found, err := s.Find(ctx, id)
	require.NoError(t, err)
	require.False(t, found)

	for _, step := range []string{"o:" + id, "s:" + b, "s:" + a} {
		require.NoError(t, s.Index(ctx, id, a, inAnHour()))
		p.DropReplyTo(step)
		require.NoError(t, s.Index(ctx, id, b, inAnHour()))
		p.Heal()
		filedOnly(t, s, id, b, a)
	}
}

func filedOnly(t *testing.T, s *redisstore.Store, id, here, notHere string) {
	t.Helper()
	ids, err := s.FindSubjects(within(t), []string{here})
	require.NoError(t, err)
	require.Contains(t, ids, id)
	ids, err = s.FindSubjects(within(t), []string{notHere})
	require.NoError(t, err)
	require.NotContains(t, ids, id)
}

// Whichever step of an Index fails, before or after it has taken effect, the ID
// is found, and the next Index that succeeds leaves it in one place.
func TestIndexThatFailsHalfway(t *testing.T) {
	hook := &cutter{}
	client := connect(t, server.Addr(), withoutRetries)
	client.AddHook(hook)
	s := newStore(t, client)
	for _, after := range []bool{false, true} {
		for step := range 5 {
			t.Run(fmt.Sprintf("step %d, taken effect %t", step, after), func(t *testing.T) {
				ctx, id, a, b, c := within(t), newID(), newID(), newID(), newID()
				require.NoError(t, s.Index(ctx, id, a, inAnHour()))
				hook.cut(step, after)
				require.ErrorIs(t, s.Index(ctx, id, b, inAnHour()), hardtack.ErrStoreUnavailable)
				hook.heal()
				ids, err := s.FindSubjects(ctx, []string{a, b})
				require.NoError(t, err)
				require.Contains(t, ids, id, "under neither")

				require.NoError(t, s.Index(ctx, id, c, inAnHour()))
				filedOnly(t, s, id, c, a)
				filedOnly(t, s, id, c, b)
				require.NoError(t, s.Index(ctx, id, "", inAnHour()))
				ids, err = s.FindSubjects(ctx, []string{a, b, c})
				require.NoError(t, err)
				require.Empty(t, ids)
			})
		}
	}
}

// cutter fails one command or pipeline of those to come, before or after the server has executed it.
type cutter struct {
	mu    sync.Mutex
	left  int // 0: nothing fails
	after bool
}

func (c *cutter) cut(step int, after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.after = step+1, after
}

func (c *cutter) heal() { c.cut(-1, false) }

func (c *cutter) do(f func() error) error {
	c.mu.Lock()
	fails, after := c.left == 1, c.after
	c.left = max(c.left-1, 0)
	c.mu.Unlock()
	if fails && !after {
		return context.DeadlineExceeded
	}
	if err := f(); err != nil {
		return err
	}
	if fails {
		return context.DeadlineExceeded
	}
	return nil
}

func (c *cutter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *cutter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := c.do(func() error { return next(ctx, cmd) })
		if err != nil {
			cmd.SetErr(err)
		}
		return err
	}
}

func (c *cutter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return c.do(func() error { return next(ctx, cmds) })
	}
}

// Two calls that move an ID at the same time leave it in one place.
func TestIndexAtTheSameTime(t *testing.T) {
	s := open(t, server.URL())
	for range 200 {
		ctx, id, a, b := within(t), newID(), newID(), newID()
		require.NoError(t, s.Index(ctx, id, a, inAnHour()))
		var calls sync.WaitGroup
		for _, subject := range []string{a, b, a, b} {
			calls.Go(func() { assert.NoError(t, s.Index(ctx, id, subject, inAnHour())) })
		}
		calls.Wait()
		underA, err := s.FindSubjects(ctx, []string{a})
		require.NoError(t, err)
		underB, err := s.FindSubjects(ctx, []string{b})
		require.NoError(t, err)
		require.Equal(t, 1, len(underA)+len(underB))
	}
}

// The connections in the pool are dead after a restart, but nobody must notice.
func TestServerRestart(t *testing.T) {
	own := servers.Redis(t)
	s := open(t, own.URL())
	id := newID()
	var calls sync.WaitGroup
	for range 8 { // as many connections
		calls.Go(func() { assert.NoError(t, s.Commit(within(t), newID(), []byte("data"), inAnHour())) })
	}
	calls.Wait()
	swapped, err := s.CompareAndSwap(within(t), id, 0, 1, []byte("data"), inAnHour())
	require.NoError(t, err)
	require.True(t, swapped)

	own.Kill()
	_, _, err = s.Find(within(t), id)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	own.Start()
	holds(t, s, id, []byte("data"))
	own.Kill()
	own.Start()
	swapped, err = s.CompareAndSwap(within(t), id, 1, 2, []byte("more"), inAnHour()) // the server has forgotten the script
	require.NoError(t, err)
	require.True(t, swapped)
}

func TestScriptFlush(t *testing.T) {
	client := connect(t, servers.Redis(t).Addr())
	s, id, subject := newStore(t, client), newID(), newID()
	for version := int64(1); version <= 3; version++ {
		require.NoError(t, client.ScriptFlush(within(t)).Err())
		swapped, err := s.CompareAndSwap(within(t), id, version-1, version, data(version), inAnHour())
		require.NoError(t, err)
		require.True(t, swapped)
		require.NoError(t, client.ScriptFlush(within(t)).Err())
		require.NoError(t, s.Index(within(t), id, subject, inAnHour()))
		require.NoError(t, client.ScriptFlush(within(t)).Err())
		ids, err := s.FindSubjects(within(t), []string{subject, newID()})
		require.NoError(t, err)
		require.Contains(t, ids, id)
	}
}

func TestContextEndsWhileServerHangs(t *testing.T) {
	own := servers.Redis(t)
	s := open(t, own.URL())
	own.Pause()
	defer own.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, _, err := s.Find(ctx, newID())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.Less(t, time.Since(began), 10*time.Second)

	cause := fmt.Errorf("the application's own")
	cancelled, stop := context.WithCancelCause(t.Context())
	stop(cause)
	err = s.Commit(cancelled, newID(), nil, inAnHour())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
}
