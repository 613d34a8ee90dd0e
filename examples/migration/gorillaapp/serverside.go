package gorillaapp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// storeCodec reads the sessions of any gorilla/sessions.Store, such as those that keep them on the server, by asking it.
type storeCodec struct {
	store  sessions.Store
	maxAge time.Duration
}

func (c storeCodec) Open(ctx context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	r := (&http.Request{Header: http.Header{"Cookie": {b.Name + "=" + value}}}).WithContext(ctx)
	session, err := c.store.New(r, b.Name)
	var fault securecookie.Error
	switch {
	case errors.As(err, &fault) && fault.IsDecode():
		return hardtack.ErrForged
	case errors.Is(err, fs.ErrNotExist), err == nil && (session.IsNew || session.ID == ""):
		return hardtack.ErrRecordMissing
	case err != nil:
		return fmt.Errorf("%w: %T", hardtack.ErrStoreUnavailable, err)
	}
	account, err := fromValues(session.Values)
	if err != nil {
		return hardtack.ErrPayload
	}
	payload, err := hardtack.CBOR{}.Marshal(&account)
	if err != nil {
		return hardtack.ErrPayload
	}
	*rec = hardtack.Record{
		Kind:       hardtack.KindInline,
		ID:         session.ID, // the same in every request
		Subject:    account.User,
		Created:    b.Now, // it is not known, and the store has refused what is too old
		Issued:     b.Now,
		Expires:    b.Now.Add(c.maxAge),
		Serializer: hardtack.CBOR{},
		Payload:    payload,
	}
	return nil
}

func (storeCodec) Encrypts() bool { return true }

func (storeCodec) Seal(context.Context, []byte, hardtack.Binding, *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	return nil, hardtack.KeyID{}, errors.New("only reads")
}

// FromStore is the Jar that reads the sessions of a store on the server too.
func FromStore(ring *hardtack.Keyring, metrics hardtack.Observer, old sessions.Store, records hardtack.Store) (*hardtack.Jar[shop.Account], error) {
	return hardtack.NewHybrid[shop.Account](hardtack.Config{
		Keys:        ring,
		Lifetime:    year,
		IdleTimeout: month,
		Formerly:    []hardtack.Former{{Name: "session", Codec: storeCodec{old, month}, Label: "gorilla"}},
		Observer:    metrics,
	}, records)
}
