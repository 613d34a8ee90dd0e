package seal_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// vectorMaker makes what testdata/vectors.json holds, the same bytes each time.
type vectorMaker struct {
	testing.TB
	file vectorFile
	keys []*seal.Key
	ids  []seal.KeyID
}

// The session of most vectors: 24 hours from the start of 2026.
const (
	vectorCreated  = 1_767_225_600_000
	vectorLifetime = 86_400_000
	minute         = 60_000
)

func makeVectors(t testing.TB) vectorFile {
	m := &vectorMaker{TB: t, file: vectorFile{Format: "hardtack v1 vectors"}}
	secrets := [][]byte{make([]byte, 32), secretOf("vectors")[:]}
	for i := range secrets[0] {
		secrets[0][i] = byte(i)
	}
	for _, s := range secrets {
		m.addKey(s)
	}
	m.accepted()
	m.refusedText()
	m.refusedKey()
	m.refusedTag()
	m.refusedInside()
	m.refusedByReader()
	m.records()
	m.subjects()
	return m.file
}

func (m *vectorMaker) addKey(secret []byte) {
	k := newKey(m, (*[seal.SecretSize]byte)(secret))
	id := k.ID()
	m.keys = append(m.keys, k)
	m.ids = append(m.ids, id)
	m.file.Keys = append(m.file.Keys, vectorKey{
		Secret:     secret,
		KeyID:      id[:],
		SealingKey: seal.Subkey(secret, "hardtack sealing", 32),
		SigningKey: seal.Subkey(secret, "hardtack signing", 32),
		IndexKey:   seal.Subkey(secret, "hardtack index", 32),
		FormerKey:  seal.Subkey(secret, "hardtack former", 32),
	})
}

// digest stands for random bytes.
func digest(label string, n int) []byte {
	sum := sha256.Sum256([]byte("hardtack vectors: " + label))
	return sum[:n]
}

// session returns a fresh session whose seed follows from the vector's name.
func session(name string) *seal.Envelope {
	return &seal.Envelope{
		Serializer: 1,
		Seed:       seal.Seed(digest("seed of "+name, seal.SeedSize)),
		Created:    vectorCreated,
		Issued:     vectorCreated,
		Expires:    vectorCreated + vectorLifetime,
	}
}

// cbor returns a CBOR text string that is n bytes long, head included.
func cbor(n int) []byte {
	switch {
	case n <= 24:
		return append([]byte{0x60 | byte(n-1)}, strings.Repeat("x", n-1)...)
	case n <= 257:
		return append([]byte{0x78, byte(n - 2)}, strings.Repeat("x", n-2)...)
	default:
		return append([]byte{0x79, byte((n - 3) >> 8), byte(n - 3)}, strings.Repeat("x", n-3)...)
	}
}

// deflated has CBOR text strings of so many bytes, as cbor makes them, compressed with zlib at level 9, without its header and checksum.
var deflated = map[int]string{
	100:   "ab48aaa0390000",
	4000:  "edc1310100000803a008d69d61ec6a8c3dc0ce05000000e87a",
	32768: "edc1b10d00000803a0b7ede4e5261e52207b0300000000000000000000000000000000000000000000000000000000000000ed1e",
	32769: "edc1411100000803a0daee6573cf2003b2370000000000000000000000000000000000000000000000000000000000000050ef01",
}

// compressed makes e's payload a compressed text string of n bytes.
func (m *vectorMaker) compressed(e *seal.Envelope, n int) {
	payload, err := hex.DecodeString(deflated[n])
	if err != nil {
		m.Fatal(err)
	}
	e.Compressed, e.Payload = true, payload
}

// lineage returns so many key IDs that belong to no key of the vectors.
func lineage(n int) (ids []byte) {
	for i := range n {
		ids = binary.BigEndian.AppendUint32(ids, 0x10000000+uint32(i))
	}
	return ids
}

// sealVector seals plaintext under a chosen nonce.
func (m *vectorMaker) sealVector(name string, key int, audience, cookieName, purpose string, version byte, plaintext []byte) (token []byte, s vectorSealed) {
	header := append([]byte{version}, m.file.Keys[key].KeyID...)
	s.Nonce = digest("nonce of "+name, seal.NonceSize)
	s.AAD = join(header, specLP("hardtack"), specLP(audience), specLP(cookieName), specLP(purpose))
	s.Plaintext = plaintext
	gcmKey, err := seal.XAESDerive(m.file.Keys[key].SealingKey, [seal.PrefixSize]byte(s.Nonce))
	if err != nil {
		m.Fatal(err)
	}
	s.GCMKey = gcmKey[:]
	ciphertext := sealFixed(m, m.file.Keys[key].SealingKey, [seal.NonceSize]byte(s.Nonce), plaintext, s.AAD)
	return join(header, s.Nonce, ciphertext), s
}

// text seals plaintext with the first key for the usual cookie.
func (m *vectorMaker) text(name string, plaintext []byte) string {
	token, _ := m.sealVector(name, 0, "", cookieName, "cookie", 1, plaintext)
	return encode(token)
}

// acceptedText returns the text of an accepted vector.
func (m *vectorMaker) acceptedText(name string) string {
	for _, v := range m.file.Accepted {
		if v.Name == name {
			return v.Text
		}
	}
	m.Fatalf("no accepted vector is named %q", name)
	return ""
}

func fieldsOf(e *seal.Envelope) vectorFields {
	f := vectorFields{
		Kind:       int(e.Kind),
		Idle:       e.Idle,
		Serializer: int(e.Serializer),
		Created:    e.Created,
		Issued:     e.Issued,
		Expires:    e.Expires,
		Revision:   e.Revision,
		Lineage:    []string{},
		Subject:    e.Subject,
		Payload:    e.Payload,
		Compressed: e.Compressed,
		Pad:        e.Pad,
	}
	if e.Compressed {
		f.Inflated, _ = io.ReadAll(flate.NewReader(bytes.NewReader(e.Payload)))
	}
	for i := 0; i < len(e.Lineage); i += 4 {
		id, _ := hexBytes(e.Lineage[i : i+4]).MarshalText()
		f.Lineage = append(f.Lineage, string(id))
	}
	return f
}

func seedOf(seed seal.Seed) vectorSeed {
	return vectorSeed{
		Seed:      seed[:],
		SessionID: seal.SessionID(&seed),
		Locator:   seal.Locator(&seed),
		RecordKey: seal.Subkey(seed[:], "hardtack record key", 32),
	}
}

func (m *vectorMaker) accepted() {
	type options struct {
		key int
		presented
	}
	add := func(name string, change func(e *seal.Envelope, o *options)) {
		e := session(name)
		o := &options{presented: presented{CookieName: cookieName}}
		change(e, o)
		if o.Now == 0 {
			o.Now = e.Issued
		}
		if err := seal.CheckEnvelope(e, m.ids[o.key]); err != nil {
			m.Fatalf("%s: %v", name, err)
		}
		token, s := m.sealVector(name, o.key, o.Audience, o.CookieName, "cookie", 1, seal.AppendEnvelope(nil, e))
		s.Fields = fieldsOf(e)
		m.file.Accepted = append(m.file.Accepted, acceptedVector{
			Name:         name,
			vectorKey:    m.file.Keys[o.key],
			presented:    o.presented,
			vectorSeed:   seedOf(e.Seed),
			vectorSealed: s,
			Token:        token,
			Text:         encode(token),
		})
	}

	add("inline, without payload", func(*seal.Envelope, *options) {})
	add("inline, CBOR", func(e *seal.Envelope, _ *options) { e.Payload = cbor(100) })
	add("inline, JSON", func(e *seal.Envelope, _ *options) {
		e.Serializer, e.Payload = 2, []byte(`{"items":["ship's biscuit"]}`)
	})
	for _, id := range []byte{128, 255} {
		add("inline, private serializer "+decimal(int64(id)), func(e *seal.Envelope, _ *options) {
			e.Serializer, e.Payload = id, []byte("private")
		})
	}
	add("inline, payload of 2900", func(e *seal.Envelope, _ *options) { e.Payload = cbor(2900) })
	add("inline, 4096 characters", func(e *seal.Envelope, _ *options) { e.Payload = cbor(3072 - seal.Overhead - 30) })
	for _, n := range []int{100, 4000, 32768} {
		add("inline, compressed payload of "+decimal(int64(n)), func(e *seal.Envelope, _ *options) { m.compressed(e, n) })
	}
	add("inline, compressed into a stored block", func(e *seal.Envelope, _ *options) {
		e.Compressed, e.Payload = true, join([]byte{1, 3, 0, 0xfc, 0xff}, cbor(3))
	})
	add("pending, compressed", func(e *seal.Envelope, _ *options) {
		e.Kind = seal.Pending
		m.compressed(e, 100)
	})
	add("inline, compressed and padded", func(e *seal.Envelope, _ *options) {
		m.compressed(e, 4000)
		e.PadTo(256, math.MaxInt)
	})
	for _, n := range []int{1, 2, 1024} {
		add("inline, padding of "+decimal(int64(n)), func(e *seal.Envelope, _ *options) { e.Payload, e.Pad = cbor(40), n })
	}
	add("inline, padded, whose payload looks like padding", func(e *seal.Envelope, _ *options) {
		e.Serializer, e.Payload, e.Pad = 128, []byte{0x80, 0, 0}, 3
	})
	add("reference, padded", func(e *seal.Envelope, _ *options) {
		e.Kind, e.Serializer = seal.Reference, 0
		e.PadTo(256, math.MaxInt)
	})
	for n := range 3 { // all remainders of base64
		add("inline, payload of "+decimal(int64(n+1)), func(e *seal.Envelope, _ *options) { e.Payload = cbor(n + 1) })
	}
	add("pending", func(e *seal.Envelope, _ *options) { e.Kind, e.Revision, e.Payload = seal.Pending, 7, cbor(40) })
	add("reference", func(e *seal.Envelope, _ *options) {
		e.Kind, e.Serializer, e.Revision, e.Issued = seal.Reference, 0, 100, e.Created+60*minute
	})
	for kind, name := range []string{"inline", "pending", "reference"} {
		add(name+" with idle time, subject and lineage", func(e *seal.Envelope, _ *options) {
			e.Kind, e.Idle, e.Subject, e.Lineage = seal.Kind(kind), true, []byte("alice"), lineage(3)
			if e.Kind == seal.Reference {
				e.Serializer = 0
			} else {
				e.Payload = cbor(20)
			}
		})
	}

	add("idle time is tracked", func(e *seal.Envelope, _ *options) { e.Idle = true })
	add("subject of one byte", func(e *seal.Envelope, _ *options) { e.Subject = []byte("a") })
	add("subject of 36 bytes", func(e *seal.Envelope, _ *options) {
		e.Subject = []byte("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	})
	add("subject with a length of two bytes", func(e *seal.Envelope, _ *options) { e.Subject = bytes.Repeat([]byte("s"), 200) })
	add("subject that is not UTF-8", func(e *seal.Envelope, _ *options) { e.Subject = []byte{0xff, 0x00, 0xfe} })

	for _, n := range []int{1, 3, 127} {
		add("lineage of "+decimal(int64(n)), func(e *seal.Envelope, _ *options) { e.Lineage = lineage(n) })
	}
	add("lineage that names the ring's other key", func(e *seal.Envelope, o *options) { o.key, e.Lineage = 1, m.ids[0][:] })
	add("lineage that names a retired key", func(e *seal.Envelope, o *options) {
		o.key, e.Lineage, o.Retired = 1, m.ids[0][:], []hexBytes{m.ids[0][:]}
	})
	add("lineage that names the ID of zeros", func(e *seal.Envelope, _ *options) { e.Lineage = make([]byte, 4) })
	add("sealed with the ring's other key", func(_ *seal.Envelope, o *options) { o.key = 1 })
	add("another key of the ring is revoked", func(_ *seal.Envelope, o *options) { o.Revoked = []hexBytes{m.ids[1][:]} })

	for _, audience := range []string{"shop/production", "Пекарня ☕ Wien", strings.Repeat("a", 255)} {
		add("audience of "+decimal(int64(len(audience)))+" bytes", func(_ *seal.Envelope, o *options) { o.Audience = audience })
	}
	for _, name := range []string{"s", "session", "__Secure-id", "!#$%&'*+-.^_`|~"} {
		add("cookie name "+name, func(_ *seal.Envelope, o *options) { o.CookieName = name })
	}

	for _, ms := range []int64{0x7f, 0x80, 0x3fff, 0x4000} {
		add("issued "+decimal(ms)+" ms after created", func(e *seal.Envelope, _ *options) { e.Issued += ms })
		add("expires "+decimal(ms)+" ms after created", func(e *seal.Envelope, _ *options) { e.Expires = e.Created + ms })
	}
	for _, revision := range []uint64{1, 0x7f, 0x80, 1 << 32, 1 << 56, math.MaxInt64} {
		add("revision "+decimal(int64(revision)), func(e *seal.Envelope, _ *options) { e.Revision = revision })
	}
	add("created in 1970", func(e *seal.Envelope, _ *options) {
		e.Created, e.Issued, e.Expires = 0, 1, vectorLifetime
	})
	add("expires at the latest time", func(e *seal.Envelope, _ *options) { e.Expires = seal.MaxTime })
	add("all times at their latest", func(e *seal.Envelope, o *options) {
		e.Created, e.Issued, e.Expires, o.Now = seal.MaxTime, seal.MaxTime, seal.MaxTime, seal.MaxTime-1
	})

	add("issued two minutes ahead of the reader", func(e *seal.Envelope, o *options) { o.Now = e.Issued - 2*minute })
	add("a millisecond before its expiry", func(e *seal.Envelope, o *options) { o.Now = e.Expires - 1 })
	add("a millisecond before the reader's lifetime is over", func(e *seal.Envelope, o *options) {
		o.LifetimeMS, o.Now = 60*minute, e.Created+60*minute-1
	})
	add("a millisecond before it is idle", func(e *seal.Envelope, o *options) {
		e.Idle, e.Issued, o.IdleMS, o.Now = true, e.Created+minute, 30*minute, e.Created+31*minute-1
	})
	add("idle for long, but its idle time is not tracked", func(e *seal.Envelope, o *options) {
		o.IdleMS, o.Now = 30*minute, e.Issued+600*minute
	})
	add("idle for long, but the reader does not limit it", func(e *seal.Envelope, o *options) {
		e.Idle, o.Now = true, e.Issued+600*minute
	})
}

func (m *vectorMaker) refuse(name, reason, what, text string) *refusedVector {
	m.file.Refused = append(m.file.Refused, refusedVector{
		Name:      name,
		Reason:    reason,
		What:      what,
		presented: presented{CookieName: cookieName, Now: vectorCreated},
		Text:      text,
	})
	return &m.file.Refused[len(m.file.Refused)-1]
}

// refusedText has the vectors of steps 1 and 2.
func (m *vectorMaker) refusedText() {
	malformed := func(name, what, text string) { m.refuse(name, "malformed", what, text) }
	// What was changed is an accepted vector, so nothing else opens with these keys.
	good := m.acceptedText("inline, payload of 2") // 77 bytes, so 103 characters and two bits left over

	malformed("empty", "The value is empty.", "")
	malformed("one character", "A length of 1 modulo 4.", "A")
	malformed("1 modulo 4", "The token has two characters more, so that its length is 1 modulo 4.", good+"AA")
	e := session("text")
	e.Payload = cbor(3073 - seal.Overhead - 30)
	malformed("too long", "The token is authentic, but 4098 characters long.", m.text("too long", seal.AppendEnvelope(nil, e)))
	malformed("padded", "The token is padded with =.", good+"=")
	malformed("padding in the middle", "A = stands where a character should.", good[:40]+"="+good[41:])
	malformed("plus", "A + of the other alphabet.", good[:40]+"+"+good[41:])
	malformed("slash", "A / of the other alphabet.", good[:40]+"/"+good[41:])
	even := m.acceptedText("inline, without payload") // 75 bytes, so 100 characters and none left over
	for _, c := range []struct{ name, insert string }{
		{"line feed", "\n"}, {"carriage return", "\r"}, {"CR LF", "\r\n"}, {"four line feeds", "\n\n\n\n"},
		{"space", " "}, {"tab", "\t"}, {"zero byte", "\x00"}, {"period", "."}, {"tilde", "~"}, {"percent", "%2D"}, {"letter beyond ASCII", "é"},
	} {
		malformed(c.name+" at the end", "A character outside the alphabet follows the token.", good+c.insert)
		malformed(c.name+" at the end of a multiple of 4", "A character outside the alphabet follows a token of 100 characters.", even+c.insert)
		malformed(c.name+" in front", "A character outside the alphabet precedes the token.", c.insert+good)
		malformed(c.name+" inside", "A character outside the alphabet in the middle of the token.", good[:50]+c.insert+good[50:])
	}
	malformed("quoted", "The token is in double quotes.", `"`+good+`"`)
	last := strings.IndexByte(alphabet, good[len(good)-1])
	for bits := 1; bits < 4; bits++ {
		malformed("trailing bits "+decimal(int64(bits)), "The two unused bits of the last character are not zero.",
			good[:len(good)-1]+string(alphabet[last|bits]))
	}
	good = m.acceptedText("inline, payload of 1") // 76 bytes, so 102 characters and four bits left over
	last = strings.IndexByte(alphabet, good[len(good)-1])
	malformed("trailing bits of four", "The lowest of the four unused bits of the last character is not zero.",
		good[:len(good)-1]+string(alphabet[last|1]))

	e.Payload = nil
	whole := seal.AppendEnvelope(nil, e)
	short := m.text("short", whole[:26])
	malformed("71 bytes", "A byte less than the shortest token; the tag is right.", short)
	malformed("no plaintext", "45 bytes: the AEAD of an empty plaintext; the tag is right.", m.text("no plaintext", nil))
	malformed("header only", "Five bytes: version and key ID.", good[:7])
	for _, version := range []byte{0, 2, 255} {
		token, _ := m.sealVector("version "+decimal(int64(version)), 0, "", cookieName, "cookie", version, whole)
		malformed("version "+decimal(int64(version)), "Another version; the tag is right.", encode(token))
	}
	token, _ := m.sealVector("unknown version and key", 0, "", cookieName, "cookie", 2, whole)
	copy(token[1:], []byte{0xde, 0xad, 0xbe, 0xef})
	malformed("other version and unknown key", "Another version and an unknown key: the version is looked at first.",
		encode(token))
	token[0] = 1
	malformed("line feed and unknown key", "An unknown key, and a line feed at the end: the text is looked at first.",
		encode(token)+"\n")
}

// refusedKey has the vectors of step 3.
func (m *vectorMaker) refusedKey() {
	e := session("key")
	e.Payload = cbor(30)
	plain := seal.AppendEnvelope(nil, e)

	stranger := &vectorMaker{TB: m.TB}
	stranger.addKey(digest("secret of a key that is not in the ring", 32))
	m.refuse("unknown key", "unknown_key", "Sealed with a key that is not in the ring.", stranger.text("unknown key", plain))

	token := raw(m, m.acceptedText("inline, CBOR"))
	copy(token[1:5], []byte{0, 0, 0, 0})
	m.refuse("key ID of zeros", "unknown_key", "The token of a known key under the ID of zeros: a reader must not try other keys.",
		encode(token))

	v := m.refuse("retired key", "unknown_key", "The key that sealed the token is retired.", m.text("retired key", plain))
	v.Opens, v.Retired = true, []hexBytes{m.ids[0][:]}
	v = m.refuse("revoked key", "revoked_key", "The key that sealed the token is revoked.", m.text("revoked key", plain))
	v.Opens, v.Revoked = true, []hexBytes{m.ids[0][:]}
	v = m.refuse("revoked key, expired", "revoked_key", "The key is revoked, and the token expired: the key is looked at first.",
		m.text("revoked key, expired", plain))
	v.Opens, v.Revoked, v.Now = true, []hexBytes{m.ids[0][:]}, e.Expires
}

// refusedTag has the vectors of step 4.
func (m *vectorMaker) refusedTag() {
	e := session("tag")
	e.Payload = cbor(60)
	plain := seal.AppendEnvelope(nil, e)
	forged := func(name, what string, token []byte) *refusedVector {
		return m.refuse(name, "forged", what, encode(token))
	}
	good, _ := m.sealVector("tag", 0, "shop", cookieName, "cookie", 1, plain)
	good2 := raw(m, m.acceptedText("inline, CBOR"))

	forged("other audience", "Sealed for the audience shop, presented to none.", good)
	forged("no audience", "Sealed for no audience, presented to shop.", good2).Audience = "shop"
	forged("audience in other case", "Sealed for the audience shop, presented to Shop.", good).Audience = "Shop"
	forged("other cookie name", "Sealed for another cookie name.", good2).CookieName = "__Secure-session"
	forged("cookie name without its prefix", "The prefix belongs to the name.", good2).CookieName = "session"
	ab, _ := m.sealVector("audience and name", 0, "ab", "c", "cookie", 1, plain)
	v := forged("audience and name shifted", "Audience ab and name c are not audience a and name bc.", ab)
	v.Audience, v.CookieName = "a", "bc"
	record, _ := m.sealVector("purpose", 0, "", cookieName, "record", 1, plain)
	forged("other purpose", "Sealed for the purpose record.", record)

	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i] ^= 1
		return b
	}
	n := len(good2)
	forged("prefix changed", "A bit of the nonce's first half is flipped.", flip(good2, 5))
	forged("inner nonce changed", "A bit of the nonce's second half is flipped.", flip(good2, 28))
	forged("ciphertext changed", "The first bit of the ciphertext is flipped: the kind.", flip(good2, 29))
	forged("last byte of the ciphertext changed", "A bit of the payload is flipped.", flip(good2, n-17))
	forged("tag changed", "A bit of the tag is flipped.", flip(good2, n-1))
	forged("cut short", "The last byte is missing.", good2[:n-1])
	forged("prolonged", "A zero byte follows the tag.", append(bytes.Clone(good2), 0))
	forged("halves of two tokens", "The first half of one token, the second of another.",
		join(good2[:n/2], raw(m, m.acceptedText("inline, JSON"))[n/2:]))

	// Under the ring's ID, but with another key.
	stranger := &vectorMaker{TB: m.TB}
	stranger.addKey(digest("secret of a key with the same ID", 32))
	stranger.file.Keys[0].KeyID = m.file.Keys[0].KeyID
	other, _ := stranger.sealVector("same ID", 0, "", cookieName, "cookie", 1, plain)
	forged("another key of the same ID", "Sealed with another secret, under the ID of a key in the ring.", other)
	secret, _ := (&vectorMaker{TB: m.TB, file: vectorFile{Keys: []vectorKey{{
		KeyID: m.file.Keys[0].KeyID, SealingKey: m.file.Keys[0].Secret,
	}}}}).sealVector("secret itself", 0, "", cookieName, "cookie", 1, plain)
	forged("sealed with the secret itself", "Sealed with the secret instead of the sealing key.", secret)
	forged("forged and expired", "The tag is wrong, and the token would have expired: expiry is only looked at after authentication.",
		flip(good2, n-1)).Now = e.Expires
}

// refusedInside has the vectors of step 5. All are authentic.
func (m *vectorMaker) refusedInside() {
	seed := digest("seed of inside", seal.SeedSize)
	created := binary.BigEndian.AppendUint64(nil, vectorCreated)[2:]
	day := binary.AppendUvarint(nil, vectorLifetime)
	payload := cbor(10)
	// inside has the bytes of a token from its head, serializer and what follows created.
	inside := func(head, serializer byte, rest ...[]byte) []byte {
		return join([]byte{head, serializer}, seed, created, join(rest...))
	}
	times := join([]byte{0}, day, []byte{0}) // issued, expires, revision
	malformed := func(name, what string, plain []byte) *refusedVector {
		return m.refuse(name, "malformed", what, m.text(name, plain))
	}

	malformed("bit 7", "Bit 7 of the head is set.", inside(0x80, 1, times, payload))
	for kind := byte(3); kind < 8; kind++ {
		malformed("kind "+decimal(int64(kind)), "A kind that does not belong in a token.", inside(kind, 1, times, payload))
	}
	malformed("inside of a record", "What is inside a record, which has no seed.",
		join([]byte{3, 1}, created, times, cbor(30)))

	huge := join(bytes.Repeat([]byte{0x80}, 9), []byte{1}) // 2^63
	for i, name := range []string{"issued", "expires", "revision"} {
		fields := [][]byte{{0}, day, {0}}
		with := func(field []byte) []byte {
			f := [][]byte{fields[0], fields[1], fields[2]}
			f[i] = field
			return inside(0, 1, join(f...), payload)
		}
		malformed(name+" not shortest", "A uvarint of two bytes for 0.", with([]byte{0x80, 0}))
		malformed(name+" not shortest, three bytes", "A uvarint of three bytes for 127.", with([]byte{0xff, 0x80, 0}))
		malformed(name+" of 64 bits", "A uvarint of 2^63.", with(huge))
		malformed(name+" of 70 bits", "A uvarint that does not fit into 64 bits.", with(bytes.Repeat([]byte{0xff}, 12)))
		malformed(name+" runs out", "The uvarint is not finished.", inside(0, 1, join(fields[:i]...), bytes.Repeat([]byte{0x80}, 4)))
	}
	malformed("expires and revision are missing", "Just long enough, but the revision is missing.", inside(0, 1, []byte{0, 0x80, 0x01}))

	last := binary.AppendUvarint(nil, seal.MaxTime-vectorCreated+1)
	most := binary.AppendUvarint(nil, math.MaxInt64)
	malformed("issued too late", "Created + issued is 2^48.", inside(0, 1, last, day, []byte{0}, payload))
	malformed("expires too late", "Created + expires is 2^48.", inside(0, 1, []byte{0}, last, []byte{0}, payload))
	malformed("issued overflows", "Created + issued exceeds 63 bits.", inside(0, 1, most, day, []byte{0}, payload))
	malformed("expires overflows", "Created + expires exceeds 63 bits.", inside(0, 1, []byte{0}, most, []byte{0}, payload))

	own := m.ids[0][:]
	malformed("lineage of none", "Bit 5 is set and the count is 0.", inside(0x20, 1, times, []byte{0}, payload))
	malformed("lineage is missing", "Bit 5 is set and nothing follows the revision.", inside(0x20, 1, times))
	malformed("lineage runs out", "The count is 3, but two IDs and three bytes follow.", inside(0x20, 1, times, []byte{3}, lineage(3)[:11]))
	malformed("lineage of 128", "The count exceeds 127.", inside(0x20, 1, times, []byte{128}, lineage(128), payload))
	malformed("lineage of 255", "The count exceeds 127.", inside(0x20, 1, times, []byte{255}, lineage(255), payload))
	malformed("lineage names a key twice", "The first and the last ID are equal.", inside(0x20, 1, times, []byte{4}, lineage(3), lineage(1), payload))
	malformed("lineage names the sealing key", "The only ID is that of the key which sealed this token.", inside(0x20, 1, times, []byte{1}, own, payload))
	malformed("lineage names the sealing key at last", "The third ID is that of the key which sealed this token.", inside(0x20, 1, times, []byte{3}, lineage(2), own, payload))

	malformed("subject is empty", "Bit 4 is set and the length is 0.", inside(0x10, 1, times, []byte{0}, payload))
	malformed("subject is missing", "Bit 4 is set and nothing follows the revision.", inside(0x10, 1, times))
	malformed("subject runs out", "The length is 11, but ten bytes follow.", inside(0x10, 1, times, []byte{11}, payload))
	malformed("subject of 2^63 - 1 bytes", "The length exceeds every token.", inside(0x10, 1, times, most, payload))
	malformed("subject of 2^31 bytes", "The length exceeds every token.", inside(0x10, 1, times, binary.AppendUvarint(nil, 1<<31), payload))
	malformed("subject's length not shortest", "A length of two bytes for 1.", inside(0x10, 1, times, []byte{0x81, 0}, payload))
	malformed("subject before lineage", "Both bits are set, but the subject comes first.",
		inside(0x30, 1, times, []byte{5}, []byte("alice"), []byte{1}, lineage(1)))

	malformed("reference with a payload", "A reference has no data of its own.", inside(2, 0, times, payload))
	malformed("reference with a serializer", "The serializer of a reference is 0.", inside(2, 1, times))
	malformed("inline without a serializer", "Serializer 0 is a reference's.", inside(0, 0, times, payload))
	malformed("pending without a serializer", "Serializer 0 is a reference's.", inside(1, 0, times, payload))
	// formed has the bytes of a token with a form.
	formed := func(head, serializer, form byte, rest ...[]byte) []byte {
		return join([]byte{head | 0x40, serializer, form}, seed, created, times, join(rest...))
	}
	malformed("form is missing", "Bit 6 is set, but the seed follows.", inside(0x40, 1, times, payload))
	malformed("form of 0", "Bit 6 is set and the form is 0.", formed(0, 1, 0, payload))
	malformed("form of 4", "Bit 2 of the form is set.", formed(0, 1, 4, payload))
	malformed("form of 129", "Bit 7 of the form is set.", formed(0, 1, 129, []byte{3, 0}))
	malformed("reference, compressed", "A reference has nothing to compress.", formed(2, 0, 1))
	malformed("reference with a payload, padded", "A reference has no data of its own.", formed(2, 0, 2, payload, []byte{0x80}))
	malformed("padding is missing", "The form says padded, and the token does not end in it.", formed(0, 1, 2, payload))
	malformed("padding without its first byte", "The token ends in zeros with no 80 before them.", formed(0, 1, 2, payload, make([]byte, 8)))
	malformed("padding of 1025", "Padding has at most 1024 bytes.", formed(0, 1, 2, payload, []byte{0x80}, make([]byte, 1024)))
	malformed("padding takes a field away", "The padding begins before the revision ends.",
		join([]byte{0x40, 1, 2}, seed, created, []byte{0}, []byte{0xff, 0x80}, make([]byte, 8)))
	malformed("malformed and expired", "A kind that does not belong there, in a token that would have expired: the inside is looked at first.",
		inside(7, 1, times, payload)).Now = vectorCreated + vectorLifetime
}

// refusedByReader has the vectors of steps 6 to 8, and of a payload that does not inflate.
func (m *vectorMaker) refusedByReader() {
	add := func(name, reason, what string, change func(e *seal.Envelope, p *presented)) {
		e, p := session(name), &presented{CookieName: cookieName, Now: vectorCreated}
		e.Payload = cbor(10)
		change(e, p)
		v := m.refuse(name, reason, what, m.text(name, seal.AppendEnvelope(nil, e)))
		v.presented, v.Opens = *p, true
	}
	add("compressed payload inflates to 32,769", "malformed", "A reader inflates to 32,768 bytes at most.", func(e *seal.Envelope, _ *presented) {
		m.compressed(e, 32769)
	})
	for _, c := range []struct {
		name, what string
		payload    []byte
	}{
		{"is empty", "No DEFLATE stream is empty.", nil},
		{"runs out", "The stream has no last block.", []byte{0, 1, 0, 0xfe, 0xff, 0x60}},
		{"goes on", "A byte follows the last block.", []byte{1, 1, 0, 0xfe, 0xff, 0x60, 0}},
		{"is none", "A block of the reserved type.", []byte{7, 0, 0}},
		{"refers to before its beginning", "A distance of more than there is.", []byte{0x03, 0x02, 0x00}},
	} {
		add("compressed payload "+c.name, "malformed", c.what, func(e *seal.Envelope, _ *presented) {
			e.Compressed, e.Payload = true, c.payload
		})
	}
	other := []hexBytes{m.ids[1][:]}
	add("lineage names a revoked key", "revoked_key", "The only key of the lineage is revoked.", func(e *seal.Envelope, p *presented) {
		e.Lineage, p.Revoked = other[0], other
	})
	add("lineage names a revoked key at last", "revoked_key", "The last key of the lineage is revoked.", func(e *seal.Envelope, p *presented) {
		e.Lineage, p.Revoked = append(lineage(126), other[0]...), other
	})
	add("lineage revoked, expired", "revoked_key", "A key of the lineage is revoked, and the token expired: the lineage is looked at first.", func(e *seal.Envelope, p *presented) {
		e.Lineage, p.Revoked, p.Now = other[0], other, e.Expires
	})
	add("issued in the future", "not_yet_valid", "Issued two minutes and a millisecond ahead of the reader's clock.", func(e *seal.Envelope, p *presented) {
		p.Now = e.Issued - 2*minute - 1
	})
	add("issued in the future, expired", "not_yet_valid", "Issued in the future and after its own expiry: the issue time is looked at first.", func(e *seal.Envelope, p *presented) {
		e.Issued, e.Expires, p.Now = e.Created+10*minute, e.Created+minute, e.Created+minute
	})
	add("expired", "expired", "At its expiry, to the millisecond.", func(e *seal.Envelope, p *presented) { p.Now = e.Expires })
	add("expired for long", "expired", "A year after its expiry.", func(e *seal.Envelope, p *presented) { p.Now = e.Expires + 365*vectorLifetime })
	add("expired when created", "expired", "Expires when it was created.", func(e *seal.Envelope, _ *presented) { e.Expires = e.Created })
	add("expired when issued", "expired", "Expires before it was issued.", func(e *seal.Envelope, p *presented) {
		e.Issued, e.Expires, p.Now = e.Created+2*minute, e.Created+minute, e.Created+minute
	})
	add("reader's lifetime is over", "expired", "The reader allows an hour, which is over to the millisecond, since created.", func(e *seal.Envelope, p *presented) {
		e.Issued, p.LifetimeMS, p.Now = e.Created+59*minute, 60*minute, e.Created+60*minute
	})
	add("idle", "idle", "Half an hour after it was issued, to the millisecond.", func(e *seal.Envelope, p *presented) {
		e.Idle, e.Issued, p.IdleMS, p.Now = true, e.Created+minute, 30*minute, e.Created+31*minute
	})
	add("idle and expired", "expired", "Both idle and expired: expiry is looked at first.", func(e *seal.Envelope, p *presented) {
		e.Idle, p.IdleMS, p.Now = true, 30*minute, e.Expires
	})
}

func (m *vectorMaker) subjects() {
	for i, k := range m.keys {
		for _, v := range [][2]string{{"", "alice"}, {"shop", "alice"}, {"shopa", "lice"}, {"shop", "Zoë \x00\n"}} {
			m.file.Subjects = append(m.file.Subjects, subjectVector{m.file.Keys[i].Secret, v[0], v[1], k.IndexTag(v[0], v[1])})
		}
	}
}

func (m *vectorMaker) records() {
	sealRecord := func(name string, seed seal.Seed, locator string, version byte, id [4]byte, revision uint64, plaintext []byte) ([]byte, *vectorSealed) {
		key := seal.Subkey(seed[:], "hardtack record key", 32)
		outer := binary.BigEndian.AppendUint64(nil, revision)
		header := append([]byte{version}, id[:]...)
		s := &vectorSealed{Nonce: digest("nonce of record "+name, seal.NonceSize), Plaintext: plaintext}
		s.AAD = join(header, specLP("hardtack"), specLP(""), specLP(""), specLP("record"), specLP(locator), outer)
		gcmKey, err := seal.XAESDerive(key, [seal.PrefixSize]byte(s.Nonce))
		if err != nil {
			m.Fatal(err)
		}
		s.GCMKey = gcmKey[:]
		return join(outer, header, s.Nonce, sealFixed(m, key, [seal.NonceSize]byte(s.Nonce), plaintext, s.AAD)), s
	}
	add := func(name, reason, what string, seed seal.Seed, record []byte) *recordVector {
		m.file.Records = append(m.file.Records, recordVector{
			Name: name, Reason: reason, What: what,
			vectorSeed: seedOf(seed), Record: record,
		})
		return &m.file.Records[len(m.file.Records)-1]
	}
	record := func(name string) *seal.Envelope {
		e := session("record " + name)
		e.Kind, e.Revision, e.Payload = seal.Live, 5, cbor(50)
		return e
	}
	accept := func(name, what string, change func(e *seal.Envelope)) {
		e := record(name)
		change(e)
		if err := seal.CheckEnvelope(e, seal.KeyID{}); err != nil {
			m.Fatalf("%s: %v", name, err)
		}
		data, s := sealRecord(name, e.Seed, seal.Locator(&e.Seed), 1, [4]byte{}, e.Revision, seal.AppendEnvelope(nil, e))
		s.Fields = fieldsOf(e)
		v := add(name, "", what, e.Seed, data)
		v.Sealed, v.LeastRevision = s, e.Revision
	}
	accept("live", "The session's present state.", func(*seal.Envelope) {})
	accept("returned", "The session has gone back into its cookie.", func(e *seal.Envelope) { e.Kind = seal.Returned })
	accept("frozen", "The session was renewed under another seed.", func(e *seal.Envelope) { e.Kind = seal.Frozen })
	accept("record with all fields", "Idle time, subject and a lineage that names a key of the ring.", func(e *seal.Envelope) {
		e.Idle, e.Subject, e.Lineage = true, []byte("alice"), append(lineage(2), m.ids[0][:]...)
	})
	accept("record without payload", "The serializer has written nothing.", func(e *seal.Envelope) { e.Payload = nil })
	accept("record of 5000 bytes", "More than a cookie could hold.", func(e *seal.Envelope) { e.Payload = cbor(5000) })
	accept("record of the first revision", "Revision 0.", func(e *seal.Envelope) { e.Revision = 0 })
	accept("record of the last revision", "A revision as high as a tombstone's, yet not a tombstone.", func(e *seal.Envelope) { e.Revision = seal.MaxRevision })

	e := record("good")
	locator := seal.Locator(&e.Seed)
	plain := seal.AppendEnvelope(nil, e)
	good, s := sealRecord("good", e.Seed, locator, 1, [4]byte{}, 5, plain)
	s.Fields = fieldsOf(e)

	add("tombstone", "ended", "The session was ended.", e.Seed, seal.Tombstone())
	v := add("older than the reference", "missing", "The record is authentic, but its revision is less than the reference's.", e.Seed, good)
	v.Sealed, v.LeastRevision = s, 6

	forged := func(name, what string, data []byte) *recordVector { return add(name, "forged", what, e.Seed, data) }
	stranger := record("another session's")
	swapped, _ := sealRecord("swapped", stranger.Seed, seal.Locator(&stranger.Seed), 1, [4]byte{}, 5, seal.AppendEnvelope(nil, stranger))
	forged("another session's record", "The record of another session was put at this locator.", swapped)
	forged("another locator", "The record was kept at another locator.", good).Locator = seal.Locator(&stranger.Seed)
	moved, _ := sealRecord("moved", e.Seed, seal.Locator(&stranger.Seed), 1, [4]byte{}, 5, plain)
	forged("sealed for another locator", "Sealed under this session's record key, but for another locator.", moved)
	raised := bytes.Clone(good)
	raised[7]++
	forged("revision raised", "The revision outside was raised by one.", raised)
	differs, _ := sealRecord("revisions differ", e.Seed, locator, 1, [4]byte{}, 6, plain)
	forged("revisions differ", "Authentic with revision 6 outside and 5 inside.", differs)

	forged("no record", "Nothing at all.", []byte{})
	forged("tombstone cut short", "Seven bytes.", seal.Tombstone()[:7])
	forged("tombstone prolonged", "A ninth byte follows.", append(seal.Tombstone(), 0))
	forged("not quite a tombstone", "Eight other bytes.", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	forged("revision only", "The first eight bytes of a record.", good[:8])
	forged("header only", "Revision, version and key ID.", good[:13])
	forged("record cut to its overhead", "As long as a record without plaintext.", good[:8+seal.Overhead])
	forged("record cut short", "The last byte is missing.", good[:len(good)-1])
	forged("record prolonged", "A zero byte follows the tag.", append(bytes.Clone(good), 0))
	for _, i := range []int{0, 13, 25, 37, len(good) - 17, len(good) - 1} {
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x80
		forged("record with byte "+decimal(int64(i))+" changed", "A bit is flipped.", flipped)
	}
	version, _ := sealRecord("version", e.Seed, locator, 2, [4]byte{}, 5, plain)
	forged("record of another version", "Authentic, of version 2.", version)
	withID, _ := sealRecord("key ID", e.Seed, locator, 1, m.ids[0], 5, plain)
	forged("record with a key ID", "Authentic, with the ID of a key instead of zeros.", withID)

	for kind := range seal.Live {
		token := record("kind")
		token.Kind = kind
		if kind == seal.Reference {
			token.Serializer, token.Payload = 0, nil
		}
		data, _ := sealRecord("kind "+decimal(int64(kind)), e.Seed, locator, 1, [4]byte{}, 5, seal.AppendEnvelope(nil, token))
		forged("record of kind "+decimal(int64(kind)), "The inside of a token, under the record's key.", data)
	}
	short := seal.AppendEnvelope(nil, e)
	for _, kind := range []byte{0, 1, 6, 7} {
		short[0] = kind
		data, _ := sealRecord("kind without seed "+decimal(int64(kind)), e.Seed, locator, 1, [4]byte{}, 5, short)
		forged("record of kind "+decimal(int64(kind))+", without a seed", "A kind that does not belong in a record.", data)
	}
	zero := seal.AppendEnvelope(nil, &seal.Envelope{Kind: seal.Live, Serializer: 1, Lineage: make([]byte, 4), Revision: 5})
	data, _ := sealRecord("lineage of zeros", e.Seed, locator, 1, [4]byte{}, 5, zero)
	forged("record whose lineage names its key ID", "The lineage names the ID of zeros, which stands in the record's header.", data)
	none := seal.AppendEnvelope(nil, &seal.Envelope{Kind: seal.Live, Revision: 5, Payload: cbor(20)})
	data, _ = sealRecord("no serializer", e.Seed, locator, 1, [4]byte{}, 5, none)
	forged("record without a serializer", "Serializer 0 is a reference's.", data)

	token, _ := m.sealVector("token as record", 0, "", cookieName, "cookie", 1, plain)
	forged("token instead of a record", "A token's bytes, after a revision.", join(good[:8], token))
	m.refuse("record instead of a token", "malformed", "A record in base64: its first byte is not the version.", encode(good))
	m.refuse("record instead of a token, without its revision", "unknown_key", "A record without its revision in base64: its key ID is zeros.",
		encode(good[8:]))
}
