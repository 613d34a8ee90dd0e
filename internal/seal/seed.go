package seal

import (
	"crypto/rand"
	"encoding/base64"
)

// LocatorSize is the length of a locator in characters.
const LocatorSize = 43

// Seed is the secret that a session's identity follows from. It exists only
// inside sealed tokens and in memory.
type Seed = [SeedSize]byte

// NewSeed returns a random seed.
func NewSeed() (s Seed) {
	rand.Read(s[:])
	return s
}

// SessionID returns the public identity of the session, 22 characters.
func SessionID(s *Seed) string {
	return base64.RawURLEncoding.EncodeToString(subkey(s[:], "hardtack session id", 16))
}

// Locator returns where the store keeps the session's record.
func Locator(s *Seed) string {
	return base64.RawURLEncoding.EncodeToString(subkey(s[:], "hardtack record locator", 32))
}

func recordKey(s *Seed) []byte { return subkey(s[:], "hardtack record key", 32) }
