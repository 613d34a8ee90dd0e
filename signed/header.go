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
	}{s.name, "", cookie + "+jwt"})
	if err != nil {
		panic(err) // strings have an encoding
	}
	kid := []byte(`"kid":"`)
	i := bytes.Index(data, kid) + len(kid)
	return &header{cookie, data[:i:i], data[i:]}
}

func (h *header) with(id hardtack.KeyID) []byte {
	return bytes.Join([][]byte{h.before, []byte(id.String()), h.after}, nil)
}

// key returns the key that data, a header, names.
func (h *header) key(data []byte) (id hardtack.KeyID, err error) {
	const digits = 2 * len(id)
	if len(data) != len(h.before)+digits+len(h.after) {
		return id, hardtack.ErrMalformed
	}
	id, err = hardtack.ParseKeyID(string(data[len(h.before) : len(h.before)+digits]))
	if err != nil || !bytes.Equal(data, h.with(id)) {
		return id, hardtack.ErrMalformed
	}
	return id, nil
}
