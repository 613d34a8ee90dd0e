package gorilla

import (
	"context"
	"net/http"
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

// setMaxAge gives the session's cookie, if the response sets it, the Max-Age that o asks for, or what is left until the session's
// absolute end if that is less.
func (s *Store) setMaxAge(h http.Header, st *state, o *sessions.Options) {
	left := int((st.session.Expires().Sub(s.now()) + time.Second - 1) / time.Second)
	name := st.jar.Config().Name // without its prefix in development
	for i, line := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err == nil && c.Name == name && c.Path == st.scope.path && c.Domain == st.scope.domain {
			c.MaxAge = min(o.MaxAge, max(left, 1))
			h["Set-Cookie"][i] = c.String()
		}
	}
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
