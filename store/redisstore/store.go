package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/redis/go-redis/v9"
)

// DefaultPrefix is what every key begins with if Options says nothing else.
const DefaultPrefix = "hardtack:"

// Options says how a Store uses the server. The zero value is good.
type Options struct {
	// Prefix is what every key begins with; DefaultPrefix if empty. Jars with different keyrings may share
	// one: their IDs do not meet. On a cluster a prefix with a hash tag, "{app}:", works, but
	// puts everything on one node.
	Prefix string
}

// Store keeps records in Redis. It is a hardtack.CompareAndSwapper, a
// hardtack.SubjectIndexer and a hardtack.Pinger; it needs no sweeping, because the server
// removes what has expired. It is safe for concurrent use. Make one with New or Open.
type Store struct {
	client redis.UniversalClient
	prefix string
	owned  bool
}

var (
	_ hardtack.CompareAndSwapper = (*Store)(nil)
	_ hardtack.SubjectIndexer    = (*Store)(nil)
	_ hardtack.Pinger            = (*Store)(nil)
)

var (
	errNoClient = errors.New("redisstore: the client is nil")
	errRing     = errors.New("redisstore: a *redis.Ring gives the keys of a server that is away to the others, which do not have them: use a cluster")
	errReplicas = errors.New("redisstore: the client reads from replicas, which lag: a session just saved would be missing")
	errCache    = errors.New("redisstore: the client caches what it reads: a session would be read as it was")
	errURL      = errors.New("redisstore: malformed URL, not shown because it may hold a password; the form is redis://user:password@host:port/db")
)

// New returns a Store that uses the application's own client: a *redis.Client, a *redis.ClusterClient, or what
// redis.NewFailoverClient returns. Set ContextTimeoutEnabled in its options, and a ReadTimeout below
// Config.StoreTimeout: otherwise a call outlasts its context until ReadTimeout, 5 seconds
// by default, and the Jar leaves it behind. The application closes the client.
//
// It asks the server nothing. It fails if the client is nil, is a *redis.Ring, caches reads itself
// (ClientSideCache), or may read from replicas (ReadOnly, RouteByLatency, RouteRandomly).
func New(client redis.UniversalClient, o Options) (*Store, error) {
	if err := checkClient(client); err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	return &Store{client: client, prefix: o.Prefix}, nil
}

func checkClient(client redis.UniversalClient) error {
	switch c := client.(type) {
	case nil:
		return errNoClient
	case *redis.Ring:
		return errRing
	case *redis.Client:
		if o := c.Options(); o.ClientSideCache != nil || o.ClientSideCacheConfig != nil {
			return errCache
		}
	case *redis.ClusterClient:
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return errReplicas
		}
	}
	return nil
}

// Open connects to the server that url names, asks whether it can be used, and returns a Store that closes the
// connections with Close. The forms are
//
//	redis://user:password@host:6379/0
//	rediss://user:password@host:6379/0                      TLS, 1.2 at least
//	redis://host1:6379?addr=host2:6379&addr=host3:6379      a cluster
//
// and the query may set the options that redis.ParseURL and redis.ParseClusterURL know, as max_retries or
// pool_size. Dial, read and write time out after 1 second each unless it says
// otherwise, so that a repetition fits into Config.StoreTimeout; contexts are obeyed.
//
// Its errors match hardtack.ErrStoreUnavailable if the server could not be used. None contains the password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	client, err := dial(url)
	if err != nil {
		return nil, err
	}
	s, err := New(client, o)
	if err == nil {
		s.owned = true
		err = s.Ping(ctx)
	}
	if err != nil {
		_ = client.Close() // the first error says more
		return nil, err
	}
	return s, nil
}

// dial returns a client for the URL. The errors of the parsers quote it, so they are dropped.
func dial(rawURL string) (redis.UniversalClient, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errURL
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && strings.Contains(u.Hostname(), ":") {
		return nil, errURL // without its @, the password would be taken for a part of the host
	}
	if u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(rawURL)
		if err != nil {
			return nil, errURL
		}
		o.ContextTimeoutEnabled = true
		setDefaults(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.DialerRetries, o.TLSConfig)
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, errURL
	}
	o.ContextTimeoutEnabled = true
	setDefaults(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.DialerRetries, o.TLSConfig)
	return redis.NewClient(o), nil
}

func setDefaults(dial, read, write *time.Duration, dials *int, t *tls.Config) {
	for _, d := range []*time.Duration{dial, read, write} {
		if *d == 0 {
			*d = time.Second
		}
	}
	if *dials == 0 {
		*dials = 1 // a command that is repeated dials again anyway
	}
	if t != nil && t.MinVersion == 0 {
		t.MinVersion = tls.VersionTLS12
	}
}

// Close closes the connections of a Store that Open made. After New it does nothing.
func (s *Store) Close() error {
	if !s.owned {
		return nil
	}
	return s.client.Close()
}

// Ping implements hardtack.Pinger. It reads a key, so that a server that is loading, or refuses
// the user, does not count as there; of a cluster, every primary must answer too.
func (s *Store) Ping(ctx context.Context) error {
	err := s.client.Get(ctx, s.prefix+"ping").Err()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok && err == nil {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return node.Ping(ctx).Err()
		})
	}
	return unavailable(ctx, "ping", err)
}

// checkID fails if id is none that a Jar gives.
func checkID(id string) error {
	if !hardtack.ValidRecordID(id) {
		return hardtack.ErrRecordID
	}
	return nil
}

// The latest time that a sorted set's score, a float64, holds to the millisecond.
const maxMilli = 1<<53 - 1

// milli returns t as Redis takes it: it refuses what is not positive, although it
// takes a time that has passed.
func milli(t time.Time) int64 {
	return min(max(t.UnixMilli(), 1), maxMilli)
}
