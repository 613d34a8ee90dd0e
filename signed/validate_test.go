package signed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// byVersion4 is a type of claims for golang-jwt before version 5.
type byVersion4 struct {
	Banned bool `json:"banned"`
}

func (c *byVersion4) Valid() error {
	if c.Banned {
		return errors.New("banned")
	}
	return nil
}

// plain has the method of version 5, and none of its others.
type plain struct {
	Banned bool `json:"banned"`
}

func (c plain) Validate() error { return (&byVersion4{c.Banned}).Valid() }

// hidden is data that only its own methods encode.
type hidden struct{ n int }

func (h hidden) MarshalJSON() ([]byte, error)  { return json.Marshal(h.n) }
func (h *hidden) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &h.n) }

// An application's own look at its claims is not passed over, whatever golang-jwt it was written for.
func TestForeignValidates(t *testing.T) {
	t.Run("version 4", func(t *testing.T) { refusesBanned[byVersion4](t) })
	t.Run("pointer", func(t *testing.T) { refusesBanned[*byVersion4](t) })
	t.Run("version 5", func(t *testing.T) { refusesBanned[plain](t) })
	t.Run("pointer of version 5", func(t *testing.T) { refusesBanned[*plain](t) })
}

func refusesBanned[C any](t *testing.T) {
	codec, err := signed.NewForeignCodec(signed.ForeignConfig[C, hidden]{
		Keys:    []signed.VerifyKey{{Algorithm: "HS256", Key: []byte("secret")}},
		MaxAge:  time.Hour,
		From:    func(*C) (hidden, error) { return hidden{42}, nil },
		Payload: hardtack.JSON{},
	})
	require.NoError(t, err)
	mint := func(banned bool) string {
		return hmacSigner("secret").mint(t, `{"alg":"HS256"}`, fmt.Sprintf(`{"exp":%d,"banned":%v}`, epoch.Unix()+60, banned))
	}
	rec := open(t, codec, handBinding, mint(false))
	assert.Equal(t, hardtack.JSON{}, rec.Serializer)
	assert.Equal(t, "42", string(rec.Payload))
	assert.ErrorIs(t, openError(t, codec, handBinding, mint(true)), hardtack.ErrPayload)
}
