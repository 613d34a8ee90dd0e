package hybridtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
)

// model is what is promised to clients, without how it is done. It knows
// each cookie's own contents, and for each session the contents that its record may
// have: one, unless a call of the store has failed and may have taken effect.
type model struct {
	t       *rapid.T
	rig     *Rig
	counts  *Counts
	cookies map[string]*cookie // by value
	clients []*client
	visits  []*visit
	serial  int
	faulted bool // the store failed since this was last reset
}

type cookie struct {
	facts    *facts
	kind     hardtack.Kind
	contents string // unless it is a reference
	expires  time.Time
}

// facts are those of one session.
type facts struct {
	owner    string
	subject  string
	possible []string // contents of the record; none if there is no record
	ended    bool     // Delete or EndAll succeeded
	ending   bool     // it was tried
	frozen   bool     // Renew succeeded
	freezing bool     // it was tried
	until    time.Time
}

// client is a browser: tabs that share a cookie, and responses on their way.
type client struct {
	name   string
	cookie string
	late   []*Visit
}

// visit is a request between Get and its end.
type visit struct {
	*Visit
	client *client
	cookie string
	facts  *facts // nil if the session is fresh
	base   string
}

func contents(d *Data) string {
	return fmt.Sprint(d.Owner, " ", strings.Join(d.Items, ","), " ", len(d.Note))
}

func isAway(err error) bool     { return errors.Is(err, hardtack.ErrStoreUnavailable) }
func isConflict(err error) bool { return errors.Is(err, hardtack.ErrConflict) }
func isEnded(err error) bool    { return errors.Is(err, hardtack.ErrEnded) }
func isMissing(err error) bool  { return errors.Is(err, hardtack.ErrRecordMissing) }

func (m *model) check(ok bool, format string, args ...any) {
	if !ok {
		m.t.Fatalf(format, args...)
	}
}

func (m *model) notLost(ok bool, format string, args ...any) {
	if !ok {
		m.counts.Lost++
		m.t.Fatalf(format, args...)
	}
}

func (m *model) client() *client { return rapid.SampledFrom(m.clients).Draw(m.t, "client") }

// change edits a session as a handler does.
func (m *model) change(s *Session, owner string) {
	m.serial++
	s.Data.Owner = owner
	items := s.Data.Items[max(0, len(s.Data.Items)-5):]
	s.Data.Items = append(slices.Clone(items), fmt.Sprint(m.serial))
	s.Data.Note = Note(rapid.SampledFrom([]int{Small, Mid, Large}).Draw(m.t, "note"))
}

// take removes one of the open requests.
func (m *model) take() *visit {
	if len(m.visits) == 0 {
		m.t.Skip("no request is open")
	}
	i := rapid.IntRange(0, len(m.visits)-1).Draw(m.t, "request")
	v := m.visits[i]
	m.visits = slices.Delete(m.visits, i, i+1)
	return v
}

// broken makes the store fail, or not, for one action.
func (m *model) broken(allowed bool) {
	m.rig.Faults.Heal()
	m.faulted = false
	if !allowed {
		return
	}
	switch rapid.SampledFrom([]string{"", "", "", "", "before", "after", "second before", "second after"}).Draw(m.t, "fault") {
	case "before":
		m.rig.Faults.Set(m.fault, nil)
	case "after":
		m.rig.Faults.Set(nil, m.fault)
	case "second before":
		m.rig.Faults.Set(m.second(), nil)
	case "second after":
		m.rig.Faults.Set(nil, m.second())
	}
}

func (m *model) fault(op string) error {
	m.faulted = true
	return fmt.Errorf("%s: %w", op, ErrBroken)
}

func (m *model) second() func(op string) error {
	n := 0
	return func(op string) error {
		if n++; n != 2 {
			return nil
		}
		return m.fault(op)
	}
}

// read presents a cookie and checks what Get says of it.
func (m *model) read(c *client, value string) *visit {
	v := &visit{Visit: m.rig.Visit(value), client: c, cookie: value}
	known, now := m.cookies[value], m.rig.Clock.Now()
	fresh := func(reason error) bool { return errors.Is(v.Err, reason) && v.Session.IsNew() }
	switch {
	case value == "":
		m.check(fresh(hardtack.ErrNoCookie), "no cookie: %v", v.Err)
		return v
	case !now.Before(known.expires):
		m.check(fresh(hardtack.ErrExpired), "expired cookie: %v", v.Err)
		return v
	case m.faulted && v.Err != nil:
		m.check(fresh(hardtack.ErrStoreUnavailable) && known.kind == hardtack.KindReference, "store away: %v", v.Err)
		return v
	}
	f := known.facts
	if known.kind != hardtack.KindInline && !m.faulted {
		// Ended is ended. The price of a renewal is that the old session may be gone.
		if f.ended || f.ending && isEnded(v.Err) {
			m.check(fresh(hardtack.ErrEnded), "ended session: %v", v.Err)
			f.ended = true
			return v
		}
		if f.freezing && f.subject != "" && !now.Before(f.until) && v.Err != nil {
			m.check(fresh(hardtack.ErrEnded), "renewed session: %v", v.Err)
			return v
		}
	}
	m.notLost(v.Err == nil, "a session was lost: %v", v.Err)
	v.facts, v.base = f, contents(&v.Session.Data)
	if owner := v.Session.Data.Owner; owner != c.name || f.owner != c.name {
		m.counts.MixedUp++
		m.t.Fatalf("sessions were mixed up: %s in %s", owner, c.name)
	}
	m.check(v.Session.Subject() == f.subject, "subject %q instead of %q", v.Session.Subject(), f.subject)
	switch {
	case known.kind == hardtack.KindInline || m.faulted:
		m.notLost(v.base == known.contents, "cookie has %q, read %q", known.contents, v.base)
	case known.kind == hardtack.KindPending && v.Session.Placement().Where == hardtack.InCookie:
		m.notLost(v.base == known.contents, "cookie has %q, read %q", known.contents, v.base)
		if r := m.rig.Record(value); r.State != "" {
			m.notLost(r.Revision <= m.rig.Inside(value).Revision, "a higher record did not win")
		}
	default:
		m.notLost(slices.Contains(f.possible, v.base), "record may have %q, read %q", f.possible, v.base)
		f.possible = []string{v.base} // now it is known
	}
	m.counts.Reads++
	return v
}

// wrote notes the outcome of a save.
func (m *model) wrote(v *visit, p hardtack.Placement, err error, renewed bool) {
	old, now, contents := v.facts, m.rig.Clock.Now(), contents(&v.Session.Data)
	f := old
	if old == nil || renewed {
		f = &facts{owner: v.client.name, subject: v.Session.Subject()}
	}
	oldKind := hardtack.KindInline
	if v.cookie != "" && old != nil {
		oldKind = m.cookies[v.cookie].kind
	}
	if renewed && old != nil && oldKind != hardtack.KindInline && (err == nil || m.faulted) {
		froze := err == nil && m.rig.Record(v.cookie).State == "frozen"
		if !old.frozen { // else it stays as it is, and the cookie may have gone on without it
			old.possible = append(old.possible, v.base)
		}
		if froze && !old.freezing {
			old.possible = []string{v.base}
		}
		old.freezing, old.frozen = true, old.frozen || froze
		if old.until.IsZero() {
			old.until = now.Add(10 * time.Minute)
		}
	}
	value, set := v.Sets()
	if err != nil {
		m.check(isConflict(err) || !set, "a cookie with %v", err)
		m.check(isConflict(err) ||
			isAway(err) && (m.faulted || isAway(v.Err)) ||
			errors.Is(err, hardtack.ErrExpired) ||
			isEnded(err) && old != nil && old.ending ||
			isEnded(err) && old != nil && old.freezing && old.subject != "" ||
			(isMissing(err) || isEnded(err)) && renewed && !now.Before(m.cookies[v.cookie].expires), "save: %v", err)
		if m.faulted && !(renewed && old != nil) {
			f.possible = append(f.possible, contents)
		}
		if set {
			m.sets(value, f, "")
		}
		return
	}
	m.counts.Saves++
	if f != old {
		m.counts.Sessions++
	}
	switch {
	case p.Where == hardtack.InStore:
		m.check(!f.ended, "a session that was ended is alive again")
		lasts := f.subject == "" || now.Before(f.until) // then only copies in cookies are left
		m.check(!f.frozen || !lasts, "a renewed session was changed")
		if oldKind == hardtack.KindReference && !renewed && v.Err == nil {
			m.notLost(slices.Contains(f.possible, v.base), "lost update: %q was over %q", f.possible, v.base)
		}
		f.possible = []string{contents}
	case set && m.rig.Inside(value).Kind == hardtack.KindPending && !renewed:
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
func (m *model) sets(value string, f *facts, contents string) {
	rec := m.rig.Inside(value)
	m.cookies[value] = &cookie{facts: f, kind: rec.Kind, contents: contents, expires: rec.Expires}
}

// respond delivers the response, loses it, or keeps it for later.
func (m *model) respond(v *visit) {
	switch rapid.SampledFrom([]string{"delivered", "delivered", "delivered", "lost", "late"}).Draw(m.t, "response") {
	case "delivered":
		v.client.cookie = v.After(v.client.cookie)
	case "late":
		v.client.late = append(v.client.late, v.Visit)
	}
}
