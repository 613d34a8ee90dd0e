package seal_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
)

// This file is a second reader, written from docs/format.md alone, as somebody
// would write it in another language: it shares no line with the package. What
// it can read shows that the specification suffices.

// specReader is a server: its keys and what it is configured to accept.
type specReader struct {
	secrets    map[string][]byte // by key ID in hexadecimal
	retired    []string
	revoked    []string
	audience   string
	cookieName string
	now        int64
	lifetime   int64 // 0: not limited
	idle       int64 // 0: not limited
}

// specOpened is what an accepted token consists of.
type specOpened struct {
	secret, aad, nonce, gcmKey, plaintext, seed []byte
	fields                                      vectorFields
}

// open returns the reason for which text is refused, or "".
func (r *specReader) open(text string) (o specOpened, reason string) {
	// 1
	if text == "" || len(text) > 4096 {
		return o, "malformed"
	}
	token, ok := specBase64(text)
	if !ok {
		return o, "malformed"
	}
	// 2
	if len(token) < 45+27 || token[0] != 1 {
		return o, "malformed"
	}
	// 3
	id := hex.EncodeToString(token[1:5])
	if slices.Contains(r.revoked, id) {
		return o, "revoked_key"
	}
	secret, known := r.secrets[id]
	if !known || slices.Contains(r.retired, id) {
		return o, "unknown_key"
	}
	// 4
	o.secret = secret
	o.nonce = token[5:29]
	o.aad = join(token[:5], specLP("hardtack"), specLP(r.audience), specLP(r.cookieName), specLP("cookie"))
	o.gcmKey = specXAESKey(specHKDF(secret, "hardtack sealing", 32), o.nonce[:12])
	var err error
	if o.plaintext, err = specGCMOpen(o.gcmKey, o.nonce[12:], token[29:], o.aad); err != nil {
		return o, "forged"
	}
	// 5
	if o.seed, o.fields, err = specInside(o.plaintext, id, false); err != nil {
		return o, "malformed"
	}
	// 6
	for _, l := range o.fields.Lineage {
		if slices.Contains(r.revoked, l) {
			return o, "revoked_key"
		}
	}
	// 7
	if o.fields.Issued > r.now+2*60*1000 {
		return o, "not_yet_valid"
	}
	// 8
	if r.now >= o.fields.Expires || r.lifetime > 0 && r.now >= o.fields.Created+r.lifetime {
		return o, "expired"
	}
	if r.idle > 0 && o.fields.Idle && r.now >= o.fields.Issued+r.idle {
		return o, "idle"
	}
	return o, ""
}

// specRecord opens what a store has at locator for the session with seed.
func specRecord(seed []byte, locator string, leastRevision uint64, record []byte) (o specOpened, reason string) {
	if hex.EncodeToString(record) == "7fffffffffffffff" {
		return o, "ended"
	}
	if len(record) < 8+45 || hex.EncodeToString(record[8:13]) != "0100000000" {
		return o, "forged"
	}
	o.seed = seed
	o.nonce = record[13:37]
	o.aad = join(record[8:13], specLP("hardtack"), specLP(""), specLP(""), specLP("record"), specLP(locator), record[:8])
	o.gcmKey = specXAESKey(specHKDF(seed, "hardtack record key", 32), o.nonce[:12])
	var err error
	if o.plaintext, err = specGCMOpen(o.gcmKey, o.nonce[12:], record[37:], o.aad); err != nil {
		return o, "forged"
	}
	if _, o.fields, err = specInside(o.plaintext, "00000000", true); err != nil ||
		o.fields.Revision != binary.BigEndian.Uint64(record) {
		return o, "forged"
	}
	if o.fields.Revision < leastRevision {
		return o, "missing"
	}
	return o, ""
}

var errSpec = errors.New("refused")

func specInside(b []byte, sealedBy string, record bool) (seed []byte, f vectorFields, err error) {
	take := func(n int) []byte {
		if n < 0 || n > len(b) {
			err = errSpec
			return nil
		}
		var field []byte
		field, b = b[:n], b[n:]
		return field
	}
	uvarint := func() int64 {
		var v uint64
		for shift := 0; ; shift += 7 {
			if len(b) == 0 || shift > 56 {
				err = errSpec // 9 groups of 7 bits are 63
				return 0
			}
			group := b[0]
			b = b[1:]
			v |= uint64(group&0x7f) << shift
			if group < 0x80 {
				if group == 0 && shift > 0 {
					err = errSpec
				}
				return int64(v)
			}
		}
	}
	head := take(2)
	if err != nil {
		return nil, f, err
	}
	f.Kind, f.Idle, f.Serializer = int(head[0]&7), head[0]&8 != 0, int(head[1])
	if head[0]&0x80 != 0 || !record && f.Kind > 2 || record && (f.Kind < 3 || f.Kind > 5) {
		return nil, f, errSpec
	}
	if (f.Kind == 2) != (f.Serializer == 0) {
		return nil, f, errSpec
	}
	if head[0]&0x40 != 0 {
		form := byte(0)
		if one := take(1); err == nil {
			form = one[0]
		}
		f.Compressed = form&1 != 0
		if form < 1 || form > 3 || record || f.Compressed && f.Kind == 2 {
			return nil, f, errSpec
		}
		if form&2 != 0 {
			unpadded := bytes.TrimRight(b, "\x00")
			f.Pad = len(b) - len(unpadded) + 1
			if !bytes.HasSuffix(unpadded, []byte{0x80}) || f.Pad > 1024 {
				return nil, f, errSpec
			}
			b = unpadded[:len(unpadded)-1]
		}
	}
	if !record {
		seed = take(16)
	}
	for _, c := range take(6) {
		f.Created = f.Created*256 + int64(c)
	}
	issued, expires := uvarint(), uvarint()
	f.Revision = uint64(uvarint())
	if issued > 1<<48-1-f.Created || expires > 1<<48-1-f.Created {
		return nil, f, errSpec
	}
	f.Issued, f.Expires = f.Created+issued, f.Created+expires
	if head[0]&0x20 != 0 && err == nil {
		k := 0
		if one := take(1); err == nil {
			k = int(one[0])
		}
		if k < 1 || k > 127 {
			return nil, f, errSpec
		}
		for range k {
			id := hex.EncodeToString(take(4))
			if id == sealedBy || slices.Contains(f.Lineage, id) {
				return nil, f, errSpec
			}
			f.Lineage = append(f.Lineage, id)
		}
	}
	if head[0]&0x10 != 0 && err == nil {
		n := uvarint()
		if n < 1 || n > math.MaxInt32 {
			return nil, f, errSpec
		}
		f.Subject = take(int(n))
	}
	f.Payload = b
	if f.Kind == 2 && len(b) > 0 {
		return nil, f, errSpec
	}
	if f.Compressed && err == nil {
		rest := bytes.NewReader(b)
		f.Inflated, err = io.ReadAll(io.LimitReader(flate.NewReader(rest), 32769))
		if err != nil || len(f.Inflated) > 32768 || rest.Len() > 0 {
			return nil, f, errSpec
		}
	}
	return seed, f, err
}

// specBase64 is RFC 4648 section 5 without padding, canonical.
func specBase64(text string) (b []byte, ok bool) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var bits, have uint
	for i := range len(text) {
		v := strings.IndexByte(alphabet, text[i])
		if v < 0 {
			return nil, false
		}
		bits, have = bits<<6|uint(v), have+6
		if have >= 8 {
			have -= 8
			b = append(b, byte(bits>>have))
			bits &= 1<<have - 1
		}
	}
	return b, have < 6 && bits == 0
}

// specHKDF is RFC 5869 with SHA-256 and an empty salt, which stands for 32 zeros.
func specHKDF(ikm []byte, info string, n int) (okm []byte) {
	prk := specHMAC(make([]byte, 32), ikm)
	var block []byte
	for i := byte(1); len(okm) < n; i++ {
		block = specHMAC(prk, block, []byte(info), []byte{i})
		okm = append(okm, block...)
	}
	return okm[:n]
}

func specHMAC(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(join(parts...))
	return mac.Sum(nil)
}

// specXAESKey returns D for a key and the first 12 bytes of a nonce.
func specXAESKey(key, p []byte) []byte {
	e, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	var l, k1 [16]byte
	e.Encrypt(l[:], make([]byte, 16))
	high, low := binary.BigEndian.Uint64(l[:8]), binary.BigEndian.Uint64(l[8:])
	binary.BigEndian.PutUint64(k1[:8], high<<1|low>>63)
	binary.BigEndian.PutUint64(k1[8:], low<<1)
	if high>>63 == 1 {
		k1[15] ^= 0x87
	}
	var d []byte
	for i := byte(1); i <= 2; i++ {
		m := join([]byte{0, i, 0x58, 0}, p)
		for j := range m {
			m[j] ^= k1[j]
		}
		e.Encrypt(m, m)
		d = append(d, m...)
	}
	return d
}

func specGCMOpen(key, q, ciphertext, aad []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, q, ciphertext, aad)
}

func specLP(x string) []byte { return join([]byte{byte(len(x) >> 8), byte(len(x))}, []byte(x)) }

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
