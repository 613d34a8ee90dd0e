package hardtack_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
)

// hyModel is what is promised to clients, without how it is done. It knows
// each cookie's own contents, and for each session the contents that its record may
// have: one, unless a call of the store has failed and may have taken effect.
type hyModel struct {
	t        *rapid.T
	g        *hyRig
	cookies  map[string]*hyCookie
	sessions map[string]*hyFacts // by ID
	clients  []*hyClient
	visits   []*hyOpen
	serial   int
	faulted  bool // the store failed since this was last reset
}

type hyCookie struct {
	session  *hyFacts
	kind     hardtack.Kind
	contents string // unless it is a reference
	expires  time.Time
}

type hyFacts struct {
	owner    string
	subject  bool
	possible []string // contents of the record; none if there is no record
	ended    bool     // Delete succeeded
	ending   bool     // Delete was tried
	frozen   bool     // Renew succeeded
	freezing bool     // Renew was tried
	until    time.Time
}

// hyClient is a browser: tabs that share a cookie, and responses on their way.
type hyClient struct {
	name   string
	cookie string
	late   []*hyVisit
}

// hyOpen is a request between Get and its end.
type hyOpen struct {
	*hyVisit
	client  *hyClient
	cookie  string
	session *hyFacts // nil if it is fresh
	base    string
	subject string
}

func hyContents(d *hyData) string {
	return fmt.Sprint(d.Owner, " ", strings.Join(d.Items, ","), " ", len(d.Note))
}

func (m *hyModel) fault(when string) func(string) error {
	return func(op string) error {
		m.faulted = true
		return fmt.Errorf("%s %s: %w", when, op, errHy)
	}
}

// broken makes the store fail, or not, for one action.
func (m *hyModel) broken(allowed bool) {
	m.g.store.heal()
	m.faulted = false
	if !allowed {
		return
	}
	switch rapid.SampledFrom([]string{"", "", "", "", "before", "after", "second before", "second after"}).Draw(m.t, "fault") {
	case "before":
		m.g.store.set(m.fault("before"), nil)
	case "after":
		m.g.store.set(nil, m.fault("after"))
	case "second before":
		m.g.store.set(m.second("before"), nil)
	case "second after":
		m.g.store.set(nil, m.second("after"))
	}
}

func (m *hyModel) second(when string) func(string) error {
	n := 0
	return func(op string) error {
		if n++; n != 2 {
			return nil
		}
		return m.fault(when)(op)
	}
}

// read presents a cookie and checks what Get says of it.
func (m *hyModel) read(client *hyClient, cookie string) *hyOpen {
	o := &hyOpen{hyVisit: m.g.visit(cookie), client: client, cookie: cookie}
	known := m.cookies[cookie]
	fresh := func(reasons ...error) bool {
		return slices.ContainsFunc(reasons, func(e error) bool { return errors.Is(o.err, e) }) && o.s.IsNew()
	}
	switch {
	case cookie == "":
		m.check(fresh(hardtack.ErrNoCookie), "no cookie: %v", o.err)
		return o
	case !m.g.clock.Now().Before(known.expires):
		m.check(fresh(hardtack.ErrExpired), "expired cookie: %v", o.err)
		return o
	case m.faulted && o.err != nil:
		m.check(fresh(hardtack.ErrStoreUnavailable) && known.kind == hardtack.KindReference, "store away: %v", o.err)
		return o
	}
	f := known.session
	inStore := known.kind != hardtack.KindInline
	if inStore && !m.faulted {
		// Ended is ended. The price of a renewal is that the old session may be gone.
		if f.ended || f.ending && errors.Is(o.err, hardtack.ErrEnded) {
			m.check(fresh(hardtack.ErrEnded), "ended session: %v", o.err)
			f.ended = true
			return o
		}
		if f.freezing && f.subject && !m.g.clock.Now().Before(f.until) && known.kind == hardtack.KindReference && o.err != nil {
			m.check(fresh(hardtack.ErrRecordMissing), "renewed session: %v", o.err)
			return o
		}
	}
	m.check(o.err == nil, "a session was lost: %v", o.err)
	o.session, o.base, o.subject = f, hyContents(&o.s.Data), o.s.Subject()
	m.check(o.s.Data.Owner == client.name && f.owner == client.name, "sessions were mixed: %s in %s", o.s.Data.Owner, client.name)
	switch {
	case known.kind == hardtack.KindInline || m.faulted:
		m.check(o.base == known.contents, "cookie has %q, read %q", known.contents, o.base)
	case known.kind == hardtack.KindPending && o.s.Placement().Where == hardtack.InCookie:
		m.check(o.base == known.contents, "cookie has %q, read %q", known.contents, o.base)
		if r := m.g.record(cookie); r.state != "" {
			m.check(r.revision <= m.g.inside(cookie).Revision, "a higher record did not win")
		}
	default:
		m.check(slices.Contains(f.possible, o.base), "record may have %q, read %q", f.possible, o.base)
		f.possible = []string{o.base} // now it is known
	}
	return o
}

// wrote notes the outcome of a save, or of a touch, which changes no contents.
func (m *hyModel) wrote(o *hyOpen, p hardtack.Placement, err error, renewed bool) {
	old, contents := o.session, hyContents(&o.s.Data)
	f := old
	if old == nil || renewed {
		f = &hyFacts{owner: o.client.name}
		m.sessions[o.s.ID()] = f
	}
	oldKind := hardtack.KindInline
	if o.cookie != "" && old != nil {
		oldKind = m.cookies[o.cookie].kind
	}
	if renewed && old != nil && oldKind != hardtack.KindInline && (err == nil || m.faulted) {
		old.freezing, old.frozen = true, old.frozen || err == nil && m.g.record(o.cookie).state == "frozen"
		if old.until.IsZero() {
			old.until = m.g.clock.Now().Add(10 * time.Minute)
		}
		old.subject = old.subject || o.subject != ""
		old.possible = append(old.possible, o.base)
		if old.frozen {
			old.possible = []string{o.base}
		}
	}
	value, set := o.sets()
	if err != nil {
		conflict := errors.Is(err, hardtack.ErrConflict)
		m.check(conflict || !set, "a cookie with %v", err)
		m.check(conflict || m.faulted && errors.Is(err, hardtack.ErrStoreUnavailable) ||
			errors.Is(o.err, hardtack.ErrStoreUnavailable) && errors.Is(err, hardtack.ErrStoreUnavailable) ||
			errors.Is(err, hardtack.ErrExpired) ||
			errors.Is(err, hardtack.ErrEnded) && old != nil && old.ending ||
			errors.Is(err, hardtack.ErrRecordMissing) && old != nil && old.freezing && old.subject ||
			errors.Is(err, hardtack.ErrRecordMissing) && renewed && !m.g.clock.Now().Before(m.cookies[o.cookie].expires), "save: %v", err)
		if m.faulted && !(renewed && old != nil) {
			f.possible = append(f.possible, contents)
		}
		if set {
			m.sets(value, f, "")
		}
		return
	}
	switch {
	case p.Where == hardtack.InStore:
		m.check(!f.ended, "a session that was ended is alive again")
		lasts := !f.subject || m.g.clock.Now().Before(f.until) // then only copies in cookies are left
		m.check(!f.frozen || !lasts, "a renewed session was changed")
		if oldKind == hardtack.KindReference && !renewed && o.err == nil {
			m.check(slices.Contains(f.possible, o.base), "lost update: %q was over %q", f.possible, o.base)
		}
		f.possible = []string{contents}
	case set && m.g.inside(value).Kind == hardtack.KindPending && !renewed:
		if m.faulted {
			f.possible = append(f.possible, contents)
		} else {
			m.check(!f.ended, "a return over an end")
			f.possible = []string{contents}
		}
	}
	if set {
		m.sets(value, f, contents)
	}
}

// sets registers a cookie that a response carries.
func (m *hyModel) sets(value string, f *hyFacts, contents string) {
	rec := m.g.inside(value)
	m.cookies[value] = &hyCookie{session: f, kind: rec.Kind, contents: contents, expires: rec.Expires}
}

// respond delivers the response, loses it, or keeps it for later.
func (m *hyModel) respond(o *hyOpen) {
	switch rapid.SampledFrom([]string{"delivered", "delivered", "delivered", "lost", "late"}).Draw(m.t, "response") {
	case "delivered":
		o.client.cookie = o.after(o.client.cookie)
	case "late":
		o.client.late = append(o.client.late, o.hyVisit)
	}
}

func (m *hyModel) check(ok bool, format string, args ...any) {
	if !ok {
		m.t.Fatalf(format, args...)
	}
}

func (m *hyModel) client() *hyClient { return rapid.SampledFrom(m.clients).Draw(m.t, "client") }

// change edits a session as a handler does.
func (m *hyModel) change(t *rapid.T, s *hySession, owner string) {
	m.serial++
	s.Data.Owner = owner
	items := s.Data.Items[max(0, len(s.Data.Items)-5):]
	s.Data.Items = append(slices.Clone(items), fmt.Sprint(m.serial))
	s.Data.Note = hyNote(rapid.SampledFrom([]int{hySmall, hyMid, hyLarge}).Draw(t, "note"))
}

// take removes one of the open requests.
func (m *hyModel) take() *hyOpen {
	if len(m.visits) == 0 {
		m.t.Skip("no request is open")
	}
	i := rapid.IntRange(0, len(m.visits)-1).Draw(m.t, "request")
	o := m.visits[i]
	m.visits = slices.Delete(m.visits, i, i+1)
	return o
}

func TestHybridModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &hyModel{t: t, g: newHyRig(t), cookies: map[string]*hyCookie{}, sessions: map[string]*hyFacts{}}
		for _, name := range []string{"ann", "bob"} {
			m.clients = append(m.clients, &hyClient{name: name})
		}
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				m.t = t
				c := m.client()
				m.broken(len(m.visits)%3 == 2)
				m.visits = append(m.visits, m.read(c, c.cookie))
			},
			"save": func(t *rapid.T) {
				m.t = t
				o := m.take()
				m.change(t, o.s, o.client.name)
				m.broken(true)
				p, err := o.save()
				m.wrote(o, p, err, false)
				m.respond(o)
			},
			"update": func(t *rapid.T) {
				m.t = t
				c := m.client()
				m.broken(false)
				o := m.read(c, c.cookie)
				m.broken(true)
				var last *hySession
				p, err := m.g.jar.Update(o.w, o.r, func(s *hySession) error {
					o.base, last = hyContents(&s.Data), s
					m.change(t, s, c.name)
					return nil
				})
				if last == nil {
					m.check(m.faulted, "update: %v", err)
					return
				}
				// With the store away, a pending cookie gives its own contents.
				if o.session = nil; !last.IsNew() {
					o.session = m.cookies[c.cookie].session
				}
				o.s = last
				m.wrote(o, p, err, false)
				m.check(m.faulted || !errors.Is(err, hardtack.ErrConflict) || o.session.freezing, "update gave up")
				m.respond(o)
			},
			"touch": func(t *rapid.T) {
				m.t = t
				o := m.take()
				if o.session == nil {
					t.Skip("nothing to touch")
				}
				m.broken(true)
				_, err := o.touch()
				if value, set := o.sets(); err == nil && set {
					m.sets(value, o.session, o.base)
				}
				m.respond(o)
			},
			"login": func(t *rapid.T) {
				m.t = t
				o := m.take()
				m.change(t, o.s, o.client.name)
				o.s.Renew()
				o.s.SetSubject(o.client.name)
				m.broken(true)
				p, err := o.save()
				m.wrote(o, p, err, true)
				m.respond(o)
			},
			"logout": func(t *rapid.T) {
				m.t = t
				o := m.take()
				m.broken(true)
				err := o.delete()
				hyExpired(m, o)
				f := o.session
				if f == nil && o.cookie != "" && errors.Is(o.err, hardtack.ErrStoreUnavailable) {
					f = m.cookies[o.cookie].session
				}
				if f != nil {
					f.ending = true
					f.ended = f.ended || err == nil && m.g.clock.Now().Before(m.cookies[o.cookie].expires)
				}
				m.check(err == nil || m.faulted || f == nil, "logout: %v", err)
				m.respond(o)
			},
			"late": func(t *rapid.T) {
				m.t = t
				c := m.client()
				if len(c.late) == 0 {
					t.Skip("nothing is late")
				}
				i := rapid.IntRange(0, len(c.late)-1).Draw(t, "late")
				c.cookie = c.late[i].after(c.cookie)
				c.late = slices.Delete(c.late, i, i+1)
			},
			"time": func(t *rapid.T) {
				m.g.clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 60, 660, 36000}).Draw(t, "seconds")) * time.Second)
			},
		})
		// At the end every cookie that was ever sent still does what it should.
		m.t = t
		m.broken(false)
		for value, known := range m.cookies {
			m.read(&hyClient{name: known.session.owner}, value)
		}
	})
}

func hyExpired(m *hyModel, o *hyOpen) {
	value, set := o.sets()
	m.check(set && value == "", "Delete did not expire the cookie")
}
