package gorilla

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
)

// A Jar's sessions have one idle timeout, gorilla's each their own, which the application may choose anew with every save. So the Store keeps
// it in the session's content, and writes the Max-Age of the cookie.

// seconds returns what gorilla's MaxAge means, within what a cookie can have.
func seconds(maxAge int) time.Duration {
	return time.Duration(min(maxAge, int(maxMaxAge/time.Second))) * time.Second
}

// until returns when a session ends that is saved now with these options, the zero time if only with its Lifetime.
func (s *Store) until(o *sessions.Options) time.Time {
	age := o.MaxAge
	if age == 0 { // what the browser forgets when it closes need not be worth something to a thief for ever
		age = s.options().MaxAge
	}
	if age <= 0 {
		return time.Time{}
	}
	return s.now().Add(seconds(age)).Truncate(time.Millisecond)
}

// dress gives the session's cookie, if the response sets it, what o asks for and the Jar, which is the same for all sessions of this scope, does
// not know: SameSite, Partitioned, and a Max-Age of at most what is left until the session's absolute end.
func (s *Store) dress(h http.Header, st *state, o *sessions.Options) {
	name := st.jar.Config().Name + "=" // without its prefix in development
	place := "; Path=" + st.scope.path
	if st.scope.domain != "" {
		place += "; Domain=" + st.scope.domain
	}
	for i, line := range h["Set-Cookie"] {
		value, rest, found := strings.Cut(line, ";")
		attributes, here := strings.CutPrefix(";"+rest, place+"; ")
		if !found || !here || !strings.HasPrefix(value, name) || strings.HasPrefix(attributes, "Domain=") {
			continue
		}
		line := value + place
		switch left := int((st.session.Expires().Sub(s.now()) + time.Second - 1) / time.Second); {
		case value == name:
			line += "; Max-Age=0" // it is deleted
		case o.MaxAge > 0:
			line += "; Max-Age=" + strconv.Itoa(min(o.MaxAge, max(left, 1)))
		}
		h["Set-Cookie"][i] = line + s.flags(o)
	}
}

// flags returns the attributes that are the same wherever the cookie lives.
func (s *Store) flags(o *sessions.Options) string {
	flags := "; HttpOnly"
	secure := !s.config.InsecureDevelopment
	if secure {
		flags += "; Secure"
	}
	switch {
	case o.SameSite == http.SameSiteStrictMode:
		flags += "; SameSite=Strict"
	case o.SameSite == http.SameSiteNoneMode && secure: // browsers refuse it otherwise
		flags += "; SameSite=None"
	default:
		flags += "; SameSite=Lax"
	}
	if o.Partitioned && secure {
		flags += "; Partitioned"
	}
	return flags
}

// restless is the sealed Codec for a hybrid Jar that is to write the cookie with every save, also where the browser's own leads to
// the stored state already: its Max-Age begins anew.
type restless struct{ *hardtack.SealedCodec }

// Open implements hardtack.Codec.
func (c restless) Open(ctx context.Context, b hardtack.Binding, value string, rec *hardtack.Record) error {
	if err := c.SealedCodec.Open(ctx, b, value, rec); err != nil {
		return err
	}
	rec.Stale = true
	return nil
}
