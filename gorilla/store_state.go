package gorilla

import (
	"runtime"
	"sync"
	"weak"

	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
)

// state is what a Store knows of a *sessions.Session: how it was read, which decides how it can be saved.
type state struct {
	scope   scope
	jar     *hardtack.Jar[content]     // nil if the scope is not one that a cookie can have
	session *hardtack.Session[content] // of jar
	err     error                      // what New has returned
	values  []byte                     // as they were read, encoded
	renewed bool
	ended   bool
	gone    bool // it was good when it was read
}

// states finds the state of a session. gorilla's type has no room for it, and its context can be that of another copy of the request when
// the session is saved. An entry goes when the application has dropped the session.
type states struct {
	m sync.Map // weak.Pointer[sessions.Session] to *state
}

func (s *states) of(session *sessions.Session) *state {
	st, _ := s.m.Load(weak.Make(session))
	found, _ := st.(*state)
	return found
}

func (s *states) put(session *sessions.Session, st *state) {
	key := weak.Make(session)
	if _, known := s.m.Swap(key, st); !known {
		runtime.AddCleanup(session, func(key weak.Pointer[sessions.Session]) { s.m.Delete(key) }, key)
	}
}
