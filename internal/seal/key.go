package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// KeyID names a key, in the clear. It follows from the key's secret.
type KeyID [4]byte

// prefixSeals is how many tokens one nonce prefix serves. The security
// argument of docs/format.md depends on it.
const prefixSeals = 1 << 16

// Key seals and opens tokens. It is safe for concurrent use without locks.
type Key struct {
	id     KeyID
	xaes   *xaes
	former []byte
	index  []byte

	epoch atomic.Pointer[epoch]
	cache aeadCache
}

// epoch is one nonce prefix, for at most prefixSeals seals.
type epoch struct {
	*cachedAEAD
	seals atomic.Uint32
}

// IDOf returns the ID of the key with this secret.
func IDOf(secret *[SecretSize]byte) KeyID {
	return KeyID(subkey(secret[:], "hardtack key id", len(KeyID{})))
}

// NewKey derives the subkeys of secret. It keeps no reference to it.
func NewKey(secret *[SecretSize]byte) (*Key, error) {
	x, err := newXAES(subkey(secret[:], "hardtack sealing", 32))
	if err != nil {
		return nil, err
	}
	return &Key{
		id:     IDOf(secret),
		xaes:   x,
		former: subkey(secret[:], "hardtack former", 32),
		index:  subkey(secret[:], "hardtack index", 32),
	}, nil
}

// ID returns the key's ID.
func (k *Key) ID() KeyID { return k.id }

// FormerSeed returns the seed of a session that a jar of this audience and name has read from value, the
// cookie (or session ID) of a former format under the given cookie name.
func (k *Key) FormerSeed(audience, name, former, value string) (seed [SeedSize]byte) {
	mac := hmac.New(sha256.New, k.former)
	for _, s := range []string{audience, name, former} {
		mac.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s))))
		mac.Write([]byte(s))
	}
	mac.Write([]byte(value))
	copy(seed[:], mac.Sum(nil))
	return seed
}

// IndexTag returns what the index by subject knows the subject as, 43 characters.
func (k *Key) IndexTag(audience, subject string) string {
	mac := hmac.New(sha256.New, k.index)
	mac.Write(binary.BigEndian.AppendUint16(nil, uint16(len(audience))))
	mac.Write([]byte(audience))
	mac.Write([]byte(subject))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func newEpoch(x *xaes) (*epoch, error) {
	var prefix [prefixSize]byte
	rand.Read(prefix[:])
	aead, err := x.aead(&prefix)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &epoch{cachedAEAD: &cachedAEAD{prefix: prefix, aead: aead}}, nil
}

// sealer returns an epoch that the caller may seal one message with.
func (k *Key) sealer() (*epoch, error) {
	for {
		old := k.epoch.Load()
		if old != nil && old.seals.Add(1) <= prefixSeals {
			return old, nil
		}
		next, err := newEpoch(k.xaes)
		if err != nil {
			return nil, err
		}
		next.encodeHead(k.id)
		next.seals.Store(1)
		if k.epoch.CompareAndSwap(old, next) {
			k.cache.put(next.cachedAEAD)
			return next, nil
		}
	}
}

// subkey is HKDF-SHA256 with an empty salt. It fails only for lengths beyond
// 255 hashes, which nobody here asks for.
func subkey(secret []byte, info string, size int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, info, size)
	if err != nil {
		panic("seal: " + err.Error())
	}
	return key
}
