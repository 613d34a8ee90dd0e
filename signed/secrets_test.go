package signed_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// spellings are the ways in which these bytes could turn up in text.
func spellings(secret []byte) []string {
	list := strings.Trim(fmt.Sprint(secret[:8]), "[]")
	return []string{
		string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), base64.RawStdEncoding.EncodeToString(secret), encode(secret),
		list, strings.ReplaceAll(list, " ", ","), strings.ReplaceAll(list, " ", ", "),
	}
}

// secretsOf returns what must not be seen of a key.
func secretsOf(t testing.TB, secret []byte) (all [][]byte) {
	signing := expandKey(t, secret, "hardtack signing")
	all = [][]byte{secret, signing}
	for _, info := range []string{"hardtack signing HS256", "hardtack signing EdDSA", "hardtack signing ES256 0"} {
		all = append(all, expandKey(t, signing, info))
	}
	return all
}

func assertNoSecret(t *testing.T, text string, secrets ...[]byte) {
	t.Helper()
	for _, secret := range secrets {
		for _, s := range spellings(secret) {
			assert.False(t, strings.Contains(text, s), "a secret is in %.200q", text)
		}
	}
}

func printed(t *testing.T, v any) (all string) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		all += fmt.Sprintf(verb+"\n", v)
	}
	text, err := json.Marshal(v)
	if err == nil {
		all += string(text)
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("", "v", v)
	return all + b.String()
}

func TestNothingPrintsSecrets(t *testing.T) {
	secret := secretOf("printed")
	ring := ringOf(t, keyOf(t, "printed", time.Time{}, time.Time{}))
	for _, a := range algorithms {
		c := newCodec(t, ring, signed.Options{Algorithm: a})
		b := hardtack.Binding{Name: cookieName, Now: epoch}
		open(t, c, b, seal(t, c, b, record("1")))
		text := printed(t, c) + printed(t, []any{c}) + printed(t, struct{ C *signed.Codec }{c}) + printed(t, hardtack.Config{Codec: c})
		assertNoSecret(t, text, secretsOf(t, secret)...)
		assert.Contains(t, fmt.Sprint(c), string(a))
	}

	legacy := []byte("a secret of twenty-nine bytes")
	key := signed.VerifyKey{ID: "k", Algorithm: "HS256", Key: legacy}
	f := signed.ForeignConfig[handClaims, cart]{Keys: []signed.VerifyKey{key}, MaxAge: time.Hour, From: func(*handClaims) (cart, error) { return cart{}, nil }}
	c, err := signed.NewForeignCodec(f)
	require.NoError(t, err)
	text := printed(t, key) + printed(t, &key) + printed(t, f.Keys) + printed(t, c) + printed(t, []any{c}) + printed(t, struct{ C *signed.ForeignCodec }{c})
	text += fmt.Sprintf("%v %+v %#v", f, f, f)
	assertNoSecret(t, text, legacy)
	assert.Contains(t, text, `key "k" (HS256)`)

	_, err = signed.NewForeignCodec(signed.ForeignConfig[handClaims, cart]{Keys: []signed.VerifyKey{{Algorithm: "ES256", Key: legacy}}})
	require.Error(t, err)
	assertNoSecret(t, err.Error(), legacy)
}
