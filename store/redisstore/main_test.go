//go:build unix

package redisstore_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

// server is for the tests that neither break it nor change its settings.
var server *servers.Server

// clientLog is what go-redis logs on its own, by way of a logger that is global.
var clientLog recorder

func TestMain(m *testing.M) {
	redis.SetLogger(&clientLog)
	main := servers.NewMain()
	server = servers.Redis(main)
	os.Exit(main.Run(func() int {
		code := m.Run()
		if text := clientLog.String(); strings.Contains(text, mark) {
			main.Logf("the client has logged an ID:\n%s", text)
			code = 1
		}
		return code
	}))
}

type recorder struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (r *recorder) Printf(_ context.Context, format string, v ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.buf, format+"\n", v...)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// mark begins every ID of these tests, so that it is recognised in a log.
const mark = "markOfAnID_"

// newID returns a new well-formed ID, or subject.
func newID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return mark + base64.RawURLEncoding.EncodeToString(b)[len(mark):]
}

func inAnHour() time.Time { return time.Now().Add(time.Hour).Truncate(time.Millisecond) }

// connect returns a client that obeys contexts and gives up within a second.
func connect(t testing.TB, addr string, change ...func(*redis.Options)) *redis.Client {
	o := &redis.Options{Addr: addr, ContextTimeoutEnabled: true, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second}
	for _, f := range change {
		f(o)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func withoutRetries(o *redis.Options) { o.MaxRetries = -1 }

func newStore(t testing.TB, client redis.UniversalClient) *redisstore.Store {
	s, err := redisstore.New(client, redisstore.Options{})
	require.NoError(t, err)
	return s
}

func open(t testing.TB, url string) *redisstore.Store {
	s, err := redisstore.Open(t.Context(), url, redisstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func connectCluster(t testing.TB, addrs []string, change ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	o := &redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second}
	for _, f := range change {
		f(o)
	}
	client := redis.NewClusterClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// within returns a context that ends the test rather than let it hang.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
