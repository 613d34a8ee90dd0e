package redisstore

import (
	"context"
	"errors"
	"regexp"

	"github.com/hardtack-go/hardtack"
	"github.com/redis/go-redis/v9"
)

// KeysOptions says where a Keys is. The zero value is good.
type KeysOptions struct {
	// Prefix is what the key begins with, as in Options; DefaultPrefix if empty, for Store.Keys that of the Store.
	Prefix string
	// Name tells rings apart whose keys are in one server; "default" if empty. It is a letter or digit and then up to 63 letters, digits,
	// dots, hyphens and underscores, else the error matches ErrKeysName.
	Name string
}

// ErrKeysName: KeysOptions.Name is not a name.
var ErrKeysName = errors.New("redisstore: KeysOptions.Name is not 1 to 64 letters, digits, dots, hyphens and underscores")

var keysNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Keys keeps the keys of a ring in Redis, where all servers of a fleet find them. It is a hardtack.KeyStore for
// hardtack.OpenKeyring, which wants a KeyWrapper for it: whoever reads the server, or a backup of it, would otherwise have the keys.
// It is safe for concurrent use. Make one with NewKeys, or with Store.Keys.
//
// What is written never expires. If the server loses it all the same, or goes back to an older state, rings with a Rotation policy put it back.
//
// Its errors match hardtack.ErrStoreUnavailable, and the cause of the context if that has ended. None contains what is stored.
type Keys struct {
	client redis.UniversalClient
	key    string
}

var _ hardtack.KeyStore = (*Keys)(nil)

// NewKeys returns a Keys that uses the application's own client, which the application closes. It asks
// the server nothing. It fails with ErrKeysName, and with the clients that New refuses.
func NewKeys(client redis.UniversalClient, o KeysOptions) (*Keys, error) {
	if err := checkClient(client); err != nil {
		return nil, err
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Name == "" {
		o.Name = "default"
	}
	if !keysNameForm.MatchString(o.Name) {
		return nil, ErrKeysName
	}
	return &Keys{client: client, key: o.Prefix + "keys:" + o.Name}, nil
}

// Keys is NewKeys with the Store's client and Prefix. Once the Store has closed the connections, its calls fail.
func (s *Store) Keys(o KeysOptions) (*Keys, error) {
	if o.Prefix == "" {
		o.Prefix = s.prefix
	}
	return NewKeys(s.client, o)
}

// LoadKeys implements hardtack.KeySource.
func (k *Keys) LoadKeys(ctx context.Context) ([]byte, error) {
	document, err := k.client.Get(ctx, k.key).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, unavailable(ctx, "load keys", err)
	case document == nil:
		return []byte{}, nil // there, but empty
	}
	return document, nil
}

// swapKeysScript is given what is to be there and, unless nothing is, what is there: a missing argument is
// nil in Lua, a missing key false.
var swapKeysScript = newScript(`
if redis.call('GET', KEYS[1]) ~= (ARGV[2] or false) then
	return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
`)

// SwapKeys implements hardtack.KeyStore. It is never repeated after a lost answer, whatever the client is set to.
func (k *Keys) SwapKeys(ctx context.Context, old, new []byte) (swapped bool, err error) {
	args := []any{new}
	if old != nil {
		args = append(args, old)
	}
	swapped, err = swapKeysScript.once(ctx, k.client, k.key, args...)
	return swapped, unavailable(ctx, "swap keys", err)
}
