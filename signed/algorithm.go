package signed

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is a signature algorithm by its name in a token's header (RFC 7518, RFC 8037).
type Algorithm string

// Algorithms of a Codec. A ForeignCodec knows more: HS384, HS512, RS256, PS256 and so on.
const (
	// EdDSA is Ed25519, the default: small keys and signatures, fast, deterministic.
	EdDSA Algorithm = "EdDSA"
	// ES256 is ECDSA on P-256 with SHA-256, for verifiers that do not know EdDSA.
	ES256 Algorithm = "ES256"
	// HS256 is HMAC-SHA-256. Who can verify can forge, so it has no JWKS: for tokens that nobody but the ring's holders verifies.
	HS256 Algorithm = "HS256"
)

// scheme is an Algorithm of a Codec, and how its keys are made and shown.
type scheme struct {
	name      Algorithm
	method    jwt.SigningMethod
	signature int // bytes
	derive    func(signing []byte) (*keyPair, error)
	public    func(*keyPair) (jwk, error) // nil if it has no public half
}

func schemeOf(a Algorithm) *scheme {
	switch a {
	case EdDSA, "":
		return &scheme{EdDSA, jwt.SigningMethodEdDSA, ed25519.SignatureSize, deriveEdDSA, publicEdDSA}
	case ES256:
		return &scheme{ES256, jwt.SigningMethodES256, 64, deriveES256, publicES256}
	case HS256:
		return &scheme{HS256, jwt.SigningMethodHS256, sha256.Size, deriveHS256, nil}
	}
	return nil
}

func publicEdDSA(p *keyPair) (jwk, error) {
	return jwk{Type: "OKP", Curve: "Ed25519", X: segments.EncodeToString(p.verify.(ed25519.PublicKey))}, nil
}

func publicES256(p *keyPair) (jwk, error) {
	point, err := p.verify.(*ecdsa.PublicKey).Bytes() // 04 ‖ x ‖ y
	if err != nil {
		return jwk{}, err
	}
	x, y := point[1:33], point[33:]
	return jwk{Type: "EC", Curve: "P-256", X: segments.EncodeToString(x), Y: segments.EncodeToString(y)}, nil
}
