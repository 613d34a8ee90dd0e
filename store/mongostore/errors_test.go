package mongostore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/mongostore"
)

// hang is far longer than any of these calls may take.
const hang = 20 * time.Second

// within fails the test if f does not return.
func within(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(hang):
		require.FailNow(t, "hangs")
		return nil
	}
}

// silent fails the test if an error, or one that it wraps, names what must not be logged, or is one of the driver's.
func silent(t *testing.T, err error, secrets ...string) {
	t.Helper()
	var labelled mongo.LabeledError
	assert.False(t, errors.As(err, &labelled), "wraps an error of the driver")
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, s := range append(secrets, id, subject, secret) {
				assert.NotContains(t, text, s)
			}
		}
	}
}

func TestServerErrors(t *testing.T) {
	unconfirmed := bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}, {Key: "writeConcernError", Value: bson.D{
		{Key: "code", Value: 64}, {Key: "codeName", Value: "WriteConcernFailed"}, {Key: "errmsg", Value: "waiting for " + id},
	}}}
	for name, c := range map[string]struct {
		answer bson.D
		text   string
	}{
		"command":          {failed(8000, "AtlasError"), "the server answered with error code 8000 (AtlasError)"},
		"nameless":         {failed(4, ""), "the server answered with error code 4"},
		"name with more":   {failed(4, "Quoting: "+id), "the server answered with error code 4"},
		"time limit":       {failed(50, "MaxTimeMSExpired"), "timed out"},
		"not confirmed":    {unconfirmed, "the write was not confirmed: error code 64 (WriteConcernFailed)"},
		"document refused": {bson.D{{Key: "ok", Value: 1}, {Key: "writeErrors", Value: bson.A{bson.D{{Key: "index", Value: 0}, {Key: "code", Value: 121}, {Key: "errmsg", Value: id}}}}}, "the server answered with error code 121"},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, map[string][]any{"update": {c.answer, c.answer}})
			s := f.store(t, nil, mongostore.Options{})
			err := s.Commit(t.Context(), id, []byte(secret), later())
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			assert.Equal(t, "mongostore: commit: "+c.text, err.Error())
			silent(t, err)
			swapped, err := s.CompareAndSwap(t.Context(), id, 1, 2, []byte(secret), later())
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			assert.False(t, swapped)
			silent(t, err)
		})
	}
}

// Somebody else's document is no record, and not to be shown.
func TestForeignDocuments(t *testing.T) {
	for _, doc := range []bson.D{
		{{Key: "_id", Value: id}},
		{{Key: "_id", Value: id}, {Key: "d", Value: secret}, {Key: "e", Value: bson.NewDateTimeFromTime(later())}},
		{{Key: "_id", Value: id}, {Key: "d", Value: bson.Binary{Data: []byte(secret)}}, {Key: "e", Value: later().Unix()}},
	} {
		f := startFake(t, map[string][]any{"find": {bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
			{Key: "id", Value: int64(0)}, {Key: "ns", Value: "db.c"}, {Key: "firstBatch", Value: bson.A{doc}},
		}}}}})
		_, found, err := f.store(t, nil, mongostore.Options{}).Find(t.Context(), id)
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		assert.False(t, found)
		silent(t, err)
	}
}

func TestContexts(t *testing.T) {
	f := startFake(t, map[string][]any{"update": {never, never, never}})
	s := f.store(t, nil, mongostore.Options{})

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := within(t, func() error { return s.Commit(ctx, id, []byte(secret), later()) })
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	silent(t, err)

	ctx, cancel = context.WithCancel(t.Context())
	defer time.AfterFunc(100*time.Millisecond, cancel).Stop()
	err = within(t, func() error { return s.Commit(ctx, id, []byte(secret), later()) })
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	require.ErrorIs(t, err, context.Canceled)
	silent(t, err)

	why := errors.New("why")
	ctx, cause := context.WithCancelCause(t.Context())
	cause(why)
	_, err = s.CompareAndSwap(ctx, id, 1, 2, []byte(secret), later())
	require.ErrorIs(t, err, why)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
}

func TestMalformedIDs(t *testing.T) {
	s := startFake(t, nil).store(t, nil, mongostore.Options{})
	for _, bad := range []string{"", id[1:], id + "A", id[1:] + " ", id[1:] + "$"} {
		_, _, err := s.Find(t.Context(), bad)
		assert.Equal(t, hardtack.ErrRecordID, err)
		assert.Equal(t, hardtack.ErrRecordID, s.Commit(t.Context(), bad, nil, later()))
		assert.Equal(t, hardtack.ErrRecordID, s.Delete(t.Context(), bad))
		_, err = s.CompareAndSwap(t.Context(), bad, 0, 1, nil, later())
		assert.Equal(t, hardtack.ErrRecordID, err)
		assert.Equal(t, hardtack.ErrRecordID, s.Index(t.Context(), bad, subject, later()))
		_, err = s.FindSubjects(t.Context(), []string{subject, bad})
		assert.Equal(t, hardtack.ErrRecordID, err)
		if bad != "" {
			assert.Equal(t, hardtack.ErrRecordID, s.Index(t.Context(), id, bad, later()))
		}
	}
}

// ferrettest writes as much as fits.
func TestTooLarge(t *testing.T) {
	f := startFake(t, nil)
	s := f.store(t, nil, mongostore.Options{})
	data := make([]byte, mongostore.MaxData+7)
	_, err := s.CompareAndSwap(t.Context(), id, 0, 1, data, later())
	for _, err := range []error{err, s.Commit(t.Context(), id, data, later())} {
		var size *hardtack.SizeError
		require.ErrorAs(t, err, &size)
		assert.Equal(t, &hardtack.SizeError{RecordBytes: len(data), Limit: mongostore.MaxData, Over: 7}, size)
		assert.NotErrorIs(t, err, hardtack.ErrStoreUnavailable)
	}
	assert.Empty(t, f.got("update"))
}

func TestOptions(t *testing.T) {
	_, err := mongostore.New(t.Context(), nil, mongostore.Options{})
	require.EqualError(t, err, "mongostore: no database")
	_, err = mongostore.Open(t.Context(), "mongodb://127.0.0.1", mongostore.Options{Records: "one", Subjects: "one"})
	require.EqualError(t, err, "mongostore: Options.Records and Options.Subjects name the same collection")
}

func TestURIs(t *testing.T) {
	const password = "correcthorse"
	for _, uri := range []string{
		"", "redis://user:" + password + "@127.0.0.1", "mongodb://user:" + password, "mongodb://user:" + password + "@",
		"mongodb://user:" + password + "@@127.0.0.1", "mongodb://user:" + password + "/@127.0.0.1", "mongodb://user:" + password + "%@127.0.0.1",
		"mongodb://user:" + password + "@127.0.0.1:99999/", "mongodb://user:" + password + "@127.0.0.1/?w=" + password + "&journal=" + password,
		"mongodb://127.0.0.1/?tlsCertificateKeyFilePassword=" + password + "&tlsCertificateKeyFile=/nowhere",
		"mongodb://user:" + password + "@127.0.0.1/?directConnection=true&loadBalanced=true",
		"mongodb://user:" + password + "@127.0.0.1/?authMechanism=" + password,
	} {
		_, err := mongostore.Open(t.Context(), uri, mongostore.Options{})
		require.Error(t, err, uri)
		silent(t, err, password)
	}
}

func TestUnreachable(t *testing.T) {
	refuses, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refuses.Close())
	silentServer, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
	require.NoError(t, err)
	defer func() { _ = silentServer.Close() }()

	for name, addr := range map[string]string{"refuses": refuses.Addr().String(), "never answers": silentServer.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err := within(t, func() error {
				_, err := mongostore.Open(ctx, "mongodb://user:correcthorse@"+addr+"/db", mongostore.Options{})
				return err
			})
			require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			silent(t, err, "correcthorse", "user")
		})
	}

	// Without a deadline the driver's own limit is one.
	err = within(t, func() error {
		_, err := mongostore.Open(context.Background(), "mongodb://"+refuses.Addr().String()+"/?serverSelectionTimeoutMS=300", mongostore.Options{})
		return err
	})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Equal(t, "mongostore: connect: timed out: connection refused", err.Error())
}
