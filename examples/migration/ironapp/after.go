// Package ironapp is a shop on iron-session, in Node.js, on its way to hardtack.
package ironapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// ttl is that of iron-session.
const ttl = 14 * 24 * time.Hour

// codec asks the Node application what is in a cookie of iron-session.
type codec struct {
	client *http.Client
	url    string
}

func (c codec) Open(ctx context.Context, _ hardtack.Binding, value string, rec *hardtack.Record) error {
	// Fe26.2*password*salt*iv*data*expires*salt*mac~2. What follows the MAC is not authenticated: accept one text only.
	seal, version, _ := strings.Cut(value, "~")
	parts := strings.Split(seal, "*")
	if len(parts) != 8 || version != "2" {
		return hardtack.ErrMalformed
	}
	ms, err := strconv.ParseInt(parts[5], 10, 64)
	if err != nil {
		return hardtack.ErrMalformed // also a seal without end
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(value))
	if err != nil {
		return fmt.Errorf("%w: %T", hardtack.ErrStoreUnavailable, err)
	}
	res, err := c.client.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %T", hardtack.ErrStoreUnavailable, err)
	}
	defer res.Body.Close()
	var account shop.Account
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&account)
	switch {
	case res.StatusCode != http.StatusOK || err != nil:
		return fmt.Errorf("%w: the Node application answered with %d", hardtack.ErrStoreUnavailable, res.StatusCode)
	case account.User == "":
		return hardtack.ErrForged
	}
	payload, err := hardtack.CBOR{}.Marshal(&account)
	if err != nil {
		return hardtack.ErrPayload
	}
	expires := time.UnixMilli(ms)
	*rec = hardtack.Record{
		Kind:       hardtack.KindInline,
		ID:         value, // there is a random salt in it
		Subject:    account.User,
		Created:    expires.Add(-ttl),
		Issued:     expires.Add(-ttl),
		Expires:    expires,
		Serializer: hardtack.CBOR{},
		Payload:    payload,
	}
	return nil
}

func (codec) Encrypts() bool { return true }

func (codec) Seal(context.Context, []byte, hardtack.Binding, *hardtack.Record) ([]byte, hardtack.KeyID, error) {
	return nil, hardtack.KeyID{}, errors.New("only reads")
}

// After is the Jar that asks the Node application at this URL for the sessions that it does not know.
func After(ring *hardtack.Keyring, metrics hardtack.Observer, url string) (*hardtack.Jar[shop.Account], error) {
	old := codec{&http.Client{Timeout: 2 * time.Second}, url}
	return hardtack.New[shop.Account](hardtack.Config{
		Keys:        ring,
		Lifetime:    90 * 24 * time.Hour,
		IdleTimeout: ttl,
		Formerly:    []hardtack.Former{{Name: "session", Codec: old, Label: "iron"}},
		Observer:    metrics,
	})
}
