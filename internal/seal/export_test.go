package seal

// What the tests of package seal_test need from inside: nothing here reaches a
// program that imports the package.

const (
	PrefixSeals = prefixSeals
	CacheSize   = cacheSets * cacheWays
	CacheWays   = cacheWays
	MinToken    = minToken
	HeaderSize  = headerSize
	PrefixSize  = prefixSize
	NonceSize   = nonceSize
	TagSize     = tagSize
	MaxTime     = maxTime
	MaxLineage  = maxLineage
)

// NewKeyWithID returns the key of secret under an ID that is not its own. To
// find two secrets of one ID takes some 2^32 derivations, so the tests pretend.
func NewKeyWithID(secret *[SecretSize]byte, id KeyID) (*Key, error) {
	k, err := NewKey(secret)
	if err == nil {
		k.id = id
	}
	return k, err
}

// CachedPrefixes returns the prefix of every entry of the key's cache.
func (k *Key) CachedPrefixes() (prefixes [][PrefixSize]byte) {
	for i := range k.cache.slots {
		for j := range k.cache.slots[i] {
			if e := k.cache.slots[i][j].Load(); e != nil {
				prefixes = append(prefixes, e.prefix)
			}
		}
	}
	return prefixes
}

// AppendEnvelope encodes e without checking it.
func AppendEnvelope(b []byte, e *Envelope) []byte { return e.append(b) }

// ParseToken decodes what is inside a token that sealedBy sealed.
func ParseToken(b []byte, sealedBy KeyID, e *Envelope) error {
	return e.parse(b, sealedBy, Kind.inToken)
}

// ParseRecord decodes what is inside a record.
func ParseRecord(b []byte, e *Envelope) error {
	return e.parse(b, KeyID{}, Kind.inRecord)
}

// CheckEnvelope says whether sealedBy would seal e.
func CheckEnvelope(e *Envelope, sealedBy KeyID) error { return e.check(sealedBy) }

// Subkey derives a subkey of a secret or a value of a seed.
func Subkey(secret []byte, info string, size int) []byte { return subkey(secret, info, size) }

// XAESDerive returns the AES-256-GCM key of an XAES-256-GCM key and the first
// half of a nonce.
func XAESDerive(key []byte, prefix [PrefixSize]byte) ([32]byte, error) {
	x, err := newXAES(key)
	if err != nil {
		return [32]byte{}, err
	}
	return x.derive(&prefix), nil
}

// XAESOpen opens an XAES-256-GCM message as Open and OpenRecord do.
func XAESOpen(key []byte, nonce [NonceSize]byte, ciphertext, aad []byte) ([]byte, error) {
	x, err := newXAES(key)
	if err != nil {
		return nil, err
	}
	aead, err := x.aead((*[prefixSize]byte)(nonce[:]))
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, append(nonce[prefixSize:], ciphertext...), aad)
}

// TokenAAD returns the additional authenticated data of a token.
func TokenAAD(id KeyID, b Binding) []byte { return append(appendHeader(nil, id), b.aad...) }

// RecordAAD returns that of a record, from the record's first bytes.
func RecordAAD(locator string, record []byte) []byte {
	return recordAAD(locator, record[:revisionSize+headerSize])
}
