package seal

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// Strict refuses trailing bits that are not zero. The decoder still skips
// line breaks, which appendDecoded catches by the length.
var base64url = base64.RawURLEncoding.Strict()

// minText is the length of the shortest token.
const minText = ((Overhead+minToken)*8 + 5) / 6

// TextSize returns the characters of the token that seals e.
func TextSize(e *Envelope) int { return base64url.EncodedLen(Overhead + e.size()) }

// LeastText returns the fewest characters of a token with a payload of n bytes.
func LeastText(n int) int { return base64url.EncodedLen(Overhead + minToken + n) }

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
type scratch struct{ buf []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// workspace returns a scratch with room for n bytes, which is to be released.
func workspace(n int) *scratch {
	s := scratches.Get().(*scratch)
	if cap(s.buf) < n {
		s.buf = make([]byte, 0, max(n, 2*MaxText))
	}
	return s
}

// release puts s back, unless it has grown beyond what cookies need.
func (s *scratch) release() {
	if cap(s.buf) <= 4*MaxText {
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
	plainSize := e.size()
	size := Overhead + plainSize
	text := base64url.EncodedLen(size)
	s := workspace(headerSize + len(b.aad) + plainSize + size)
	defer s.release()
	aad := append(appendHeader(s.buf[:0], k.id), b.aad...)
	plain := e.append(after(aad))
	raw := append(after(plain), ep.prefix[headBytes-headerSize:]...)
	raw = ep.aead.Seal(raw, nil, plain, aad)
	dst = slices.Grow(dst, text)
	return base64url.AppendEncode(append(dst, ep.text[:]...), raw), nil
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
	if len(text) < minText || len(text) > MaxText {
		return dst, ErrMalformed
	}
	size := base64url.DecodedLen(len(text))
	s := workspace(headerSize + len(b.aad) + size)
	defer s.release()
	aad := append(appendHeader(s.buf[:0], k.id), b.aad...)
	raw, err := appendDecoded(after(aad), text[headText:])
	if err != nil {
		return dst, err
	}
	opener := k.cache.get(text, raw)
	cached := opener != nil
	if !cached {
		if opener, err = k.opener(text, raw); err != nil {
			return dst, err
		}
	}
	start := len(dst)
	// Not in place: the AEAD would have to move the whole text then.
	out, err := opener.aead.Open(dst, nil, raw[headerSize+prefixSize-headBytes:], aad)
	if err != nil {
		return dst, ErrForged
	}
	if !cached {
		copy(opener.text[:], text)
		k.cache.put(opener)
	}
	if err := e.parse(out[start:], k.id, Kind.inToken); err != nil {
		return dst, err
	}
	return out, nil
}

// after returns the room behind b, empty.
func after(b []byte) []byte { return b[len(b):] }

// opener derives what opens a token that begins with these characters and goes on with these bytes.
// It may be remembered only after it has authenticated the token.
func (k *Key) opener(text string, rest []byte) (*cachedAEAD, error) {
	var head [headBytes]byte
	if n, err := base64url.Decode(head[:], []byte(text[:headText])); err != nil || n != headBytes || head[0] != Version {
		return nil, ErrMalformed
	}
	if KeyID(head[1:]) != k.id {
		return nil, ErrUnknownKey
	}
	var prefix [prefixSize]byte
	copy(prefix[copy(prefix[:], head[headerSize:]):], rest)
	aead, err := k.xaes.aead(&prefix)
	if err != nil {
		return nil, err
	}
	return &cachedAEAD{prefix: prefix, aead: aead}, nil
}

// appendDecoded appends the bytes of text, which must be canonical, to dst.
func appendDecoded(dst []byte, text string) ([]byte, error) {
	size := base64url.DecodedLen(len(text))
	dst = slices.Grow(dst, size)
	n, err := base64url.Decode(dst[len(dst):len(dst)+size], []byte(text))
	if err != nil || base64url.EncodedLen(n) != len(text) {
		return dst, ErrMalformed // the decoder skips line breaks
	}
	return dst[:len(dst)+n], nil
}

func appendHeader(b []byte, id KeyID) []byte {
	return append(append(b, Version), id[:]...)
}

// WellFormed returns ErrMalformed unless text could be a token of some key. It
// is for text whose key is not at hand; Open checks the same.
func WellFormed(text string) error {
	if len(text) < minText || len(text) > MaxText {
		return ErrMalformed
	}
	raw, err := appendDecoded(nil, text)
	if err != nil || raw[0] != Version {
		return ErrMalformed
	}
	return nil
}
