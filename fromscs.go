package hardtack

import (
	"bytes"
	"context"
	"reflect"
	"time"
)

// SCSStore is the Store of github.com/alexedwards/scs/v2. Its CtxStore is one, too.
type SCSStore interface {
	Find(token string) (b []byte, found bool, err error)
	Commit(token string, b []byte, expiry time.Time) error
	Delete(token string) error
}

type scsCtxStore interface {
	FindCtx(ctx context.Context, token string) (b []byte, found bool, err error)
	CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error
	DeleteCtx(ctx context.Context, token string) error
}

// FromSCS returns a Store that keeps its records in s, a store of
// github.com/alexedwards/scs/v2. If s has the methods FindCtx, CommitCtx and DeleteCtx, only they are
// called; else a context is only looked at before each call. A nil s, or a nil pointer in it, gives a nil
// Store, which NewHybrid refuses. Data are copied on the way in and out. It is safe for concurrent use if s is.
//
// Such a Store is no CompareAndSwapper. The last write wins: of concurrent saves of one stored session all
// but one can be lost. A cookie's minimum revision is not enforced, so a restored backup is not
// noticed. A save in flight can outlive a Delete or Renew. It is no SubjectIndexer
// either: EndAll does not work. What has expired is removed by s, if at all.
func FromSCS(s SCSStore) Store {
	if v := reflect.ValueOf(s); s == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	if c, ok := s.(scsCtxStore); ok {
		return scsStore{c}
	}
	return scsStore{scsWithoutCtx{s}}
}

// scsStore is what FromSCS returns.
type scsStore struct{ scs scsCtxStore }

func (s scsStore) Find(ctx context.Context, id string) ([]byte, bool, error) {
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	b, found, err := s.scs.FindCtx(ctx, id)
	if err != nil || !found {
		return nil, false, err
	}
	return bytes.Clone(b), true, nil // boltstore's is the database's memory, and soon used for something else
}

func (s scsStore) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// A store that turns the expiry into a time to live may take what is left
	// of an expiry that has passed for one that never comes.
	if !time.Now().Before(expires) {
		return s.scs.DeleteCtx(ctx, id)
	}
	err := s.scs.CommitCtx(ctx, id, bytes.Clone(data), expires) // memstore keeps it
	if err == nil && !time.Now().Before(expires) {
		err = s.scs.DeleteCtx(ctx, id)
	}
	return err
}

func (s scsStore) Delete(ctx context.Context, id string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.scs.DeleteCtx(ctx, id)
}

// scsWithoutCtx is a store that knows no contexts.
type scsWithoutCtx struct{ SCSStore }

func (s scsWithoutCtx) FindCtx(_ context.Context, id string) ([]byte, bool, error) { return s.Find(id) }
func (s scsWithoutCtx) DeleteCtx(_ context.Context, id string) error               { return s.Delete(id) }
func (s scsWithoutCtx) CommitCtx(_ context.Context, id string, data []byte, expires time.Time) error {
	return s.Commit(id, data, expires)
}
