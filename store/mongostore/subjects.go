package mongostore

import (
	"context"
	"time"

	"github.com/hardtack-go/hardtack"
	"go.mongodb.org/mongo-driver/v2/bson"
)

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
	// MongoDB promises "linearizable" of one document only. What it does is to confirm, after each batch
	// was read, that the server is still the primary, which is what is needed here too.
	cursor, err := s.subjects.Find(withoutSession(ctx), bson.D{
		{Key: "s", Value: bson.D{{Key: "$in", Value: subjects}}},
		{Key: "e", Value: bson.D{{Key: "$gt", Value: s.instant()}}},
	})
	if err != nil {
		return nil, failure(ctx, "find subjects", err)
	}
	var entries []struct {
		ID      string    `bson:"_id"`
		Expires time.Time `bson:"e"`
	}
	if err := cursor.All(withoutSession(ctx), &entries); err != nil {
		return nil, failure(ctx, "find subjects", err)
	}
	for _, e := range entries {
		found[e.ID] = e.Expires
	}
	return found, nil
}
