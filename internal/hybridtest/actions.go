package hybridtest

import (
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/hardtack-go/hardtack"
)

// actions returns the steps of the model by their names.
func (m *model) actions() map[string]func(*rapid.T) {
	steps := map[string]func(){
		"get":    m.get,
		"save":   m.save,
		"update": m.update,
		"touch":  m.touch,
		"login":  m.login,
		"logout": m.logout,
		"late":   m.late,
		"time":   m.time,
	}
	if _, ok := m.rig.Faults.Inner.(hardtack.SubjectIndexer); ok {
		steps["log out everywhere"] = m.logoutEverywhere
	}
	actions := make(map[string]func(*rapid.T), len(steps))
	for name, step := range steps {
		actions[name] = func(t *rapid.T) {
			m.t = t
			m.rig.Clock.catchUp()
			step()
			m.counts.Steps++
		}
	}
	return actions
}

func (m *model) get() {
	c := m.client()
	m.broken(len(m.visits)%3 == 2)
	m.visits = append(m.visits, m.read(c, c.cookie))
}

func (m *model) save() {
	v := m.take()
	m.change(v.Session, v.client.name)
	m.broken(true)
	p, err := v.Save()
	m.wrote(v, p, err, false)
	m.touchAfter(v, err)
	m.respond(v)
}

// touchAfter does what Handler does behind a handler whose own save has lost: it must not bring back what was read.
func (m *model) touchAfter(v *visit, err error) {
	if !isConflict(err) && !isEnded(err) && !isMissing(err) {
		return
	}
	before := v.W.Header().Clone()
	_, _ = v.Touch()
	m.check(reflect.DeepEqual(before["Set-Cookie"], v.W.Header()["Set-Cookie"]), "a Touch after %v sets a cookie", err)
}

func (m *model) update() {
	c := m.client()
	m.broken(false)
	v := m.read(c, c.cookie)
	m.broken(true)
	var last *Session
	p, err := m.rig.Jar.Update(v.W, v.R, func(s *Session) error {
		v.base, last = contents(&s.Data), s
		m.change(s, c.name)
		return nil
	})
	if last == nil {
		m.check(m.faulted, "update: %v", err)
		return
	}
	// With the store away, a pending cookie gives its own contents.
	if v.facts = nil; !last.IsNew() {
		v.facts = m.cookies[c.cookie].facts
	}
	v.Session = last
	m.wrote(v, p, err, false)
	m.check(m.faulted || !isConflict(err) || v.facts.freezing, "update gave up")
	m.respond(v)
}

func (m *model) touch() {
	v := m.take()
	if v.facts == nil {
		m.t.Skip("nothing to touch")
	}
	m.broken(true)
	_, err := v.Touch()
	if value, set := v.Sets(); err == nil && set {
		m.sets(value, v.facts, v.base)
	}
	m.respond(v)
}

func (m *model) login() {
	v := m.take()
	m.change(v.Session, v.client.name)
	v.Session.Renew()
	v.Session.SetSubject(v.client.name)
	m.broken(true)
	p, err := v.Save()
	m.wrote(v, p, err, true)
	m.touchAfter(v, err)
	m.respond(v)
}

func (m *model) logout() {
	v := m.take()
	m.broken(true)
	err := v.Delete()
	value, set := v.Sets()
	m.check(set && value == "", "Delete did not expire the cookie")
	f := v.facts
	if f == nil && v.cookie != "" && isAway(v.Err) {
		f = m.cookies[v.cookie].facts
	}
	if f != nil {
		f.ending = true
		f.ended = f.ended || err == nil && m.rig.Clock.Now().Before(m.cookies[v.cookie].expires)
	}
	m.check(err == nil || m.faulted || f == nil, "logout: %v", err)
	m.respond(v)
}

// logoutEverywhere ends all sessions of a client that it has logged in to, or all but
// that of a request that is open.
func (m *model) logoutEverywhere() {
	c := m.client()
	var spared *facts
	var except []*Session
	if len(m.visits) > 0 && rapid.Bool().Draw(m.t, "but one") {
		v := rapid.SampledFrom(m.visits).Draw(m.t, "request")
		spared, except = v.facts, []*Session{v.Session}
	}
	m.broken(true)
	_, err := m.rig.Jar.EndAll(m.t.Context(), c.name, except...)
	m.check(err == nil || m.faulted && isAway(err), "log out everywhere: %v", err)
	for value, known := range m.cookies {
		f := known.facts
		if f.subject != c.name || f == spared {
			continue
		}
		// Who has a cookie that leads to the store is there to be found; who has
		// tried to get there may be. Nobody else is reached.
		f.ended = f.ended || err == nil && known.kind != hardtack.KindInline
		f.ending = f.ending || f.ended || len(f.possible) > 0
		if state := m.rig.Record(value).State; err == nil && state != "tombstone" {
			m.check(state == "", "a %s session is still there after a log out everywhere", state)
		}
	}
}

func (m *model) late() {
	c := m.client()
	if len(c.late) == 0 {
		m.t.Skip("nothing is late")
	}
	i := rapid.IntRange(0, len(c.late)-1).Draw(m.t, "late")
	c.cookie = c.late[i].After(c.cookie)
	c.late = slices.Delete(c.late, i, i+1)
}

func (m *model) time() {
	m.rig.Clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 60, 660, 36000}).Draw(m.t, "seconds")) * time.Second)
}

// readAll checks at the end that every cookie that was ever sent still does what it should.
func (m *model) readAll() {
	m.broken(false)
	for value, known := range m.cookies {
		m.read(&client{name: known.facts.owner}, value)
	}
}
