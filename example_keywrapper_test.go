package hardtack_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/hardtack-go/hardtack"
)

// kmsClient is the part of a cloud provider's client that is needed: most have two such calls.
type kmsClient interface {
	Encrypt(ctx context.Context, keyName string, plaintext, additionalData []byte) (ciphertext []byte, err error)
	Decrypt(ctx context.Context, keyName string, ciphertext, additionalData []byte) (plaintext []byte, err error)
}

// kms is any key management service as a hardtack.KeyWrapper. Who may call it decides who can read keys
// and who can add some; the service's own log says who has.
type kms struct {
	client  kmsClient
	keyName string // of the key that never leaves the service
	purpose []byte // authenticated: what is encrypted for staging does not decrypt in production
}

func (k *kms) Wrap(ctx context.Context, secret []byte) ([]byte, error) {
	return k.client.Encrypt(ctx, k.keyName, secret, k.purpose)
}

func (k *kms) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.client.Decrypt(ctx, k.keyName, wrapped, k.purpose)
}

// A ring in a database whose secrets only a key management service can decrypt.
func ExampleKeyWrapper() {
	ctx, database := context.Background(), new(exampleKeyStore)
	wrapper := &kms{client: newLocalKMS("projects/shop/keys/session"), keyName: "projects/shop/keys/session", purpose: []byte("production")}
	config := hardtack.KeyringConfig{Wrapper: wrapper, Rotation: &hardtack.RotationPolicy{}}

	// The first server to start makes a key, the second finds it.
	first, err := hardtack.OpenKeyring(ctx, database, config)
	if err != nil {
		panic(err)
	}
	defer first.Close()
	second, err := hardtack.OpenKeyring(ctx, database, config)
	if err != nil {
		panic(err)
	}
	defer second.Close()
	fmt.Println("one ring:", first.Health().Sealing == second.Health().Sealing)

	// What the database and its backups have of it is no use without the service.
	stored, err := hardtack.ParseKeySet(database.data)
	if err != nil {
		panic(err)
	}
	fmt.Println("wrapped:", stored.Keys[0].Wrapped())

	config.Wrapper = &kms{client: wrapper.client, keyName: wrapper.keyName, purpose: []byte("staging")}
	_, err = hardtack.OpenKeyring(ctx, database, config)
	fmt.Println("elsewhere:", errors.Is(err, hardtack.ErrKeyWrapping))
	// Output:
	// one ring: true
	// wrapped: true
	// elsewhere: true
}

// localKMS stands for the service: its keys do not leave it.
type localKMS struct{ keys map[string]cipher.AEAD }

func newLocalKMS(keyName string) *localKMS {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &localKMS{map[string]cipher.AEAD{keyName: aead}}
}

var errNoKMSKey = errors.New("kms: no such key")

func (k *localKMS) Encrypt(_ context.Context, keyName string, plaintext, additionalData []byte) ([]byte, error) {
	aead := k.keys[keyName]
	if aead == nil {
		return nil, errNoKMSKey
	}
	return aead.Seal(nil, nil, plaintext, additionalData), nil
}

func (k *localKMS) Decrypt(_ context.Context, keyName string, ciphertext, additionalData []byte) ([]byte, error) {
	aead := k.keys[keyName]
	if aead == nil {
		return nil, errNoKMSKey
	}
	return aead.Open(nil, nil, ciphertext, additionalData)
}

// exampleKeyStore stands for a table of a database.
type exampleKeyStore struct {
	mu   sync.Mutex
	data []byte
}

func (s *exampleKeyStore) LoadKeys(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data, nil
}

func (s *exampleKeyStore) SwapKeys(_ context.Context, old, new []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (old == nil) != (s.data == nil) || !bytes.Equal(old, s.data) {
		return false, nil
	}
	s.data = bytes.Clone(new)
	return true, nil
}
