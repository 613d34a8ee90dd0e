package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const revisionSize = 8

var tombstone = binary.BigEndian.AppendUint64(nil, MaxRevision)

// Tombstone returns the record of a session that was ended.
func Tombstone() []byte { return bytes.Clone(tombstone) }

// IsTombstone reports whether data is a tombstone.
func IsTombstone(data []byte) bool { return bytes.Equal(data, tombstone) }

// RecordSize returns the bytes of the record that seals e.
func RecordSize(e *Envelope) int { return revisionSize + Overhead + e.size() }

// SealRecord returns the record of e under the keys of e.Seed, for the store
// to keep at locator.
func SealRecord(locator string, e *Envelope) ([]byte, error) {
	if !e.Kind.inRecord() {
		return nil, fmt.Errorf("%w: kind %d is not a record's", ErrUnsealable, e.Kind)
	}
	if err := e.check(KeyID{}); err != nil {
		return nil, err
	}
	x, err := newXAES(recordKey(&e.Seed))
	if err != nil {
		return nil, err
	}
	ep, err := newEpoch(x)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, RecordSize(e))
	data = binary.BigEndian.AppendUint64(data, e.Revision)
	data = appendHeader(data, KeyID{})
	aad := recordAAD(locator, data)
	data = append(data, ep.prefix[:]...)
	return ep.aead.Seal(data, nil, e.append(nil), aad), nil
}

// OpenRecord authenticates and decodes what a store kept at locator for the
// session with this seed. It does not write to data. Its error is ErrForged
// for whatever is not such a record.
func OpenRecord(locator string, seed *Seed, data []byte, e *Envelope) error {
	if len(data) < revisionSize+Overhead+minEnvelope {
		return ErrForged
	}
	head := data[:revisionSize+headerSize]
	if data[revisionSize] != Version || KeyID(head[revisionSize+1:]) != (KeyID{}) {
		return ErrForged
	}
	x, err := newXAES(recordKey(seed))
	if err != nil {
		return err
	}
	rest := data[len(head):]
	aead, err := x.aead((*[prefixSize]byte)(rest))
	if err != nil {
		return err
	}
	plain, err := aead.Open(nil, nil, rest[prefixSize:], recordAAD(locator, head))
	if err != nil || e.parse(plain, KeyID{}, Kind.inRecord) != nil ||
		e.Revision != binary.BigEndian.Uint64(data) {
		return ErrForged
	}
	e.Seed = *seed
	return nil
}

// recordAAD takes the record's first bytes: revision, version, key ID.
func recordAAD(locator string, head []byte) []byte {
	aad := append([]byte(nil), head[revisionSize:]...)
	aad = appendAAD(aad, "", "", "record")
	aad = binary.BigEndian.AppendUint16(aad, uint16(len(locator)))
	aad = append(aad, locator...)
	return append(aad, head[:revisionSize]...)
}

// RecordRevision returns the revision that data claims to have, in the clear;
// that of a tombstone if it is no record at all.
func RecordRevision(data []byte) uint64 {
	if len(data) < revisionSize {
		return MaxRevision
	}
	return binary.BigEndian.Uint64(data)
}
