package session_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/bench/session"
)

func TestCart(t *testing.T) {
	c := session.NewCart(400)
	assert.Len(t, c.Lines, 400)
	assert.Equal(t, c.Lines[:12], session.NewCart(12).Lines)
	seen := map[string]bool{}
	for _, l := range c.Lines {
		assert.False(t, seen[l.SKU] || seen[l.Name], "%s, %s is there twice", l.SKU, l.Name)
		seen[l.SKU], seen[l.Name] = true, true
		assert.Positive(t, l.Quantity)
		assert.Positive(t, l.Price)
	}
}

func TestOIDC(t *testing.T) {
	s := session.NewOIDC(1100, 220, 100)
	assert.Equal(t, s, session.NewOIDC(1100, 220, 100))
	for token, n := range map[string]int{s.IDToken: 1100, s.AccessToken: 220, s.RefreshToken: 100} {
		assert.Len(t, token, n)
		assert.Regexp(t, `^[A-Za-z0-9_-]+$`, token)
	}
}

// The sessions of the tables have not changed with the shapes that they became part of.
func TestMedium(t *testing.T) {
	assert.Equal(t, session.NewLogin(), session.Logins().Grow(session.Logins().Medium))
	assert.Equal(t, session.NewAccount(), session.Accounts().Grow(session.Accounts().Medium))
	assert.Equal(t, session.NewCart(12), session.Carts().Grow(session.Carts().Medium))
	assert.Equal(t, session.NewOIDC(1100, 220, 100), session.OIDCs().Grow(session.OIDCs().Medium))
	assert.Equal(t, session.NewForm(), session.Forms().Grow(session.Forms().Medium))
}

func TestShapes(t *testing.T) {
	grows(t, session.Logins())
	grows(t, session.Accounts())
	grows(t, session.Carts())
	grows(t, session.OIDCs())
	grows(t, session.Forms())
	grows(t, session.Texts())
}

func grows[T any](t *testing.T, s session.Shape[T]) {
	t.Helper()
	assert.Less(t, s.Small, s.Medium, s.Name)
	assert.Less(t, s.Medium, s.Large, s.Name)
	last := 0
	for n := s.Small; n < s.Large+500; n += 1 + n/20 {
		text, err := json.Marshal(s.Grow(n))
		require.NoError(t, err)
		require.Greater(t, len(text), last, "%s, %d", s.Name, n)
		last = len(text)
		require.Equal(t, s.Grow(n), s.Grow(n), "%s, %d", s.Name, n)
	}
}

func TestText(t *testing.T) {
	for _, n := range []int{11, 12, 64, 2688} {
		text, err := json.Marshal(session.NewText(n))
		require.NoError(t, err)
		assert.Len(t, text, n)
	}
	assert.Empty(t, session.NewText(0))
}

func TestRolesAreDifferent(t *testing.T) {
	seen := map[string]bool{}
	for _, role := range session.Accounts().Grow(2000).Roles {
		assert.False(t, seen[role], role)
		seen[role] = true
	}
}

// Text that repeats itself would make compression look better than it is.
func TestFormDoesNotRepeatItself(t *testing.T) {
	text := []rune(session.Forms().Grow(1300).Remarks)
	const part = 12
	seen := map[string]int{}
	for i := range len(text) - part {
		seen[string(text[i:i+part])]++
	}
	for text, n := range seen {
		assert.Equal(t, 1, n, text)
	}
}
