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
	aead   cipher.AEAD
}

func (c *aeadCache) get(prefix *[prefixSize]byte) cipher.AEAD {
	set := &c.slots[prefix[0]%cacheSets]
	for i := range set {
		if e := set[i].Load(); e != nil && e.prefix == *prefix {
			return e.aead
		}
	}
	return nil
}

func (c *aeadCache) put(prefix [prefixSize]byte, aead cipher.AEAD) {
	set := &c.slots[prefix[0]%cacheSets]
	e := &cachedAEAD{prefix: prefix, aead: aead}
	for i := range set {
		if set[i].CompareAndSwap(nil, e) {
			return
		}
	}
	set[c.turn.Add(1)%cacheWays].Store(e)
}
