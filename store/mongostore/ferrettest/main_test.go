//go:build unix

package ferrettest

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

// The one server of all tests and examples; each test has a database of its own.
var (
	serverURI  string
	serverAddr string
)

func TestMain(m *testing.M) {
	main := servers.NewMain()
	startServer(main)
	os.Exit(main.Run(m.Run))
}

func startServer(t servers.T) {
	f, err := ferretdb.New(&ferretdb.Config{
		Handler:       "postgresql",
		PostgreSQLURL: servers.Postgres(t).URL(),
		Listener:      ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("ferretdb: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(ctx) // always nil
	}()
	t.Cleanup(func() { cancel(); <-ended })
	serverURI = f.MongoDBURI() // waits until it listens
	u, err := url.Parse(serverURI)
	if err != nil {
		t.Fatalf("ferretdb: %v", err)
	}
	serverAddr = u.Host
}

// uri is a connection string for a database at addr, the server or a proxy in front of it. Without a deadline a call
// fails after a few seconds, rather than half a minute, if there is nobody.
func uri(addr, database string) string {
	return "mongodb://" + addr + "/" + database + "?serverSelectionTimeoutMS=3000&connectTimeoutMS=3000"
}

func open(t *testing.T, uri string, o mongostore.Options) *mongostore.Store {
	t.Helper()
	s, err := mongostore.Open(t.Context(), uri, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// database is the raw database at addr, to look at what the store has written.
func database(t *testing.T, addr, name string) *mongo.Database {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri(addr, "")))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database(name)
}

// fresh empties the database, which an earlier run of the test may have filled, and returns its name.
func fresh(t *testing.T, name string) string {
	t.Helper()
	require.NoError(t, database(t, serverAddr, name).Drop(t.Context()))
	return name
}

func later() time.Time { return time.Now().Add(time.Hour) }
