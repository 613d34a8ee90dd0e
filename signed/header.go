package signed

import (
	"bytes"
	"encoding/json"

	"github.com/hardtack-go/hardtack"
)

// header is the only header that a codec writes under one cookie name, but for the key: what it reads must be the same to the byte. So
// the token has no say in how it is verified.
type header struct {
	name          string // of the cookie
	before, after []byte // the key ID
}

func newHeader(s *scheme, cookie string) *header {
	data, err := json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		Key       string    `json:"kid"`
		Type      string    `json:"typ"`
	}{s.name, keyID(hardtack.KeyID{}, s.name)[hexID:], cookie + "+jwt"})
	if err != nil {
		panic(err) // strings have an encoding
	}
	kid := []byte(`"kid":"`)
	i := bytes.Index(data, kid) + len(kid)
	return &header{cookie, data[:i:i], data[i:]}
}

const hexID = 2 * len(hardtack.KeyID{})

// keyID is what a key of the ring is called under one algorithm: verifiers look a key up by its kid, and of one ring each algorithm has another.
func keyID(id hardtack.KeyID, a Algorithm) string { return id.String() + "-" + string(a) }

func (h *header) with(id hardtack.KeyID) []byte {
	return bytes.Join([][]byte{h.before, []byte(id.String()), h.after}, nil)
}

// key returns the key that data, a header, names.
func (h *header) key(data []byte) (id hardtack.KeyID, err error) {
	if len(data) != len(h.before)+hexID+len(h.after) {
		return id, hardtack.ErrMalformed
	}
	id, err = hardtack.ParseKeyID(string(data[len(h.before) : len(h.before)+hexID]))
	if err != nil || !bytes.Equal(data, h.with(id)) {
		return id, hardtack.ErrMalformed
	}
	return id, nil
}
