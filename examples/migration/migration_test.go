package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/migration/gorillaapp"
	"github.com/hardtack-go/hardtack/examples/migration/jwtapp"
	"github.com/hardtack-go/hardtack/examples/migration/shop"
)

// rehearse carries out a swap with this many clients.
func rehearse(t *testing.T, s swap, clients int) *drill {
	t.Helper()
	d, err := run(t.Context(), plan{s, clients, 1})
	require.NoError(t, err)
	var table bytes.Buffer
	d.table(&table)
	t.Log("\n" + table.String())
	for _, r := range d.rows {
		assert.Contains(t, table.String(), r.name)
	}
	return d
}

func TestSwaps(t *testing.T) {
	clients := 1000
	if testing.Short() {
		clients = 100
		t.Log("100 clients instead of 1,000, because of -short")
	}
	for _, s := range swaps() {
		t.Run(s.name, func(t *testing.T) {
			d := rehearse(t, s, clients)
			assert.Empty(t, d.findings())

			// What was not tried was not shown.
			assert.Equal(t, stragglers*len(s.steps), d.slow)
			assert.Greater(t, d.presented, len(d.rows)*len(s.bad))
			assert.NotEmpty(t, d.ghosts)
			rows := make(map[string]row)
			for _, r := range d.rows {
				rows[r.name] = r
				assert.NotZero(t, r.requests, r.name)
				assert.Zero(t, r.lost, r.name)
			}
			assert.Equal(t, rows["before"].requests, rows["before"].atOld)
			assert.Empty(t, rows["before"].opened)
			first := rows[s.steps[0].name+", under way"]
			assert.NotZero(t, first.atOld, "the old servers answered")
			assert.NotZero(t, first.opened[s.format], "and the new ones took over from them")
			moving := rows[s.steps[len(s.steps)-2].name+", under way"]
			assert.NotZero(t, moving.opened[s.format])
			assert.NotZero(t, moving.opened[sealed])
			assert.GreaterOrEqual(t, rows["who was away comes back"].opened[s.format], clients/4)
			for _, name := range []string{"everybody looks once more", s.steps[len(s.steps)-1].name + ", under way", s.steps[len(s.steps)-1].name + ", done"} {
				assert.Zero(t, rows[name].atOld, name)
				assert.Zero(t, rows[name].opened[s.format], name)
				assert.NotZero(t, rows[name].opened[sealed], name)
			}
			assert.NotZero(t, d.total().refused)

			// FormerUse and the Observer count the same.
			for _, r := range d.releases {
				var opened, observed int
				for _, s := range r.servers {
					if s.use == nil {
						continue // it has no former format
					}
					for _, use := range s.use() {
						opened += int(use.Opened)
					}
				}
				for _, n := range r.counts.former {
					observed += n
				}
				assert.Equal(t, observed, opened, r.name)
			}
		})
	}
}

// All at once one deploy is enough, also under the same name.
func TestAtOnce(t *testing.T) {
	s := storeSwap()
	s.steps = s.steps[1:]
	s.steps[0].how = atOnce
	assert.Empty(t, rehearse(t, s, 100).findings())
}

// What goes wrong when it is done otherwise, and that the drill finds it.
func TestControls(t *testing.T) {
	const clients = 100
	for _, s := range swaps() {
		t.Run(s.name+", the old format dropped at once", func(t *testing.T) {
			s := s
			s.steps = s.steps[len(s.steps)-1:]
			d := rehearse(t, s, clients)
			assert.GreaterOrEqual(t, d.lost, clients/4, "who was away had no chance")
			assert.NotEmpty(t, d.findings())
		})
		t.Run(s.name+", old servers meet new cookies", func(t *testing.T) {
			s := s
			s.steps = s.steps[len(s.steps)-2:]
			s.steps[0].how = mixed
			d := rehearse(t, s, 3*clients) // only some are answered by one kind and then by the other
			assert.NotZero(t, d.lost)
			assert.NotEmpty(t, d.findings())
		})
	}
}

// gorilla/sessions can be left in one deploy, too.
func TestGorillaInOneDeploy(t *testing.T) {
	key, hashKey, blockKey := newKey(), random(64), random(32)
	s := gorillaSwap()
	s.old, s.bad = gorillaapp.Before(hashKey, blockKey), badGorilla(hashKey, blockKey)
	s.steps = []deploy{
		jars("deploy", sticky, sealed, key, func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
			return gorillaapp.Sticky(k, o, hashKey, blockKey)
		}),
		jars("without gorilla", rolling, sealed, key, jwtapp.Last),
	}
	assert.Empty(t, rehearse(t, s, 100).findings())
}

// From the second deploy back to the first one, and from there, when everybody has come, back to gorilla/sessions.
func TestRollback(t *testing.T) {
	s := gorillaSwap()
	back := s.steps[0]
	back.name = "back to the first"
	s.steps = []deploy{s.steps[0], s.steps[1], back, {name: "back to gorilla", how: rolling, start: func(hardtack.Observer) (http.Handler, func() []hardtack.FormerUse, error) {
		return s.old, nil, nil
	}}}
	d := rehearse(t, s, 100)
	assert.Zero(t, d.lost)
	assert.Zero(t, d.mixed)
	assert.Zero(t, d.resurrected)
}

func TestFindings(t *testing.T) {
	secret := random(32)
	found := func(t *testing.T, change func(*swap)) string {
		s := jwtSwap()
		change(&s)
		return strings.Join(rehearse(t, s, fewest).findings(), "; ")
	}
	t.Run("somebody else's session", func(t *testing.T) {
		assert.Contains(t, found(t, func(s *swap) {
			s.old = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm() // requests that are slow are waited for
				shop.Show(w, &shop.Account{User: "user1.1"})
			})
		}), "somebody else's")
	})
	t.Run("no logout", func(t *testing.T) {
		assert.Contains(t, found(t, func(s *swap) {
			app := s.old
			s.old = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/logout" {
					app.ServeHTTP(w, r)
				}
			})
		}), "logged in again by themselves")
	})
	t.Run("a cookie that holds", func(t *testing.T) {
		assert.Contains(t, found(t, func(s *swap) {
			claims := jwt.MapClaims{"iss": "shop", "sub": "mallory", "exp": time.Now().Add(time.Hour).Unix()}
			s.old = jwtapp.Before(secret)
			s.bad = []*http.Cookie{{Name: "token", Value: must(jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret))}}
		}), "accepted")
	})
	t.Run("broken requests", func(t *testing.T) {
		d, err := run(t.Context(), plan{swap{
			name: "broken", format: "none", steps: jwtSwap().steps,
			old: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		}, fewest, 1})
		require.ErrorContains(t, err, "502")
		assert.Contains(t, strings.Join(d.findings(), "; "), "requests broken")
	})
	t.Run("still in the old format", func(t *testing.T) {
		assert.Contains(t, found(t, func(s *swap) {
			s.steps[0].own = s.format // as if nothing were ever written sealed
		}), "in the old format when everybody had moved")
	})
}

func TestDrillThatCannotBeDone(t *testing.T) {
	s := jwtSwap()
	s.steps[0] = jars("deploy", rolling, sealed, newKey(), func(k *hardtack.Keyring, o hardtack.Observer) (*hardtack.Jar[shop.Account], error) {
		return jwtapp.After(k, o, nil)
	})
	_, err := run(t.Context(), plan{s, fewest, 1})
	require.ErrorContains(t, err, "Keys[0]")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = run(ctx, plan{jwtSwap(), fewest, 1})
	require.ErrorIs(t, err, context.Canceled)
}

func TestCommandLine(t *testing.T) {
	for status, args := range map[int][]string{
		0: {"-clients", "40"},
		2: {"-clients", "39"},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, status, migration(args, &out, &errs), errs.String())
		assert.Equal(t, status != 0, errs.Len() > 0)
	}
	var out bytes.Buffer
	assert.Zero(t, migration([]string{"-h"}, &out, io.Discard))
	assert.Contains(t, out.String(), "-seed")
	assert.Equal(t, 2, migration([]string{"-x"}, io.Discard, io.Discard))
	assert.Equal(t, 2, migration([]string{"x"}, io.Discard, io.Discard))
}
