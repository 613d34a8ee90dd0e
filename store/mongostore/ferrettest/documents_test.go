//go:build unix

package ferrettest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/hardtack-go/hardtack/store/mongostore"
)

// What the package's documentation says of the documents holds: others may rely on it.
func TestDocuments(t *testing.T) {
	s, db := open(t, uri(serverAddr, fresh(t, "documents")), mongostore.Options{}), database(t, serverAddr, "documents")
	expires := time.Date(2099, 12, 31, 23, 59, 59, 987654321, time.UTC)
	whole := bson.NewDateTimeFromTime(expires.Truncate(time.Millisecond))

	require.NoError(t, s.Commit(t.Context(), id(1), []byte("data"), expires))
	assert.Equal(t, bson.D{
		{Key: "_id", Value: id(1)}, {Key: "d", Value: bson.Binary{Data: []byte("data")}}, {Key: "v", Value: int64(0)}, {Key: "e", Value: whole},
	}, only(t, db.Collection("hardtack_records")))
	swapped, err := s.CompareAndSwap(t.Context(), id(1), 0, 5, nil, expires)
	require.NoError(t, err)
	require.False(t, swapped)
	require.NoError(t, s.Delete(t.Context(), id(1)))
	swapped, err = s.CompareAndSwap(t.Context(), id(1), 0, 5, nil, expires)
	require.NoError(t, err)
	require.True(t, swapped)
	assert.ElementsMatch(t, bson.D{
		{Key: "_id", Value: id(1)}, {Key: "d", Value: bson.Binary{Data: []byte{}}}, {Key: "v", Value: int64(5)}, {Key: "e", Value: whole},
	}, only(t, db.Collection("hardtack_records")))

	require.NoError(t, s.Index(t.Context(), id(1), id(2), expires))
	assert.Equal(t, bson.D{
		{Key: "_id", Value: id(1)}, {Key: "s", Value: id(2)}, {Key: "e", Value: whole},
	}, only(t, db.Collection("hardtack_subjects")))
}

// only returns the one document of a collection.
func only(t *testing.T, c *mongo.Collection) bson.D {
	t.Helper()
	cursor, err := c.Find(t.Context(), bson.D{})
	require.NoError(t, err)
	var docs []bson.D
	require.NoError(t, cursor.All(t.Context(), &docs))
	require.Len(t, docs, 1)
	return docs[0]
}

func count(t *testing.T, c *mongo.Collection) int64 {
	t.Helper()
	n, err := c.CountDocuments(t.Context(), bson.D{})
	require.NoError(t, err)
	return n
}

func TestNames(t *testing.T) {
	s := open(t, uri(serverAddr, ""), mongostore.Options{Database: fresh(t, "named"), Records: "r", Subjects: "s"})
	require.NoError(t, s.Commit(t.Context(), id(1), nil, later()))
	require.NoError(t, s.Index(t.Context(), id(1), id(2), later()))
	db := database(t, serverAddr, "named")
	assert.EqualValues(t, 1, count(t, db.Collection("r")))
	assert.EqualValues(t, 1, count(t, db.Collection("s")))
}

// Servers start together on an empty database. FerretDB needs the gate for it: it may create an index twice.
func TestConcurrentNew(t *testing.T) {
	db := database(t, startGate(t, serverAddr), fresh(t, "together"))
	stores := make([]*mongostore.Store, 8)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			var err error
			stores[i], err = mongostore.New(t.Context(), db, mongostore.Options{})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
	for i, s := range stores {
		require.NoError(t, s.Commit(t.Context(), id(i), nil, later()))
		require.NoError(t, s.Close())
	}
	assert.EqualValues(t, len(stores), count(t, db.Collection("hardtack_records")), "Close leaves the application's client")
	for c, want := range map[string][]string{"hardtack_records": {"_id_", "e_1"}, "hardtack_subjects": {"_id_", "e_1", "s_1"}} {
		indexes, err := db.Collection(c).Indexes().ListSpecifications(t.Context())
		require.NoError(t, err)
		var names []string
		for _, index := range indexes {
			names = append(names, index.Name)
		}
		assert.ElementsMatch(t, want, names)
	}
}

// FerretDB has no TTL indexes, so the store itself removes what has expired, and nothing else.
func TestSweeperFallback(t *testing.T) {
	failed := func(err error) { t.Errorf("sweep: %v", err) }
	s, db := open(t, uri(serverAddr, fresh(t, "swept")), mongostore.Options{SweepEvery: 50 * time.Millisecond, SweepError: failed}), database(t, serverAddr, "swept")
	past := time.Now().Add(-time.Minute)
	require.NoError(t, s.Commit(t.Context(), id(0), nil, later()))
	require.NoError(t, s.Index(t.Context(), id(0), id(1), later()))
	for i := range 5 {
		require.NoError(t, s.Commit(t.Context(), id(i+1), nil, past))
		require.NoError(t, s.Index(t.Context(), id(i+1), id(1), past))
	}
	require.Eventually(t, func() bool {
		return count(t, db.Collection("hardtack_records")) == 1 && count(t, db.Collection("hardtack_subjects")) == 1
	}, 30*time.Second, 20*time.Millisecond)
	_, found, err := s.Find(t.Context(), id(0))
	require.NoError(t, err)
	assert.True(t, found)
}

// The clock is the application's.
func TestNow(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, uri(serverAddr, fresh(t, "clock")), mongostore.Options{SweepEvery: -1, Now: func() time.Time { return now }})
	expires := now.Add(time.Second)
	require.NoError(t, s.Commit(t.Context(), id(1), nil, expires))
	for _, step := range []struct {
		now   time.Time
		found bool
	}{{expires.Add(-time.Millisecond), true}, {expires, false}, {expires.Add(time.Hour), false}} {
		now = step.now
		_, found, err := s.Find(t.Context(), id(1))
		require.NoError(t, err)
		assert.Equal(t, step.found, found, step.now)
	}
	removed, err := s.Sweep(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
}
