//go:build unix

package ferrettest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/hybridtest"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

// newRig returns a Jar on a fresh database, and that database.
func newRig(t *testing.T, name string, options ...func(*hardtack.Config)) (*hybridtest.Rig, *mongo.Database) {
	t.Helper()
	s := open(t, uri(serverAddr, fresh(t, name)), mongostore.Options{SweepEvery: -1})
	patient := func(c *hardtack.Config) { c.StoreTimeout = time.Minute }
	rig := hybridtest.NewRig(t, hybridtest.NewClock(time.Now()), s, append(options, patient)...)
	return rig, database(t, serverAddr, name)
}

// save saves the session of this cookie with a note of n bytes, and returns the cookie that the client then holds.
func save(t *testing.T, rig *hybridtest.Rig, cookie, owner string, n int) string {
	t.Helper()
	v := rig.Visit(cookie)
	if cookie != "" {
		require.NoError(t, v.Err)
	}
	v.Session.Data.Owner = owner
	v.Session.SetSubject(owner)
	_, err := v.Note(n)
	require.NoError(t, err)
	return v.After(cookie)
}

func refused(t *testing.T, rig *hybridtest.Rig, cookie string, reason error) {
	t.Helper()
	v := rig.Visit(cookie)
	require.ErrorIs(t, v.Err, reason)
	require.True(t, v.Session.IsNew())
	require.Zero(t, v.Session.Data)
	require.Empty(t, v.W.Header()["Set-Cookie"], "a refusal deletes no cookie")
}

func all(t *testing.T, c *mongo.Collection) (docs []bson.Raw) {
	t.Helper()
	cursor, err := c.Find(t.Context(), bson.D{})
	require.NoError(t, err)
	require.NoError(t, cursor.All(t.Context(), &docs))
	return docs
}

// Documents show nothing of a session but where it is.
func TestDocumentsAreSealed(t *testing.T) {
	const subject, audience = "a-subject-in-the-clear", "an-audience-in-the-clear"
	rig, db := newRig(t, "sealed", func(c *hardtack.Config) { c.Audience = audience })
	cookie := save(t, rig, "", subject, hybridtest.Large)
	cookie = save(t, rig, cookie, subject, hybridtest.Large+1)
	id := rig.Visit(cookie).Session.ID()
	for _, c := range []string{"hardtack_records", "hardtack_subjects"} {
		docs := all(t, db.Collection(c))
		require.Len(t, docs, 1, c)
		assert.Equal(t, rig.Locator(cookie), docs[0].Lookup("_id").StringValue(), c)
		for what, secret := range map[string]string{
			"plaintext": strings.Repeat("n", 10), "subject": subject, "audience": audience,
			"session ID": id, "cookie": cookie[len(cookie)-40:],
		} {
			assert.False(t, bytes.Contains(docs[0], []byte(secret)), "the %s is in %s", what, c)
		}
	}
}

// A restored backup serves no state that is older than the cookie says.
func TestRestoredBackup(t *testing.T) {
	rig, db := newRig(t, "backup")
	records := db.Collection("hardtack_records")
	cookie, same := save(t, rig, "", "ann", hybridtest.Large), save(t, rig, "", "bob", hybridtest.Large)
	backup := all(t, records)
	require.Len(t, backup, 2)
	for _, n := range []int{hybridtest.Small, hybridtest.Large} { // so that the cookie knows of a newer state
		cookie = save(t, rig, cookie, "ann", n)
	}
	for _, doc := range backup {
		res, err := records.ReplaceOne(t.Context(), bson.D{{Key: "_id", Value: doc.Lookup("_id")}}, doc)
		require.NoError(t, err)
		require.EqualValues(t, 1, res.MatchedCount)
	}
	refused(t, rig, cookie, hardtack.ErrRecordMissing)
	require.Equal(t, "bob", rig.Visit(same).Session.Data.Owner)
}

// A record in the place of another session's is refused.
func TestSwappedDocuments(t *testing.T) {
	rig, db := newRig(t, "swapped")
	records := db.Collection("hardtack_records")
	cookies := []string{save(t, rig, "", "ann", hybridtest.Large), save(t, rig, "", "bob", hybridtest.Large)}
	docs := all(t, records)
	require.Len(t, docs, 2)
	swap := func(data bson.RawValue, id bson.RawValue) {
		update := bson.D{{Key: "$set", Value: bson.D{{Key: "d", Value: data}}}}
		res, err := records.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}}, update)
		require.NoError(t, err)
		require.EqualValues(t, 1, res.ModifiedCount)
	}
	for i := range docs {
		swap(docs[i].Lookup("d"), docs[1-i].Lookup("_id"))
	}
	for _, cookie := range cookies {
		refused(t, rig, cookie, hardtack.ErrForged)
	}
	for i := range docs {
		swap(docs[i].Lookup("d"), docs[i].Lookup("_id"))
	}
	for i, owner := range []string{"ann", "bob"} {
		require.Equal(t, owner, rig.Visit(cookies[i]).Session.Data.Owner)
	}
}

// Who logs out everywhere is out, and nobody else, also where the key has been rotated since.
func TestEndAll(t *testing.T) {
	rig, _ := newRig(t, "end_all")
	first := save(t, rig, "", "ann", hybridtest.Large)
	old := rig.Keys.Keys()[0]
	require.NoError(t, rig.Keys.Replace(old, hardtack.GenerateKey(time.Now().Add(-time.Minute), time.Time{})))
	second, other := save(t, rig, "", "ann", hybridtest.Large), save(t, rig, "", "bob", hybridtest.Large)

	ended, err := rig.Jar.EndAll(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	refused(t, rig, first, hardtack.ErrEnded)
	refused(t, rig, second, hardtack.ErrEnded)
	require.Equal(t, "bob", rig.Visit(other).Session.Data.Owner)
}
