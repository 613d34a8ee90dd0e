package main

import (
	"net/http"
	"testing"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/internal/webtest"
	"github.com/hardtack-go/hardtack/gorilla"
)

func TestServer(t *testing.T) {
	webtest.Run(t, webtest.App{
		Cookie: cookieName,
		New: func(c hardtack.Config, store hardtack.Store) (http.Handler, error) {
			return newHandler(gorilla.StoreConfig{Config: c, Overflow: store})
		},
	})
}

// The sessions of gorilla's CookieStore go on.
func TestSwap(t *testing.T) {
	keyPairs := [][]byte{[]byte("the hash key of the old server..."), []byte("its block key, 32 bytes long too")}
	before := echo.New()
	before.Use(session.Middleware(sessions.NewCookieStore(keyPairs...)))
	before.POST("/login", func(c echo.Context) error {
		s, err := session.Get(cookieName, c)
		if err != nil {
			return err
		}
		s.Values["user"] = c.FormValue("user")
		s.Values["cart"] = cart{"tea"}
		s.AddFlash("from before")
		if err := s.Save(c.Request(), c.Response()); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, echo.Map{})
	})
	after, err := newHandler(gorilla.StoreConfig{
		Config:      hardtack.Config{Keys: hardtack.EphemeralKeyring()},
		Overflow:    hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}),
		OldKeyPairs: keyPairs,
	})
	require.NoError(t, err)

	webtest.Swap(t, cookieName, before, after)
}
