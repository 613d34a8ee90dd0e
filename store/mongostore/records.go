package mongostore

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// MaxData is the most bytes of data that a Store takes, and so the most that Budget.Record may be. MongoDB allows a
// document, and the command that writes it, 16 MiB; all but the data fits into 1 KiB.
const MaxData = 16<<20 - 1<<10

var errForeign = errors.New("a document was not written by this package")

// Find implements hardtack.Store.
func (s *Store) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if !hardtack.ValidRecordID(id) {
		return nil, false, hardtack.ErrRecordID
	}
	return s.find(ctx, "find", id)
}

func (s *Store) find(ctx context.Context, op, id string) ([]byte, bool, error) {
	// The filter is the _id alone, as the read concern "linearizable" asks.
	doc, err := s.records.FindOne(withoutSession(ctx), bson.D{{Key: "_id", Value: id}}).Raw()
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return nil, false, nil
	case err != nil:
		return nil, false, failure(ctx, op, err)
	}
	expires, isDate := doc.Lookup("e").DateTimeOK()
	_, data, isBinary := doc.Lookup("d").BinaryOK()
	if !isDate || !isBinary {
		return nil, false, failure(ctx, op, errForeign)
	}
	if bson.DateTime(expires) <= s.instant() {
		return nil, false, nil
	}
	return data, true, nil
}

// Commit implements hardtack.Store.
func (s *Store) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	if err := check(id, data); err != nil {
		return err
	}
	return failure(ctx, "commit", upsert(ctx, s.records, id, record(0, data, expires)))
}

// Delete implements hardtack.Store.
func (s *Store) Delete(ctx context.Context, id string) error {
	if !hardtack.ValidRecordID(id) {
		return hardtack.ErrRecordID
	}
	_, err := s.records.DeleteOne(withoutSession(ctx), bson.D{{Key: "_id", Value: id}})
	return failure(ctx, "delete", err)
}

// CompareAndSwap implements hardtack.CompareAndSwapper.
func (s *Store) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	if err := check(id, data); err != nil {
		return false, err
	}
	filter := bson.D{{Key: "_id", Value: id}}
	if old == 0 {
		// What has expired is replaced. What has not does not match, so the server tries to insert a second
		// document of this _id, and that fails.
		filter = append(filter, bson.E{Key: "e", Value: bson.D{{Key: "$lte", Value: s.instant()}}})
	} else {
		filter = append(filter, bson.E{Key: "v", Value: old}, bson.E{Key: "e", Value: bson.D{{Key: "$gt", Value: s.instant()}}})
	}
	update := bson.D{{Key: "$set", Value: record(new, data, expires)}}
	res, err := s.records.UpdateOne(withoutSession(ctx), filter, update, options.UpdateOne().SetUpsert(old == 0))
	switch {
	case old == 0 && mongo.IsDuplicateKeyError(err):
		return false, nil
	case err != nil:
		return false, failure(ctx, "swap", err)
	}
	return res.MatchedCount+res.UpsertedCount > 0, nil
}

func record(version int64, data []byte, expires time.Time) bson.D {
	return bson.D{
		{Key: "d", Value: bson.Binary{Data: data}},
		{Key: "v", Value: version},
		{Key: "e", Value: bson.NewDateTimeFromTime(expires)},
	}
}

// upsert replaces the document, or inserts it.
func upsert(ctx context.Context, c *mongo.Collection, id string, doc bson.D) error {
	var err error
	// Of two servers that find no document and insert, one is told that there is one now. It replaces
	// that, unless it was removed again, and inserted again, and so on; so it tries no more than a few times.
	for range 4 {
		_, err = c.ReplaceOne(withoutSession(ctx), bson.D{{Key: "_id", Value: id}}, doc, options.Replace().SetUpsert(true))
		if !mongo.IsDuplicateKeyError(err) {
			break
		}
	}
	return err
}

func check(id string, data []byte) error {
	if !hardtack.ValidRecordID(id) {
		return hardtack.ErrRecordID
	}
	if len(data) > MaxData {
		return &hardtack.SizeError{RecordBytes: len(data), Limit: MaxData, Over: len(data) - MaxData}
	}
	return nil
}

// instant is now as MongoDB has it: a date in milliseconds.
func (s *Store) instant() bson.DateTime { return bson.NewDateTimeFromTime(s.now()) }

// withoutSession keeps ctx from carrying the application's session, and with it a transaction, into a command.
func withoutSession(ctx context.Context) context.Context {
	return mongo.NewSessionContext(ctx, nil)
}
