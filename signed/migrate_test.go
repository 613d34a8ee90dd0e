package signed_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/signed"
)

// From signed to sealed, under the same name and under another, with the same keys and with others.
func TestSignedToSealed(t *testing.T) {
	forEach(t, func(t *testing.T, a signed.Algorithm) {
		for name, otherName := range map[string]string{"the same name": "", "another name": "__Host-sid"} {
			for ringName, sameRing := range map[string]bool{"the same ring": true, "another ring": false} {
				t.Run(name+", "+ringName, func(t *testing.T) {
					clock := newClock()
					oldRing := ringOf(t, keyOf(t, "signed", time.Time{}, time.Time{}))
					newRing := oldRing
					if !sameRing {
						newRing = ringOf(t, keyOf(t, "sealed", time.Time{}, time.Time{}))
					}
					before := signedJar(t, oldRing, clock, a)
					old := start(t, before, "alice", cart{Items: []string{"tea"}, Total: 3})
					_, was := resume(t, before, old)
					clock.add(time.Hour)

					after := newJar[cart](t, hardtack.Config{
						Keys: newRing, Name: otherName, Now: clock.now,
						Formerly: []hardtack.Former{{Name: cookieName, Codec: newCodec(t, oldRing, signed.Options{Algorithm: a}), Label: "signed"}},
					})
					// Requests that come at once agree on who they are.
					var wg sync.WaitGroup
					found := make([]string, 8)
					pairs := make([]string, 8)
					for i := range found {
						wg.Go(func() {
							r, s := resume(t, after, old)
							found[i] = s.ID()
							assert.Equal(t, cart{Items: []string{"tea"}, Total: 3}, s.Data)
							assert.Equal(t, "alice", s.Subject())
							assert.True(t, was.Created().Equal(s.Created()))
							assert.True(t, was.Expires().Equal(s.Expires()), "%v, want %v", s.Expires(), was.Expires())
							pairs[i] = touch(t, after, r, s)
						})
					}
					wg.Wait()
					for i := range found {
						assert.Equal(t, found[0], found[i])
						require.NotEmpty(t, pairs[i])
						assert.NotContains(t, valueOf(pairs[i]), ".", "it is sealed")
						_, s := resume(t, after, pairs[i])
						assert.Equal(t, found[0], s.ID())
						assert.Equal(t, cart{Items: []string{"tea"}, Total: 3}, s.Data)
						assert.True(t, was.Expires().Equal(s.Expires()))
					}
					assert.Len(t, found[0], 22)
					assert.NotEqual(t, was.ID(), found[0], "everybody can read the jti")
					uses := after.FormerUse()
					assert.Equal(t, "signed", uses[0].Label)
					assert.Equal(t, uint64(8), uses[0].Opened)

					// What is wrong with it is said as before.
					forged := old[:len(old)-20] + "AAAA" + old[len(old)-16:]
					_, err := after.Get(request(forged))
					assert.ErrorIs(t, err, hardtack.ErrForged)
					clock.add(24 * time.Hour)
					_, err = after.Get(request(old))
					assert.ErrorIs(t, err, hardtack.ErrExpired)
				})
			}
		}
	})
}

// A revoked key ends the sessions that were signed with it and have come here, too, as long as both have one ring.
func TestSignedToSealedRevoked(t *testing.T) {
	clock := newClock()
	first := keyOf(t, "first", epoch.Add(-time.Hour), time.Time{})
	ring := ringOf(t, first, keyOf(t, "second", epoch.Add(time.Minute), time.Time{}))
	old := start(t, signedJar(t, ring, clock, signed.EdDSA), "alice", cart{})
	after := newJar[cart](t, hardtack.Config{Keys: ring, Now: clock.now, Formerly: []hardtack.Former{{Codec: newCodec(t, ring, signed.Options{})}}})
	clock.add(time.Hour)
	r, s := resume(t, after, old)
	moved := touch(t, after, r, s)
	require.NoError(t, ring.Revoke(t.Context(), first.ID()))
	for _, pair := range []string{old, moved} {
		_, err := after.Get(request(pair))
		assert.ErrorIs(t, err, hardtack.ErrRevokedKey)
	}
}

// To a hybrid Jar, which can end a session: its old token then as well, in every spelling.
func TestSignedToHybrid(t *testing.T) {
	clock := newClock()
	ring := ringOf(t, keyOf(t, "hybrid", time.Time{}, time.Time{}))
	hand := handSigner(t, signed.ES256)
	after, err := hardtack.NewHybrid[cart](hardtack.Config{
		Keys: ring, Now: clock.now,
		Formerly: []hardtack.Former{
			{Codec: newCodec(t, ring, signed.Options{Algorithm: signed.ES256})},
			{Name: "token", Codec: handCodec(t, nil, signed.VerifyKey{Algorithm: "ES256", Key: hand.verify})},
		},
	}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: clock.now}))
	require.NoError(t, err)
	for name, old := range map[string]string{
		"Codec":        start(t, signedJar(t, ring, clock, signed.ES256), "alice", cart{}),
		"ForeignCodec": "token=" + byHand(t, hand, "", handClaims{jwt.RegisteredClaims{ExpiresAt: at(time.Hour)}, "tea"}),
	} {
		t.Run(name, func(t *testing.T) {
			twin := twinOf(t, old)
			_, s := resume(t, after, old)
			_, same := resume(t, after, twin)
			assert.Equal(t, s.ID(), same.ID())
			r, s := resume(t, after, old)
			s.Data.Items = []string{strings.Repeat("stored ", 1000)}
			stored := save(t, after, r, s)
			_, s = resume(t, after, twin)
			assert.Len(t, s.Data.Items[0], 7000, "the record is found by either")

			r, s = resume(t, after, stored)
			require.NoError(t, after.Delete(httptest.NewRecorder(), r, s))
			for _, pair := range []string{old, twin, stored} {
				_, err := after.Get(request(pair))
				assert.ErrorIs(t, err, hardtack.ErrEnded)
			}
		})
	}
}

// twinOf returns the other ECDSA signature that can be made of one.
func twinOf(t testing.TB, pair string) string {
	t.Helper()
	_, _, signature := parts(t, valueOf(pair))
	order := p256Order()
	s := order.Sub(order, bigOf(signature[32:])).FillBytes(make([]byte, 32))
	return pair[:strings.LastIndexByte(pair, '.')+1] + encode(append(signature[:32:32], s...))
}

// From sealed to signed.
func TestSealedToSigned(t *testing.T) {
	for name, serializer := range map[string]hardtack.Serializer{"JSON": hardtack.JSON{}, "CBOR": hardtack.CBOR{}} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			ring := ringOf(t, keyOf(t, "to signed", time.Time{}, time.Time{}))
			before := newJar[cart](t, hardtack.Config{Keys: ring, Name: "__Host-old", Serializer: serializer, Now: clock.now})
			old := start(t, before, "alice", cart{Items: []string{"<tea>"}})
			after := newJar[cart](t, hardtack.Config{
				Keys: ring, Now: clock.now, Serializer: hardtack.JSON{}, Codec: newCodec(t, ring, signed.Options{}),
				Formerly: []hardtack.Former{{Name: "__Host-old", Codec: hardtack.NewSealedCodec(ring)}},
			})
			r, s := resume(t, after, old)
			moved := touch(t, after, r, s)
			require.NotEmpty(t, moved)
			_, s2 := resume(t, after, moved)
			assert.Equal(t, s.Data, s2.Data)
			assert.Equal(t, "alice", s2.Subject())
			assert.True(t, s.Expires().Equal(s2.Expires()))
			_, claims, _ := parts(t, valueOf(moved))
			assert.Contains(t, claims, `"session":{"Items":["\u003ctea\u003e"],"Total":0}`)
		})
	}
}

// A token that an application has made by hand goes on as a sealed session, or as a signed one.
func TestForeignToOurs(t *testing.T) {
	for _, to := range []string{"sealed", "signed"} {
		for _, a := range []signed.Algorithm{"HS256", "RS256", "ES256", "EdDSA"} {
			t.Run(string(a)+" to "+to, func(t *testing.T) {
				clock := newClock()
				ring := ringOf(t, keyOf(t, "by hand", time.Time{}, time.Time{}))
				s := handSigner(t, a)
				const maxAge = 72 * time.Hour
				config := hardtack.Config{
					Keys: ring, Lifetime: maxAge, Now: clock.now,
					Formerly: []hardtack.Former{{Name: "token", Label: "jwt", Codec: handCodec(t, func(f *signed.ForeignConfig[handClaims, cart]) {
						f.MaxAge = maxAge
					}, signed.VerifyKey{Algorithm: a, Key: s.verify})}},
				}
				if to == "signed" {
					config.Codec, config.Serializer = newCodec(t, ring, signed.Options{}), hardtack.JSON{}
				}
				jar := newJar[cart](t, config)
				old := "token=" + byHand(t, s, "", handClaims{jwt.RegisteredClaims{Subject: "alice", IssuedAt: at(-time.Hour)}, "tea"})
				r, got := resume(t, jar, old)
				assert.Equal(t, []string{"tea"}, got.Data.Items)
				assert.Equal(t, "alice", got.Subject())
				assert.Equal(t, at(-time.Hour).Unix(), got.Created().Unix())
				assert.Equal(t, at(-time.Hour).Add(maxAge).Unix(), got.Expires().Unix())
				_, again := resume(t, jar, old)
				assert.Equal(t, got.ID(), again.ID())

				w := httptest.NewRecorder()
				_, err := jar.Touch(w, r, got)
				require.NoError(t, err)
				lines := w.Header()["Set-Cookie"]
				require.Len(t, lines, 2, "the old one goes")
				var moved string
				for _, line := range lines {
					if pair, _, _ := strings.Cut(line, ";"); pair != "token=" {
						moved = pair
					}
				}
				_, s2 := resume(t, jar, moved)
				assert.Equal(t, got.Data, s2.Data)
				assert.Equal(t, got.ID(), s2.ID())
				assert.True(t, got.Expires().Equal(s2.Expires()))

				// Not even its own key lets it live longer.
				clock.add(71*time.Hour + time.Minute)
				_, err = jar.Get(request(old))
				assert.ErrorIs(t, err, hardtack.ErrExpired)
				_, err = jar.Get(request(moved))
				assert.ErrorIs(t, err, hardtack.ErrExpired)
			})
		}
	}
}
