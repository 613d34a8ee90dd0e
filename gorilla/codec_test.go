package gorilla_test

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// user is a type that an application has registered.
type user struct {
	Name  string
	Roles []string
}

// account is the data of the new application.
type account struct {
	User  string
	Roles []string
	Cart  map[string]int
}

func init() { gob.Register(user{}) }

var (
	hashKey  = []byte(strings.Repeat("h", 64))
	blockKey = []byte(strings.Repeat("b", 32))
	newHash  = []byte(strings.Repeat("H", 32))
	newBlock = []byte(strings.Repeat("B", 16))
)

func fromValues(v map[any]any) (account, error) {
	u, ok := v["user"].(user)
	if !ok {
		return account{}, fmt.Errorf("no user in %v", v)
	}
	return account{User: u.Name, Roles: u.Roles}, nil
}

func toValues(a account) (map[any]any, error) {
	if a.User == "unspeakable" {
		return nil, errors.New("no such user")
	}
	return map[any]any{"user": user{a.User, a.Roles}}, nil
}

func subjectOf(a *account) string { return a.User }

type config = gorilla.CodecConfig[map[any]any, account]

func newCodec(t testing.TB, change ...func(*config)) *gorilla.Codec[map[any]any, account] {
	t.Helper()
	c := config{KeyPairs: [][]byte{hashKey, blockKey}, From: fromValues, To: toValues, Subject: subjectOf}
	for _, f := range change {
		f(&c)
	}
	codec, err := gorilla.NewCodec(c)
	require.NoError(t, err)
	return codec
}

// theirs returns the cookie that gorilla/sessions writes for these values.
func theirs(t testing.TB, name string, values map[any]any, keys ...[]byte) *http.Cookie {
	t.Helper()
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s, err := sessions.NewCookieStore(keys...).New(r, name)
	require.NoError(t, err)
	s.Values = values
	require.NoError(t, s.Save(r, w))
	return w.Result().Cookies()[0]
}

var ada = map[any]any{"user": user{"ada", []string{"admin"}}}

const month = 30 * 24 * time.Hour

// newJar returns a stateless Jar that comes from gorilla.
func newJar(t testing.TB, codec hardtack.Codec, change ...func(*hardtack.Config)) *hardtack.Jar[account] {
	t.Helper()
	c := hardtack.Config{Keys: hardtack.EphemeralKeyring(), Lifetime: month, Formerly: []hardtack.Former{{Name: "session", Codec: codec, Label: "gorilla"}}}
	for _, f := range change {
		f(&c)
	}
	jar, err := hardtack.New[account](c)
	require.NoError(t, err)
	return jar
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestFormerGorillaSession(t *testing.T) {
	for _, sameName := range []bool{false, true} {
		for name, keys := range map[string][][]byte{
			"signed":    {hashKey},
			"encrypted": {hashKey, blockKey},
			"old pair":  {newHash, newBlock},
		} {
			t.Run(fmt.Sprint(name, " same name ", sameName), func(t *testing.T) {
				all := keys
				if name == "old pair" {
					all = [][]byte{hashKey, blockKey, newHash, newBlock}
				}
				codec := newCodec(t, func(c *config) { c.KeyPairs = all })
				jar := newJar(t, codec, func(c *hardtack.Config) {
					if sameName {
						c.Name = "session"
					}
				})
				before := time.Now().Truncate(time.Second)
				old := theirs(t, "session", ada, keys...)
				r := with(old)
				s, err := jar.Get(r)
				require.NoError(t, err)
				assert.Equal(t, account{User: "ada", Roles: []string{"admin"}}, s.Data)
				assert.Equal(t, "ada", s.Subject())
				assert.False(t, s.IsNew())
				assert.False(t, s.Created().Before(before))
				assert.Equal(t, month, s.Expires().Sub(s.Created()), "its remaining lifetime stays")
				second, err := jar.Get(with(old))
				require.NoError(t, err)
				assert.Equal(t, name != "signed", s.ID() == second.ID(), "without an IV, others may hold the same value")

				s.Data.Cart = map[string]int{"rope": 2}
				w := httptest.NewRecorder()
				_, err = jar.Save(w, r, s)
				require.NoError(t, err)
				cookies := w.Result().Cookies()
				if sameName {
					require.Len(t, cookies, 1, "one of the same name and place takes the place of the old")
				} else {
					require.Len(t, cookies, 2)
					assert.Equal(t, "session", cookies[0].Name)
					assert.Negative(t, cookies[0].MaxAge)
				}
				moved, err := jar.Get(with(cookies[len(cookies)-1]))
				require.NoError(t, err)
				assert.Equal(t, s.Data, moved.Data)
				assert.Equal(t, s.ID(), moved.ID())
				assert.True(t, moved.Expires().Equal(s.Expires()))
				assert.EqualValues(t, 2, jar.FormerUse()[0].Opened)
			})
		}
	}
}

// aged returns what gorilla would have written a while ago.
func aged(t testing.TB, codec *securecookie.SecureCookie, name string, v any, ago time.Duration, hash []byte) string {
	t.Helper()
	value, err := codec.Encode(name, v)
	require.NoError(t, err)
	raw, err := base64.URLEncoding.DecodeString(value)
	require.NoError(t, err)
	parts := strings.SplitN(string(raw), "|", 3)
	return signed(hash, name, fmt.Sprint(time.Now().Add(-ago).Unix()), parts[1])
}

func TestGorillaAge(t *testing.T) {
	codec := newCodec(t)
	jar := newJar(t, codec)
	sc := securecookie.New(hashKey, blockKey)
	for ago, reason := range map[time.Duration]error{
		month + 2*time.Second: hardtack.ErrExpired,
		-time.Hour:            nil, // another server's clock, as with gorilla
		month - time.Minute:   nil,
	} {
		s, err := jar.Get(with(&http.Cookie{Name: "session", Value: aged(t, sc, "session", ada, ago, hashKey)}))
		require.ErrorIs(t, err, reason, ago)
		assert.Equal(t, reason != nil, s.IsNew())
	}
}

func TestGorillaRefuses(t *testing.T) {
	codec := newCodec(t)
	jar := newJar(t, codec)
	good := theirs(t, "session", ada, hashKey, blockKey).Value
	raw, err := base64.URLEncoding.DecodeString(good)
	require.NoError(t, err)
	inner := strings.SplitN(string(raw), "|", 3)
	for name, c := range map[string]struct {
		value  string
		reason error
	}{
		"another application":      {theirs(t, "session", ada, newHash, blockKey).Value, hardtack.ErrForged},
		"another cookie":           {theirs(t, "other", ada, hashKey, blockKey).Value, hardtack.ErrForged},
		"another block key":        {theirs(t, "session", ada, hashKey, newBlock).Value, hardtack.ErrPayload},
		"signed only":              {theirs(t, "session", ada, hashKey).Value, hardtack.ErrPayload},
		"other data":               {theirs(t, "session", map[any]any{"secret": "swordfish"}, hashKey, blockKey).Value, hardtack.ErrPayload},
		"no base64":                {"#" + good, hardtack.ErrMalformed},
		"no padding":               {good + "A", hardtack.ErrMalformed},
		"no MAC":                   {base64.URLEncoding.EncodeToString([]byte(inner[0] + "|" + inner[1])), hardtack.ErrMalformed},
		"an empty MAC":             {base64.URLEncoding.EncodeToString([]byte(inner[0] + "|" + inner[1] + "|")), hardtack.ErrForged},
		"another time":             {base64.URLEncoding.EncodeToString([]byte("1" + string(raw))), hardtack.ErrForged},
		"a later time":             {base64.URLEncoding.EncodeToString([]byte("2" + inner[0][1:] + "|" + inner[1] + "|" + inner[2])), hardtack.ErrForged},
		"no time":                  {signed(hashKey, "session", "now", inner[1]), hardtack.ErrMalformed},
		"a time before the clocks": {signed(hashKey, "session", "-1", inner[1]), hardtack.ErrMalformed},
		"a time without end":       {signed(hashKey, "session", "9223372036854775807", inner[1]), hardtack.ErrMalformed},
		"too long":                 {strings.Repeat("A", 8196), hardtack.ErrMalformed},
		"signed rubbish":           {signed(hashKey, "session", inner[0], "!"), hardtack.ErrPayload},
		"empty":                    {"", hardtack.ErrNoCookie},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := jar.Get(with(&http.Cookie{Name: "session", Value: c.value}))
			if name == "empty" {
				require.Error(t, err)
				return
			}
			require.ErrorIs(t, err, c.reason)
			assert.True(t, s.IsNew())
			assert.NotContains(t, err.Error(), "swordfish")
		})
	}
}

// Base64 has several texts for one value. If all were accepted, each would be a session of its own, and an ended one would come back.
func TestGorillaValueHasOneText(t *testing.T) {
	codec := newCodec(t)
	value := theirs(t, "session", ada, hashKey, blockKey).Value
	b := hardtack.Binding{Name: "session", Now: time.Now()}
	var rec hardtack.Record
	require.NoError(t, codec.Open(t.Context(), b, value, &rec))
	others := []string{value + "\n", "\r" + value, value[:20] + "\n" + value[20:]}
	if body := strings.TrimRight(value, "="); body != value {
		last := strings.IndexByte(alphabet, body[len(body)-1])
		others = append(others, body[:len(body)-1]+alphabet[last|1:last|1+1]+value[len(body):])
	}
	for _, other := range others {
		require.ErrorIs(t, codec.Open(t.Context(), b, other, &rec), hardtack.ErrMalformed)
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestGorillaWrites(t *testing.T) {
	for name, change := range map[string]func(*config){
		"defaults": func(*config) {},
		"signed":   func(c *config) { c.KeyPairs = [][]byte{hashKey} },
		"nil":      func(c *config) { c.KeyPairs = [][]byte{hashKey, nil} },
		"two":      func(c *config) { c.KeyPairs = [][]byte{newHash, newBlock, hashKey, blockKey} },
		"hash":     func(c *config) { c.HashFunc = sha512.New },
	} {
		t.Run(name, func(t *testing.T) {
			codec := newCodec(t, change)
			jar := newJar(t, nil, func(c *hardtack.Config) { c.Name, c.Codec, c.Formerly = "session", codec, nil })
			c := config{KeyPairs: [][]byte{hashKey, blockKey}}
			change(&c)
			old := sessions.NewCookieStore(c.KeyPairs...)
			for _, codec := range old.Codecs {
				if c.HashFunc != nil {
					codec.(*securecookie.SecureCookie).HashFunc(c.HashFunc)
				}
			}

			r, w := with(), httptest.NewRecorder()
			s, err := jar.Get(r)
			require.ErrorIs(t, err, hardtack.ErrNoCookie)
			s.Data = account{User: "grace", Roles: []string{"a", "b"}}
			s.SetSubject("grace")
			_, err = jar.Save(w, r, s)
			require.NoError(t, err)
			cookie := w.Result().Cookies()[0]

			there, err := old.Get(with(cookie), "session")
			require.NoError(t, err, "gorilla reads what we write")
			assert.Equal(t, map[any]any{"user": user{"grace", []string{"a", "b"}}}, there.Values)
			r, w = with(cookie), httptest.NewRecorder()
			there, _ = old.Get(r, "session")
			there.Values["user"] = user{"grace", nil}
			require.NoError(t, there.Save(r, w))
			s, err = jar.Get(with(w.Result().Cookies()[0]))
			require.NoError(t, err, "and we what gorilla writes")
			assert.Equal(t, account{User: "grace"}, s.Data)
			assert.Equal(t, "grace", s.Subject())
		})
	}
}

// What gorilla/securecookie writes without gorilla/sessions: any type, under JSON, and bytes.
func TestOtherValues(t *testing.T) {
	type value struct{ User string }
	json, err := gorilla.NewCodec(gorilla.CodecConfig[value, value]{KeyPairs: [][]byte{hashKey}, Serializer: securecookie.JSONEncoder{}})
	require.NoError(t, err)
	theirs := securecookie.New(hashKey, nil).SetSerializer(securecookie.JSONEncoder{})
	text, err := theirs.Encode("session", value{"ada"})
	require.NoError(t, err)
	jar, err := hardtack.New[value](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Lifetime: month, Formerly: []hardtack.Former{{Name: "session", Codec: json}}})
	require.NoError(t, err)
	s, err := jar.Get(with(&http.Cookie{Name: "session", Value: text}))
	require.NoError(t, err)
	assert.Equal(t, "ada", s.Data.User)

	nop, err := gorilla.NewCodec(gorilla.CodecConfig[[]byte, value]{
		KeyPairs: [][]byte{hashKey, blockKey}, Serializer: securecookie.NopEncoder{},
		From: func(b []byte) (value, error) { return value{string(b)}, nil },
		To:   func(v value) ([]byte, error) { return []byte(v.User), nil },
	})
	require.NoError(t, err)
	var rec hardtack.Record
	b := hardtack.Binding{Name: "session", Now: time.Now()}
	payload, err := hardtack.CBOR{}.Marshal(value{"grace"})
	require.NoError(t, err)
	sealed, id, err := nop.Seal(t.Context(), []byte("x"), b, &hardtack.Record{Serializer: hardtack.CBOR{}, Payload: payload})
	require.NoError(t, err)
	assert.Zero(t, id)
	require.Equal(t, "x", string(sealed[:1]))
	require.NoError(t, nop.Open(t.Context(), b, string(sealed[1:]), &rec))
	assert.Equal(t, payload, rec.Payload)
}

func TestCodecFaults(t *testing.T) {
	faults := func(err error) (fields []string) {
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			var c *hardtack.ConfigError
			require.ErrorAs(t, err, &c)
			assert.Equal(t, "CodecConfig", c.Type)
			fields = append(fields, c.Field)
		}
		return fields
	}
	_, err := gorilla.NewCodec(gorilla.CodecConfig[map[any]any, account]{})
	assert.Equal(t, []string{"From", "KeyPairs"}, faults(err))
	_, err = gorilla.NewCodec(config{KeyPairs: [][]byte{hashKey, []byte("swordfish"), nil, blockKey}, MaxAge: 401 * 24 * time.Hour, From: fromValues})
	assert.Equal(t, []string{"MaxAge", "KeyPairs[0]", "KeyPairs[2]"}, faults(err))
	assert.NotContains(t, err.Error(), "swordfish")
	_, err = gorilla.NewCodec(config{KeyPairs: make([][]byte, 40), From: fromValues})
	assert.Equal(t, []string{"KeyPairs"}, faults(err))

	reads := newCodec(t, func(c *config) { c.To = nil })
	writes := newCodec(t)
	keys := hardtack.EphemeralKeyring()
	_, err = hardtack.New[account](hardtack.Config{Keys: keys, Codec: reads, Lifetime: month})
	require.ErrorContains(t, err, "only reads")
	_, err = hardtack.New[account](hardtack.Config{Keys: keys, Codec: writes})
	require.ErrorContains(t, err, "raise Lifetime")
	_, err = hardtack.New[account](hardtack.Config{Keys: keys, Codec: writes, Lifetime: month, IdleTimeout: time.Hour})
	require.ErrorContains(t, err, "IdleTimeout must be 0")
	_, err = hardtack.NewHybrid[account](hardtack.Config{Keys: keys, Codec: writes, Lifetime: month}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.ErrorContains(t, err, "stateless")
	_, _, err = reads.Seal(t.Context(), nil, hardtack.Binding{}, &hardtack.Record{})
	require.ErrorContains(t, err, "only reads")
	for _, none := range []*gorilla.Codec[map[any]any, account]{nil, {}} {
		_, err = hardtack.New[account](hardtack.Config{Keys: keys, Formerly: []hardtack.Former{{Name: "session", Codec: none}}})
		require.ErrorContains(t, err, "NewCodec")
	}
}

// What the format cannot carry is an error, and not lost.
func TestGorillaCannotWrite(t *testing.T) {
	jar := newJar(t, nil, func(c *hardtack.Config) { c.Name, c.Codec, c.Formerly = "session", newCodec(t), nil })
	for name, change := range map[string]func(*hardtack.Session[account]){
		"another subject": func(s *hardtack.Session[account]) { s.Data.User = "ada"; s.SetSubject("grace") },
		"To fails":        func(s *hardtack.Session[account]) { s.Data.User = "unspeakable"; s.SetSubject("unspeakable") },
		"too large": func(s *hardtack.Session[account]) {
			s.Data.Roles = []string{strings.Repeat("x", 5000)}
			s.SetSubject("")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := with(), httptest.NewRecorder()
			s, _ := jar.Get(r)
			change(s)
			_, err := jar.Save(w, r, s)
			require.Error(t, err)
			if size := (*hardtack.SizeError)(nil); name == "too large" {
				require.ErrorAs(t, err, &size)
			}
			assert.Empty(t, w.Header()["Set-Cookie"])
		})
	}
}

// Two visitors with the same data at the same second hold the same value if it is only signed. They stay two.
func TestTwins(t *testing.T) {
	codec := newCodec(t, func(c *config) { c.KeyPairs = [][]byte{hashKey} })
	twins := []*http.Cookie{theirs(t, "session", ada, hashKey), theirs(t, "session", ada, hashKey)}
	twins[1].Value = twins[0].Value // unless a second has just passed they are
	jar, err := hardtack.NewHybrid[account](hardtack.Config{
		Keys: hardtack.EphemeralKeyring(), Lifetime: month, Formerly: []hardtack.Former{{Name: "session", Codec: codec}},
	}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)

	r, w := with(twins[0]), httptest.NewRecorder()
	s, err := jar.Get(r)
	require.NoError(t, err)
	s.Data.User = strings.Repeat("alice", 1000)
	placed, err := jar.Save(w, r, s)
	require.NoError(t, err)
	require.Equal(t, hardtack.InStore, placed.Where)

	r = with(twins[1])
	bob, err := jar.Get(r)
	require.NoError(t, err)
	assert.Equal(t, "ada", bob.Data.User)
	assert.NotEqual(t, s.ID(), bob.ID())
	require.NoError(t, jar.Delete(httptest.NewRecorder(), r, bob))
	r = httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", w.Header()["Set-Cookie"][1])
	alice, err := jar.Get(r)
	require.NoError(t, err)
	assert.Len(t, alice.Data.User, 5000)
}

// With gorilla's codec as its own, a Jar gives a cookie the whole MaxAge with each Save, as gorilla does.
func TestGorillaMaxAgeRolls(t *testing.T) {
	codec := newCodec(t, func(c *config) { c.MaxAge = 20 * time.Minute })
	jar := newJar(t, nil, func(c *hardtack.Config) { c.Name, c.Codec, c.Formerly = "session", codec, nil })
	old := aged(t, securecookie.New(hashKey, blockKey), "session", ada, 15*time.Minute, hashKey)
	r, w := with(&http.Cookie{Name: "session", Value: old}), httptest.NewRecorder()
	s, err := jar.Get(r)
	require.NoError(t, err)
	assert.InDelta(t, 5*60, time.Until(s.Expires()).Seconds(), 30)
	_, err = jar.Save(w, r, s)
	require.NoError(t, err)
	assert.Equal(t, 20*60, w.Result().Cookies()[0].MaxAge)
}

func TestCodecPrintsNoKeys(t *testing.T) {
	codec := newCodec(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(verb, codec)
		assert.NotContains(t, text, "hhhh")
		assert.NotContains(t, text, "6868")
		assert.NotContains(t, text, "104")
	}
	assert.True(t, codec.Encrypts())
	assert.False(t, newCodec(t, func(c *config) { c.KeyPairs = [][]byte{hashKey, nil, newHash, newBlock} }).Encrypts())
}

// A deploy halfway through: servers of both kinds answer one browser, first all write gorilla's format, then all ours.
func TestDeployHalfwayThrough(t *testing.T) {
	codec := newCodec(t)
	keys := hardtack.EphemeralKeyring()
	sealed := hardtack.NewSealedCodec(keys)
	first := newJar(t, nil, func(c *hardtack.Config) {
		c.Keys, c.Name, c.Codec, c.Formerly = keys, "session", codec, []hardtack.Former{{Name: "session", Codec: sealed, Label: "sealed"}}
	})
	second := newJar(t, codec, func(c *hardtack.Config) { c.Keys, c.Name = keys, "session" })
	old := sessions.NewCookieStore(hashKey, blockKey)

	theirs := func(c *http.Cookie) *http.Cookie {
		r, w := with(c), httptest.NewRecorder()
		s, err := old.Get(r, "session")
		require.NoError(t, err)
		u := s.Values["user"].(user)
		u.Roles = append(u.Roles, "theirs")
		s.Values["user"] = u
		require.NoError(t, s.Save(r, w))
		return w.Result().Cookies()[0]
	}
	ours := func(jar *hardtack.Jar[account]) func(c *http.Cookie) *http.Cookie {
		return func(c *http.Cookie) *http.Cookie {
			r, w := with(c), httptest.NewRecorder()
			s, err := jar.Get(r)
			require.NoError(t, err)
			s.Data.Roles = append(s.Data.Roles, "ours")
			_, err = jar.Save(w, r, s)
			require.NoError(t, err)
			cookies := w.Result().Cookies()
			require.Len(t, cookies, 1)
			return cookies[0]
		}
	}
	c, want := theirsOf(t), 1
	for _, step := range []func(*http.Cookie) *http.Cookie{
		theirs, ours(first), theirs, ours(first), theirs, ours(first), // the first deploy, server by server
		ours(second), ours(first), ours(second), // the second
	} {
		c = step(c)
		want++
	}
	s, err := second.Get(with(c))
	require.NoError(t, err)
	assert.Len(t, s.Data.Roles, want, "no change was lost")
	assert.NotZero(t, first.FormerUse()[0].Opened)
	assert.Equal(t, "sealed", first.FormerUse()[0].Label)
}

func theirsOf(t *testing.T) *http.Cookie { return theirs(t, "session", ada, hashKey, blockKey) }

func FuzzCodecOpen(f *testing.F) {
	codec := newCodec(f)
	good := theirs(f, "session", ada, hashKey, blockKey).Value
	for _, s := range []string{"", good, good[1:], good + "=", signed(hashKey, "session", "1", ""), signed(hashKey, "session", "1700000000", "AAAA")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var rec hardtack.Record
		if err := codec.Open(context.Background(), hardtack.Binding{Name: "session", Now: time.Now()}, value, &rec); err == nil {
			require.Equal(t, good, value)
		}
	})
}
