//go:build unix

package redisstore_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

func TestKeysAndValues(t *testing.T) {
	client := connect(t, servers.Redis(t).Addr())
	s, err := redisstore.New(client, redisstore.Options{Prefix: "app1:"})
	require.NoError(t, err)
	ctx, id, subject, expires := within(t), newID(), newID(), inAnHour()

	swapped, err := s.CompareAndSwap(ctx, id, 0, math.MaxInt64, []byte("data"), expires)
	require.NoError(t, err)
	require.True(t, swapped)
	require.NoError(t, s.Index(ctx, id, subject, expires))
	require.NoError(t, s.Ping(ctx))

	keys, err := client.Keys(ctx, "*").Result()
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"app1:r:" + id, "app1:s:" + subject, "app1:o:" + id}, keys)
	for _, key := range keys {
		at, err := client.Do(ctx, "PEXPIRETIME", key).Int64()
		require.NoError(t, err)
		assert.Equal(t, expires.UnixMilli(), at, key)
	}
	value, err := client.Get(ctx, "app1:r:"+id).Bytes()
	require.NoError(t, err)
	assert.Equal(t, append(binary.BigEndian.AppendUint64(nil, math.MaxInt64), "data"...), value)
	filings, err := client.ZRangeWithScores(ctx, "app1:s:"+subject, 0, -1).Result()
	require.NoError(t, err)
	require.Len(t, filings, 1)
	assert.Equal(t, id+".1", filings[0].Member)
	assert.Equal(t, float64(expires.UnixMilli()), filings[0].Score)
	journal, err := client.ZRange(ctx, "app1:o:"+id, 0, -1).Result()
	require.NoError(t, err)
	assert.Equal(t, []string{"1:" + subject}, journal)

	other := newID()
	require.NoError(t, s.Index(ctx, id, other, expires))
	journal, err = client.ZRange(ctx, "app1:o:"+id, 0, -1).Result()
	require.NoError(t, err)
	assert.Equal(t, []string{"2:" + other}, journal)
	left, err := client.Exists(ctx, "app1:s:"+subject).Result()
	require.NoError(t, err)
	assert.Zero(t, left)

	require.NoError(t, s.Commit(ctx, id, nil, expires))
	value, err = client.Get(ctx, "app1:r:"+id).Bytes()
	require.NoError(t, err)
	assert.Equal(t, make([]byte, 8), value, "no version, no data")
}

func TestVersionsAreComparedAsIntegers(t *testing.T) {
	s, ctx, id := open(t, server.URL()), within(t), newID()
	for _, step := range []struct {
		old, new int64
		want     bool
	}{
		{0, math.MaxInt64 - 2, true},
		{math.MaxInt64 - 1, math.MaxInt64, false}, // the same as a float64
		{math.MaxInt64 - 3, math.MaxInt64, false},
		{0, math.MaxInt64, false},
		{math.MaxInt64 - 2, math.MaxInt64, true},
	} {
		swapped, err := s.CompareAndSwap(ctx, id, step.old, step.new, []byte(newID()), inAnHour())
		require.NoError(t, err)
		require.Equal(t, step.want, swapped, "%+v", step)
	}
}

func TestPassedExpiryIsGoneAtOnce(t *testing.T) {
	s, ctx := open(t, server.URL()), within(t)
	for _, expires := range []time.Time{{}, time.UnixMilli(0), time.UnixMilli(-1), time.Now().Add(-time.Hour), time.Now().Add(-time.Millisecond)} {
		id, subject := newID(), newID()
		require.NoError(t, s.Commit(ctx, id, []byte("data"), inAnHour()))
		require.NoError(t, s.Commit(ctx, id, []byte("data"), expires))
		_, found, err := s.Find(ctx, id)
		require.NoError(t, err)
		assert.False(t, found, expires)
		swapped, err := s.CompareAndSwap(ctx, id, 0, 1, []byte("data"), expires)
		require.NoError(t, err)
		assert.True(t, swapped, expires)
		_, found, err = s.Find(ctx, id)
		require.NoError(t, err)
		assert.False(t, found, expires)

		require.NoError(t, s.Index(ctx, id, subject, expires))
		ids, err := s.FindSubjects(ctx, []string{subject})
		require.NoError(t, err)
		assert.Empty(t, ids, expires)
	}
}

func TestPrefixWithHashTagIsHarmless(t *testing.T) {
	cluster := servers.RedisCluster(t)
	for _, prefix := range []string{"{app}:", "{", "}", "{}:"} {
		s, err := redisstore.New(connectCluster(t, cluster.Addrs()), redisstore.Options{Prefix: prefix})
		require.NoError(t, err)
		ctx, id, subject := within(t), newID(), newID()
		swapped, err := s.CompareAndSwap(ctx, id, 0, 1, []byte("data"), inAnHour())
		require.NoError(t, err)
		assert.True(t, swapped)
		require.NoError(t, s.Index(ctx, id, subject, inAnHour()))
		ids, err := s.FindSubjects(ctx, []string{subject})
		require.NoError(t, err)
		assert.Contains(t, ids, id)
	}
}
