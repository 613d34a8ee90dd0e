package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/agewrap"
)

// shop makes cookies as an application does.
type shop struct {
	t      *testing.T
	keys   hardtack.KeySet
	config hardtack.Config
	now    time.Time
}

// newShop returns one with two keys: the newer seals since the day before noon.
func newShop(t *testing.T) *shop {
	s := &shop{t: t, now: noon}
	s.keys.Keys = []hardtack.Key{
		hardtack.GenerateKey(noon.Add(-day), time.Time{}),
		hardtack.GenerateKey(noon.Add(-30*day), time.Time{}),
	}
	return s
}

// sealing and retiring are the IDs of the shop's keys.
func (s *shop) sealing() hardtack.KeyID  { return s.keys.Keys[0].ID() }
func (s *shop) retiring() hardtack.KeyID { return s.keys.Keys[1].ID() }

func (s *shop) ring() *hardtack.Keyring {
	k, err := hardtack.NewKeyring(s.keys.Keys...)
	require.NoError(s.t, err)
	return k
}

// file returns the path of a file with these keys.
func (s *shop) file(set hardtack.KeySet) string {
	s.t.Helper()
	data, err := set.Encode()
	require.NoError(s.t, err)
	path := filepath.Join(s.t.TempDir(), "keys.json")
	require.NoError(s.t, os.WriteFile(path, data, 0o600))
	return path
}

// bake returns the Set-Cookie header of a session with this data.
func bake[T any](s *shop, subject string, data T) string {
	s.t.Helper()
	s.config.Keys, s.config.Now = s.ring(), func() time.Time { return s.now }
	jar, err := hardtack.New[T](s.config)
	require.NoError(s.t, err)
	return saved(s.t, jar, "", subject, data)
}

func saved[T any](t *testing.T, jar *hardtack.Jar[T], cookie, subject string, data T) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	session, _ := jar.Get(r)
	session.SetSubject(subject)
	session.Data = data
	_, err := jar.Save(w, r, session)
	require.NoError(t, err)
	require.Len(t, w.Header()["Set-Cookie"], 1)
	return w.Header()["Set-Cookie"][0]
}

// pair is a Set-Cookie header's name=value.
func pair(header string) string {
	p, _, _ := strings.Cut(header, ";")
	return p
}

func valueOf(header string) string {
	_, v, _ := strings.Cut(pair(header), "=")
	return v
}

type data struct {
	Items []string
	Total float64
}

var biscuits = data{[]string{"biscuit", "Brötchen"}, 2.5}

// inspectAt runs inspect with this standard input.
func inspectAt(t *testing.T, now time.Time, in string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{in: strings.NewReader(in), out: &out, err: &errs, now: func() time.Time { return now }}
	status := a.run(context.Background(), append([]string{"inspect"}, args...))
	return result{status, out.String(), errs.String()}
}

// inspectJSON runs inspect at noon and returns what it printed, one cookie.
func inspectJSON(t *testing.T, status int, in string, args ...string) *inspected {
	t.Helper()
	r := inspectAt(t, noon, in, append(args, "--json", "-")...)
	require.Equal(t, status, r.status, "%s%s", r.out, r.err)
	var i inspection
	require.NoError(t, json.Unmarshal([]byte(r.out), &i), r.out)
	require.Len(t, i.Cookies, 1)
	return i.Cookies[0]
}

func refused(t *testing.T, code, in string, args ...string) *inspected {
	t.Helper()
	c := inspectJSON(t, exitFailure, in, args...)
	require.NotNil(t, c.Refusal)
	assert.Equal(t, code, c.Refusal.Code)
	assert.False(t, c.OK)
	return c
}

func TestInspectWithoutKeys(t *testing.T) {
	s := newShop(t)
	header := bake(s, "alice", biscuits)
	value := valueOf(header)
	c := inspectJSON(t, exitOK, value)
	assert.True(t, c.OK)
	raw, err := base64.RawURLEncoding.DecodeString(value)
	require.NoError(t, err)
	assert.Equal(t, &outside{
		Version: 1, Key: s.sealing(), NoncePrefix: hex.EncodeToString(raw[5:17]), Characters: len(value), Bytes: len(raw),
		SealedBytes: len(raw) - 45, CookieBytes: len("__Host-session") + len(value), Limit: 4096,
	}, c.Outside)
	assert.Nil(t, c.Session)
	assert.Nil(t, c.Payload)
	assert.Equal(t, formValue, c.Form)

	r := inspectAt(t, noon, "", value)
	assert.Equal(t, exitOK, r.status)
	assert.Equal(t, fmt.Sprintf(`cookie      __Host-session
form        that of a token; --keys tells whether it is authentic
format      hardtack, version 1
key         %v
nonce       prefix %x
size        %d characters, %d bytes, %d of them sealed; %d of 4096 with the name
`, s.sealing(), raw[5:17], len(value), len(raw), len(raw)-45, len(value)+14), r.out)
	assert.NotContains(t, r.out, "alice")
}

func TestInspectWithKeys(t *testing.T) {
	s := newShop(t)
	s.config.IdleTimeout = time.Hour
	s.now = noon.Add(-10 * time.Minute)
	header := bake(s, "alice", biscuits)
	keys := s.file(s.keys)

	c := inspectJSON(t, exitOK, valueOf(header), "--keys", keys, "--idle", "1h")
	assert.True(t, c.OK)
	assert.Equal(t, &shownKey{ID: s.sealing(), State: "sealing"}, c.Key)
	assert.Equal(t, "alice", string(c.Session.Subject))
	assert.Equal(t, "inline", c.Session.Placement)
	assert.Equal(t, s.now, c.Session.Created.Time)
	assert.Equal(t, s.now, c.Session.Issued.Time)
	assert.Equal(t, s.now.Add(day), c.Session.Expires.Time)
	assert.Equal(t, "10m", c.Session.Age)
	assert.Equal(t, s.now.Add(time.Hour), c.Session.IdleEnds.Time)
	assert.EqualValues(t, 1, c.Session.Revision)
	assert.Equal(t, "CBOR", c.Session.Serializer)
	assert.JSONEq(t, `{"Items":["biscuit","Brötchen"],"Total":2.5}`, string(c.Payload.JSON))

	// The session ID is the one that the application logs.
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", pair(header))
	s.config.Keys = s.ring()
	jar, err := hardtack.New[data](s.config)
	require.NoError(t, err)
	session, err := jar.Get(r)
	require.NoError(t, err)
	assert.Equal(t, session.ID(), c.Session.ID)

	text := inspectAt(t, noon, pair(header), "--keys", keys, "--idle", "1h", "-")
	assert.Equal(t, exitOK, text.status)
	for _, line := range []string{
		"accepted    a server with these keys and settings opens it",
		"session     " + session.ID(),
		"subject     alice",
		"placement   inline: the data is in the cookie",
		"created     2030-06-01T11:50:00Z, age 10m",
		"expires     2030-06-02T11:50:00Z, in 23h",
		"idle        ends 2030-06-01T12:50:00Z, in 50m",
		"revision    1",
		"serializer  CBOR, ",
		`payload     {"Items":["biscuit","Brötchen"],"Total":2.5}`,
		"key         " + s.sealing().String() + " (sealing)",
	} {
		assert.Contains(t, text.out, line)
	}

	c = inspectJSON(t, exitOK, valueOf(header), "--keys", keys, "--no-payload")
	assert.Nil(t, c.Payload)
	assert.Positive(t, c.Session.PayloadBytes)
	assert.NotContains(t, inspectAt(t, noon, header, "--keys", keys, "--no-payload", "-").out, "biscuit")
}

func TestInspectPayloads(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	show := func(header string) *payload {
		t.Helper()
		return inspectJSON(t, exitOK, valueOf(header), "--keys", keys).Payload
	}
	jsonIs := func(want string, p *payload) {
		t.Helper()
		var compacted bytes.Buffer
		require.NoError(t, json.Compact(&compacted, p.JSON))
		assert.Equal(t, want, compacted.String())
		assert.Empty(t, p.Diagnostic)
		assert.Empty(t, p.Hex)
	}
	diagnosticIs := func(want string, p *payload) {
		t.Helper()
		assert.Equal(t, want, string(p.Diagnostic))
		assert.Nil(t, p.JSON)
		assert.Empty(t, p.Hex)
	}
	jsonIs(`18446744073709551615`, show(bake(s, "", uint64(math.MaxUint64))))
	jsonIs(`-9223372036854775808`, show(bake(s, "", int64(math.MinInt64))))
	jsonIs(`["<&>",null,true,1.5,{"a":[]}]`, show(bake(s, "", []any{"<&>", nil, true, 1.5, map[string]any{"a": []int{}}})))
	diagnosticIs(`{"B": h'0102'}`, show(bake(s, "", map[string][]byte{"B": {1, 2}})))
	diagnosticIs(`{1: "one"}`, show(bake(s, "", map[int]string{1: "one"})))
	diagnosticIs(`[NaN, -Infinity]`, show(bake(s, "", []float64{math.NaN(), math.Inf(-1)})))
	diagnosticIs(`0("2030-06-01T12:00:00Z")`, show(bake(s, "", noon)))
	diagnosticIs(`"Br\u00f6tchen: " h''`, show(bake(s, "", struct {
		_ struct{} `cbor:",toarray"`
		A string
		B []byte
	}{A: "Brötchen: ", B: []byte{}})).unbracketed())
	broken := show(bake(s, "", "not UTF-8: \xff"))
	assert.Equal(t, hex.EncodeToString([]byte("\x6cnot UTF-8: \xff")), broken.Hex)

	s.config.Serializer = hardtack.JSON{}
	c := inspectJSON(t, exitOK, valueOf(bake(s, "", biscuits)), "--keys", keys)
	jsonIs(`{"Items":["biscuit","Brötchen"],"Total":2.5}`, c.Payload)
	assert.Equal(t, "JSON", c.Session.Serializer)

	s.config.Serializer = shouting{}
	c = inspectJSON(t, exitOK, valueOf(bake(s, "", biscuits)), "--keys", keys)
	assert.Equal(t, hex.EncodeToString([]byte("BISCUIT")), c.Payload.Hex)
	assert.Equal(t, "number 200", c.Session.Serializer)
}

// unbracketed is the notation of an array's elements, without its commas.
func (p *payload) unbracketed() *payload {
	text := strings.Trim(string(p.Diagnostic), "[]")
	return &payload{Diagnostic: untrusted(strings.ReplaceAll(text, ", ", " "))}
}

// shouting is an application's own serializer.
type shouting struct{}

func (shouting) SerializerID() byte              { return 200 }
func (shouting) Marshal(any) ([]byte, error)     { return []byte("BISCUIT"), nil }
func (shouting) Unmarshal(_ []byte, _ any) error { return nil }

func TestInspectHybrid(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	jar, err := hardtack.NewHybrid[data](hardtack.Config{Keys: s.ring(), Now: func() time.Time { return noon }},
		hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	large := saved(t, jar, "", "alice", data{Items: []string{strings.Repeat("x", 5000)}})
	c := inspectJSON(t, exitOK, large, "--keys", keys)
	assert.Equal(t, "reference", c.Session.Placement)
	assert.Nil(t, c.Payload)
	assert.Empty(t, c.Session.Serializer)
	text := inspectAt(t, noon, large, "--keys", keys, "-").out
	assert.Contains(t, text, "reference: the data is in the store")
	assert.Contains(t, text, "if its store has the record")

	back := saved(t, jar, pair(large), "alice", data{Items: []string{"small"}})
	c = inspectJSON(t, exitOK, back, "--keys", keys)
	assert.Equal(t, "pending", c.Session.Placement)
	assert.JSONEq(t, `{"Items":["small"],"Total":0}`, string(c.Payload.JSON))
	assert.EqualValues(t, 2, c.Session.Revision)
	assert.Contains(t, inspectAt(t, noon, back, "--keys", keys, "-").out, "the store may have a newer state")
}

func TestInspectUnknownKeys(t *testing.T) {
	s := newShop(t)
	s.now = noon.Add(-5 * time.Hour)
	value := valueOf(bake(s, "", biscuits))

	other := newShop(t)
	file := other.file(other.keys)
	c := refused(t, "unknown-key", value, "--keys", file)
	assert.Equal(t, fmt.Sprintf("key %v is not in %s", s.sealing(), file), c.Refusal.Reason)
	assert.Equal(t, []string{fmt.Sprintf("it has %v (sealing), %v (retiring)", other.sealing(), other.retiring())}, c.Refusal.Hints)
	assert.Nil(t, c.Session)

	// Retired, but the secret is still there: what is inside can be seen.
	retired, err := s.keys.Keys[0].WithTimes(noon.Add(-10*day), noon.Add(-3*time.Hour))
	require.NoError(t, err)
	set := hardtack.KeySet{Keys: []hardtack.Key{hardtack.GenerateKey(noon.Add(-day), time.Time{}), retired}}
	c = refused(t, "unknown-key", value, "--keys", s.file(set))
	assert.Equal(t, fmt.Sprintf("key %v has retired 3h ago, at 2030-06-01T09:00:00Z", s.sealing()), c.Refusal.Reason)
	assert.NotNil(t, c.Payload)
	assert.Contains(t, inspectAt(t, noon, value, "--keys", s.file(set), "-").out, s.sealing().String()+" (gone, retired at 2030-06-01T09:00:00Z)")

	// The secret is gone.
	erased, _, _ := set.Prune(noon)
	k, _ := erased.Find(s.sealing())
	require.True(t, k.Erased())
	c = refused(t, "unknown-key", value, "--keys", s.file(erased))
	assert.Contains(t, c.Refusal.Reason, "has retired 3h ago")
	assert.Nil(t, c.Session)

	// At the time when it had not retired yet.
	inspectJSON(t, exitOK, value, "--keys", s.file(set), "--at", "2030-06-01T08:00:00Z")
}

func TestInspectRevokedKeys(t *testing.T) {
	s := newShop(t)
	value := valueOf(bake(s, "", biscuits))
	file := s.file(s.keys.Revoke(s.sealing(), noon.Add(-time.Hour)))
	c := refused(t, "revoked-key", value, "--keys", file)
	assert.Equal(t, fmt.Sprintf("key %v was revoked 60m ago, at 2030-06-01T11:00:00Z", s.sealing()), c.Refusal.Reason)
	assert.Equal(t, []string{"it sealed this very cookie"}, c.Refusal.Hints)

	// A session that was sealed with the older key, and since with the newer one.
	s.now = noon.Add(-day - time.Hour)
	old := pair(bake(s, "", biscuits))
	s.now = noon
	jar, err := hardtack.New[data](hardtack.Config{Keys: s.ring(), Now: func() time.Time { return noon.Add(-day + time.Hour) }})
	require.NoError(t, err)
	anew := saved(t, jar, old, "", biscuits)
	at := "2030-05-31T14:00:00Z"
	c = inspectJSON(t, exitOK, anew, "--keys", s.file(s.keys), "--at", at)
	assert.Equal(t, s.sealing(), c.Key.ID)
	assert.Equal(t, []shownKey{{ID: s.retiring(), State: "retiring"}}, c.Session.Lineage)

	file = s.file(s.keys.Revoke(s.retiring(), noon.Add(-day)))
	c = refused(t, "revoked-key", anew, "--keys", file, "--at", at)
	assert.Contains(t, c.Refusal.Reason, fmt.Sprintf("key %v was revoked", s.retiring()))
	assert.Contains(t, c.Refusal.Hints[0], "earlier cookie of this session")
	assert.Contains(t, inspectAt(t, noon, anew, "--keys", file, "-").out, s.retiring().String()+" (revoked at 2030-05-31T12:00:00Z)")
}

func TestInspectForged(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	header := bake(s, "", biscuits)

	c := refused(t, "forged", valueOf(header), "--keys", keys, "--name", "session")
	assert.Contains(t, c.Refusal.Reason, "for the name session without an audience")
	assert.Equal(t, []string{"it was sealed for the name __Host-session without an audience; a server opens it under no other"}, c.Refusal.Hints)
	assert.Nil(t, c.Session)
	for _, name := range []string{"session", "__Secure-session", "__Http-session"} {
		s.config.Name = name
		value := valueOf(bake(s, "", biscuits))
		c = refused(t, "forged", value, "--keys", keys)
		assert.Contains(t, c.Refusal.Hints[0], "sealed for the name "+name+" ")
		inspectJSON(t, exitOK, value, "--keys", keys, "--name", name)
	}
	s.config.Name = ""

	c = refused(t, "forged", valueOf(header), "--keys", keys, "--audience", "shop")
	assert.Contains(t, c.Refusal.Reason, "and the audience shop")
	assert.Contains(t, c.Refusal.Hints[0], "without an audience")

	s.config.Audience = "shop"
	shops := valueOf(bake(s, "", biscuits))
	inspectJSON(t, exitOK, shops, "--keys", keys, "--audience", "shop")
	c = refused(t, "forged", shops, "--keys", keys)
	assert.Contains(t, c.Refusal.Hints[0], "nor for the names __Host-Http-session, __Http-session, __Secure-session, session")
	assert.Contains(t, c.Refusal.Hints[1], "another --name or --audience")
}

func TestInspectTimes(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	s.config.IdleTimeout = 2 * time.Hour
	value := valueOf(bake(s, "", biscuits))
	judge := func(status int, args ...string) *inspected {
		return inspectJSON(t, status, value, append([]string{"--keys", keys}, args...)...)
	}
	c := judge(exitFailure, "--at", "2030-06-02T13:02:03Z")
	assert.Equal(t, "expired", c.Refusal.Code)
	assert.Equal(t, "the session ended 1h2m3s ago, at 2030-06-02T12:00:00Z", c.Refusal.Reason)
	assert.NotNil(t, c.Payload, "what is inside is shown all the same")

	c = judge(exitFailure, "--at", "+40m", "--lifetime", "30m")
	assert.Equal(t, "expired", c.Refusal.Code)
	assert.Equal(t, "the session ended 10m ago, at 2030-06-01T12:30:00Z", c.Refusal.Reason)
	assert.Equal(t, []string{"by --lifetime 30m; the cookie itself says 2030-06-02T12:00:00Z"}, c.Refusal.Hints)

	c = judge(exitFailure, "--at", "+3h", "--idle", "2h")
	assert.Equal(t, "idle", c.Refusal.Code)
	assert.Equal(t, "not used for 3h, 1h more than --idle 2h", c.Refusal.Reason)
	judge(exitOK, "--at", "+3h")
	judge(exitOK, "--at", "+119m", "--idle", "2h")

	c = judge(exitFailure, "--at", "-3m")
	assert.Equal(t, "not-yet-valid", c.Refusal.Code)
	assert.Equal(t, "issued 3m from now, at 2030-06-01T12:00:00Z, more than the 2m that clocks may differ", c.Refusal.Reason)
	judge(exitOK, "--at", "-2m")
}

func TestInspectWrappedKeys(t *testing.T) {
	s := newShop(t)
	value := valueOf(bake(s, "", biscuits))
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	w, err := agewrap.New([]age.Recipient{identity.Recipient()}, nil)
	require.NoError(t, err)
	wrapped, err := s.keys.Wrap(t.Context(), w)
	require.NoError(t, err)
	keys := s.file(wrapped)

	c := refused(t, "wrapped-key", value, "--keys", keys)
	assert.Contains(t, c.Refusal.Reason, "--age-identity")
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	inspectJSON(t, exitOK, value, "--keys", keys, "--age-identity", write(identity.String()))
	stranger, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	r := inspectAt(t, noon, value, "--keys", keys, "--age-identity", write(stranger.String()), "-")
	assert.Equal(t, exitFailure, r.status)
	assert.Contains(t, r.err, "another identity")
	assert.NotContains(t, r.err, stranger.String())

	w, err = agewrap.NewPassphrase("correct horse", agewrap.WorkFactor(8))
	require.NoError(t, err)
	wrapped, err = s.keys.Wrap(t.Context(), w)
	require.NoError(t, err)
	inspectJSON(t, exitOK, value, "--keys", s.file(wrapped), "--passphrase-file", write("correct horse\n"))
}

func TestInspectSharedKeys(t *testing.T) {
	database := filepath.Join(t.TempDir(), "shop.db")
	require.NoError(t, os.WriteFile(database, nil, 0o600)) // an empty database, for SQLite
	url := "sqlite:" + database
	r := runAt(t, noon, "keys", "init", "--source", url, "--insecure-plaintext-keys")
	require.Equal(t, exitOK, r.status, r.err)
	set, err := (&source{shared: shared{url: url}}).load(t.Context())
	require.NoError(t, err)
	s := &shop{t: t, keys: set, now: noon}
	value := valueOf(bake(s, "alice", biscuits))
	assert.Equal(t, "alice", string(inspectJSON(t, exitOK, value, "--source", url).Session.Subject))
	assert.Contains(t, refused(t, "unknown-key", valueOf(bake(newShop(t), "", biscuits)), "--source", url).Refusal.Reason, "is not in "+url)
	assert.Equal(t, exitUsage, inspectAt(t, noon, value, "--source", "nowhere", "-").status)
	assert.Equal(t, exitUsage, inspectAt(t, noon, value, "--source", url, "--keys", "x", "-").status)
}

func TestInspectMalformed(t *testing.T) {
	s := newShop(t)
	value := valueOf(bake(s, "", biscuits))
	require.Equal(t, 3, len(value)%4, "so that its last character has unused bits, and one more makes padding")
	for name, c := range map[string]struct {
		value, reason string
		mended        bool
	}{
		"quoted":           {`"` + value + `"`, "quotes", true},
		"padded":           {value + "=", "padding", true},
		"broken":           {value[:50] + "\n" + value[50:], "a line break at character 51", true},
		"broken by spaces": {value[:50] + "\r\n  " + value[50:], "a line break at character 51", true},
		"a space":          {value[:50] + " " + value[50:], `' ' at character 51`, true},
		"not URL-safe":     {value[:20] + "+" + value[21:], `'+' at character 21: base64, but not base64url`, true},
		"escaped":          {strings.Replace(value, value[40:41], "%41", 1), "a percent sign", false},
		"percent":          {value + "%3D", "a percent sign at character " + fmt.Sprint(len(value)+1), true},
		"one missing":      {value[:len(value)/4*4+1], "characters: at least one is missing", false},
		"short":            {value[:60], "too short for a token", false},
		"shorter":          {value[:2], "too short for a token", false},
		"version":          {"B" + value[1:], "version 5; this program knows version 1", false},
		"a JWT":            {"eyJhbGciOiJIUzI1NiJ9.e30.abc", "a dot at character 21", false},
		"not ASCII":        {value[:8] + "é", "character 9 is not of base64url", false},
		"a control":        {value[:8] + "\x1b", `'\x1b' at character 9`, false},
		"too long":         {strings.Repeat("A", 4097), "4097 characters, more than the 4096", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := refused(t, "malformed", c.value).Refusal
			assert.Contains(t, r.Reason, c.reason)
			assert.Equal(t, c.mended, len(r.Hints) > 0, "%v", r.Hints)
		})
	}
	assert.Contains(t, refused(t, "malformed", "__Host-session=").Refusal.Reason, "the value is empty")

	// Unused bits.
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", value[len(value)-1])
	changed := value[:len(value)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last+1])
	assert.Contains(t, refused(t, "malformed", changed).Refusal.Reason, "unused bits")
}

func TestInspectChooses(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	ours := pair(bake(s, "one", biscuits))
	again := pair(bake(s, "two", biscuits))
	s.config.Name = "cart"
	cart := pair(bake(s, "three", biscuits))

	all := func(status int, in string, args ...string) (cookies []*inspected) {
		r := inspectAt(t, noon, in, append(args, "--keys", keys, "--json", "-")...)
		require.Equal(t, status, r.status, r.out+r.err)
		var i inspection
		require.NoError(t, json.Unmarshal([]byte(r.out), &i))
		return i.Cookies
	}
	subjects := func(cookies []*inspected) (names []string) {
		for _, c := range cookies {
			names = append(names, string(c.Session.Subject))
		}
		return names
	}
	header := "Cookie: theme=dark; " + ours + "; " + cart + "; " + again
	assert.Equal(t, []string{"one", "two"}, subjects(all(exitOK, header)), "all of the name")
	assert.Equal(t, []string{"three"}, subjects(all(exitOK, header, "--name", "cart")))
	assert.Equal(t, []string{"three"}, subjects(all(exitOK, "Cookie: theme=dark; "+cart)), "what looks like ours, if no other name was given")
	response := "HTTP/1.1 200 OK\r\nSet-Cookie: " + ours + "; Secure; Path=/; HttpOnly\r\nSet-Cookie: theme=dark\r\nset-cookie: " + again + "; Secure; Path=/; HttpOnly\r\n\r\n<p>Cookie</p>"
	assert.Equal(t, []string{"one", "two"}, subjects(all(exitOK, response)))
	assert.Equal(t, []string{"one"}, subjects(all(exitOK, "GET / HTTP/1.1\n> cookie: a=b; "+ours+"\n")))

	r := inspectAt(t, noon, "Cookie: theme=dark; a=b; theme=x", "--keys", keys, "-")
	assert.Equal(t, exitFailure, r.status)
	assert.Equal(t, "hardtack: there is no cookie __Host-session, but theme, a; --name says which is meant\n", r.err)
	r = inspectAt(t, noon, ours, "--name", "cart", "--json", "-")
	assert.Equal(t, exitFailure, r.status)
	assert.Contains(t, r.err, `"code": "no-cookie"`)
	assert.Equal(t, exitFailure, inspectAt(t, noon, "Cookie: x", "-").status)

	// A whole message is not a token, and need not have the cookie.
	for in, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p a=b; c=d>":       "this response sets no cookie __Host-session",
		"* Connected\n> GET / HTTP/2\n> Accept: */*\n< HTTP/2 204 \n< x: y\n<": "this response sets no cookie __Host-session",
		"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n":                         "this request has no cookie __Host-session",
		"HTTP/1.1 200 OK\r\nSet-Cookie: theme=x; Path=/\r\n\r\n":               "this response sets no cookie __Host-session, but theme; --name says which is meant",
		"GET / HTTP/1.1\r\nCookie: theme=x\r\n\r\n":                            "this request has no cookie __Host-session, but theme; --name says which is meant",
	} {
		r := inspectAt(t, noon, in, "-")
		assert.Equal(t, exitFailure, r.status)
		assert.Equal(t, "hardtack: "+want+"\n", r.err)
	}
	theme := "HTTP/1.1 200 OK\r\nSet-Cookie: theme=x; Path=/\r\n\r\n"
	assert.Equal(t, "malformed", all(exitFailure, theme, "--name", "theme")[0].Refusal.Code)
	assert.Equal(t, "malformed", all(exitFailure, "Set-Cookie: theme=x")[0].Refusal.Code, "the one that was given")
	assert.Equal(t, []string{"three"}, subjects(all(exitOK, "GET / HTTP/1.1\r\nCookie: "+cart+"\r\n\r\n")), "it looks like a token")

	// One of two is refused.
	text := inspectAt(t, noon, "Cookie: "+ours+"; __Host-session=x", "--keys", keys, "-")
	assert.Equal(t, exitFailure, text.status)
	assert.Equal(t, 1, strings.Count(text.out, "\naccepted "))
	assert.Equal(t, 1, strings.Count(text.out, "\nrefused "))
	assert.Equal(t, 2, strings.Count(text.out, "cookie      __Host-session\n"))
}

func TestInspectFiles(t *testing.T) {
	file := writeFile(t, "x")
	r := inspectAt(t, noon, "", file)
	assert.Equal(t, exitUsage, r.status)
	assert.Contains(t, r.err, file+" is a file: give the cookie in it as standard input, hardtack inspect - < "+file)

	jar := "# Netscape HTTP Cookie File\n\n#HttpOnly_shop.example\tFALSE\t/\tTRUE\t0\tcart\tAQID\n"
	r = inspectAt(t, noon, jar, "--name", "cart", "-")
	assert.Equal(t, exitUsage, r.status)
	assert.Contains(t, r.err, `this is curl's cookie file`)
	assert.Contains(t, r.err, `awk '$6 == "cart" {print $7}' FILE | hardtack inspect -`)

	for _, args := range [][]string{nil, {"Cookie:", "a=b"}} {
		r = inspectAt(t, noon, "", args...)
		assert.Equal(t, exitUsage, r.status)
		assert.Contains(t, r.err, "one cookie is needed, or - for standard input")
	}
}

func TestInspectSetCookie(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	header := bake(s, "alice", biscuits)
	c := inspectJSON(t, exitOK, "Set-Cookie: "+header, "--keys", keys)
	assert.Equal(t, formSetCookie, c.Form)
	assert.Equal(t, []attribute{{"Path", "/"}, {"Max-Age", "86400"}, {"HttpOnly", ""}, {"Secure", ""}, {"SameSite", "Lax"}}, c.Attributes)
	assert.Empty(t, c.Remarks, "a Jar's own header gives no cause")

	c = inspectJSON(t, exitFailure, pair(header)+"; Path=/", "--keys", keys)
	assert.True(t, c.OK, "a server would open it")
	assert.Equal(t, "prefix", c.Remarks[0].Code)
	assert.True(t, c.Remarks[0].Refused, "a browser would not keep it")

	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", pair(header))
	jar, err := hardtack.New[data](hardtack.Config{Keys: s.ring(), Now: func() time.Time { return noon }})
	require.NoError(t, err)
	session, err := jar.Get(r)
	require.NoError(t, err)
	require.NoError(t, jar.Delete(w, r, session))
	c = inspectJSON(t, exitOK, w.Header().Get("Set-Cookie"), "--keys", keys)
	assert.Nil(t, c.Outside)
	assert.Contains(t, inspectAt(t, noon, w.Header().Get("Set-Cookie"), "-").out, "makes browsers forget the cookie")
}

func TestInspectUsage(t *testing.T) {
	s := newShop(t)
	value := valueOf(bake(s, "", biscuits))
	keys := s.file(s.keys)
	for name, args := range map[string][]string{
		"nothing":          {},
		"too much":         {value, value},
		"empty":            {""},
		"blank":            {" \n"},
		"a bad time":       {value, "--at", "yesterday"},
		"a bad duration":   {value, "--lifetime", "long"},
		"an unknown flag":  {value, "--file", keys},
		"two ways to open": {value, "--keys", keys, "--age-identity", "x", "--passphrase-file", "x"},
	} {
		r := inspectAt(t, noon, "", args...)
		assert.Equal(t, exitUsage, r.status, name)
		assert.Empty(t, r.out, name)
	}
	r := inspectAt(t, noon, strings.Repeat("A", maxInput+1), "-")
	assert.Equal(t, exitUsage, r.status)
	assert.Contains(t, r.err, "more than 65536 bytes")
	assert.Equal(t, exitUsage, inspectAt(t, noon, "", "-").status)

	for name, path := range map[string]string{"missing": filepath.Join(t.TempDir(), "none"), "a folder": t.TempDir()} {
		r := inspectAt(t, noon, "", value, "--keys", path)
		assert.Equal(t, exitFailure, r.status, name)
		assert.Empty(t, r.out, name)
	}
	require.NoError(t, os.Chmod(keys, 0o644))
	assert.Equal(t, exitFailure, inspectAt(t, noon, "", value, "--keys", keys).status)
	assert.Equal(t, exitOK, inspectAt(t, noon, "", value, "--keys", keys, "--insecure-file-mode").status)
}

// Nothing that a cookie contains reaches the terminal as anything but visible text, in no form of output.
func TestInspectIsSafeForTerminals(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	nasty := "\x1b]0;owned\x07\x1b[31m\u202e\u200b\u0085\u009b31m\x7f\r\n\U000e0001"
	s.config.Serializer = hardtack.JSON{}
	asJSON := bake(s, nasty, map[string]string{nasty: nasty})
	s.config.Serializer = nil
	asCBOR := bake(s, nasty, map[string]string{nasty: nasty})
	diagnostic := bake(s, nasty, map[string]any{nasty: []byte(nasty), "t": nasty})
	broken := bake(s, "\xff"+nasty, "\xff"+nasty)
	v := valueOf(asJSON)
	for _, in := range []string{
		asJSON, asCBOR, diagnostic, broken, nasty, "__Host-session=" + nasty, "Cookie: a" + nasty + "=b; " + nasty + "x=" + v,
		"Set-Cookie: " + nasty + "=" + v + "; Path=" + nasty + "; " + nasty + "=x; SameSite=" + nasty + "; Max-Age=" + nasty,
		"Set-Cookie: __Host-session=" + v + "; " + strings.Repeat("\x1b", 2000) + "=" + strings.Repeat("\x1b", 2000),
	} {
		for _, args := range [][]string{{}, {"--keys", keys}, {"--keys", keys, "--name", nasty}, {"--keys", keys, "--audience", nasty}} {
			for _, form := range [][]string{{"-"}, {"-", "--json"}} {
				r := inspectAt(t, noon, in, append(args, form...)...)
				assertVisible(t, r.out+r.err)
				if len(form) == 2 && r.out != "" {
					assert.True(t, json.Valid([]byte(r.out)))
				}
			}
		}
	}
	c := inspectJSON(t, exitOK, asJSON, "--keys", keys)
	assert.Equal(t, nasty, string(c.Session.Subject), "JSON has it exactly")
	var m map[string]string
	require.NoError(t, json.Unmarshal(c.Payload.JSON, &m))
	assert.Equal(t, map[string]string{nasty: nasty}, m)
}

func assertVisible(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x200b || r > 0xe0000 || r == '\ufffd') {
			t.Errorf("%U in %q", r, text)
			return
		}
	}
}

// No secret, seed or locator is printed, nor the cookie itself.
func TestInspectPrintsNoSecrets(t *testing.T) {
	s := newShop(t)
	keys := s.file(s.keys)
	jar, err := hardtack.NewHybrid[data](hardtack.Config{Keys: s.ring(), Now: func() time.Time { return noon }},
		hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	for _, header := range []string{bake(s, "alice", biscuits), saved(t, jar, "", "", data{Items: []string{strings.Repeat("x", 5000)}})} {
		var rec hardtack.Record
		require.NoError(t, hardtack.NewSealedCodec(s.ring()).Open(t.Context(), hardtack.Binding{Name: hardtack.DefaultName, Now: noon}, valueOf(header), &rec))
		hidden := map[string][]byte{"seed": rec.Seed[:], "secret": s.keys.Keys[0].ExposeSecret(), "other secret": s.keys.Keys[1].ExposeSecret()}
		for _, args := range [][]string{{"-"}, {"-", "--json"}} {
			for _, in := range []string{header, valueOf(header) + "=", `"` + valueOf(header) + `"`, url.QueryEscape(valueOf(header)) + "%3D"} {
				r := inspectAt(t, noon, in, append(args, "--keys", keys)...)
				for name, h := range hidden {
					for _, text := range []string{
						hex.EncodeToString(h), base64.RawURLEncoding.EncodeToString(h), base64.RawStdEncoding.EncodeToString(h), fmt.Sprint(h), string(h),
					} {
						assert.NotContains(t, r.out+r.err, text, name)
					}
				}
				assert.NotContains(t, r.out+r.err, valueOf(header)[:30])
			}
		}
	}
}

func TestInspectProgram(t *testing.T) {
	s := newShop(t)
	s.now = time.Now()
	header := bake(s, "alice", biscuits)
	r := execute(t, "inspect", "--keys", s.file(s.keys), "Set-Cookie: "+header)
	assert.Equal(t, exitOK, r.status, r.err)
	assert.Contains(t, r.out, "alice")
	assert.Equal(t, exitFailure, execute(t, "inspect", "x").status)
	assert.Equal(t, exitUsage, execute(t, "inspect").status)
}
