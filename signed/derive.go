package signed

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"strconv"

	"github.com/hardtack-go/hardtack"
)

// keyPair is what a key of the ring is under one algorithm: what golang-jwt signs and verifies with.
type keyPair struct{ sign, verify any }

// deriveKey returns the key pair of a ring's key (docs/format.md, "The signed format").
func deriveKey(s *scheme, key hardtack.Key) (*keyPair, error) {
	secret := key.ExposeSecret()
	if secret == nil {
		return nil, &hardtack.KeyError{ID: key.ID(), Err: hardtack.ErrNoUsableKey} // a ring gives none of these
	}
	signing, err := expand(secret, "hardtack signing")
	if err != nil {
		return nil, err
	}
	return s.derive(signing)
}

// expand returns 32 bytes of HKDF-SHA256 with an empty salt.
func expand(key []byte, info string) ([]byte, error) {
	return hkdf.Key(sha256.New, key, nil, info, 32)
}

func deriveHS256(signing []byte) (*keyPair, error) {
	key, err := expand(signing, "hardtack signing HS256")
	return &keyPair{key, key}, err
}

func deriveEdDSA(signing []byte) (*keyPair, error) {
	seed, err := expand(signing, "hardtack signing EdDSA")
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(seed)
	return &keyPair{key, key.Public()}, nil
}

// deriveES256 takes the first of a row of 32-byte strings that is a scalar of the curve: nearly always the first of all, since one in 2^32 is not.
func deriveES256(signing []byte) (*keyPair, error) {
	for i := 0; ; i++ {
		scalar, err := expand(signing, "hardtack signing ES256 "+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err == nil {
			return &keyPair{key, &key.PublicKey}, nil
		}
	}
}
