package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// Ping implements hardtack.Pinger: it reads as Find does, so it also notices a replica set that has lost its majority.
func (s *Store) Ping(ctx context.Context) error {
	_, _, err := s.find(ctx, "ping", "")
	return err
}

// readConcern returns the strongest that the server knows: only a member of a replica set, and the router of a
// sharded cluster, take "linearizable".
func readConcern(ctx context.Context, db *mongo.Database, local bool) (*readconcern.ReadConcern, error) {
	var hello struct {
		SetName string `bson:"setName"`
		Msg     string `bson:"msg"`
	}
	err := db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}, options.RunCmd().SetReadPreference(readpref.Primary())).Decode(&hello)
	switch {
	case err != nil:
		return nil, err
	case !local && (hello.SetName != "" || hello.Msg == "isdbgrid"):
		return readconcern.Linearizable(), nil
	default:
		return readconcern.Local(), nil
	}
}

// ttlGrace is how much longer than necessary MongoDB keeps what has expired, since its clock is not the Store's.
const ttlGrace = 2 * time.Minute

// createIndexes creates those that are missing, and reports whether the server removes what has expired.
func (s *Store) createIndexes(ctx context.Context) (ttl bool, err error) {
	subject := mongo.IndexModel{Keys: bson.D{{Key: "s", Value: 1}}}
	if _, err := s.subjects.Indexes().CreateOne(ctx, subject); err != nil {
		return false, err
	}
	ttl = true
	for _, c := range []*mongo.Collection{s.records, s.subjects} {
		expiry := mongo.IndexModel{Keys: bson.D{{Key: "e", Value: 1}}}
		if ttl {
			expiry.Options = options.Index().SetExpireAfterSeconds(int32(ttlGrace / time.Second))
			_, err := c.Indexes().CreateOne(ctx, expiry)
			if err == nil {
				continue
			}
			if !unsupported(err) {
				return false, err
			}
			ttl, expiry.Options = false, nil
		}
		if _, err := c.Indexes().CreateOne(ctx, expiry); err != nil {
			return false, err
		}
	}
	return ttl, nil
}

// unsupported reports whether a server of MongoDB's protocol says that it does not know what it was asked for.
func unsupported(err error) bool {
	const commandNotSupported, notImplemented = 115, 238
	var server mongo.ServerError
	return errors.As(err, &server) && (server.HasErrorCode(commandNotSupported) || server.HasErrorCode(notImplemented))
}
