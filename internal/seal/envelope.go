package seal

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Kind says what an envelope holds. The first three live in tokens, the
// others in records.
type Kind byte

const (
	Inline    Kind = iota // the session's data
	Pending               // the data; a record may be newer
	Reference             // no data: it is in the record
	Live                  // a record with the session's present state
	Returned              // a record whose session went back into its cookie
	Frozen                // a record whose session was renewed
)

const (
	kindMask    = 0b0000_0111
	flagIdle    = 0b0000_1000
	flagSubject = 0b0001_0000
	flagLineage = 0b0010_0000
	flagForm    = 0b0100_0000
	flagUnknown = 0b1000_0000

	// A form byte, of a token, is there if one of these is set.
	formCompressed = 0b01
	formPadded     = 0b10
	formUnknown    = 0b1111_1100
)

// MaxPad is the most padding that a token may have, in bytes.
const MaxPad = 1024

const (
	maxTime     = 1<<48 - 1
	maxUvarint  = math.MaxInt64
	maxLineage  = 127
	fixedSize   = 1 + 1 + 6     // head, serializer, created
	minEnvelope = fixedSize + 3 // and three uvarints
	minToken    = minEnvelope + SeedSize
)

// MaxRevision is the highest revision of a session; a tombstone uses it.
const MaxRevision = math.MaxInt64

// Envelope is what is inside a token or record. Its times are Unix
// milliseconds.
type Envelope struct {
	Kind       Kind
	Idle       bool // idle time is tracked
	Serializer byte
	Seed       Seed // not in records
	Created    int64
	Issued     int64
	Expires    int64
	Revision   uint64
	Lineage    []byte // key IDs, 4 bytes each
	Subject    []byte
	Payload    []byte

	// Only in tokens:
	Compressed bool // Payload is a DEFLATE stream
	Pad        int  // bytes of padding, behind the payload
}

// PadTo sets Pad so that the plaintext becomes a multiple of so many bytes, or most bytes if that is less. There is at least one byte of
// padding, unless multiple is 0 or the plaintext would exceed most.
func (e *Envelope) PadTo(multiple, most int) {
	e.Pad = 0
	if multiple == 0 {
		return
	}
	e.Pad = 1
	size := e.size()
	if e.Pad = min((size+multiple-1)/multiple*multiple, most) - size + 1; e.Pad < 1 {
		e.Pad = 0
	}
}

// MostPlain returns the longest plaintext of a token of so many characters, in bytes.
func MostPlain(text int) int { return base64url.DecodedLen(min(text, MaxText)) - Overhead }

// LeastPadded returns the fewest characters of a padded token.
func LeastPadded(multiple int) int {
	e := Envelope{Serializer: 1, Expires: 1 << 31}
	e.PadTo(multiple, math.MaxInt)
	return TextSize(&e)
}

func (e *Envelope) form() (form byte) {
	if e.Compressed {
		form |= formCompressed
	}
	if e.Pad > 0 {
		form |= formPadded
	}
	return form
}

func (k Kind) inToken() bool  { return k <= Reference }
func (k Kind) inRecord() bool { return k >= Live && k <= Frozen }

// size returns the bytes that append will write.
func (e *Envelope) size() int {
	n := fixedSize + uvarintSize(uint64(e.Issued-e.Created)) + uvarintSize(uint64(e.Expires-e.Created)) +
		uvarintSize(e.Revision) + len(e.Payload) + e.Pad
	if e.form() != 0 {
		n++
	}
	if e.Kind.inToken() {
		n += SeedSize
	}
	if len(e.Lineage) > 0 {
		n += 1 + len(e.Lineage)
	}
	if len(e.Subject) > 0 {
		n += uvarintSize(uint64(len(e.Subject))) + len(e.Subject)
	}
	return n
}

// check says what a reader would refuse, before it is sealed.
func (e *Envelope) check(sealedBy KeyID) error {
	switch {
	case e.Created < 0 || e.Issued < e.Created || e.Expires < e.Created || e.Issued > maxTime || e.Expires > maxTime:
		return fmt.Errorf("%w: its times are out of range", ErrUnsealable)
	case e.Revision > maxUvarint:
		return fmt.Errorf("%w: its revision is out of range", ErrUnsealable)
	case (e.Kind == Reference) != (e.Serializer == 0):
		return fmt.Errorf("%w: serializer ID %d", ErrUnsealable, e.Serializer)
	case e.Kind == Reference && len(e.Payload) > 0:
		return fmt.Errorf("%w: a reference with a payload", ErrUnsealable)
	case e.Pad < 0 || e.Pad > MaxPad:
		return fmt.Errorf("%w: %d bytes of padding", ErrUnsealable, e.Pad)
	case e.form() != 0 && !e.Kind.inToken() || e.Compressed && e.Kind == Reference:
		return fmt.Errorf("%w: kind %d is not compressed or padded", ErrUnsealable, e.Kind)
	case len(e.Lineage) > 0 && !validLineage(e.Lineage, sealedBy):
		return fmt.Errorf("%w: its lineage of keys is not valid", ErrUnsealable)
	}
	return nil
}

// append encodes e, which check has accepted.
func (e *Envelope) append(b []byte) []byte {
	head := byte(e.Kind)
	if e.Idle {
		head |= flagIdle
	}
	if len(e.Subject) > 0 {
		head |= flagSubject
	}
	if len(e.Lineage) > 0 {
		head |= flagLineage
	}
	form := e.form()
	if form != 0 {
		head |= flagForm
	}
	b = append(b, head, e.Serializer)
	if form != 0 {
		b = append(b, form)
	}
	if e.Kind.inToken() {
		b = append(b, e.Seed[:]...)
	}
	var created [8]byte
	binary.BigEndian.PutUint64(created[:], uint64(e.Created))
	b = append(b, created[2:]...)
	b = binary.AppendUvarint(b, uint64(e.Issued-e.Created))
	b = binary.AppendUvarint(b, uint64(e.Expires-e.Created))
	b = binary.AppendUvarint(b, e.Revision)
	if len(e.Lineage) > 0 {
		b = append(b, byte(len(e.Lineage)/len(KeyID{})))
		b = append(b, e.Lineage...)
	}
	if len(e.Subject) > 0 {
		b = binary.AppendUvarint(b, uint64(len(e.Subject)))
		b = append(b, e.Subject...)
	}
	b = append(b, e.Payload...)
	if e.Pad > 0 {
		b = append(b, 0x80)
		b = append(b, make([]byte, e.Pad-1)...)
	}
	return b
}

// parse decodes what append wrote and nothing else: every envelope has one
// encoding. Slices of e point into b.
func (e *Envelope) parse(b []byte, sealedBy KeyID, fits func(Kind) bool) error {
	if len(b) < minEnvelope || b[0]&flagUnknown != 0 {
		return ErrMalformed
	}
	head := b[0]
	*e = Envelope{Kind: Kind(head & kindMask), Idle: head&flagIdle != 0, Serializer: b[1]}
	if !fits(e.Kind) || (e.Kind == Reference) != (e.Serializer == 0) {
		return ErrMalformed
	}
	r := reader{b: b[2:]}
	if head&flagForm != 0 && !e.parseForm(&r) {
		return ErrMalformed
	}
	if e.Kind.inToken() {
		copy(e.Seed[:], r.take(SeedSize))
	}
	if created := r.take(6); created != nil {
		e.Created = int64(binary.BigEndian.Uint16(created))<<32 | int64(binary.BigEndian.Uint32(created[2:]))
	}
	issued, expires := r.uvarint(), r.uvarint()
	e.Revision = r.uvarint()
	if issued > maxTime || expires > maxTime {
		return ErrMalformed
	}
	e.Issued, e.Expires = e.Created+int64(issued), e.Created+int64(expires)
	if head&flagLineage != 0 {
		if n := r.take(1); n != nil {
			e.Lineage = r.take(int(n[0]) * len(KeyID{}))
		}
		if !validLineage(e.Lineage, sealedBy) {
			return ErrMalformed
		}
	}
	if head&flagSubject != 0 {
		n := r.uvarint()
		if n == 0 || n > uint64(len(r.b)) {
			return ErrMalformed
		}
		e.Subject = r.take(int(n))
	}
	if r.bad || e.Issued > maxTime || e.Expires > maxTime || e.Kind == Reference && len(r.b) > 0 {
		return ErrMalformed
	}
	e.Payload = r.take(len(r.b))
	return nil
}

// parseForm takes the form byte, and the padding away from the end.
func (e *Envelope) parseForm(r *reader) bool {
	form := r.take(1)
	if form == nil || form[0] == 0 || form[0]&formUnknown != 0 || !e.Kind.inToken() {
		return false
	}
	if e.Compressed = form[0]&formCompressed != 0; e.Compressed && e.Kind == Reference {
		return false
	}
	if form[0]&formPadded == 0 {
		return true
	}
	// ISO/IEC 7816-4: a byte 80, then zeros.
	n := len(r.b) - 1
	for n > 0 && r.b[n] == 0 {
		n--
	}
	if n < 0 || r.b[n] != 0x80 || len(r.b)-n > MaxPad {
		return false
	}
	e.Pad = len(r.b) - n
	r.b = r.b[:n]
	return true
}

// validLineage says whether l is 1 to 127 distinct IDs, none of them sealedBy.
func validLineage(l []byte, sealedBy KeyID) bool {
	const size = len(KeyID{})
	if len(l) == 0 || len(l)%size != 0 || len(l) > maxLineage*size {
		return false
	}
	for i := 0; i < len(l); i += size {
		id := KeyID(l[i:])
		if id == sealedBy {
			return false
		}
		for j := 0; j < i; j += size {
			if KeyID(l[j:]) == id {
				return false
			}
		}
	}
	return true
}

// reader takes fields off the front of b; once one is missing it is bad for good.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	field := r.b[:n:n]
	r.b = r.b[n:]
	return field
}

func (r *reader) uvarint() uint64 {
	if r.bad {
		return 0
	}
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > maxUvarint || n > 1 && r.b[n-1] == 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func uvarintSize(v uint64) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}
