package main

import (
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/examples/internal/webtest"
	"github.com/hardtack-go/hardtack/gorilla"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)                   // as main does
	slog.SetDefault(slog.New(slog.DiscardHandler)) // gin-contrib calls each refused cookie an error
	os.Exit(m.Run())
}

func TestServer(t *testing.T) {
	webtest.Run(t, webtest.App{
		Cookie: cookieName,
		New: func(c hardtack.Config, store hardtack.Store) (http.Handler, error) {
			return newHandler(gorilla.StoreConfig{Config: c, Overflow: store})
		},
	})
}

// The sessions of gin-contrib's own cookie store go on.
func TestSwap(t *testing.T) {
	keyPairs := [][]byte{[]byte("the hash key of the old server..."), []byte("its block key, 32 bytes long too")}
	before := gin.New()
	before.Use(sessions.Sessions(cookieName, cookie.NewStore(keyPairs...)))
	before.POST("/login", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set("user", c.PostForm("user"))
		session.Set("cart", cart{"tea"})
		session.AddFlash("from before")
		assert.NoError(t, session.Save())
		c.JSON(http.StatusOK, gin.H{})
	})
	after, err := newHandler(gorilla.StoreConfig{
		Config:      hardtack.Config{Keys: hardtack.EphemeralKeyring()},
		Overflow:    hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}),
		OldKeyPairs: keyPairs,
	})
	require.NoError(t, err)

	webtest.Swap(t, cookieName, before, after)
}

// Two sessions of one request, each with a cookie and options of its own.
func TestSessionsMany(t *testing.T) {
	made, err := gorilla.NewStore(gorilla.StoreConfig{
		Config:   hardtack.Config{Keys: hardtack.EphemeralKeyring()},
		Overflow: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{}),
	})
	require.NoError(t, err)
	many := store{made}
	many.Options(sessions.Options{Path: "/", MaxAge: 3600})
	router := gin.New()
	router.Use(sessions.SessionsMany([]string{"shop", "prefs"}, many))
	router.POST("/set", func(c *gin.Context) {
		for _, name := range []string{"shop", "prefs"} {
			if value, ok := c.GetPostForm(name); ok {
				session := sessions.DefaultMany(c, name)
				session.Set("value", value)
				assert.NoError(t, session.Save())
				assert.NoError(t, session.Save(), "nothing to save any more")
			}
		}
		c.Redirect(http.StatusSeeOther, "/")
	})
	router.POST("/end", func(c *gin.Context) {
		session := sessions.DefaultMany(c, c.PostForm("name"))
		session.Options(sessions.Options{MaxAge: -1})
		assert.NoError(t, session.Save())
		c.Redirect(http.StatusSeeOther, "/")
	})
	router.GET("/", func(c *gin.Context) {
		var values []string
		for _, name := range []string{"shop", "prefs"} {
			value, _ := sessions.DefaultMany(c, name).Get("value").(string)
			values = append(values, value)
		}
		c.JSON(http.StatusOK, gin.H{"items": values})
	})
	b := webtest.Serve(t, router)

	large, dark := webtest.Note(5000), "dark"
	assert.Equal(t, []string{"tea", ""}, b.OK(t, "POST", "/set", "shop", "tea").Items)
	assert.Nil(t, b.Cookie(t, "prefs"))
	assert.Equal(t, []string{large, dark}, b.OK(t, "POST", "/set", "shop", large, "prefs", dark).Items)
	assert.Equal(t, []string{large, "light"}, b.OK(t, "POST", "/set", "prefs", "light").Items)

	prefs := b.Cookie(t, "prefs").Value
	other := b.Another(t)
	other.SetCookie(t, "shop", prefs)
	assert.Equal(t, []string{"", ""}, other.OK(t, "GET", "/").Items, "a cookie is bound to its name")

	assert.Equal(t, []string{"", "light"}, b.OK(t, "POST", "/end", "name", "shop").Items)
	assert.Nil(t, b.Cookie(t, "shop"))
	assert.Equal(t, []string{"", ""}, b.OK(t, "POST", "/end", "name", "prefs").Items)
	assert.Nil(t, b.Cookie(t, "prefs"))
}
