package signed

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxUnnamed = 4    // keys without an ID, each of which is tried
	minRSA     = 1024 // bits, below which crypto/rsa does not verify
)

// VerifyKey is a key that tokens of an application were signed with. It does not print.
type VerifyKey struct {
	_ struct{}

	// ID is the kid of the tokens that this key, and no other, verifies. Of keys without one, up to 4, each is tried.
	ID string
	// Algorithm is one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA. A token with another is refused.
	Algorithm Algorithm
	// Key is a []byte for HS, which is copied, and of any length but 0; else a *rsa.PublicKey, a *ecdsa.PublicKey of the algorithm's curve, or an
	// ed25519.PublicKey. A short or guessable secret is as weak here as it has been so far: it is one more reason to migrate.
	Key any
}

// String names the key by its ID and algorithm.
func (k VerifyKey) String() string { return fmt.Sprintf("key %q (%s)", k.ID, k.Algorithm) }

// Format prints String for every verb.
func (k VerifyKey) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue logs String.
func (k VerifyKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns String, so that JSON shows no secret either.
func (k VerifyKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// foreignKey is a VerifyKey that was checked.
type foreignKey struct {
	id     string
	method jwt.SigningMethod
	key    any
}

// check returns k ready for use, or what is wrong with it: the field and the reason.
func (k *VerifyKey) check() (key *foreignKey, field, reason string) {
	key = &foreignKey{k.ID, methodOf(k.Algorithm), k.Key}
	switch method := key.method.(type) {
	case nil:
		return nil, "Algorithm", "is none that a signature can be verified with"
	case *jwt.SigningMethodHMAC:
		secret, ok := k.Key.([]byte)
		if !ok || len(secret) == 0 {
			return nil, "Key", "must be a []byte that is not empty"
		}
		if isPublic(secret) {
			return nil, "Key", "is a public key: whoever has it could forge tokens"
		}
		key.key = slices.Clone(secret)
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
		public, ok := k.Key.(*rsa.PublicKey)
		if !ok || public == nil || public.N == nil {
			return nil, "Key", "must be a *rsa.PublicKey"
		}
		if public.N.BitLen() < minRSA {
			return nil, "Key", fmt.Sprintf("has less than %d bits: crypto/rsa does not verify with it", minRSA)
		}
	case *jwt.SigningMethodECDSA:
		public, ok := k.Key.(*ecdsa.PublicKey)
		if !ok || public == nil || public.Curve == nil || public.Params().BitSize != method.CurveBits {
			return nil, "Key", fmt.Sprintf("must be a *ecdsa.PublicKey of %d bits", method.CurveBits)
		}
		if _, err := public.ECDH(); err != nil {
			return nil, "Key", "is not a point of its curve"
		}
	case *jwt.SigningMethodEd25519:
		public, ok := k.Key.(ed25519.PublicKey)
		if !ok || len(public) != ed25519.PublicKeySize {
			return nil, "Key", fmt.Sprintf("must be an ed25519.PublicKey of %d bytes", ed25519.PublicKeySize)
		}
		key.key = slices.Clone(public)
	}
	return key, "", ""
}

// methodOf does not ask golang-jwt, to which any package of the program can add methods.
func methodOf(a Algorithm) jwt.SigningMethod {
	switch a {
	case "HS256":
		return jwt.SigningMethodHS256
	case "HS384":
		return jwt.SigningMethodHS384
	case "HS512":
		return jwt.SigningMethodHS512
	case "RS256":
		return jwt.SigningMethodRS256
	case "RS384":
		return jwt.SigningMethodRS384
	case "RS512":
		return jwt.SigningMethodRS512
	case "PS256":
		return jwt.SigningMethodPS256
	case "PS384":
		return jwt.SigningMethodPS384
	case "PS512":
		return jwt.SigningMethodPS512
	case "ES256":
		return jwt.SigningMethodES256
	case "ES384":
		return jwt.SigningMethodES384
	case "ES512":
		return jwt.SigningMethodES512
	case "EdDSA":
		return jwt.SigningMethodEdDSA
	}
	return nil
}

// isPublic reports whether what should be a secret is a public key, or a certificate, of somebody who has mixed them up.
func isPublic(secret []byte) bool {
	if block, _ := pem.Decode(secret); block != nil {
		switch block.Type {
		case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
			return true
		}
		return false
	}
	if _, err := x509.ParsePKIXPublicKey(secret); err == nil {
		return true
	}
	if _, err := x509.ParseCertificate(secret); err == nil {
		return true
	}
	_, err := x509.ParsePKCS1PublicKey(secret)
	return err == nil
}
