// Package seal is the hardtack token: its bytes, and nothing about HTTP.
//
// It implements docs/format.md: XAES-256-GCM, the subkeys of a secret, the
// values that follow from a session's seed, the envelope inside a token and
// the sealed record of a store.
package seal

import "errors"

// Reasons for which a token or record is not accepted.
var (
	ErrMalformed  = errors.New("hardtack: malformed cookie")
	ErrUnknownKey = errors.New("hardtack: cookie sealed with an unknown key")
	ErrForged     = errors.New("hardtack: cookie is not authentic")
)

// ErrUnsealable is wrapped by the errors of envelopes that have no encoding.
var ErrUnsealable = errors.New("hardtack: session cannot be encoded")

const (
	// Version is the first byte of every token and record.
	Version = 1

	// SecretSize is the size of a key's secret in bytes.
	SecretSize = 32

	// SeedSize is the size of a session's seed in bytes.
	SeedSize = 16

	// MaxText is the length of the longest text that can be a token.
	MaxText = 4096

	headerSize = 1 + 4
	prefixSize = 12
	nonceSize  = 24
	tagSize    = 16

	// Overhead is what a token adds to its plaintext, in bytes before base64.
	Overhead = headerSize + nonceSize + tagSize
)
