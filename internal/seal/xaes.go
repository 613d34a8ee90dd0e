package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// xaes derives AES-256-GCM keys from a 32-byte key and half a nonce, as
// c2sp.org/XAES-256-GCM specifies: the counter-mode KDF of NIST SP 800-108r1
// over CMAC, of which K1 is the only subkey it ever needs.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key []byte) (*xaes, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("seal: XAES-256-GCM key of %d bytes, want 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	var msb byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		msb, x.k1[i] = x.k1[i]>>7, x.k1[i]<<1|msb
	}
	// Without a branch on the key: 0x87 if the bit shifted out was 1.
	x.k1[len(x.k1)-1] ^= msb * 0b10000111
	return x, nil
}

// derive returns the AES-256-GCM key for nonces that start with prefix.
func (x *xaes) derive(prefix *[prefixSize]byte) [32]byte {
	var key [32]byte
	for i := range 2 {
		m := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		m[1], m[2] = byte(i+1), 'X'
		copy(m[4:], prefix[:])
		for j := range m {
			m[j] ^= x.k1[j]
		}
		x.block.Encrypt(m, m)
	}
	return key
}

// aead returns the AEAD for prefix. It draws the other half of the nonce
// itself, so it takes a nil nonce, and its output is that half, then the
// ciphertext and the tag: the only form of AES-GCM with random nonces that
// FIPS 140 accepts.
func (x *xaes) aead(prefix *[prefixSize]byte) (cipher.AEAD, error) {
	key := x.derive(prefix)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
