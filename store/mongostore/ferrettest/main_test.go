//go:build unix

package ferrettest

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

const ferretName = "FerretDB 1.24.2 (for MongoDB)"

// The one server of most tests and the example; each test has a database of its own.
var serverAddr string

func TestMain(m *testing.M) {
	main := servers.NewMain()
	serverAddr = newFerret(main).addr
	os.Exit(main.Run(m.Run))
}

// ferret is a FerretDB and the folder with its SQLite files.
type ferret struct {
	t    servers.T
	dir  string
	addr string // stays the same
	stop func()
}

// newFerret starts a FerretDB that ends with the test.
func newFerret(t servers.T) *ferret {
	dir, err := os.MkdirTemp("", "ferrettest")
	if err != nil {
		t.Fatalf("ferretdb: %v", err)
	}
	f := &ferret{t: t, dir: dir, addr: "127.0.0.1:0"}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f.start()
	t.Cleanup(func() { f.stop() })
	return f
}

// start starts it, also again.
func (f *ferret) start() {
	var db *ferretdb.FerretDB
	var err error
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		db, err = ferretdb.New(&ferretdb.Config{
			Handler:   "sqlite",
			SQLiteURL: "file:" + f.dir + "/?_pragma=busy_timeout(60000)&_pragma=synchronous(off)", // nothing here ends the machine
			Listener:  ferretdb.ListenerConfig{TCP: f.addr},
			Logger:    slog.New(slog.DiscardHandler),
		})
		if err == nil {
			break
		}
		if time.Now().After(end) { // somebody else may have had the port for a moment
			f.t.Fatalf("ferretdb: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = db.Run(ctx) // always nil
	}()
	f.stop = sync.OnceFunc(func() { cancel(); <-ended })
	u, err := url.Parse(db.MongoDBURI()) // waits until it listens
	if err != nil {
		f.t.Fatalf("ferretdb: %v", err)
	}
	f.addr = u.Host
}

// uri is a connection string for a database at addr, the server or a proxy in front of it. Without a deadline a call
// fails after a few seconds, rather than half a minute, if there is nobody.
func uri(addr, database string) string {
	return fmt.Sprintf("mongodb://%s/%s?serverSelectionTimeoutMS=3000&connectTimeoutMS=3000", addr, database)
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
