package fromscs_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/alexedwards/scs/boltstore"
	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/storetest"
)

var (
	_ hardtack.SCSStore = scs.Store(nil)
	_ hardtack.SCSStore = scs.CtxStore(nil)
)

func TestMemstore(t *testing.T) {
	s := memstore.NewWithCleanupInterval(0)
	storetest.Run(t, hardtack.FromSCS(s), storetest.Options{Again: hardtack.FromSCS(s)})
}

func newBolt(t *testing.T) *boltstore.BoltStore {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "sessions.db"), 0o600, &bbolt.Options{
		Timeout:         10 * time.Second,
		InitialMmapSize: 1 << 28, // see the package comment
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return boltstore.NewWithCleanupInterval(db, 0)
}

func TestBoltstore(t *testing.T) {
	s := newBolt(t)
	storetest.Run(t, hardtack.FromSCS(s), storetest.Options{
		Again: hardtack.FromSCS(s),
		NotProvable: map[string]string{
			"Concurrency/Readers": "boltstore returns bbolt's memory after its transaction has ended, when writers may use it again",
		},
	})
}

func redisClient(t *testing.T, url string) *redis.Client {
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	o.ContextTimeoutEnabled = true
	c := redis.NewClient(o)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func TestGoredisstore(t *testing.T) {
	server := servers.Redis(t)
	open := func(url string) hardtack.Store { return hardtack.FromSCS(goredisstore.New(redisClient(t, url))) }
	silent := servers.NewProxy(t, server.Addr())
	silent.HalfOpen()
	storetest.Run(t, open(server.URL()), storetest.Options{
		Again: open(server.URL()),
		Away:  open("redis://127.0.0.1:1/0"),
		Hangs: open("redis://" + silent.Addr() + "/0"),
		Logs:  server.Log,
	})
}
