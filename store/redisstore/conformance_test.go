//go:build unix

package redisstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
	"github.com/hardtack-go/hardtack/storetest"
)

func TestStore(t *testing.T) {
	s := servers.Redis(t)
	dead := servers.NewProxy(t, s.Addr())
	dead.Refuse()
	silent := servers.NewProxy(t, s.Addr())
	silent.HalfOpen()
	storetest.Run(t, open(t, s.URL()), storetest.Options{
		Again:  newStore(t, connect(t, s.Addr(), withoutRetries)),
		Away:   newStore(t, connect(t, dead.Addr())),
		AwayIs: hardtack.ErrStoreUnavailable,
		Hangs:  newStore(t, connect(t, silent.Addr())),
		Logs:   func() string { return s.Log() + clientLog.String() },
	})
}

func TestStoreOnCluster(t *testing.T) {
	c := servers.RedisCluster(t)
	url := "redis://" + c.Nodes[0].Addr() + "?addr=" + strings.Join(c.Addrs()[1:], "&addr=")
	storetest.Run(t, open(t, url), storetest.Options{
		Again:  newStore(t, connectCluster(t, c.Addrs())),
		AwayIs: hardtack.ErrStoreUnavailable,
		Logs:   func() string { return c.Nodes[0].Log() + c.Nodes[1].Log() + c.Nodes[2].Log() + clientLog.String() },
	})
}

// The keys of one session are on different nodes.
func TestSlots(t *testing.T) {
	c := servers.RedisCluster(t)
	client := connectCluster(t, c.Addrs())
	s, ctx := newStore(t, client), within(t)
	slots := make(map[string]map[int64]bool)
	for range 20 {
		id, subject := newID(), newID()
		require.NoError(t, s.Commit(ctx, id, []byte("data"), inAnHour()))
		require.NoError(t, s.Index(ctx, id, newID(), inAnHour()))
		require.NoError(t, s.Index(ctx, id, subject, inAnHour()))
		ids, err := s.FindSubjects(ctx, []string{subject, newID(), newID()})
		require.NoError(t, err)
		require.Contains(t, ids, id)
		for _, key := range []string{"r:" + id, "s:" + subject, "o:" + id} {
			slot, err := client.ClusterKeySlot(ctx, "hardtack:"+key).Result()
			require.NoError(t, err)
			if slots[id] == nil {
				slots[id] = make(map[int64]bool)
			}
			slots[id][slot] = true
		}
		require.Greater(t, len(slots[id]), 1, "all in one slot")
	}
}

func TestStoreWithTLS(t *testing.T) {
	cert, pool := certificate(t)
	port := freePort(t)
	s := servers.Redis(t, "--tls-port", port, "--tls-cert-file", cert+".crt", "--tls-key-file", cert+".key", "--tls-auth-clients", "no")
	addr := net.JoinHostPort("127.0.0.1", port)
	client := connect(t, addr, func(o *redis.Options) { o.TLSConfig = &tls.Config{RootCAs: pool} })
	storetest.Run(t, newStore(t, client), storetest.Options{AwayIs: hardtack.ErrStoreUnavailable, Logs: func() string { return s.Log() + clientLog.String() }})

	_, err := redisstore.Open(within(t), "rediss://user:hunter2@"+addr, redisstore.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	var unverified *tls.CertificateVerificationError
	require.ErrorAs(t, err, &unverified, "a certificate that nobody vouches for")
	assert.NotContains(t, err.Error(), "hunter2")
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// certificate makes a certificate for the loopback interface, and returns its files, without .crt and
// .key, and a pool that has it.
func certificate(t *testing.T) (path string, pool *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "server")
	require.NoError(t, os.WriteFile(path+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(path+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return path, pool
}

// rights returns the user's line in the package's documentation, as the arguments of ACL SETUSER.
func rights(t *testing.T) []any {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for line := range strings.Lines(string(doc)) {
		if rest, ok := strings.CutPrefix(line, "//\tuser "); ok {
			args := []any{"ACL", "SETUSER"}
			for _, field := range strings.Fields(rest) {
				args = append(args, field)
			}
			return args
		}
	}
	t.Fatal("no line for the user")
	return nil
}

func asUser(o *redis.Options) { o.Username, o.Password = "hardtack", "password" }

func TestStoreWithDocumentedRights(t *testing.T) {
	s := servers.Redis(t)
	admin := connect(t, s.Addr())
	require.NoError(t, admin.Do(within(t), rights(t)...).Err())
	store := newStore(t, connect(t, s.Addr(), asUser))
	storetest.Run(t, store, storetest.Options{AwayIs: hardtack.ErrStoreUnavailable, Logs: func() string { return s.Log() + clientLog.String() }})
	require.NoError(t, store.CheckSettings(within(t)))
	requireNothingRefused(t, admin)
}

// requireNothingRefused fails if the server has refused the user anything.
func requireNothingRefused(t *testing.T, admin *redis.Client) {
	t.Helper()
	entries, err := admin.ACLLog(within(t), 100).Result()
	require.NoError(t, err)
	for _, e := range entries {
		assert.Fail(t, "refused", "%s %s", e.Reason, e.Object)
	}
}

func TestDocumentedRightsOnCluster(t *testing.T) {
	c := servers.RedisCluster(t)
	var admins []*redis.Client
	for _, addr := range c.Addrs() {
		admin := connect(t, addr)
		require.NoError(t, admin.Do(within(t), rights(t)...).Err())
		admins = append(admins, admin)
	}
	client := connectCluster(t, c.Addrs(), func(o *redis.ClusterOptions) { o.Username, o.Password = "hardtack", "password" })
	for range 20 {
		everything(t, newStore(t, client))
	}
	for _, admin := range admins {
		requireNothingRefused(t, admin)
	}
}

// everything calls all that a Store does, by every path, and fails the test if anything fails.
func everything(t *testing.T, s *redisstore.Store) {
	t.Helper()
	require.NoError(t, errorOf(t, s))
}

func errorOf(t *testing.T, s *redisstore.Store) error {
	ctx, id, a, b := within(t), newID(), newID(), newID()
	for _, call := range []func() error{
		func() error { return s.Ping(ctx) },
		func() error { return s.Commit(ctx, id, []byte("data"), inAnHour()) },
		func() error { _, _, err := s.Find(ctx, id); return err },
		func() error { return s.Delete(ctx, id) },
		func() error { _, err := s.CompareAndSwap(ctx, id, 0, 1, []byte("data"), inAnHour()); return err },
		func() error { _, err := s.CompareAndSwap(ctx, id, 0, 1, []byte("data"), inAnHour()); return err },
		func() error { return s.Index(ctx, id, a, inAnHour()) },
		func() error { return s.Index(ctx, id, b, inAnHour()) },
		func() error { _, err := s.FindSubjects(ctx, []string{a, b}); return err },
		func() error { return s.CheckSettings(ctx) },
	} {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

// Each right is needed: without it, the server refuses something.
func TestNoRightTooMany(t *testing.T) {
	c := servers.RedisCluster(t)
	all := rights(t)
	for i, right := range all {
		name, ok := strings.CutPrefix(right.(string), "+")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var admins []*redis.Client
			for _, addr := range c.Addrs() {
				admin := connect(t, addr)
				for _, args := range [][]any{{"ACL", "DELUSER", "hardtack"}, append(append([]any{}, all[:i]...), all[i+1:]...), {"ACL", "LOG", "RESET"}, {"SCRIPT", "FLUSH"}} {
					require.NoError(t, admin.Do(within(t), args...).Err())
				}
				admins = append(admins, admin)
			}
			client := connectCluster(t, c.Addrs(), func(o *redis.ClusterOptions) { o.Username, o.Password = "hardtack", "password" })
			refused := 0
			for range 20 { // on each node
				_ = errorOf(t, newStore(t, client))
				for _, admin := range admins {
					entries, err := admin.ACLLog(within(t), 100).Result()
					require.NoError(t, err)
					refused += len(entries)
				}
				if refused > 0 {
					break
				}
			}
			assert.Positive(t, refused, "the right is not needed")
		})
	}
}
