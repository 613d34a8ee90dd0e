package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hardtack-go/hardtack/bench/session"
)

func TestCart(t *testing.T) {
	c := session.NewCart(80)
	assert.Len(t, c.Lines, 80)
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
