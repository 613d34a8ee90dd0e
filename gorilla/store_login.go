package gorilla

import (
	"context"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
)

// What gorilla/sessions has no word for.

// Renew gives the session a new identity and a new Lifetime, with the next Save: call it at every login and change of
// privilege, so that whoever knew the old cookie gets nothing of what follows (session fixation). The values stay; ID is the new one.
// The error is hardtack.ErrNotConfigured for a session that Get or New of this Store has not returned.
func (s *Store) Renew(session *sessions.Session) error {
	st := s.states.of(session)
	if st == nil || st.jar == nil {
		return hardtack.ErrNotConfigured
	}
	renew(st)
	session.ID = st.session.ID()
	return nil
}

func renew(st *state) {
	st.session.Renew()
	st.renewed = true
}

// SetSubject says whose session this is, with the next Save, so that EndAll finds it; empty means nobody's. If that is a change it is also a
// Renew. The error is that of Renew.
func (s *Store) SetSubject(session *sessions.Session, subject string) error {
	st := s.states.of(session)
	if st == nil || st.jar == nil {
		return hardtack.ErrNotConfigured
	}
	st.renewed = st.renewed || subject != st.session.Subject()
	st.session.SetSubject(subject)
	session.ID = st.session.ID()
	return nil
}

// Subject returns whose session this is, empty if nobody's or if Get or New of this Store has not returned it.
func (s *Store) Subject(session *sessions.Session) string {
	if st := s.states.of(session); st != nil && st.jar != nil {
		return st.session.Subject()
	}
	return ""
}

// Placement returns where the session is, and what it takes: where the presented cookie had it, or the last Save put it. It is the zero Placement if
// Get or New of this Store has not returned the session.
func (s *Store) Placement(session *sessions.Session) hardtack.Placement {
	if st := s.states.of(session); st != nil && st.jar != nil {
		return st.session.Placement()
	}
	return hardtack.Placement{}
}

// EndAll ends the sessions of a subject that Overflow keeps, under whatever names, and returns the number of its records. See EndAll of
// hardtack's Jar for what it cannot end, and for its errors.
func (s *Store) EndAll(ctx context.Context, subject string) (ended int, err error) {
	return s.sample.EndAll(ctx, subject)
}
