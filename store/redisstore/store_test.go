//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

func TestNewRefuses(t *testing.T) {
	clients := map[string]redis.UniversalClient{
		"nil":        nil,
		"a ring":     redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": server.Addr()}}),
		"replicas":   connectCluster(t, []string{server.Addr()}, func(o *redis.ClusterOptions) { o.ReadOnly = true }),
		"by latency": connectCluster(t, []string{server.Addr()}, func(o *redis.ClusterOptions) { o.RouteByLatency = true }),
		"at random":  connectCluster(t, []string{server.Addr()}, func(o *redis.ClusterOptions) { o.RouteRandomly = true }),
		"cache":      connect(t, server.Addr(), func(o *redis.Options) { o.ClientSideCacheConfig = &redis.ClientSideCacheConfig{} }),
		"sentinel's replicas": redis.NewFailoverClusterClient(&redis.FailoverOptions{
			MasterName: "m", SentinelAddrs: []string{server.Addr()}, RouteByLatency: true,
		}),
	}
	for name, client := range clients {
		_, err := redisstore.New(client, redisstore.Options{})
		assert.Error(t, err, name)
		if client != nil {
			_ = client.Close()
		}
	}
}

func TestCloseLeavesTheApplicationsClient(t *testing.T) {
	client := connect(t, server.Addr())
	require.NoError(t, newStore(t, client).Close())
	require.NoError(t, client.Ping(within(t)).Err())

	s, err := redisstore.Open(within(t), server.URL(), redisstore.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	err = s.Ping(within(t))
	require.ErrorIs(t, err, redis.ErrClosed)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
}

const secret = "hunter2/#?%zz"

func TestOpenNeverShowsThePassword(t *testing.T) {
	own := servers.Redis(t, "--requirepass", "right")
	escaped := url.QueryEscape(secret)
	for _, bad := range []string{
		"redis://user:" + secret + "@" + own.Addr(),
		"redis://user:" + escaped + "@" + own.Addr(),
		"redis://:" + escaped + "@" + own.Addr() + "?addr=" + own.Addr(),
		"redis://:" + escaped + "@" + own.Addr() + "?addr=" + own.Addr() + "&no_such_option=hunter2",
		"redis://:" + escaped + "@" + own.Addr() + "/hunter2",
		"redis://:" + escaped + "@" + own.Addr() + "?read_timeout=hunter2",
		"redis://user:hunter2",
		"redis://:hunter2:" + own.Addr(),
		"hunter2://" + own.Addr(),
		"redis://" + own.Addr() + "/\x7fhunter2",
		"rediss://:" + escaped + "@" + own.Addr(),
		"redis://:hunter2@127.0.0.1:1",
		"",
	} {
		_, err := redisstore.Open(within(t), bad, redisstore.Options{})
		for ; err != nil; err = errors.Unwrap(err) {
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), escaped)
		}
	}
	_, err := redisstore.Open(within(t), "redis://:"+escaped+"@"+own.Addr(), redisstore.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.True(t, redis.HasErrorPrefix(err, "WRONGPASS"), err)
	assert.NotContains(t, clientLog.String(), "hunter2")

	s, err := redisstore.Open(within(t), own.URL(), redisstore.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestWrongTypeInTheWay(t *testing.T) {
	client := connect(t, server.Addr())
	s, ctx, id, subject := newStore(t, client), within(t), newID(), newID()
	require.NoError(t, client.LPush(ctx, "hardtack:r:"+id, "x").Err())
	require.NoError(t, client.LPush(ctx, "hardtack:o:"+id, "x").Err())
	require.NoError(t, client.LPush(ctx, "hardtack:s:"+subject, "x").Err())
	_, _, findErr := s.Find(ctx, id)
	_, subjectsErr := s.FindSubjects(ctx, []string{subject, newID()})
	for name, err := range map[string]error{
		"find": findErr, "swap": swapErr(t, s, id), "find subjects": subjectsErr,
		"index, journal": s.Index(ctx, id, newID(), inAnHour()), "index": s.Index(ctx, newID(), subject, inAnHour()),
	} {
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable, name)
		assert.True(t, redis.HasErrorPrefix(err, "WRONGTYPE"), "%s: %v", name, err)
		assert.NotContains(t, err.Error(), mark)
	}

	short := newID()
	require.NoError(t, client.Set(ctx, "hardtack:r:"+short, "short", 0).Err())
	_, _, err := s.Find(ctx, short)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
}

// Whatever a server or a proxy before it says, quotations do not get through.
func TestErrorsQuoteNothing(t *testing.T) {
	own := servers.Redis(t, "--rename-command", "GET", "", "--rename-command", "EVALSHA", "")
	id := newID()
	s := newStore(t, connect(t, own.Addr()))
	_, _, err := s.Find(within(t), id)
	swap := swapErr(t, s, id)
	for _, err := range []error{err, swap} {
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		assert.ErrorContains(t, err, "ERR unknown command")
		assertNoMark(t, err)
	}
	client := connect(t, own.Addr(), withoutRetries)
	client.AddHook(&failing{errors.New("an application's hook, about " + id)})
	err = newStore(t, client).Delete(within(t), id)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assertNoMark(t, err)
}

func assertNoMark(t *testing.T, err error) {
	t.Helper()
	assert.NotContains(t, err.Error(), mark)
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range many.Unwrap() {
			assertNoMark(t, err)
		}
	}
}

type failing struct{ err error }

func (f *failing) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f *failing) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		cmd.SetErr(f.err)
		return f.err
	}
}

func (f *failing) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return f.err }
}

func TestMalformedIDs(t *testing.T) {
	s, ctx := open(t, server.URL()), within(t)
	for _, bad := range []string{"", "short", newID() + "x", strings.Repeat("*", 43), newID()[1:] + "\x00"} {
		_, _, findErr := s.Find(ctx, bad)
		_, swapErr := s.CompareAndSwap(ctx, bad, 0, 1, nil, inAnHour())
		_, subjectsErr := s.FindSubjects(ctx, []string{newID(), bad})
		for name, err := range map[string]error{
			"find": findErr, "swap": swapErr, "find subjects": subjectsErr, "commit": s.Commit(ctx, bad, nil, inAnHour()),
			"delete": s.Delete(ctx, bad), "index": s.Index(ctx, bad, newID(), inAnHour()),
		} {
			assert.ErrorIs(t, err, hardtack.ErrRecordID, name)
			assert.NotErrorIs(t, err, hardtack.ErrStoreUnavailable, name)
		}
	}
	assert.ErrorIs(t, s.Index(ctx, newID(), "bad", inAnHour()), hardtack.ErrRecordID)
}
