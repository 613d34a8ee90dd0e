//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/keystoretest"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

func newKeys(t *testing.T, client redis.UniversalClient, name string) *redisstore.Keys {
	keys, err := redisstore.NewKeys(client, redisstore.KeysOptions{Name: name})
	require.NoError(t, err)
	return keys
}

// keysAt is a server that has nothing else.
func keysAt(t *testing.T, own *servers.Server) keystoretest.Backend {
	client := connect(t, own.Addr())
	return keystoretest.Backend{
		Open: func(t *testing.T, name string) hardtack.KeyStore { return newKeys(t, connect(t, own.Addr()), name) },
		Put: func(t *testing.T, name string, document []byte) {
			if document == nil {
				require.NoError(t, client.FlushAll(within(t)).Err())
				return
			}
			require.NoError(t, client.Set(within(t), "hardtack:keys:"+name, document, 0).Err())
		},
	}
}

// dump is what a backup has of the keys.
func dump(t *testing.T, client *redis.Client) []byte {
	var all bytes.Buffer
	for _, key := range client.Keys(within(t), "*").Val() {
		value, err := client.Get(within(t), key).Bytes()
		require.NoError(t, err)
		all.WriteString(key)
		all.Write(value)
	}
	return all.Bytes()
}

func TestKeys(t *testing.T) {
	own := servers.Redis(t)
	b := keysAt(t, own)
	keystoretest.Run(t, b.Open)
	keystoretest.RunFleet(t, b)
	keystoretest.RunLosses(t, b)
	keystoretest.RunCutOff(t, b)
	keystoretest.RunWrapping(t, b, func(t *testing.T) []byte { return dump(t, connect(t, own.Addr())) })
}

func TestKeysOnCluster(t *testing.T) {
	c := servers.RedisCluster(t)
	keystoretest.Run(t, func(t *testing.T, name string) hardtack.KeyStore {
		return newKeys(t, connectCluster(t, c.Addrs()), name)
	})
}

func TestKeysOutages(t *testing.T) {
	own := servers.Redis(t)
	b := keysAt(t, own)
	t.Run("Killed", func(t *testing.T) { keystoretest.RunOutage(t, b, own.Kill, own.Start) })
	t.Run("Paused", func(t *testing.T) {
		defer own.Resume()
		keystoretest.RunOutage(t, b, own.Pause, own.Resume)
	})
}

// Whether the client repeats commands or not.
func TestKeysLostAnswers(t *testing.T) {
	for name, change := range map[string][]func(*redis.Options){"with retries": nil, "without": {withoutRetries}} {
		t.Run(name, func(t *testing.T) {
			own := servers.Redis(t)
			_, err := newKeys(t, connect(t, own.Addr()), "warm").SwapKeys(within(t), nil, nil) // the server knows the script from now on
			require.NoError(t, err)
			proxy := servers.NewProxy(t, own.Addr())
			keystoretest.RunLostAnswers(t, keysAt(t, own), func(t *testing.T, name string) hardtack.KeyStore {
				return newKeys(t, connect(t, proxy.Addr(), change...), name)
			}, func() { proxy.DropReplyTo(`"version"`) })
		})
	}
}

func TestKeysScriptFlush(t *testing.T) {
	client := connect(t, servers.Redis(t).Addr())
	keys := newKeys(t, client, "default")
	var old []byte
	for i := range 3 {
		require.NoError(t, client.ScriptFlush(within(t)).Err())
		swapped, err := keys.SwapKeys(within(t), old, data(int64(i)))
		require.NoError(t, err)
		require.True(t, swapped)
		old = data(int64(i))
	}
}

func TestKeysLayout(t *testing.T) {
	client := connect(t, server.Addr())
	for want, o := range map[string]redisstore.KeysOptions{
		"hardtack:keys:default":       {},
		"hardtack:keys:Shop-2_b.test": {Name: "Shop-2_b.test"},
		"{app}:keys:default":          {Prefix: "{app}:"},
	} {
		keys, err := redisstore.NewKeys(client, o)
		require.NoError(t, err)
		swapped, err := keys.SwapKeys(within(t), nil, []byte("document"))
		require.NoError(t, err)
		require.True(t, swapped)
		value, err := client.Get(within(t), want).Result()
		require.NoError(t, err)
		assert.Equal(t, "document", value)
		assert.Equal(t, time.Duration(-1), client.TTL(within(t), want).Val(), "no expiry")
		require.NoError(t, client.Del(within(t), want).Err())
	}
}

func TestKeysOfStore(t *testing.T) {
	s, err := redisstore.New(connect(t, server.Addr()), redisstore.Options{Prefix: "of-store:"})
	require.NoError(t, err)
	for want, o := range map[string]redisstore.KeysOptions{
		"of-store:keys:default": {},
		"other:keys:default":    {Prefix: "other:"},
	} {
		keys, err := s.Keys(o)
		require.NoError(t, err)
		swapped, err := keys.SwapKeys(within(t), nil, []byte("document"))
		require.NoError(t, err)
		require.True(t, swapped)
		require.EqualValues(t, 1, connect(t, server.Addr()).Del(within(t), want).Val())
	}
	own, err := redisstore.Open(within(t), server.URL(), redisstore.Options{})
	require.NoError(t, err)
	keys, err := own.Keys(redisstore.KeysOptions{})
	require.NoError(t, err)
	require.NoError(t, own.Close())
	_, err = keys.LoadKeys(within(t))
	require.ErrorIs(t, err, redis.ErrClosed)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
}

func TestNewKeysRefuses(t *testing.T) {
	client := connect(t, server.Addr())
	for _, name := range []string{"a b", "a:b", "{a}", "-a", ".", "ü", "a\n", strings.Repeat("a", 65)} {
		_, err := redisstore.NewKeys(client, redisstore.KeysOptions{Name: name})
		assert.ErrorIs(t, err, redisstore.ErrKeysName, "%q", name)
	}
	_, err := redisstore.NewKeys(client, redisstore.KeysOptions{Name: strings.Repeat("a", 64)})
	require.NoError(t, err)
	for name, client := range map[string]redis.UniversalClient{
		"none":     nil,
		"ring":     redis.NewRing(&redis.RingOptions{}),
		"replicas": connectCluster(t, []string{server.Addr()}, func(o *redis.ClusterOptions) { o.ReadOnly = true }),
	} {
		_, err := redisstore.NewKeys(client, redisstore.KeysOptions{})
		assert.Error(t, err, name)
	}
}

// Errors of the server say which fault it is, and nothing of what it was sent.
func TestKeysErrors(t *testing.T) {
	own := servers.Redis(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	client := connect(t, own.Addr())
	const secret = "dG9wLXNlY3JldA"
	keys := newKeys(t, client, "default")
	check := func(want string, err error) {
		t.Helper()
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		require.ErrorContains(t, err, want)
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			require.NotContains(t, text, secret)
		}
	}
	swapped, err := keys.SwapKeys(within(t), nil, []byte(secret))
	require.False(t, swapped)
	check("OOM", err)

	require.NoError(t, client.ConfigSet(within(t), "maxmemory", "0").Err())
	require.NoError(t, client.RPush(within(t), "hardtack:keys:default", secret).Err())
	_, err = keys.LoadKeys(within(t))
	check("WRONGTYPE", err)
	swapped, err = keys.SwapKeys(within(t), []byte(secret), []byte(secret+secret))
	require.False(t, swapped)
	check("WRONGTYPE", err)

	// A server that knows none of the commands quotes their arguments.
	bare := servers.Redis(t, "--rename-command", "EVALSHA", "", "--rename-command", "EVAL", "", "--rename-command", "GET", "")
	keys = newKeys(t, connect(t, bare.Addr()), secret)
	_, err = keys.LoadKeys(within(t))
	check("unknown command", err)
	_, err = keys.SwapKeys(within(t), nil, []byte(secret))
	check("unknown command", err)
}

// The rights that the package's documentation lists are enough.
func TestKeysDocumentedRights(t *testing.T) {
	admin := connect(t, servers.Redis(t).Addr())
	require.NoError(t, admin.Do(within(t), rights(t)...).Err())
	keys := newKeys(t, connect(t, admin.Options().Addr, func(o *redis.Options) { o.Username, o.Password = "hardtack", "password" }), "default")
	for _, old := range [][]byte{nil, []byte("document")} {
		swapped, err := keys.SwapKeys(within(t), old, []byte("document"))
		require.NoError(t, err)
		require.True(t, swapped)
	}
	document, err := keys.LoadKeys(within(t))
	require.NoError(t, err)
	require.Equal(t, "document", string(document))
	requireNothingRefused(t, admin)
}

// kms wraps as a key management service does.
type kms struct{ cipher.AEAD }

func newKMS(key []byte) kms {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return kms{aead}
}

func (k kms) Wrap(_ context.Context, secret []byte) ([]byte, error) {
	return k.Seal(nil, nil, secret, nil), nil
}

func (k kms) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	return k.Open(nil, nil, wrapped, nil)
}

// A fleet whose keys are in Redis, wrapped.
func ExampleNewKeys() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
	defer client.Close()
	keys, err := redisstore.NewKeys(client, redisstore.KeysOptions{Name: "shop"})
	if err != nil {
		panic(err)
	}
	ring, err := hardtack.OpenKeyring(ctx, keys, hardtack.KeyringConfig{
		Rotation: &hardtack.RotationPolicy{}, // a new key every 30 days
		Wrapper:  newKMS(make([]byte, 32)),   // a real one in production
	})
	if err != nil {
		panic(err)
	}
	defer ring.Close()
	jar, err := hardtack.New[cart](hardtack.Config{Keys: ring})
	fmt.Println(len(ring.Keys()), ring.Health().Err(), jar != nil, err)
	// Output: 1 <nil> true <nil>
}
