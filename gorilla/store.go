package gorilla

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/hardtack-go/hardtack"
)

// StoreConfig says how a Store works.
type StoreConfig struct {
	// Config is that of the Jars which the Store makes. Keys are required. What Get and Options say (Name, Domain, Path, SameSite,
	// Partitioned, BrowserSession, IdleTimeout) and what the Store fills in itself (Codec, Serializer, Formerly) must be left empty.
	//
	// Lifetime is, other than for gorilla, an end that no Save puts off. By default it is the longest of 30 days,
	// Options.MaxAge of the Store and OldMaxAge.
	Config hardtack.Config

	// Overflow keeps the sessions that do not fit their cookies; nil means that they do not fit. A cookie then can lead to a
	// session that goes on, as with every store on the server, while a copy of a CookieStore's cookie stays as it is: call Renew at every login, or whoever
	// has planted an anonymous cookie is logged in as well (session fixation).
	Overflow hardtack.Store

	// OldKeyPairs are the keys of the gorilla/sessions.CookieStore that this Store takes the place of, as they were given to
	// NewCookieStore. Its sessions are then read, and written sealed under the same name when they are saved next.
	OldKeyPairs [][]byte
	// OldMaxAge is what the CookieStore accepted: the argument of its MaxAge method; 0 means that of the Store's own method, or else 30 days.
	OldMaxAge time.Duration
	// OldSerializer is what its codecs were given; nil means securecookie.GobEncoder.
	OldSerializer securecookie.Serializer
	// WriteOld is for the time in which servers with the CookieStore still run beside this one: cookies are written as they do, with the
	// first of OldKeyPairs. Sealed ones are read, too, so that it can be switched off, and on again, on one server after the other.
	// Meanwhile a session's ID changes with every Save, Renew does not renew it, its subject is forgotten, a MaxAge of its
	// own is only its cookie's, and there can be no Overflow.
	WriteOld bool
}

// Store is a gorilla/sessions.Store: make it where sessions.NewCookieStore was called, and what is written against
// sessions.Store, sessions.Session and sessions.Save goes on working. Values are encoded by gob, so that
// types of the application's own must be registered by gob.Register, as before. Make a Store with NewStore, once, and share it.
//
// # What is otherwise than with a CookieStore, on purpose
//
//   - The cookie is encrypted, HttpOnly, Secure and SameSite=Lax. Options.HttpOnly and Options.Secure change nothing; Options.SameSite does, if
//     it is not the default mode. Config.InsecureDevelopment is for plain HTTP.
//   - The limit of 4096 bytes counts the cookie's name, as browsers do. With Overflow there is none.
//   - A session ends Options.MaxAge after it was last saved, with the MaxAge that it was saved with, and Lifetime after it was new, whatever the browser
//     keeps. With MaxAge 0 it ends with the browser, and after the MaxAge of the Store.
//   - Max-Age is at most what is left of the Lifetime. There is no Expires attribute, and a deleted cookie has no value.
//   - Options.Path "" means "/", and names, paths and domains that browsers do not take are errors.
//   - Of several cookies of one name the newest that is good is taken, not the first. A second Save in one response replaces the line of the first.
//   - Shared caches are told not to keep the response, as by a Jar. Session.Options nil means the Store's.
//   - Session.ID is set. Errors are those of package hardtack, and none is of securecookie.
//   - With Overflow, Get fails with ErrStoreUnavailable if it must ask and cannot. Do not treat that as a new session: Save of it fails. A
//     Save that changes something fails with ErrConflict if another request has changed the stored session meanwhile: answer with 409, and the next
//     request sees the other's state. Renew is needed at a login, see there.
//   - sessions.Save joins errors by their texts. To tell them apart, call Session.Save.
//
// If Options.Path or Domain differs between Get and Save, the session is read again for its new place, changes of others meanwhile are not
// noticed, and the browser keeps what it has in the old place, as with a CookieStore. Names and paths should not come from requests: each is a Jar.
//
// Options are read with every request and must not be changed while requests run. All else is safe for concurrent
// use; a session is for one request. The zero Store fails closed: it opens nothing and saves nothing.
type Store struct {
	// Options are those of every session that is not given others. NewStore sets Path "/", MaxAge 30 days, HttpOnly, Secure
	// and SameSite=Lax; nil means the same.
	Options *sessions.Options

	config    hardtack.Config
	overflow  hardtack.Store
	old       hardtack.Codec // nil without OldKeyPairs
	oldMaxAge time.Duration
	oldsOwn   bool // OldMaxAge was given
	writeOld  bool
	former    *formerUse // nil without OldKeyPairs
	now       func() time.Time
	refused   func(context.Context, error)

	sample *hardtack.Jar[content]
	jars   jars
	states states
}

var _ sessions.Store = (*Store)(nil)

// NewStore returns a Store. Its error joins a *hardtack.ConfigError for each fault.
func NewStore(c StoreConfig) (*Store, error) {
	s := &Store{config: c.Config, overflow: c.Overflow, oldsOwn: c.OldMaxAge != 0, writeOld: c.WriteOld, now: c.Config.Now}
	if s.now == nil {
		s.now = time.Now
	}
	s.Options = s.options()
	faults := foreign(&c.Config)
	old, err := c.old()
	if err != nil {
		faults = append(faults, err)
	} else if life := c.Config.Lifetime; old != nil && life > 0 && life < old.config.MaxAge {
		faults = append(faults, &hardtack.ConfigError{Type: "StoreConfig", Field: "OldMaxAge", Value: old.config.MaxAge.String(), Reason: fmt.Sprintf(
			"is longer than Config.Lifetime (%v), so older sessions would be refused: raise that, or set it to what the CookieStore's MaxAge was (calling MaxAge later is too late)", life)})
	} else if old != nil {
		s.old, s.oldMaxAge = old, old.config.MaxAge
		old.begins = func(c *content, written time.Time) { c.until = written.Add(s.oldMaxAge) }
		old.forgetSubject = true
		s.former = &formerUse{label: FormerLabel, since: s.now()}
		if s.writeOld {
			s.former.label = SealedLabel
		}
		s.former.count(&s.config.Observer, s.now)
	}
	if s.sample, err = s.newJar(s.scope("session", s.Options)); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	s.refused = s.sample.Config().Observer.Refused
	return s, nil
}

// foreign returns a fault for each field that the Store fills in itself.
func foreign(c *hardtack.Config) (faults []error) {
	check := func(field string, set bool, reason string) {
		if set {
			faults = append(faults, &hardtack.ConfigError{Type: "StoreConfig", Field: "Config." + field, Reason: reason})
		}
	}
	check("Name", c.Name != "", "must be empty: Get is told the name")
	const option = "must be empty: it comes from Options"
	check("Domain", c.Domain != "", option)
	check("Path", c.Path != "", option)
	check("SameSite", c.SameSite != 0, option)
	check("Partitioned", c.Partitioned, option)
	check("BrowserSession", c.BrowserSession, "must be false: it is Options.MaxAge 0")
	check("IdleTimeout", c.IdleTimeout != 0, "must be 0: it is Options.MaxAge")
	check("Codec", c.Codec != nil, "must be nil: sessions are sealed")
	check("Serializer", c.Serializer != nil, "must be nil: gorilla's values need gob")
	check("Formerly", c.Formerly != nil, "must be nil: OldKeyPairs are for gorilla's cookies")
	return faults
}

// old returns the codec of the former cookies, nil if there are none.
func (c *StoreConfig) old() (*Codec[map[any]any, content], error) {
	if c.OldKeyPairs == nil {
		if c.OldMaxAge != 0 || c.OldSerializer != nil || c.WriteOld {
			return nil, &hardtack.ConfigError{Type: "StoreConfig", Field: "OldKeyPairs", Reason: "is nil, so OldMaxAge, OldSerializer and WriteOld have no use"}
		}
		return nil, nil
	}
	codec, err := NewCodec(CodecConfig[map[any]any, content]{
		KeyPairs:   c.OldKeyPairs,
		Serializer: c.OldSerializer,
		MaxAge:     c.OldMaxAge,
		From:       func(values map[any]any) (content, error) { return content{values: values}, nil },
		To:         func(c content) (map[any]any, error) { return c.values, nil },
		Payload:    contentSerializer{},
	})
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, fault := range joined.Unwrap() {
			if f, ok := fault.(*hardtack.ConfigError); ok {
				f.Type, f.Field = "StoreConfig", "Old"+f.Field
			}
		}
	}
	return codec, err
}

// options returns s.Options, or the defaults.
func (s *Store) options() *sessions.Options {
	if s.Options != nil {
		return s.Options
	}
	return &sessions.Options{
		Path:     "/",
		MaxAge:   int(DefaultMaxAge / time.Second),
		Secure:   !s.config.InsecureDevelopment,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}

// MaxAge sets Options.MaxAge, in seconds: sessions that are saved from now on end so long after. As with a CookieStore, it also says how old
// gorilla's own cookies may be, unless OldMaxAge has said so. If it is longer than the default Lifetime it raises that; if the ring's keys are not kept for so long,
// Get and Save then fail with a *hardtack.ConfigError. Call it before requests run.
func (s *Store) MaxAge(age int) {
	s.Options = s.options()
	s.Options.MaxAge = age
	if age > 0 && !s.oldsOwn {
		s.oldMaxAge = seconds(age)
	}
}

// Get returns the session of this name, for one request always the same. It is never nil, unless no cookie can have the name. If
// the request has none it is new, and no error. If its cookie was refused it is new, and the error is one of the reasons of
// hardtack's Jar.Get; ErrIdle if MaxAge has passed since it was last saved. After ErrStoreUnavailable the cookie is
// good but could not be looked up: answer with 503, or without a session.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New is Get without the request's registry: every call reads the cookie again.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	*session.Options = *s.options()
	session.IsNew = true
	st := s.open(r, s.scope(name, session.Options))
	if st.session != nil {
		session.ID = st.session.ID()
		if values := st.session.Data.values; values != nil {
			session.Values = values
		}
		session.IsNew = st.session.IsNew()
		st.values, st.session.Data = st.session.Data.encoded, content{}
	}
	s.states.put(session, st)
	return session, st.err
}

// open reads the session of this scope. A missing cookie is no error.
func (s *Store) open(r *http.Request, sc scope) *state {
	st := &state{scope: sc}
	if st.jar, st.err = s.jar(sc); st.err != nil {
		return st
	}
	st.session, st.err = st.jar.Get(r)
	switch {
	case errors.Is(st.err, hardtack.ErrNoCookie):
		st.err = nil
	case st.err == nil && st.session.Data.endedAt(s.now()):
		s.refused(r.Context(), hardtack.ErrIdle)
		st.session, st.err = fresh(st.jar), hardtack.ErrIdle
	}
	return st
}

// fresh returns a session that nothing was presented for.
func fresh(jar *hardtack.Jar[content]) *hardtack.Session[content] {
	session, _ := jar.Get(new(http.Request))
	return session
}

// Save writes the session into the response, whose body must not have begun. With Options.MaxAge below 0 it ends the session, in the
// browser and in the store. A session that sessions.NewSession has made takes the place of the request's.
//
// Errors: what gob says of values that it cannot encode; *hardtack.ConfigError for Options that no cookie can have;
// and those of hardtack's Jar.Save and Jar.Delete, above all *SizeError, ErrConflict and ErrStoreUnavailable. After
// an error the cookie that the client holds is as good as before.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	o := session.Options
	if o == nil {
		o = s.options()
	}
	was := s.states.of(session)
	st := was
	if sc := s.scope(session.Name(), o); was == nil || was.scope != sc {
		st = s.move(r, was, sc)
	}
	if st.jar == nil {
		return st.err
	}
	s.states.put(session, st)
	if o.MaxAge < 0 {
		return s.end(r, w, session, o, was, st)
	}
	if errors.Is(st.err, hardtack.ErrStoreUnavailable) || st.gone {
		return st.err
	}
	st.session.Data = content{values: session.Values, until: s.until(o)}
	_, err := st.jar.Save(w, r, st.session)
	st.session.Data = content{}
	if err == nil || errors.Is(err, hardtack.ErrConflict) { // which may come with a cookie
		s.dress(w.Header(), st, o)
	}
	session.ID = st.session.ID()
	if errors.Is(err, hardtack.ErrConflict) && !st.renewed && o.MaxAge == s.options().MaxAge && sameValues(st.values, session.Values) {
		return nil // what another request has saved goes on, and nothing of this one is lost
	}
	if err == nil {
		st.values = nil // they are no longer what the store has
	}
	return err
}

// move reads the session for another scope than it was read for, or for the first time.
func (s *Store) move(r *http.Request, was *state, sc scope) *state {
	st := s.open(r, sc)
	if st.jar == nil || was == nil || was.jar == nil {
		return st
	}
	switch {
	case was.gone:
		st.gone, st.err = true, was.err
	case was.ended:
		st.session, st.err = fresh(st.jar), nil
	case was.err == nil && !was.session.IsNew() && st.session.IsNew():
		// Ended meanwhile, or expired. What was read must not begin a session of its own.
		st.gone, st.err = true, cmp.Or(st.err, hardtack.ErrEnded)
	}
	if errors.Is(was.err, hardtack.ErrStoreUnavailable) {
		st.err = was.err // the application has been told so
	}
	if was.renewed {
		renew(st)
	}
	st.session.SetSubject(was.session.Subject())
	return st
}

// end ends the session where it is and, if that is another place, where it was read.
func (s *Store) end(r *http.Request, w http.ResponseWriter, session *sessions.Session, o *sessions.Options, was, st *state) error {
	err := st.jar.Delete(w, r, st.session)
	if was != nil && was != st && was.jar != nil {
		err = errors.Join(err, was.jar.Delete(w, r, was.session))
		s.dress(w.Header(), was, o)
	}
	s.dress(w.Header(), st, o)
	st.err, st.gone, st.ended = nil, false, true
	session.ID = st.session.ID()
	return err
}
