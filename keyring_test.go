package hardtack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

func jrRing(t testing.TB, keys ...hardtack.Key) *hardtack.Keyring {
	t.Helper()
	k, err := hardtack.NewKeyring(keys...)
	require.NoError(t, err)
	return k
}

// jrAt returns a key that seals from jrEpoch+d on.
func jrAt(d time.Duration) hardtack.Key {
	return hardtack.GenerateKey(jrEpoch.Add(d), time.Time{})
}

func TestSealingKey(t *testing.T) {
	a, b, c := jrAt(-2*time.Hour), jrAt(-time.Hour), jrAt(time.Hour)
	retired := hardtack.GenerateKey(jrEpoch.Add(-time.Minute), jrEpoch.Add(time.Minute))
	for _, tc := range []struct {
		name string
		keys []hardtack.Key
		at   time.Time
		want hardtack.Key
	}{
		{"newest active", []hardtack.Key{a, b, c}, jrEpoch, b},
		{"whatever the order", []hardtack.Key{c, b, a}, jrEpoch, b},
		{"from activate on", []hardtack.Key{a, b, c}, c.Activate(), c},
		{"not a moment before", []hardtack.Key{a, b, c}, c.Activate().Add(-1), b},
		{"none active: the earliest", []hardtack.Key{c, b, a}, jrEpoch.Add(-24 * time.Hour), a},
		{"newer, until it retires", []hardtack.Key{a, retired}, retired.Retire().Add(-1), retired},
		{"retired", []hardtack.Key{a, retired}, retired.Retire(), a},
		{"none active but retired ones: the announced", []hardtack.Key{c, retired}, retired.Retire(), c},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, err := jrRing(t, tc.keys...).SealingKey(tc.at)
			require.NoError(t, err)
			assert.Equal(t, tc.want.ID(), id)
		})
	}
	past := hardtack.GenerateKey(jrEpoch.Add(-time.Hour), jrEpoch)
	id, err := jrRing(t, retired, past).SealingKey(retired.Retire().Add(time.Hour))
	require.NoError(t, err, "an end that nobody noticed is no outage")
	assert.Equal(t, retired.ID(), id)
	_, err = new(hardtack.Keyring).SealingKey(jrEpoch)
	require.ErrorIs(t, err, hardtack.ErrNoUsableKey)

	same := []hardtack.Key{jrAt(0), jrAt(0), jrAt(0)}
	x, err := jrRing(t, same[0], same[1], same[2]).SealingKey(jrEpoch)
	require.NoError(t, err)
	y, err := jrRing(t, same[2], same[0], same[1]).SealingKey(jrEpoch)
	require.NoError(t, err)
	assert.Equal(t, x, y, "keys of one moment: every server picks the same")
}

func TestWhichKeysOpen(t *testing.T) {
	clock := newJrClock()
	old := hardtack.GenerateKey(jrEpoch.Add(-48*time.Hour), jrEpoch.Add(26*time.Hour))
	present, next := jrAt(-time.Hour), jrAt(time.Hour)
	jar := func(keys ...hardtack.Key) *hardtack.Jar[jrData] {
		return jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: jrRing(t, keys...), Lifetime: 48 * time.Hour})
	}
	by := map[string]string{
		"old":     jrStart(t, jar(old), jrData{}),
		"present": jrStart(t, jar(present), jrData{}),
		"next":    jrStart(t, jar(next), jrData{}), // none active: it seals
	}
	j := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: jrRing(t, old, present, next)})
	for _, pair := range by {
		jrOpen(t, j, pair)
	}
	_, s := jrOpen(t, j, jrStart(t, j, jrData{}))
	assert.Equal(t, present.ID(), s.KeyID())

	_, err := jar(present).Get(jrRequest(by["old"]))
	require.ErrorIs(t, err, hardtack.ErrUnknownKey)

	// Retired from the very moment on.
	wide := jrNew[jrData](t, hardtack.Config{Now: clock.now, Keys: jrRing(t, old, present), Lifetime: 24 * time.Hour})
	clock.set(jrEpoch.Add(20 * time.Hour))
	pair := by["old"]
	jrOpen(t, wide, pair)
	codec := hardtack.NewSealedCodec(jrRing(t, old, present))
	var rec hardtack.Record
	at := func(now time.Time) error {
		return codec.Open(t.Context(), hardtack.Binding{Name: hardtack.DefaultName, Now: now}, jrValue(pair), &rec)
	}
	require.NoError(t, at(old.Retire().Add(-1)))
	require.ErrorIs(t, at(old.Retire()), hardtack.ErrUnknownKey)
}

func TestReplaceWhileRequestsRun(t *testing.T) {
	const goroutines = 16
	keys := []hardtack.Key{jrAt(-3 * time.Hour), jrAt(-2 * time.Hour), jrAt(-time.Hour), jrAt(time.Hour)}
	ring := jrRing(t, keys...)
	j := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: newJrClock().now})
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			pair := ""
			for n := range 100 {
				r := jrRequest()
				if pair != "" {
					r = jrRequest(pair)
				}
				s, err := j.Get(r)
				if pair != "" && !assert.NoError(t, err) || !assert.Equal(t, g*n, s.Data.N*g) {
					return
				}
				s.Data.N = n + 1
				w := httptest.NewRecorder()
				if _, err = j.Save(w, r, s); !assert.NoError(t, err) {
					return
				}
				pair = jrPair(w.Header().Get("Set-Cookie"))
			}
		})
	}
	for i := range 200 {
		require.NoError(t, ring.Replace(keys[i%4], keys[(i+1)%4]))
	}
	wg.Wait()
}

func TestReplaceKeepsUnlistedKeys(t *testing.T) {
	clock := newJrClock()
	a, b := jrAt(-2*time.Hour), jrAt(-time.Hour)
	ring := jrRing(t, a, b)
	j := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	byB := jrStart(t, j, jrData{N: 1})

	require.NoError(t, ring.Replace(a)) // rolled back by accident
	r, s := jrOpen(t, j, byB)
	assert.Equal(t, b.ID(), s.KeyID())
	require.Len(t, jrTouch(t, j, r, s), 1, "b does not seal any more")
	_, s = jrOpen(t, j, jrStart(t, j, jrData{}))
	assert.Equal(t, a.ID(), s.KeyID())
	assert.Len(t, ring.Keys(), 1, "what is listed")

	// Revoking a third one does not make b seal again.
	require.NoError(t, ring.Revoke(t.Context(), hardtack.KeyID{9, 9, 9, 9}))
	id, err := ring.SealingKey(jrEpoch)
	require.NoError(t, err)
	assert.Equal(t, a.ID(), id)
	jrOpen(t, j, byB)

	// When it is listed again, it does.
	require.NoError(t, ring.Replace(a, b))
	id, err = ring.SealingKey(jrEpoch)
	require.NoError(t, err)
	assert.Equal(t, b.ID(), id)

	// A faulty list changes nothing.
	before := fmt.Sprint(ring.Keys())
	require.Error(t, ring.Replace())
	require.Error(t, ring.Replace(a, a))
	require.Error(t, ring.Replace(hardtack.Key{}))
	assert.Equal(t, before, fmt.Sprint(ring.Keys()))
}

func TestRevoke(t *testing.T) {
	clock := newJrClock()
	a, b, c := jrAt(-3*time.Hour), jrAt(-2*time.Hour), jrAt(-time.Hour)
	ring := jrRing(t, a)
	j := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: clock.now})
	byA := jrStart(t, j, jrData{N: 1})
	reseal := func(pair string) string {
		r, s := jrOpen(t, j, pair)
		return jrPut(t, j, r, s)
	}
	require.NoError(t, ring.Replace(a, b))
	byAB := reseal(byA)
	fresh := jrStart(t, j, jrData{N: 2})
	require.NoError(t, ring.Replace(a, b, c))
	byABC := reseal(byAB)
	r, s := jrOpen(t, j, byABC)
	s.Renew()
	renewed := jrPut(t, j, r, s)
	freshBC := reseal(fresh)

	require.NoError(t, ring.Revoke(t.Context(), a.ID()))
	check := func() {
		t.Helper()
		for _, pair := range []string{byA, byAB, byABC, renewed} {
			_, err := j.Get(jrRequest(pair))
			require.ErrorIs(t, err, hardtack.ErrRevokedKey)
		}
		jrOpen(t, j, fresh)
		jrOpen(t, j, freshBC)
	}
	check()
	for _, k := range ring.Keys() {
		if k.ID() == a.ID() {
			assert.True(t, k.Revoked())
			assert.Nil(t, k.ExposeSecret())
		}
	}
	require.NoError(t, ring.Replace(a, b, c), "an old file lists it still")
	check()
	require.NoError(t, ring.Replace(b, c))
	check()
}

func TestRevokeTheOnlyKey(t *testing.T) {
	a := jrAt(-time.Hour)
	ring := jrRing(t, a)
	j := jrNew[jrData](t, hardtack.Config{Keys: ring, Now: newJrClock().now})
	pair := jrStart(t, j, jrData{})
	require.NoError(t, ring.Revoke(t.Context(), a.ID()))
	_, err := j.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	next := jrStart(t, j, jrData{})
	_, s := jrOpen(t, j, next)
	assert.NotEqual(t, a.ID(), s.KeyID())

	// It is still so when the file knows nothing of it.
	require.ErrorIs(t, ring.Replace(a), hardtack.ErrNoUsableKey)
	b := jrAt(0)
	require.NoError(t, ring.Replace(a, b))
	_, err = j.Get(jrRequest(pair))
	require.ErrorIs(t, err, hardtack.ErrRevokedKey)
	jrOpen(t, j, next)

}

func TestKeyErrors(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, hardtack.SecretSize)
	k, err := hardtack.NewKey(secret, time.Time{}, time.Time{})
	require.NoError(t, err)
	secret[0] ^= 1
	assert.Equal(t, byte(7), k.ExposeSecret()[0], "the secret was copied")
	k.ExposeSecret()[0] = 0
	assert.Equal(t, byte(7), k.ExposeSecret()[0])
	secret[0] ^= 1

	many := make([]hardtack.Key, 129)
	for i := range many {
		many[i] = jrAt(time.Duration(i))
	}
	wrong := hardtack.KeyID{1, 2, 3, 4}
	for name, c := range map[string]struct {
		err  func() error
		want error
		id   hardtack.KeyID
	}{
		"no secret": {func() error { _, err := hardtack.NewKey(nil, time.Time{}, time.Time{}); return err }, hardtack.ErrKeyLength, hardtack.KeyID{}},
		"31 bytes":  {func() error { _, err := hardtack.NewKey(secret[:31], time.Time{}, time.Time{}); return err }, hardtack.ErrKeyLength, hardtack.KeyID{}},
		"33 bytes": {func() error {
			_, err := hardtack.NewKey(append(bytes.Clone(secret), 1), time.Time{}, time.Time{})
			return err
		}, hardtack.ErrKeyLength, hardtack.KeyID{}},
		"another's ID": {func() error { _, err := hardtack.NewKeyWithID(wrong, secret, time.Time{}, time.Time{}); return err }, hardtack.ErrKeyID, wrong},
		"times": {func() error {
			_, err := hardtack.NewKey(secret, jrEpoch, jrEpoch)
			return err
		}, hardtack.ErrKeyTimes, k.ID()},
		"duplicate":           {func() error { _, err := hardtack.NewKeyring(k, k); return err }, hardtack.ErrDuplicateKey, k.ID()},
		"duplicate, revoked":  {func() error { _, err := hardtack.NewKeyring(k, hardtack.RevokedKey(k.ID())); return err }, hardtack.ErrDuplicateKey, k.ID()},
		"none":                {func() error { _, err := hardtack.NewKeyring(); return err }, hardtack.ErrNoUsableKey, hardtack.KeyID{}},
		"only a revoked one":  {func() error { _, err := hardtack.NewKeyring(hardtack.RevokedKey(wrong)); return err }, hardtack.ErrNoUsableKey, hardtack.KeyID{}},
		"zero key":            {func() error { _, err := hardtack.NewKeyring(hardtack.Key{}); return err }, hardtack.ErrKeyID, hardtack.KeyID{}},
		"129":                 {func() error { _, err := hardtack.NewKeyring(many...); return err }, hardtack.ErrTooManyKeys, hardtack.KeyID{}},
		"revoke in zero ring": {func() error { return new(hardtack.Keyring).Revoke(t.Context(), wrong) }, hardtack.ErrNoUsableKey, hardtack.KeyID{}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.err()
			require.ErrorIs(t, err, c.want)
			var k *hardtack.KeyError
			require.ErrorAs(t, err, &k)
			assert.Equal(t, c.id, k.ID)
			if c.id != (hardtack.KeyID{}) {
				assert.Contains(t, err.Error(), c.id.String())
			}
		})
	}
	jrRing(t, many[:128]...)
	again, err := hardtack.NewKeyWithID(k.ID(), secret, time.Time{}, time.Time{})
	require.NoError(t, err)
	assert.Equal(t, k.ID(), again.ID())
}

func TestKeyIDText(t *testing.T) {
	id := jrAt(0).ID()
	text, err := id.MarshalText()
	require.NoError(t, err)
	var back hardtack.KeyID
	require.NoError(t, back.UnmarshalText(text))
	assert.Equal(t, id, back)
	parsed, err := hardtack.ParseKeyID(id.String())
	require.NoError(t, err)
	assert.Equal(t, id, parsed)
	_, err = hardtack.ParseKeyID("x")
	require.Error(t, err)
	for _, bad := range []string{"", "0011223", "001122334", "0011223g"} {
		require.Error(t, back.UnmarshalText([]byte(bad)), bad)
		assert.Equal(t, id, back)
	}
}

// jrTraces returns forms in which part of a secret could be printed.
func jrTraces(secret []byte) (traces []string) {
	const window = 6 // of which the chance occurrence is small
	for i := 0; i+window <= len(secret); i += 3 {
		part := secret[i : i+window]
		decimals, hexes := make([]string, window), make([]string, window)
		for k, b := range part {
			decimals[k], hexes[k] = strconv.Itoa(int(b)), fmt.Sprintf("%#x", b)
		}
		traces = append(traces, string(part), strconv.Quote(string(part)),
			hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), fmt.Sprintf("% x", part),
			base64.RawStdEncoding.EncodeToString(part), base64.RawURLEncoding.EncodeToString(part),
			strings.Join(decimals, " "), strings.Join(decimals, ","), strings.Join(decimals, ", "),
			strings.Join(hexes, ", "))
	}
	return traces
}

func TestSecretsNeverPrint(t *testing.T) {
	secret := make([]byte, hardtack.SecretSize)
	for i := range secret {
		secret[i] = byte(101 + 37*i)
	}
	key, err := hardtack.NewKey(secret, time.Time{}, time.Time{})
	require.NoError(t, err)
	ring := jrRing(t, key)
	set := hardtack.KeySet{Keys: []hardtack.Key{key}}
	follows := hardtack.KeyringConfig{Observer: hardtack.SlogKeyObserver(slog.New(slog.DiscardHandler))}
	source := &flPrivate{flStore{data: ksEncode(t, set)}}
	followed, err := hardtack.OpenKeyring(t.Context(), source, follows)
	require.NoError(t, err)
	defer followed.Close()
	source.set(source.data[:len(source.data)/2])
	brokenErr := followed.Refresh(t.Context())
	require.Error(t, brokenErr)
	config := hardtack.Config{Keys: ring}
	codec := hardtack.NewSealedCodec(ring)
	config.Codec = codec
	j := jrNew[jrData](t, config)
	pair := jrStart(t, j, jrData{N: 1})
	_, s := jrOpen(t, j, pair)
	var rec hardtack.Record
	require.NoError(t, codec.Open(t.Context(), hardtack.Binding{Name: hardtack.DefaultName, Now: time.Now()}, jrValue(pair), &rec))
	require.NotEqual(t, hardtack.Seed{}, rec.Seed)
	_, configErr := hardtack.New[jrData](hardtack.Config{Keys: ring, Lifetime: -1, Name: "a b", Codec: codec})
	require.Error(t, configErr)
	_, getErr := j.Get(jrRequest(pair[:len(pair)-4] + "AAAA"))
	require.Error(t, getErr)
	_, keyErr := hardtack.NewKey(secret[:31], time.Time{}, time.Time{})
	require.Error(t, keyErr)
	_, idErr := hardtack.NewKeyWithID(hardtack.KeyID{1}, secret, time.Time{}, time.Time{})
	require.Error(t, idErr)
	dup := ring.Replace(key, key)
	require.Error(t, dup)

	type holder struct {
		key  hardtack.Key
		Key  *hardtack.Key
		keys []hardtack.Key
		ring *hardtack.Keyring
	}
	values := []any{
		key, &key, []hardtack.Key{key}, [1]hardtack.Key{key}, map[string]hardtack.Key{"a": key},
		holder{key, &key, []hardtack.Key{key}, ring}, &holder{key: key}, map[hardtack.KeyID]holder{key.ID(): {key: key}},
		set, &set, set.Status(time.Now()), followed, followed.Health(), followed.Use(), brokenErr, follows, hardtack.RotationPolicy{}.Plan(set, time.Now()),
		ring, ring.Keys(), config, &config, j, *j, j.Config(), codec, s, *s, rec, &rec, []hardtack.Record{rec}, rec.Seed, &rec.Seed,
		s.Placement(), configErr, getErr, keyErr, idErr, dup, errors.Join(configErr, keyErr), key.ID(),
	}
	traces := append(jrTraces(secret), jrTraces(rec.Seed[:])...)
	check := func(t *testing.T, how string, v any, out string) {
		t.Helper()
		for _, trace := range traces {
			if strings.Contains(out, trace) {
				t.Fatalf("%s of %T shows %q in %.300q", how, v, trace, out)
			}
		}
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "% x", "%q", "%d", "%o", "%b", "%c", "%U", "%t"} {
			check(t, verb, v, fmt.Sprintf(verb, v))
		}
		data, err := json.Marshal(v)
		check(t, "JSON", v, string(data)+fmt.Sprint(err))
		var b bytes.Buffer
		opts := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
		slog.New(slog.NewTextHandler(&b, opts)).Info("m", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&b, opts)).Info("m", "v", v, slog.Group("g", "v", v))
		check(t, "slog", v, b.String())
	}
	assert.Equal(t, "key "+key.ID().String(), fmt.Sprintf("%#v", key))
	assert.Equal(t, "[seed]", fmt.Sprintf("%x", rec.Seed))
}
