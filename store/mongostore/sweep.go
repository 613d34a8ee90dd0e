package mongostore

import (
	"context"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// sweepBatch is how many documents one command removes.
const sweepBatch = 500

// Sweep implements hardtack.Sweeper. With TTL indexes it is not needed.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	expired := bson.D{{Key: "e", Value: bson.D{{Key: "$lte", Value: s.instant()}}}}
	for _, c := range []*mongo.Collection{s.records, s.subjects} {
		n, err := sweep(ctx, c, expired)
		removed += n
		if err != nil {
			return removed, failure(ctx, "sweep", err)
		}
	}
	return removed, nil
}

func sweep(ctx context.Context, c *mongo.Collection, expired bson.D) (removed int, err error) {
	ctx = withoutSession(ctx)
	for {
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
		cursor, err := c.Find(ctx, expired, options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}).SetLimit(sweepBatch))
		if err != nil {
			return removed, err
		}
		var batch []struct {
			ID string `bson:"_id"`
		}
		if err := cursor.All(ctx, &batch); err != nil {
			return removed, err
		}
		if len(batch) == 0 {
			return removed, nil
		}
		ids := make(bson.A, len(batch))
		for i, doc := range batch {
			ids[i] = doc.ID
		}
		// A record may have been written again since it was found.
		res, err := c.DeleteMany(ctx, append(bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, expired...))
		if err != nil {
			return removed, err
		}
		removed += int(res.DeletedCount)
		if len(batch) < sweepBatch {
			return removed, nil
		}
	}
}

// sweeper sweeps a Store from time to time until it is stopped.
type sweeper struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func startSweeper(s *Store, every time.Duration, onError func(error)) *sweeper {
	ctx, cancel := context.WithCancel(context.Background())
	w := &sweeper{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for {
			// Servers that were started together do not sweep together.
			jitter := time.Duration((rand.Float64() - 0.5) / 5 * float64(every))
			select {
			case <-ctx.Done():
				return
			case <-time.After(every + jitter):
			}
			if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				onError(err)
			}
		}
	}()
	return w
}

func (w *sweeper) stop() {
	w.cancel()
	<-w.done
}
