package seal

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"sync"
)

// Strict refuses trailing bits that are not zero. The decoder still skips
// line breaks, which Open catches by the length.
var base64url = base64.RawURLEncoding.Strict()

// TextSize returns the characters of the token that seals e.
func TextSize(e *Envelope) int { return base64url.EncodedLen(Overhead + e.size()) }

// Binding is what a token is bound to besides its key: audience, cookie name
// and purpose, encoded. Its zero value binds to nothing and is not for use.
type Binding struct{ aad []byte }

// NewBinding returns the binding of a cookie. Both strings must be shorter
// than 64 KiB.
func NewBinding(audience, cookieName string) Binding {
	return Binding{appendAAD(nil, audience, cookieName, "cookie")}
}

func appendAAD(b []byte, audience, name, purpose string) []byte {
	for _, s := range [...]string{"hardtack", audience, name, purpose} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}

// scratch holds the intermediate forms of one token.
type scratch struct{ plain, raw, text, aad []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// release puts s back, unless it has grown beyond what cookies need.
func (s *scratch) release() {
	if cap(s.plain) <= 2*MaxText {
		scratches.Put(s)
	}
}

// Seal appends the token of e to dst. It allocates only to grow dst.
func (k *Key) Seal(dst []byte, b Binding, e *Envelope) ([]byte, error) {
	if !e.Kind.inToken() {
		return nil, fmt.Errorf("%w: kind %d is not a token's", ErrUnsealable, e.Kind)
	}
	if err := e.check(k.id); err != nil {
		return nil, err
	}
	ep, err := k.sealer()
	if err != nil {
		return nil, err
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	s.plain = e.append(s.plain[:0])
	s.raw = appendHeader(s.raw[:0], k.id)
	s.aad = append(append(s.aad[:0], s.raw...), b.aad...)
	s.raw = append(s.raw, ep.prefix[:]...)
	s.raw = ep.aead.Seal(s.raw, nil, s.plain, s.aad)
	return base64url.AppendEncode(dst, s.raw), nil
}

// Peek returns the ID of the key that text claims to be sealed with. It has
// authenticated nothing.
func Peek(text string) (KeyID, error) {
	var head [6]byte
	if len(text) < 8 || len(text) > MaxText {
		return KeyID{}, ErrMalformed
	}
	if n, err := base64url.Decode(head[:], []byte(text[:8])); err != nil || n != len(head) || head[0] != Version {
		return KeyID{}, ErrMalformed
	}
	return KeyID(head[1:]), nil
}

// Open authenticates and decodes text into e, whose slices then point into
// the returned buffer: dst with the plaintext appended. It allocates only to
// grow dst. The errors are ErrMalformed, ErrUnknownKey (text is another key's)
// and ErrForged; it returns dst with them, and e is not for use.
func (k *Key) Open(dst []byte, b Binding, text string, e *Envelope) ([]byte, error) {
	if len(text) > MaxText {
		return dst, ErrMalformed
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	s.text = append(s.text[:0], text...)
	var err error
	s.raw, err = base64url.AppendDecode(s.raw[:0], s.text)
	if err != nil || base64url.EncodedLen(len(s.raw)) != len(text) ||
		len(s.raw) < Overhead+minToken || s.raw[0] != Version {
		return dst, ErrMalformed
	}
	if KeyID(s.raw[1:]) != k.id {
		return dst, ErrUnknownKey
	}
	s.aad = append(append(s.aad[:0], s.raw[:headerSize]...), b.aad...)
	prefix := [prefixSize]byte(s.raw[headerSize:])
	aead, cached, err := k.opener(&prefix)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	// Not in place: the AEAD would have to move the whole text then.
	out, err := aead.Open(dst, nil, s.raw[headerSize+prefixSize:], s.aad)
	if err != nil {
		return dst, ErrForged
	}
	if !cached {
		k.cache.put(prefix, aead)
	}
	if err := e.parse(out[start:], k.id, Kind.inToken); err != nil {
		return dst, err
	}
	return out, nil
}

func appendHeader(b []byte, id KeyID) []byte {
	return append(append(b, Version), id[:]...)
}

// WellFormed returns ErrMalformed unless text could be a token of some key. It
// is for text whose key is not at hand; Open checks the same.
func WellFormed(text string) error {
	if len(text) > MaxText {
		return ErrMalformed
	}
	raw, err := base64url.DecodeString(text)
	if err != nil || base64url.EncodedLen(len(raw)) != len(text) ||
		len(raw) < Overhead+minToken || raw[0] != Version {
		return ErrMalformed
	}
	return nil
}
