package mongostore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

const (
	id      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-1"
	subject = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO_2"
	secret  = "squeamish ossifrage"
)

func later() time.Time { return time.Now().Add(time.Hour) }

// everything calls each method once.
func everything(t *testing.T, s *mongostore.Store) {
	t.Helper()
	_, _, err := s.Find(t.Context(), id)
	require.NoError(t, err)
	require.NoError(t, s.Commit(t.Context(), id, []byte(secret), later()))
	for _, old := range []int64{0, 1} {
		swapped, err := s.CompareAndSwap(t.Context(), id, old, 2, []byte(secret), later())
		require.NoError(t, err)
		require.True(t, swapped)
	}
	require.NoError(t, s.Delete(t.Context(), id))
	require.NoError(t, s.Index(t.Context(), id, subject, later()))
	require.NoError(t, s.Index(t.Context(), id, "", later()))
	_, err = s.FindSubjects(t.Context(), []string{subject})
	require.NoError(t, err)
	_, err = s.Sweep(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Ping(t.Context()))
}

// What the application has set for itself must not weaken what the store acknowledges.
func TestConcernsInAReplicaSet(t *testing.T) {
	f := startFake(t, nil)
	s := f.store(t, func(o *options.ClientOptions) {
		o.SetWriteConcern(writeconcern.W1()).SetReadConcern(readconcern.Available()).SetReadPreference(readpref.SecondaryPreferred())
	}, mongostore.Options{})
	everything(t, s)

	writes := append(f.got("update"), f.got("delete")...)
	require.Len(t, writes, 6)
	for _, c := range writes {
		assert.Equal(t, "majority", c.Lookup("writeConcern", "w").StringValue(), c.name)
		assert.True(t, c.Lookup("writeConcern", "j").Boolean(), c.name)
		assert.NotZero(t, c.Lookup("txnNumber").Int64(), "%s: the driver repeats it safely", c.name)
	}
	reads := f.got("find")
	require.Len(t, reads, 5)
	for _, c := range reads {
		assert.Equal(t, "linearizable", c.Lookup("readConcern", "level").StringValue())
		if mode, ok := c.Lookup("$readPreference", "mode").StringValueOK(); ok {
			assert.Equal(t, "primary", mode)
		}
	}
}

// A read that waits for a majority must not wait for ever, nor a write.
func TestDeadlineReachesTheServer(t *testing.T) {
	f := startFake(t, nil)
	s := f.store(t, nil, mongostore.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, _, err := s.Find(ctx, id)
	require.NoError(t, err)
	require.NoError(t, s.Commit(ctx, id, []byte(secret), later()))
	_, err = s.CompareAndSwap(ctx, id, 1, 2, []byte(secret), later())
	require.NoError(t, err)
	require.NoError(t, s.Delete(ctx, id))
	commands := append(append(f.got("find"), f.got("update")...), f.got("delete")...)
	require.Len(t, commands, 4)
	for _, c := range commands {
		limit, ok := c.Lookup("maxTimeMS").AsInt64OK()
		assert.True(t, ok, c.name)
		assert.Positive(t, limit, c.name)
		assert.LessOrEqual(t, limit, time.Minute.Milliseconds(), c.name)
	}
}

// An entry of the index is found by its subject in one answer, and dropped here when it has expired.
func TestFindSubjects(t *testing.T) {
	now := time.Now()
	entry := func(id string, expires time.Time) bson.D {
		return bson.D{{Key: "_id", Value: id}, {Key: "s", Value: subject}, {Key: "e", Value: bson.NewDateTimeFromTime(expires)}}
	}
	f := startFake(t, map[string][]any{"find": {bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
		{Key: "id", Value: int64(0)}, {Key: "ns", Value: "db.c"},
		{Key: "firstBatch", Value: bson.A{entry("live", now.Add(time.Millisecond)), entry("due", now), entry("past", now.Add(-time.Hour))}},
	}}}}})
	s := f.store(t, nil, mongostore.Options{Now: func() time.Time { return now }})
	found, err := s.FindSubjects(t.Context(), []string{subject})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, now.Add(time.Millisecond).UnixMilli(), found["live"].UnixMilli())

	reads := f.got("find")
	require.Len(t, reads, 1)
	filter, err := reads[0].Lookup("filter").Document().Elements()
	require.NoError(t, err)
	require.Len(t, filter, 1)
	assert.Equal(t, "s", filter[0].Key())
	assert.EqualValues(t, 10_000, reads[0].Lookup("batchSize").AsInt64())
}

func TestReadConcernLocal(t *testing.T) {
	for name, c := range map[string]struct {
		standalone bool
		options    mongostore.Options
	}{
		"Standalone":         {standalone: true},
		"InsecureLocalReads": {options: mongostore.Options{InsecureLocalReads: true}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, nil)
			f.standalone = c.standalone
			everything(t, f.store(t, nil, c.options))
			reads := f.got("find")
			require.Len(t, reads, 5)
			for _, c := range reads {
				assert.Equal(t, "local", c.Lookup("readConcern", "level").StringValue())
			}
		})
	}
}

// What the store acknowledges must not be rolled back with a transaction of the application.
func TestTransactionIsNotJoined(t *testing.T) {
	f := startFake(t, nil)
	client := f.client(t, nil)
	s, err := mongostore.New(t.Context(), client.Database("db"), mongostore.Options{})
	require.NoError(t, err)
	session, err := client.StartSession()
	require.NoError(t, err)
	defer session.EndSession(t.Context())
	require.NoError(t, session.StartTransaction())
	ctx := mongo.NewSessionContext(t.Context(), session)

	_, _, err = s.Find(ctx, id)
	require.NoError(t, err)
	require.NoError(t, s.Commit(ctx, id, []byte(secret), later()))
	_, err = s.CompareAndSwap(ctx, id, 1, 2, []byte(secret), later())
	require.NoError(t, err)
	require.NoError(t, s.Delete(ctx, id))
	require.NoError(t, s.Index(ctx, id, subject, later()))
	require.NoError(t, s.Index(ctx, id, "", later()))
	_, err = s.FindSubjects(ctx, []string{subject})
	require.NoError(t, err)
	_, err = s.Sweep(ctx)
	require.NoError(t, err)

	all := append(append(f.got("find"), f.got("update")...), f.got("delete")...)
	require.Len(t, all, 9)
	for _, c := range all {
		assert.True(t, c.Lookup("autocommit").IsZero(), "%s is part of the transaction", c.name)
		assert.NotEqual(t, session.ID().String(), c.Lookup("lsid").Document().String(), "%s is part of the session", c.name)
	}
	_, err = client.Database("db").Collection("c").DeleteOne(ctx, bson.D{})
	require.NoError(t, err)
	deletes := f.got("delete")
	assert.False(t, deletes[len(deletes)-1].Lookup("autocommit").IsZero(), "the application's own command is")
}

func TestIndexes(t *testing.T) {
	f := startFake(t, nil)
	s := f.store(t, nil, mongostore.Options{Records: "r", Subjects: "s"})
	assert.False(t, s.Sweeps(), "the TTL indexes do")
	seconds := make(map[string]int64)
	for _, c := range f.got("createIndexes") {
		index := c.Lookup("indexes").Array().Index(0).Document()
		name := c.Lookup("createIndexes").StringValue() + "." + index.Lookup("name").StringValue()
		seconds[name], _ = index.Lookup("expireAfterSeconds").AsInt64OK()
	}
	assert.Equal(t, map[string]int64{"r.e_1": 120, "s.e_1": 120, "s.s_1": 0}, seconds)
}

func TestSweepEvery(t *testing.T) {
	assert.True(t, startFake(t, nil).store(t, nil, mongostore.Options{SweepEvery: time.Hour}).Sweeps())
	noTTL := func() map[string][]any {
		return map[string][]any{"createIndexes": {bson.D{{Key: "ok", Value: 1}}, failed(238, "NotImplemented")}}
	}
	assert.True(t, startFake(t, noTTL()).store(t, nil, mongostore.Options{}).Sweeps())
	assert.False(t, startFake(t, noTTL()).store(t, nil, mongostore.Options{SweepEvery: -1}).Sweeps())
}

// A server that does not create indexes for another reason has something wrong with it.
func TestIndexesRefused(t *testing.T) {
	f := startFake(t, map[string][]any{"createIndexes": {failed(13, "Unauthorized")}})
	_, err := mongostore.New(t.Context(), f.client(t, nil).Database("db"), mongostore.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Equal(t, "mongostore: create indexes: the server answered with error code 13 (Unauthorized)", err.Error())
}

// The driver repeats a write whose answer was lost, and the server, which has done it, answers as the first time.
func TestLostAnswer(t *testing.T) {
	for _, old := range []int64{0, 1} {
		f := startFake(t, map[string][]any{"update": {lost}})
		s := f.store(t, nil, mongostore.Options{})
		swapped, err := s.CompareAndSwap(t.Context(), id, old, 2, []byte(secret), later())
		require.NoError(t, err)
		assert.True(t, swapped, "no conflict with itself")
		updates := f.got("update")
		require.Len(t, updates, 2)
		assert.Equal(t, updates[0].Lookup("txnNumber"), updates[1].Lookup("txnNumber"))
		assert.Equal(t, updates[0].Lookup("lsid"), updates[1].Lookup("lsid"))
	}
}

func TestLostAnswerIsAnErrorWithoutRetries(t *testing.T) {
	for name, standalone := range map[string]bool{"RetryWrites is off": false, "Standalone": true} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, map[string][]any{"update": {lost}})
			f.standalone = standalone
			s := f.store(t, func(o *options.ClientOptions) { o.SetRetryWrites(standalone) }, mongostore.Options{})
			swapped, err := s.CompareAndSwap(t.Context(), id, 1, 2, []byte(secret), later())
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			assert.False(t, swapped)
			assert.Len(t, f.got("update"), 1)
		})
	}
}

// Two servers may both find nothing and insert; one of them is refused.
func TestUpsertRace(t *testing.T) {
	f := startFake(t, map[string][]any{"update": {duplicate()}})
	s := f.store(t, nil, mongostore.Options{})
	require.NoError(t, s.Commit(t.Context(), id, []byte(secret), later()))
	assert.Len(t, f.got("update"), 2)

	f = startFake(t, map[string][]any{"update": {duplicate(), duplicate(), duplicate(), duplicate(), duplicate()}})
	s = f.store(t, nil, mongostore.Options{})
	err := s.Index(t.Context(), id, subject, later())
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Equal(t, "mongostore: index: the server answered with error code 11000", err.Error())
	assert.Len(t, f.got("update"), 4)

	swapped, err := s.CompareAndSwap(t.Context(), id, 0, 2, []byte(secret), later())
	require.NoError(t, err, "there is a record: the fifth answer")
	assert.False(t, swapped)
}
