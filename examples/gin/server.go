package main

import (
	"encoding/gob"
	"errors"
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// store is a gorilla.Store as gin-contrib/sessions wants it: with a method for its options.
type store struct{ *gorilla.Store }

// Options sets what sessions have that are not given others. Call it before the server starts.
func (s store) Options(o sessions.Options) { s.Store.Options = o.ToGorillaOptions() }

// cart is a type of the application's own in a session, so gob must be told of it.
type cart []string

func init() { gob.Register(cart{}) }

const cookieName = "session"

// server is an application that was written for gin-contrib/sessions.
type server struct{ store store }

func newHandler(c gorilla.StoreConfig) (http.Handler, error) {
	made, err := gorilla.NewStore(c)
	if err != nil {
		return nil, err
	}
	s := &server{store{made}} // was: cookie.NewStore(hashKey, blockKey)

	router := gin.New()
	router.Use(gin.Recovery(), sessions.Sessions(cookieName, s.store))
	router.POST("/logout", logout) // also if the store is away
	shop := router.Group("/", s.available)
	shop.GET("/", view)
	shop.POST("/items", add)
	shop.POST("/remove", remove)
	shop.POST("/login", s.login)
	shop.GET("/account", loginRequired, account)
	return http.NewCrossOriginProtection().Handler(router), nil
}

// available refuses requests whose session could not be looked up. gin-contrib's Default logs that and gives an empty
// session, as if nobody were logged in.
func (s *server) available(c *gin.Context) {
	if _, err := s.store.Get(c.Request, cookieName); errors.Is(err, hardtack.ErrStoreUnavailable) {
		fail(c, err)
	}
}

func view(c *gin.Context) {
	session := sessions.Default(c)
	flashes := session.Flashes()
	if len(flashes) > 0 { // else Save would give a session to everybody who looks
		if err := session.Save(); err != nil {
			fail(c, err)
			return
		}
	}
	size := 0
	if cookie, err := c.Request.Cookie(cookieName); err == nil {
		size = len(cookie.Name) + len(cookie.Value)
	}
	user, _ := session.Get("user").(string)
	items, _ := session.Get("cart").(cart)
	c.JSON(http.StatusOK, gin.H{"user": user, "items": items, "flashes": flashes, "cookie_bytes": size})
}

func add(c *gin.Context) {
	session := sessions.Default(c)
	items, _ := session.Get("cart").(cart)
	session.Set("cart", append(items, c.PostForm("note")))
	save(c, session)
}

func remove(c *gin.Context) {
	session := sessions.Default(c)
	items, _ := session.Get("cart").(cart)
	session.Set("cart", items[:max(0, len(items)-1)])
	save(c, session)
}

// login believes everybody. Renew is what gin-contrib has no word for: whoever knew the old cookie gets nothing of what follows.
func (s *server) login(c *gin.Context) {
	user := c.PostForm("user")
	if user == "" {
		c.AbortWithStatus(http.StatusBadRequest)
		return
	}
	same, _ := s.store.Get(c.Request, cookieName) // gorilla's, of which gin-contrib's is a view; a new one if the cookie was refused
	if err := s.store.Renew(same); err != nil {
		fail(c, err)
		return
	}
	session := sessions.Default(c)
	session.Set("user", user)
	session.AddFlash("Welcome, " + user)
	save(c, session)
}

func logout(c *gin.Context) {
	session := sessions.Default(c)
	session.Clear()
	session.Options(sessions.Options{Path: "/", MaxAge: -1})
	save(c, session)
}

func loginRequired(c *gin.Context) {
	if sessions.Default(c).Get("user") == nil {
		c.AbortWithStatus(http.StatusUnauthorized)
	}
}

func account(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"user": sessions.Default(c).Get("user")}) }

// save comes before the first byte of the answer.
func save(c *gin.Context, session sessions.Session) {
	if err := session.Save(); err != nil {
		fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}

// fail answers with what went wrong. But for a logout, the session is as it was before.
func fail(c *gin.Context, err error) {
	status := http.StatusInternalServerError
	var size *hardtack.SizeError
	switch {
	case errors.As(err, &size):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, hardtack.ErrStoreUnavailable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, hardtack.ErrConflict), errors.Is(err, hardtack.ErrEnded),
		errors.Is(err, hardtack.ErrRecordMissing), errors.Is(err, hardtack.ErrExpired):
		status = http.StatusConflict // another request has changed or ended the session since it was read
	}
	c.AbortWithStatusJSON(status, gin.H{"error": http.StatusText(status)})
}
