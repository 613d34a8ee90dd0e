package hardtack_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// scSession is a session as an application of scs has it, here in JSON; store/fromscs reads those of real ones.
type scSession struct {
	Deadline time.Time
	Values   map[string]any
}

func scDecode(b []byte) (time.Time, map[string]any, error) {
	var s scSession
	err := json.Unmarshal(b, &s)
	return s.Deadline, s.Values, err
}

type scData struct{ User string }

func scFrom(values map[string]any) (scData, error) {
	user, ok := values["user"].(string)
	if !ok {
		return scData{}, errors.New("no user: " + fmt.Sprint(values))
	}
	return scData{user}, nil
}

func scCodec(t testing.TB, store hardtack.SCSStore, change ...func(*hardtack.SCSConfig[scData])) *hardtack.SCSCodec[scData] {
	c := hardtack.SCSConfig[scData]{Store: store, Decode: scDecode, Lifetime: 24 * time.Hour, From: scFrom, Subject: func(d *scData) string { return d.User }}
	for _, f := range change {
		f(&c)
	}
	codec, err := hardtack.NewSCSCodec(c)
	require.NoError(t, err)
	return codec
}

// scToken puts a session into the store and returns its token.
func scToken(t testing.TB, store hardtack.SCSStore, first byte, s scSession) string {
	token := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(string(rune('a'+first)), 32)))
	b, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, store.Commit(token, b, s.Deadline))
	return token
}

func scFormer(codec hardtack.Codec) []hardtack.Former {
	return []hardtack.Former{{Name: "session", Codec: codec, Label: "scs"}}
}

func TestSCSCodec(t *testing.T) {
	store := new(fsStore)
	now := time.Now().Truncate(time.Millisecond)
	token := scToken(t, store, 0, scSession{now.Add(5 * time.Hour), map[string]any{"user": "ada"}})
	jar := jrNew[scData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: scFormer(scCodec(t, store))})

	assert.Equal(t, "scs", jar.FormerUse()[0].Label)
	assert.Zero(t, jar.FormerUse()[0].Opened)
	r, s := jrOpen(t, jar, "session="+token)
	assert.Equal(t, "ada", s.Data.User)
	assert.Equal(t, "ada", s.Subject())
	assert.True(t, s.Expires().Equal(now.Add(5*time.Hour)), "its deadline stays")
	assert.True(t, s.Created().Equal(now.Add(-19*time.Hour)), "a lifetime before that")
	_, parallel := jrOpen(t, jar, "session="+token)
	assert.Equal(t, s.ID(), parallel.ID(), "parallel first requests are of one session")
	use := jar.FormerUse()
	require.Len(t, use, 1)
	assert.EqualValues(t, 2, use[0].Opened)
	assert.WithinDuration(t, time.Now(), use[0].Last, 10*time.Second)
	assert.False(t, use[0].Since.IsZero())

	lines := jrTouch(t, jar, r, s)
	require.Len(t, lines, 2, "the old cookie goes, ours comes")
	assert.Contains(t, lines[0], "session=; Path=/; Max-Age=0")
	_, moved := jrOpen(t, jar, jrPair(lines[1]))
	assert.Equal(t, s.ID(), moved.ID())
	assert.Equal(t, "ada", moved.Data.User)
	assert.True(t, moved.Expires().Equal(now.Add(5*time.Hour)))
	assert.EqualValues(t, 2, jar.FormerUse()[0].Opened)
}

func TestSCSCodecRefuses(t *testing.T) {
	store := new(fsStore)
	now := time.Now()
	jar := jrNew[scData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: scFormer(scCodec(t, store))})
	for name, c := range map[string]struct {
		token  string
		reason error
	}{
		"expired":    {scToken(t, store, 0, scSession{now.Add(-time.Second), map[string]any{"user": "ada"}}), hardtack.ErrExpired},
		"unknown":    {base64.RawURLEncoding.EncodeToString(make([]byte, 32)), hardtack.ErrRecordMissing},
		"no token":   {"' OR 1=1", hardtack.ErrMalformed},
		"too long":   {strings.Repeat("a", 44), hardtack.ErrMalformed},
		"other data": {scToken(t, store, 1, scSession{now.Add(time.Hour), map[string]any{"secret": "swordfish"}}), hardtack.ErrPayload},
		"no session": {scToken(t, store, 2, scSession{}), hardtack.ErrPayload},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := jar.Get(jrRequest("session=" + c.token))
			require.ErrorIs(t, err, c.reason)
			assert.True(t, s.IsNew())
			assert.NotContains(t, err.Error(), "swordfish")
			assert.NotContains(t, err.Error(), c.token)
		})
	}
	require.NoError(t, store.Commit(base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("z", 32))), []byte("broken: swordfish"), now.Add(time.Hour)))
	_, err := jar.Get(jrRequest("session=" + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("z", 32)))))
	require.ErrorIs(t, err, hardtack.ErrPayload)
	assert.NotContains(t, err.Error(), "swordfish")
}

// scAway is a store that cannot be asked.
type scAway struct{ fsStore }

func (*scAway) Find(string) ([]byte, bool, error) { return nil, false, errors.New("no connection") }

func TestSCSCodecAway(t *testing.T) {
	heard := 0
	jar := jrNew[scData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: scFormer(scCodec(t, new(scAway))),
		Observer: hardtack.Observer{StoreError: func(_ context.Context, op string, _ error) {
			assert.Equal(t, "former", op)
			heard++
		}}})
	r := jrRequest("session="+strings.Repeat("a", 43), "session="+strings.Repeat("b", 43))
	s, err := jar.Get(r)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.Equal(t, 1, heard)
	w := httptest.NewRecorder()
	_, err = jar.Save(w, r, s)
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable, "an outage logs nobody out")
	assert.Empty(t, w.Header()["Set-Cookie"])
}

// In a hybrid Jar the session that was read from scs can be ended for good, and a state whose cookie was lost is found again.
func TestSCSCodecInHybrid(t *testing.T) {
	scs := new(fsStore)
	token := "session=" + scToken(t, scs, 0, scSession{time.Now().Add(5 * time.Hour), map[string]any{"user": "ada"}})
	memory := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{})
	jar, err := hardtack.NewHybrid[scData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: scFormer(scCodec(t, scs))}, memory)
	require.NoError(t, err)
	get := func() (*http.Request, *hardtack.Session[scData], error) {
		r := jrRequest(token)
		s, err := jar.Get(r)
		return r, s, err
	}

	r, s, err := get()
	require.NoError(t, err)
	s.Data.User = strings.Repeat("x", 4000)
	_, err = jar.Save(httptest.NewRecorder(), r, s) // overflows, and the response is lost
	require.NoError(t, err)
	r, s, err = get()
	require.NoError(t, err)
	assert.Len(t, s.Data.User, 4000, "what was acknowledged is not lost")
	s.Data.User = "small"
	placed, err := jar.Save(httptest.NewRecorder(), r, s)
	require.NoError(t, err)
	assert.Equal(t, hardtack.InCookie, placed.Where)
	r, s, err = get()
	require.NoError(t, err)
	assert.Equal(t, "small", s.Data.User)

	require.NoError(t, jar.Delete(httptest.NewRecorder(), r, s))
	_, _, err = get()
	require.ErrorIs(t, err, hardtack.ErrEnded, "a copy of the token is of no use")
	// Nor with others around it, so that the store might not be asked.
	others := []string{"session=" + strings.Repeat("x", 43), "session=" + strings.Repeat("y", 43), "session=" + strings.Repeat("z", 43)}
	for _, pairs := range [][]string{append([]string{token}, others...), append(others, token), {others[0], token, others[1]}} {
		_, err = jar.Get(jrRequest(pairs...))
		require.Error(t, err)
	}
}

// Whatever moved a session, and whenever it is renewed after that, the token of old goes with the one that it was.
func TestSCSCodecRenewAfterTheMove(t *testing.T) {
	scs, clock := new(fsStore), newJrClock()
	token := "session=" + scToken(t, scs, 0, scSession{clock.now().Add(5 * time.Hour), map[string]any{"user": "ada"}})
	memory := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: clock.now})
	codec := scCodec(t, scs, func(c *hardtack.SCSConfig[scData]) { c.Subject = nil })
	jar, err := hardtack.NewHybrid[scData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: clock.now, Formerly: scFormer(codec)}, memory)
	require.NoError(t, err)
	r, s := jrOpen(t, jar, token)
	moved := jrPair(jrTouch(t, jar, r, s)[1])
	r, s = jrOpen(t, jar, moved)
	s.Renew()
	heir := jrPut(t, jar, r, s)
	clock.add(10 * time.Minute)
	_, err = jar.Get(jrRequest(token))
	require.ErrorIs(t, err, hardtack.ErrEnded)
	jrOpen(t, jar, heir)
}

// A token of old is good for 10 minutes after a Renew, in case the response was lost, and then for nothing, as scs does at once.
func TestSCSCodecRenew(t *testing.T) {
	scs, clock := new(fsStore), newJrClock()
	token := scToken(t, scs, 0, scSession{clock.now().Add(5 * time.Hour), map[string]any{"user": "ada"}})
	memory := hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: clock.now})
	jar, err := hardtack.NewHybrid[scData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: clock.now, Formerly: scFormer(scCodec(t, scs))}, memory)
	require.NoError(t, err)
	r, s := jrOpen(t, jar, "session="+token)
	s.Renew()
	heir := jrPut(t, jar, r, s)

	r, s = jrOpen(t, jar, "session="+token)
	assert.Equal(t, "ada", s.Data.User)
	_, err = jar.Save(httptest.NewRecorder(), r, s)
	require.ErrorIs(t, err, hardtack.ErrConflict)
	clock.add(10 * time.Minute)
	for _, spelling := range []string{token, strings.ToUpper(token)} { // a database may take one for the other
		require.NoError(t, scs.Commit(spelling, scs.items[token].data, clock.now().Add(time.Hour)))
		_, err = jar.Get(jrRequest("session=" + spelling))
		require.ErrorIs(t, err, hardtack.ErrEnded)
	}
	_, s = jrOpen(t, jar, heir)
	assert.Equal(t, "ada", s.Data.User)
}

// A client chooses how many tokens it sends: two are looked for, and none behind an outage.
func TestSCSCodecManyTokens(t *testing.T) {
	store := &scCounting{}
	jar := jrNew[scData](t, hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: scFormer(scCodec(t, store))})
	var pairs []string
	for i := range 8 {
		pairs = append(pairs, "session="+strings.Repeat(string(rune('a'+i)), 43))
	}
	_, err := jar.Get(jrRequest(pairs...))
	require.ErrorIs(t, err, hardtack.ErrRecordMissing)
	assert.Equal(t, 2, store.finds)

	good := "session=" + scToken(t, store, 0, scSession{time.Now().Add(time.Hour), map[string]any{"user": "ada"}})
	odd := "session=" + scToken(t, store, 1, scSession{time.Now().Add(time.Hour), map[string]any{}})
	for order, downAt := range map[*[]string]int{{pairs[0], good}: 1, {good, pairs[0]}: 2, {odd, good}: 2} {
		store.finds, store.downAt = 0, downAt
		_, err = jar.Get(jrRequest(*order...))
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable, "an older session in its place would be a rollback")
	}
}

// scCounting counts its looks, and fails once.
type scCounting struct {
	fsStore
	finds, downAt int
}

func (s *scCounting) Find(id string) ([]byte, bool, error) {
	if s.finds++; s.finds == s.downAt {
		return nil, false, errors.New("no connection")
	}
	return s.fsStore.Find(id)
}

func TestSCSConfigFaults(t *testing.T) {
	for _, none := range []*hardtack.SCSCodec[scData]{nil, {}} {
		_, err := hardtack.New[scData](hardtack.Config{Keys: hardtack.EphemeralKeyring(), Formerly: scFormer(none)})
		require.ErrorContains(t, err, "NewSCSCodec")
	}
	_, err := hardtack.NewSCSCodec(hardtack.SCSConfig[scData]{StoreTimeout: -1})
	assert.ElementsMatch(t, []string{"Store", "Decode", "From", "Lifetime", "StoreTimeout"}, jrFaults(err))
	assert.ErrorContains(t, err, "hardtack: SCSConfig.Store: is required")

	codec := scCodec(t, new(fsStore), func(c *hardtack.SCSConfig[scData]) { c.Lifetime = 48 * time.Hour })
	keys := hardtack.EphemeralKeyring()
	_, err = hardtack.New[scData](hardtack.Config{Keys: keys, Codec: codec, Formerly: scFormer(codec)})
	assert.ElementsMatch(t, []string{"Codec", "Formerly[0].Codec"}, jrFaults(err))
	assert.ErrorContains(t, err, "only reads")
	assert.ErrorContains(t, err, "raise Lifetime")
	_, err = hardtack.New[scData](hardtack.Config{Keys: keys, Formerly: scFormer(codec), Lifetime: 48 * time.Hour})
	require.NoError(t, err)
	_, _, err = codec.Seal(t.Context(), nil, hardtack.Binding{}, &hardtack.Record{})
	require.Error(t, err)
	assert.Equal(t, "scs codec", fmt.Sprintf("%+v", codec))
	assert.True(t, codec.Encrypts())
}
