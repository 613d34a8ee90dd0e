package signed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	defaultMaxAge = 5 * time.Minute
	longestMaxAge = 24 * time.Hour
)

// JWKSOptions says how JWKSHandler answers. Its zero value is fine.
type JWKSOptions struct {
	_ struct{}

	// MaxAge is how long the answer may be cached, to the second; 5 min by default, at most 24 h.
	MaxAge time.Duration
	// Now is the clock; time.Now by default. For tests and drills.
	Now func() time.Time
}

// jwk is a public key (RFC 7517, RFC 8037). It has no field for a private one.
type jwk struct {
	Type      string    `json:"kty"`
	Use       string    `json:"use"`
	Algorithm Algorithm `json:"alg"`
	ID        string    `json:"kid"`
	Curve     string    `json:"crv"`
	X         string    `json:"x"`
	Y         string    `json:"y,omitempty"`
}

// JWKSHandler serves the public halves of the keys of these codecs as a JWK Set (RFC 7517), for those who verify their tokens: of every key that
// verifies now or will sign, so that an announced key is known before it signs, and of none that has retired or was revoked. Only GET and HEAD are answered.
//
// For a key to be known in time, RotationPolicy.Propagation must be longer than MaxAge plus what verifiers cache beyond it. For as long a revoked key is still
// accepted elsewhere.
//
// It has an ETag, and no CORS headers. Its error joins a *hardtack.ConfigError for each fault: no codec, one that is nil, one with HS256, which has no public half.
func JWKSHandler(o JWKSOptions, codecs ...*Codec) (http.Handler, error) {
	var f faults
	if o.MaxAge == 0 {
		o.MaxAge = defaultMaxAge
	}
	if o.MaxAge < time.Second || o.MaxAge > longestMaxAge {
		f.add("JWKSOptions", "MaxAge", o.MaxAge.String(), "must be between 1 s and %v", longestMaxAge)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(codecs) == 0 {
		f.add("JWKSOptions", "(codecs)", "", "are missing")
	}
	for i, c := range codecs {
		field := fmt.Sprintf("(codecs)[%d]", i)
		if c == nil {
			f.add("JWKSOptions", field, "", "is nil")
		} else if c.keys.scheme.public == nil {
			f.add("JWKSOptions", field, c.String(), "has no public keys: who can verify it can forge it")
		}
	}
	if f != nil {
		return nil, errors.Join(f...)
	}
	codecs = slices.Clone(codecs)
	cacheControl := fmt.Sprintf("public, max-age=%d", int64(o.MaxAge/time.Second))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		body, err := publicKeys(codecs, o.Now())
		if err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		sum := sha256.Sum256(body)
		h := w.Header()
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", cacheControl)
		h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
		// An answer to another condition, or to a range, could be cached in place of the set.
		plain := r.Clone(r.Context())
		for _, name := range []string{"If-Match", "If-Range", "If-Unmodified-Since", "If-Modified-Since", "Range"} {
			plain.Header.Del(name)
		}
		http.ServeContent(w, plain, "", time.Time{}, bytes.NewReader(body))
	}), nil
}

// publicKeys returns the JWK Set of these codecs, in their order, the newest key first.
func publicKeys(codecs []*Codec, now time.Time) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, c := range codecs {
		c.keys.forget(now)
		for _, key := range c.keys.ring.OpeningKeys(now) {
			pair, err := c.keys.of(key, now)
			if err != nil {
				return nil, err
			}
			k, err := c.keys.scheme.public(pair)
			if err != nil {
				return nil, err
			}
			k.Use, k.Algorithm, k.ID = "sig", c.keys.scheme.name, keyID(key.ID(), c.keys.scheme.name)
			if !slices.Contains(set.Keys, k) { // two codecs may share a ring
				set.Keys = append(set.Keys, k)
			}
		}
	}
	return json.Marshal(set)
}
