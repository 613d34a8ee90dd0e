package mongostore

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Open is New with a client of the Store's own, which Close disconnects. The database is the one that the URI names in its
// path, else Options.Database.
//
// The URI may hold a password, so errors do not say which part of it is wrong.
// The DNS look-ups of a mongodb+srv URI are not bounded by ctx, but by the resolver's own timeout.
func Open(ctx context.Context, uri string, o Options) (*Store, error) {
	settings := options.Client().ApplyURI(uri)
	if settings.Validate() != nil {
		return nil, errors.New("mongostore: the URI is no valid MongoDB connection string, or its host is not in the DNS")
	}
	if name := database(uri); name != "" {
		o.Database = name
	}
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	client, err := mongo.Connect(settings)
	if err != nil {
		return nil, errors.New("mongostore: the driver does not accept the options of the URI")
	}
	s, err := New(ctx, client.Database(o.Database), o)
	if err != nil {
		disconnect(client)
		return nil, err
	}
	s.client = client
	return s, nil
}

// closeTimeout is how long Close waits for calls in flight.
const closeTimeout = 5 * time.Second

// Close stops the sweeper, waits for it, and disconnects the client if Open made it. Calls in flight have up to 5 seconds to end, then
// they fail. Call it once.
func (s *Store) Close() error {
	if s.sweeper != nil {
		s.sweeper.stop()
	}
	if s.client != nil {
		disconnect(s.client)
	}
	return nil
}

func disconnect(client *mongo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = client.Disconnect(ctx) // it only says that calls were still in flight
}

// database returns the database that a valid URI names, or "". All slashes before the path are escaped.
func database(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "?")
	_, path, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(path)
	if err != nil {
		return "" // the driver has accepted the URI
	}
	return name
}
