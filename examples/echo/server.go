package main

import (
	"encoding/gob"
	"errors"
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/gorilla"
)

// cart is a type of the application's own in a session, so gob must be told of it.
type cart []string

func init() { gob.Register(cart{}) }

const cookieName = "session"

// server is an application that was written for echo-contrib/session.
type server struct{ store *gorilla.Store }

func newHandler(c gorilla.StoreConfig) (http.Handler, error) {
	store, err := gorilla.NewStore(c) // was: sessions.NewCookieStore(hashKey, blockKey)
	if err != nil {
		return nil, err
	}
	s := &server{store}

	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { e.DefaultHTTPErrorHandler(toHTTP(err), c) }
	e.Use(middleware.Recover(), session.Middleware(store))
	e.GET("/", view)
	e.POST("/items", add)
	e.POST("/remove", remove)
	e.POST("/login", s.login)
	e.POST("/logout", logout)
	e.GET("/account", account, loginRequired)
	return http.NewCrossOriginProtection().Handler(e), nil
}

// get returns the session. A cookie that was refused is no error, but means a new one; only if it could not be looked up,
// nothing is known.
func get(c echo.Context) (*sessions.Session, error) {
	s, err := session.Get(cookieName, c)
	if s == nil || errors.Is(err, hardtack.ErrStoreUnavailable) {
		return nil, err
	}
	return s, nil
}

func view(c echo.Context) error {
	s, err := get(c)
	if err != nil {
		return err
	}
	flashes := s.Flashes()
	if len(flashes) > 0 { // else Save would give a session to everybody who looks
		if err := s.Save(c.Request(), c.Response()); err != nil {
			return err
		}
	}
	size := 0
	if cookie, err := c.Cookie(cookieName); err == nil {
		size = len(cookie.Name) + len(cookie.Value)
	}
	user, _ := s.Values["user"].(string)
	items, _ := s.Values["cart"].(cart)
	return c.JSON(http.StatusOK, echo.Map{"user": user, "items": items, "flashes": flashes, "cookie_bytes": size})
}

func add(c echo.Context) error {
	s, err := get(c)
	if err != nil {
		return err
	}
	items, _ := s.Values["cart"].(cart)
	s.Values["cart"] = append(items, c.FormValue("note"))
	return save(c, s)
}

func remove(c echo.Context) error {
	s, err := get(c)
	if err != nil {
		return err
	}
	items, _ := s.Values["cart"].(cart)
	s.Values["cart"] = items[:max(0, len(items)-1)]
	return save(c, s)
}

// login believes everybody. Renew is what gorilla/sessions has no word for: whoever knew the old cookie gets nothing of what follows.
func (s *server) login(c echo.Context) error {
	user := c.FormValue("user")
	if user == "" {
		return echo.ErrBadRequest
	}
	session, err := get(c)
	if err != nil {
		return err
	}
	if err := s.store.Renew(session); err != nil {
		return err
	}
	session.Values["user"] = user
	session.AddFlash("Welcome, " + user)
	return save(c, session)
}

// logout goes on if the store is away: the browser's cookie must go.
func logout(c echo.Context) error {
	s, err := session.Get(cookieName, c)
	if s == nil {
		return err
	}
	s.Options.MaxAge = -1
	return save(c, s)
}

func loginRequired(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s, err := get(c)
		if err != nil {
			return err
		}
		if s.Values["user"] == nil {
			return echo.ErrUnauthorized
		}
		return next(c)
	}
}

func account(c echo.Context) error {
	s, err := get(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, echo.Map{"user": s.Values["user"]})
}

// save comes before the first byte of the answer.
func save(c echo.Context, s *sessions.Session) error {
	if err := s.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/")
}

// toHTTP gives the errors of a session their status. But for a logout, the session is as it was before.
func toHTTP(err error) error {
	var size *hardtack.SizeError
	switch {
	case errors.As(err, &size):
		return echo.ErrStatusRequestEntityTooLarge
	case errors.Is(err, hardtack.ErrStoreUnavailable):
		return echo.ErrServiceUnavailable
	case errors.Is(err, hardtack.ErrConflict), errors.Is(err, hardtack.ErrEnded),
		errors.Is(err, hardtack.ErrRecordMissing), errors.Is(err, hardtack.ErrExpired):
		return echo.NewHTTPError(http.StatusConflict) // another request has changed or ended the session since it was read
	}
	return err
}
