package seal

import (
	"crypto/cipher"
	"sync/atomic"
)

const (
	cacheSets = 64
	cacheWays = 4
)

// aeadCache remembers the AEADs of the prefixes seen last: a fixed number, in
// sets chosen by the prefix, replaced in turn. Readers take no lock. Only
// prefixes of authentic tokens enter, so nobody without a key can fill it or
// push anything out of it.
type aeadCache struct {
	slots [cacheSets][cacheWays]atomic.Pointer[cachedAEAD]
	turn  atomic.Uint32
}

type cachedAEAD struct {
	prefix [prefixSize]byte
	text   [headText]byte // of the token's first bytes, which are encoded and decoded once
	aead   cipher.AEAD
}

// headBytes of a token, the header and most of the prefix, are a whole number of groups of base64, headText characters.
const (
	headBytes = 15
	headText  = headBytes / 3 * 4
)

// encodeHead fills in text for tokens of the key with this ID.
func (c *cachedAEAD) encodeHead(id KeyID) {
	head := append(appendHeader(make([]byte, 0, headerSize+prefixSize), id), c.prefix[:]...)
	base64url.Encode(c.text[:], head[:headBytes])
}

// get returns the entry for a token that begins with these characters and goes on with these bytes of the prefix.
func (c *aeadCache) get(text string, rest []byte) *cachedAEAD {
	set := &c.slots[rest[1]%cacheSets]
	for i := range set {
		if e := set[i].Load(); e != nil && string(e.text[:]) == text[:headText] && e.prefix[prefixSize-2] == rest[0] && e.prefix[prefixSize-1] == rest[1] {
			return e
		}
	}
	return nil
}

func (c *aeadCache) put(e *cachedAEAD) {
	set := &c.slots[e.prefix[prefixSize-1]%cacheSets]
	for i := range set {
		if set[i].CompareAndSwap(nil, e) {
			return
		}
	}
	set[c.turn.Add(1)%cacheWays].Store(e)
}
