package hardtack

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// Session is one browser's session: the application's data and an identity.
// Get makes it; a Session made otherwise belongs to no Jar and cannot be saved.
// It is for one request, and not safe for concurrent use.
type Session[T any] struct {
	// Data is the application's. Save stores it.
	Data T

	st *stateRef
}

// stateRef is a second pointer, since fmt follows one for verbs that do not fit a pointer.
type stateRef struct{ *state }

// state is what a Session is besides its data. Behind a pointer, so that fmt
// shows none of it.
type state struct {
	jar   *core
	rec   Record // the identity, and the payload as it was opened
	isNew bool
	err   error // why Get refused what was presented

	readAt time.Time
	former *Former // the cookie came from there
	strays bool    // a former cookie was presented too: it should go

	view     view      // what is known of the record
	mustSet  bool      // the client holds no cookie that leads to this state
	kept     []Record  // sessions that were presented too, and that Delete must end
	written  bool      // the response sets a cookie or the store was changed
	renewal  *renewal  // Renew was called, Save has not yet carried it out
	exists   bool      // a cookie or record with this seed may be out there
	dirty    bool      // identity changed since the last save
	now      Placement // where it is
	baseline []byte    // the data's encoding when Save was called last, or when it was opened; nil: not known yet. For Handler
}

// renewal is the session that Renew replaces.
type renewal struct {
	rec  Record
	view view
}

// state returns s.st, or one that refuses everything if no Jar has made s.
func (s *Session[T]) state() *state {
	if s.st == nil {
		s.st = &stateRef{&state{isNew: true, err: ErrNotConfigured}}
	}
	return s.st.state
}

// ID returns the session's public identity: 22 characters that stay the same
// until Renew, or until the session moves on from a former format. It may be logged: nothing can be done with it. A Codec of
// another format may have IDs of another form.
func (s *Session[T]) ID() string {
	rec := &s.state().rec
	if rec.ID == "" && rec.Seed != (Seed{}) {
		seed := seal.Seed(rec.Seed)
		rec.ID = seal.SessionID(&seed)
	}
	return rec.ID
}

// Subject returns whose session this is, as SetSubject said; empty if nobody's.
func (s *Session[T]) Subject() string { return s.state().rec.Subject }

// SetSubject says whose session this is, with the next Save; empty means
// nobody's. If that is a change it is also a Renew: who logs in must not keep an
// identity that somebody else may know, and a session has one subject all its life. For a
// user who logs in again it is none: call Renew too.
func (s *Session[T]) SetSubject(subject string) {
	if st := s.state(); st.rec.Subject != subject {
		s.Renew()
		st.rec.Subject = subject
	}
}

// Created returns when the session began, or was renewed.
func (s *Session[T]) Created() time.Time { return s.state().rec.Created }

// Expires returns the session's absolute end.
func (s *Session[T]) Expires() time.Time { return s.state().rec.Expires }

// IsNew reports whether the session did not come with the request.
func (s *Session[T]) IsNew() bool { return s.state().isNew }

// KeyID returns the key that sealed the presented cookie, the zero KeyID if none was.
func (s *Session[T]) KeyID() KeyID {
	if st := s.state(); !st.isNew {
		return st.rec.Key
	}
	return KeyID{}
}

// Renew gives the session a new identity and a new lifetime, with the next
// Save: at every change of privilege, so that whoever knew the old cookie
// gets nothing of what follows. The data stays. The old stored record can
// still be read, for 10 minutes if it had a Subject, so that a lost response
// does not lose the session; it cannot be changed any more.
func (s *Session[T]) Renew() {
	st := s.state()
	if st.jar == nil {
		return
	}
	if st.renewal == nil && st.exists {
		st.renewal = &renewal{rec: st.rec, view: st.view}
	}
	now := st.jar.Now().Truncate(time.Millisecond) // what a cookie can hold
	st.rec.Seed = Seed(seal.NewSeed())
	st.rec.ID = ""
	st.rec.Kind = KindInline
	st.rec.Created, st.rec.Expires = now, now.Add(st.jar.Lifetime)
	st.rec.Issued = time.Time{}
	st.rec.Revision = 0
	st.view = view{}
	st.exists = false
	st.mustSet = true
	st.dirty = true
}

// Placement returns where the session is: where the presented cookie had it, or
// the last Save put it.
func (s *Session[T]) Placement() Placement { return s.state().now }

// Format prints the session's ID and placement for every verb, and no data.
func (s Session[T]) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "session %s (%s)", s.ID(), s.Placement().Where)
}

// LogValue logs what Format prints.
func (s Session[T]) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// Where says where a session's data lives.
type Where int

const (
	// Nowhere: the session was not saved, or was ended.
	Nowhere Where = iota
	// InCookie: the browser holds it.
	InCookie
	// InStore: the store holds it, and the browser a reference.
	InStore
)

// String returns "none", "cookie" or "store".
func (w Where) String() string {
	switch w {
	case InCookie:
		return "cookie"
	case InStore:
		return "store"
	}
	return "none"
}

// Placement says where a session went, what it took, and why.
type Placement struct {
	Where        Where
	PayloadBytes int // the encoded data
	CookieBytes  int // the cookie's name plus value, as browsers count it
	Limit        int // what CookieBytes was held against: Budget.Max, or for a hybrid Jar Inline or LowWater
	Reason       string
}

// Reasons in a Placement.
const (
	ReasonPresented = "as presented"
	ReasonFits      = "fits the cookie"
	ReasonOver      = "over the inline budget"
	ReasonStays     = "not yet under the low-water mark"
	ReasonReturned  = "fits the cookie again"
	ReasonAway      = "fits the cookie; the store is away"
	ReasonNew       = "new"
	ReasonEnded     = "ended"
)
