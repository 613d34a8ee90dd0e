package hardtack_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// kwXOR is no protection, but undoes what it does and is not the identity.
type kwXOR struct{ fails error }

func (w kwXOR) Wrap(_ context.Context, secret []byte) ([]byte, error) {
	out := append([]byte("wrapped:"), secret...)
	for i := range out {
		out[i] ^= 0x5a
	}
	return out, w.fails
}

func (w kwXOR) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	out := bytes.Clone(wrapped)
	for i := range out {
		out[i] ^= 0x5a
	}
	secret, ok := bytes.CutPrefix(out, []byte("wrapped:"))
	if !ok {
		return nil, errors.New("not wrapped by this")
	}
	return secret, w.fails
}

func ksEncode(t testing.TB, s hardtack.KeySet) []byte {
	t.Helper()
	data, err := s.Encode()
	require.NoError(t, err)
	return data
}

// ksFull is a KeySet with a key of each kind.
func ksFull(t testing.TB) hardtack.KeySet {
	s, _ := hardtack.KeySet{Retain: 26 * time.Hour}.Announce(jrEpoch, jrEpoch)
	s, b := s.Announce(jrEpoch.Add(time.Hour), jrEpoch)
	s, _ = s.Announce(jrEpoch.Add(48*time.Hour), jrEpoch)
	s, erased, _ := s.Prune(jrEpoch.Add(30 * time.Hour))
	require.NotEmpty(t, erased)
	return s.Revoke(b, jrEpoch.Add(30*time.Hour))
}

func TestKeySetRoundTrip(t *testing.T) {
	s := ksFull(t)
	data := ksEncode(t, s)
	back, err := hardtack.ParseKeySet(data)
	require.NoError(t, err)
	assert.Equal(t, string(data), string(ksEncode(t, back)))
	assert.Equal(t, s.Retain, back.Retain)
	forms := ""
	for i, k := range back.Keys {
		was := s.Keys[i]
		assert.Equal(t, was.ID(), k.ID())
		assert.True(t, was.Activate().Equal(k.Activate()) && was.Retire().Equal(k.Retire()) && was.Created().Equal(k.Created()) && was.RevokedAt().Equal(k.RevokedAt()))
		assert.Equal(t, was.ExposeSecret(), k.ExposeSecret())
		forms += strings.TrimPrefix(k.String(), "key "+k.ID().String())
	}
	assert.Contains(t, forms, "(revoked)")
	assert.Contains(t, forms, "(erased)")

	wrapped, err := s.Wrap(t.Context(), kwXOR{})
	require.NoError(t, err)
	text := string(ksEncode(t, wrapped))
	assert.NotContains(t, text, `"secret"`)
	for _, k := range s.Keys {
		if secret := k.ExposeSecret(); secret != nil {
			assert.NotContains(t, text, base64.StdEncoding.EncodeToString(secret))
		}
	}
	back, err = hardtack.ParseKeySet([]byte(text))
	require.NoError(t, err)
	for _, k := range back.Keys {
		assert.Nil(t, k.ExposeSecret())
	}
	_, err = hardtack.NewKeyring(back.Keys...)
	require.ErrorIs(t, err, hardtack.ErrKeyWrapped)
	back, err = back.Unwrap(t.Context(), kwXOR{})
	require.NoError(t, err)
	assert.Equal(t, string(data), string(ksEncode(t, back)))

	fails := errors.New("the service is away")
	_, err = s.Wrap(t.Context(), kwXOR{fails})
	require.ErrorIs(t, err, hardtack.ErrKeyWrapping)
	require.ErrorIs(t, err, fails)
	_, err = wrapped.Unwrap(t.Context(), kwXOR{fails})
	require.ErrorIs(t, err, fails)
}

func TestKeySetRefuses(t *testing.T) {
	a, b := jrAt(0), jrAt(1)
	entry := func(k hardtack.Key, more string) string {
		return fmt.Sprintf(`{"id":%q,"secret":%q%s}`, k.ID(), base64.StdEncoding.EncodeToString(k.ExposeSecret()), more)
	}
	good := `{"version":1,"keys":[` + entry(a, "") + `]}`
	_, err := hardtack.ParseKeySet([]byte(good))
	require.NoError(t, err)

	var many, entries strings.Builder
	for i := range 129 {
		many.WriteString("," + entry(jrAt(time.Duration(i)), ""))
	}
	for i := range 1025 {
		fmt.Fprintf(&entries, `,{"id":"%08x","revoked":"2030-01-01T00:00:00Z"}`, i+1)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":             {"", nil},
		"spaces":            {" \n", nil},
		"cut":               {good[:len(good)-3], nil},
		"null":              {"null", nil},
		"a list":            {"[]", nil},
		"two documents":     {good + good, nil},
		"rubbish behind":    {good + "x", nil},
		"version 2":         {strings.Replace(good, `"version":1`, `"version":2`, 1), nil},
		"no version":        {strings.Replace(good, `"version":1,`, ``, 1), nil},
		"no keys":           {`{"version":1,"keys":[]}`, hardtack.ErrNoUsableKey},
		"only a revoked":    {`{"version":1,"keys":[{"id":"01020304","revoked":"2030-01-01T00:00:00Z"}]}`, hardtack.ErrNoUsableKey},
		"a field twice":     {strings.Replace(good, `"keys":`, `"keys":[{"activate":"2030-01-01T00:00:00Z"}],"keys":`, 1), nil},
		"twice in a key":    {strings.Replace(good, `"secret":`, `"secret":"AAAA","secret":`, 1), nil},
		"capitals":          {strings.Replace(good, `"version":1`, `"version":2,"VERSION":1`, 1), nil},
		"deep":              {strings.Replace(good, `"version":1`, `"version":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000), 1), nil},
		"a typo":            {strings.Replace(good, `"secret"`, `"sceret"`, 1), nil},
		"retain":            {strings.Replace(good, `"keys"`, `"retain":"1 day","keys"`, 1), nil},
		"negative retain":   {strings.Replace(good, `"keys"`, `"retain":"-1h","keys"`, 1), nil},
		"another's ID":      {strings.Replace(good, a.ID().String(), b.ID().String(), 1), hardtack.ErrKeyID},
		"zero ID":           {strings.Replace(good, a.ID().String(), "00000000", 1), hardtack.ErrKeyID},
		"twice":             {`{"version":1,"keys":[` + entry(a, "") + `,` + entry(a, "") + `]}`, hardtack.ErrDuplicateKey},
		"short secret":      {strings.Replace(good, base64.StdEncoding.EncodeToString(a.ExposeSecret()), "AAAA", 1), hardtack.ErrKeyLength},
		"not base64":        {strings.Replace(good, base64.StdEncoding.EncodeToString(a.ExposeSecret()), "!", 1), nil},
		"times":             {`{"version":1,"keys":[` + entry(a, `,"activate":"2030-01-02T00:00:00Z","retire":"2030-01-01T00:00:00Z"`) + `]}`, hardtack.ErrKeyTimes},
		"not a time":        {`{"version":1,"keys":[` + entry(a, `,"activate":"tomorrow"`) + `]}`, nil},
		"secret of revoked": {`{"version":1,"keys":[` + entry(a, `,"revoked":"2030-01-01T00:00:00Z"`) + `]}`, nil},
		"nothing":           {`{"version":1,"keys":[` + entry(b, "") + `,{"id":"01020304"}]}`, nil},
		"129 keys":          {`{"version":1,"keys":[` + many.String()[1:] + `]}`, hardtack.ErrTooManyKeys},
		"1026 entries":      {`{"version":1,"keys":[` + entry(a, "") + entries.String() + `]}`, hardtack.ErrTooManyKeys},
		"over 1 MiB":        {good + strings.Repeat(" ", 1<<20), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hardtack.ParseKeySet([]byte(c.text))
			require.ErrorIs(t, err, hardtack.ErrKeySet)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				var k *hardtack.KeyError
				require.ErrorAs(t, err, &k)
			}
			for _, k := range []hardtack.Key{a, b} {
				for _, trace := range jrTraces(k.ExposeSecret()) {
					assert.NotContains(t, err.Error(), trace)
				}
			}
		})
	}
	_, err = hardtack.KeySet{Keys: []hardtack.Key{a, hardtack.RevokedKey(b.ID())}}.Encode()
	require.ErrorIs(t, err, hardtack.ErrKeySet, "since when it is revoked must be known, else it would never be forgotten")
}

func TestParseSecrets(t *testing.T) {
	a, b := jrAt(0), jrAt(0)
	std := base64.StdEncoding.EncodeToString(a.ExposeSecret())
	for _, text := range []string{std, strings.TrimRight(std, "="), base64.URLEncoding.EncodeToString(a.ExposeSecret()),
		fmt.Sprintf("%x", a.ExposeSecret()), fmt.Sprintf("%X\n", a.ExposeSecret())} {
		s, err := hardtack.ParseSecrets(text)
		require.NoError(t, err)
		require.Len(t, s.Keys, 1)
		assert.Equal(t, a.ID(), s.Keys[0].ID())
	}
	hexB := fmt.Sprintf("%x", b.ExposeSecret())
	s, err := hardtack.ParseSecrets(std + "," + hexB)
	require.NoError(t, err)
	assert.Equal(t, a.ID(), rtSealing(t, s, jrEpoch).ID(), "the first seals")
	s, err = hardtack.ParseSecrets(hexB + " " + std)
	require.NoError(t, err)
	assert.Equal(t, b.ID(), rtSealing(t, s, jrEpoch).ID())
	s, err = hardtack.ParseSecrets(std + ";activate=2100-01-01T00:00:00Z, " + hexB + ";retire=2100-01-02T00:00:00Z")
	require.NoError(t, err)
	assert.Equal(t, b.ID(), rtSealing(t, s, jrEpoch).ID(), "announced")
	assert.Equal(t, a.ID(), rtSealing(t, s, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)).ID())
	s, err = hardtack.ParseSecrets(std + ",revoked:01020304")
	require.NoError(t, err)
	k, ok := s.Find(hardtack.KeyID{1, 2, 3, 4})
	assert.True(t, ok && k.Revoked())

	for _, bad := range []string{"", ",", "correct horse battery staple", std[:40], std + "," + std, std + ";retire=never", std + ";expires=2100-01-01T00:00:00Z",
		"revoked:01020304", std + ",revoked:1", std + ",revoked:00000000"} {
		_, err := hardtack.ParseSecrets(bad)
		require.ErrorIs(t, err, hardtack.ErrKeySet, bad)
		assert.NotContains(t, err.Error(), std[:8])
		assert.NotContains(t, err.Error(), "horse")
	}

	t.Setenv("HARDTACK_TEST_KEYS", std+","+hexB)
	ring, err := hardtack.OpenKeyring(t.Context(), hardtack.EnvKeys("HARDTACK_TEST_KEYS"), hardtack.KeyringConfig{})
	require.NoError(t, err)
	defer ring.Close()
	assert.Len(t, ring.Keys(), 2)
	require.ErrorIs(t, ring.Update(t.Context(), nil), hardtack.ErrReadOnlyKeys)
	t.Setenv("HARDTACK_TEST_KEYS", string(ksEncode(t, ksFull(t))))
	data, err := hardtack.EnvKeys("HARDTACK_TEST_KEYS").LoadKeys(t.Context())
	require.NoError(t, err)
	assert.True(t, json.Valid(data))
	_, err = hardtack.OpenKeyring(t.Context(), hardtack.EnvKeys("HARDTACK_TEST_NOTHING"), hardtack.KeyringConfig{})
	require.ErrorIs(t, err, hardtack.ErrNoKeySet)
	t.Setenv("HARDTACK_TEST_KEYS", "rubbish")
	_, err = hardtack.OpenKeyring(t.Context(), hardtack.EnvKeys("HARDTACK_TEST_KEYS"), hardtack.KeyringConfig{})
	require.ErrorIs(t, err, hardtack.ErrKeySet)
	require.ErrorContains(t, err, "HARDTACK_TEST_KEYS")
}
