package mongostore

import (
	"context"
	"time"

	"github.com/hardtack-go/hardtack"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// subjectsBatch is how many entries of the index one answer of the server may hold, about a megabyte.
const subjectsBatch = 10_000

// Index implements hardtack.SubjectIndexer.
func (s *Store) Index(ctx context.Context, id, subject string, expires time.Time) error {
	if !hardtack.ValidRecordID(id) || subject != "" && !hardtack.ValidRecordID(subject) {
		return hardtack.ErrRecordID
	}
	if subject == "" {
		_, err := s.subjects.DeleteOne(withoutSession(ctx), bson.D{{Key: "_id", Value: id}})
		return failure(ctx, "index", err)
	}
	return failure(ctx, "index", upsert(ctx, s.subjects, id, bson.D{
		{Key: "s", Value: subject},
		{Key: "e", Value: bson.NewDateTimeFromTime(expires)},
	}))
}

// FindSubjects implements hardtack.SubjectIndexer.
func (s *Store) FindSubjects(ctx context.Context, subjects []string) (map[string]time.Time, error) {
	for _, subject := range subjects {
		if !hardtack.ValidRecordID(subject) {
			return nil, hardtack.ErrRecordID
		}
	}
	found := make(map[string]time.Time)
	if len(subjects) == 0 {
		return found, nil
	}
	// MongoDB's manual promises "linearizable" of one document only. What its server does, whatever was read, is to have a majority
	// confirm at the end of each batch that it is still the primary, so nothing that was acknowledged is missed. "majority" would
	// not ask.
	//
	// The filter has the subject alone, and one batch holds what there is: a scan of another index, or a
	// second batch, could miss an entry that is changed meanwhile.
	cursor, err := s.subjects.Find(withoutSession(ctx),
		bson.D{{Key: "s", Value: bson.D{{Key: "$in", Value: subjects}}}},
		options.Find().SetBatchSize(subjectsBatch))
	if err != nil {
		return nil, failure(ctx, "find subjects", err)
	}
	var entries []struct {
		ID      string        `bson:"_id"`
		Expires bson.DateTime `bson:"e"`
	}
	if err := cursor.All(withoutSession(ctx), &entries); err != nil {
		return nil, failure(ctx, "find subjects", err)
	}
	now := s.instant()
	for _, e := range entries {
		if e.Expires > now {
			found[e.ID] = e.Expires.Time()
		}
	}
	return found, nil
}
