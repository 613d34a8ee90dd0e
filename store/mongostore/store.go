package mongostore

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// Options of a Store. Zero values mean the defaults.
type Options struct {
	// Database is the name of the database, for Open and if the URI names none; "hardtack" by default.
	Database string

	// Records and Subjects are the names of the collections, "hardtack_records" and
	// "hardtack_subjects" by default. They must differ.
	Records, Subjects string

	// InsecureLocalReads makes reads as fast as the primary can answer them. While a replica set changes its primary, for some
	// seconds, a server that still asks the former one then may serve sessions that were ended, and
	// miss sessions that were just saved.
	InsecureLocalReads bool

	// SweepEvery is how often the Store itself removes what has expired, give or take a tenth. By
	// default once a minute if the server has no TTL indexes, and never if it has.
	// Negative is never.
	SweepEvery time.Duration

	// SweepError hears why such a sweep failed; the next goes on. By default nobody does. It must be safe for
	// concurrent use with everything else.
	SweepError func(error)

	Now func() time.Time // time.Now by default; must be safe for concurrent use
}

func (o *Options) setDefaults() error {
	setDefault(&o.Database, "hardtack")
	setDefault(&o.Records, "hardtack_records")
	setDefault(&o.Subjects, "hardtack_subjects")
	if o.Records == o.Subjects {
		return errors.New("mongostore: Options.Records and Options.Subjects name the same collection")
	}
	if o.SweepError == nil {
		o.SweepError = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

func setDefault(name *string, value string) {
	if *name == "" {
		*name = value
	}
}

// Store keeps records and their index by subject in MongoDB. Make one with New or Open. It is safe for concurrent use.
//
// Errors match hardtack.ErrStoreUnavailable, except hardtack.ErrRecordID and
// *hardtack.SizeError, and the cause of ctx if that has ended. They name the server's error code, but nothing of what the
// driver or the server said, which may quote IDs and data.
type Store struct {
	records  *mongo.Collection
	subjects *mongo.Collection
	now      func() time.Time
	client   *mongo.Client // to disconnect at Close; nil if it is the application's
	sweeper  *sweeper      // nil if none runs
}

var (
	_ hardtack.CompareAndSwapper = (*Store)(nil)
	_ hardtack.SubjectIndexer    = (*Store)(nil)
	_ hardtack.Sweeper           = (*Store)(nil)
	_ hardtack.Pinger            = (*Store)(nil)
)

// New returns a Store in db, over the application's own client, and creates the collections and indexes that are missing. Several servers
// may do so at once. The client is kept and stays the application's to disconnect; its timeouts, its pool and whether it repeats
// reads and writes apply, its read and write concerns do not.
//
// The user needs the role readWrite.
func New(ctx context.Context, db *mongo.Database, o Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("mongostore: no database")
	}
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	ctx = withoutSession(ctx)
	concern, err := readConcern(ctx, db, o.InsecureLocalReads)
	if err != nil {
		return nil, failure(ctx, "connect", err)
	}
	journaled := true
	settings := options.Collection().
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled}).
		SetReadConcern(concern).
		SetReadPreference(readpref.Primary()).
		SetRegistry(bson.NewRegistry()).
		SetBSONOptions(&options.BSONOptions{})
	s := &Store{
		records:  db.Collection(o.Records, settings),
		subjects: db.Collection(o.Subjects, settings),
		now:      o.Now,
	}
	ttl, err := s.createIndexes(ctx)
	if err != nil {
		return nil, failure(ctx, "create indexes", err)
	}
	if o.SweepEvery == 0 && !ttl {
		o.SweepEvery = time.Minute
	}
	if o.SweepEvery > 0 {
		s.sweeper = startSweeper(s, o.SweepEvery, o.SweepError)
	}
	return s, nil
}
