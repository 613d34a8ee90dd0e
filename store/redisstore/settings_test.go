//go:build unix

package redisstore_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

func TestCheckSettings(t *testing.T) {
	own := servers.Redis(t)
	s, admin := open(t, own.URL()), connect(t, own.Addr())
	require.NoError(t, s.CheckSettings(within(t)))

	require.NoError(t, admin.ConfigSet(within(t), "maxmemory-policy", "allkeys-lru").Err())
	var setting *redisstore.SettingError
	err := s.CheckSettings(within(t))
	require.ErrorAs(t, err, &setting)
	assert.Equal(t, "maxmemory-policy", setting.Name)
	assert.Equal(t, "allkeys-lru", setting.Value)
	assert.Equal(t, "noeviction", setting.Want)
	assert.NotErrorIs(t, err, hardtack.ErrStoreUnavailable)

	require.NoError(t, admin.ConfigSet(within(t), "appendonly", "no").Err())
	err = s.CheckSettings(within(t))
	assert.ErrorContains(t, err, "maxmemory-policy is allkeys-lru, should be noeviction")
	assert.ErrorContains(t, err, "appendonly is no, should be yes")

	own.Kill()
	err = s.CheckSettings(within(t))
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.False(t, errors.As(err, &setting))
}

func TestCheckSettingsOfEveryNode(t *testing.T) {
	c := servers.RedisCluster(t)
	s := newStore(t, connectCluster(t, c.Addrs()))
	require.NoError(t, s.CheckSettings(within(t)))
	require.NoError(t, connect(t, c.Addrs()[2]).ConfigSet(within(t), "maxmemory-policy", "volatile-ttl").Err())
	var setting *redisstore.SettingError
	require.ErrorAs(t, s.CheckSettings(within(t)), &setting)
	assert.Equal(t, "volatile-ttl", setting.Value)
}

// A server that is full refuses to write, and goes on to serve what it has.
func TestFullServer(t *testing.T) {
	own := servers.Redis(t)
	s, admin, id := open(t, own.URL()), connect(t, own.Addr()), newID()
	require.NoError(t, s.Commit(within(t), id, []byte("data"), inAnHour()))
	require.NoError(t, s.Index(within(t), id, newID(), inAnHour()))
	require.NoError(t, admin.ConfigSet(within(t), "maxmemory", "1").Err())
	for name, err := range map[string]error{
		"commit": s.Commit(within(t), id, []byte("more"), inAnHour()),
		"index":  s.Index(within(t), id, newID(), inAnHour()),
		"swap":   swapErr(t, s, newID()),
	} {
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable, name)
		assert.ErrorContains(t, err, "OOM", name)
		assert.NotContains(t, err.Error(), mark, name)
	}
	holds(t, s, id, []byte("data"))
	require.NoError(t, s.Delete(within(t), id))
}

func swapErr(t *testing.T, s *redisstore.Store, id string) error {
	_, err := s.CompareAndSwap(within(t), id, 0, 1, []byte("data"), inAnHour())
	return err
}
