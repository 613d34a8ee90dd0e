package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/internal/webtest"
)

func TestServer(t *testing.T) {
	webtest.Run(t, webtest.App{Cookie: hardtack.DefaultName, New: newHandler})
}

// The part that was written for gorilla/sessions has a session of its own.
func TestLegacy(t *testing.T) {
	handler, err := newHandler(hardtack.Config{Keys: hardtack.EphemeralKeyring()}, hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}))
	require.NoError(t, err)
	b := webtest.Serve(t, handler)
	b.OK(t, "POST", "/login", "user", "ada")
	count := func() int {
		var got struct{ Count int }
		b.Read(t, "/legacy/count", &got)
		return got.Count
	}
	for want := 1; want <= 3; want++ {
		assert.Equal(t, want, count())
	}
	assert.Equal(t, "ada", b.OK(t, "GET", "/account").User)
	b.OK(t, "POST", "/logout")
	assert.Equal(t, 4, count())
	b.Another(t).Read(t, "/legacy/count", new(struct{}))
	assert.Equal(t, 5, count())
}
