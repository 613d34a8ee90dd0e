package main

import (
	"fmt"
	"time"
)

const (
	tokenBytes     = 43 // of the cookie's value with sessions on the server: 256 bits in base64, as scs has it
	recordKeyBytes = 43 // of a record's key, in either mode
	tombstoneBytes = 8
	indexBytes     = 43 + 43 // of an entry in the index: a hash of the subject, and the record's key
)

// modes is what each mode would mean for the samples.
func (s *scales) modes() []planMode { return []planMode{s.stateless(), s.hybridMode(), s.serverSide()} }

// cookieHeader is the size on the wire of a Cookie header with this cookie alone.
func cookieHeader(cookieBytes float64) float64 { return float64(len("Cookie: =\r\n")) + cookieBytes }

// beginning are sessions per second that would have to begin for so many users.
func (a *planAssumptions) beginning() float64 {
	return float64(a.Users) / time.Duration(a.Lifetime).Seconds()
}

// saves are requests per second that save the session.
func (a *planAssumptions) saves() float64 { return a.RequestsPerSecond * a.Writes }

func (a *planAssumptions) ends() float64 { return a.SessionsPerSecond * a.Logouts }

// tombstones are there at a time: each stays as long as the session would have lasted.
func (a *planAssumptions) tombstones() float64 {
	return a.ends() * time.Duration(a.Lifetime).Seconds()
}

// loggedOut are bytes per second of the cookies that logouts set.
func (s *scales) loggedOut() float64 { return s.a.ends() * float64(s.deletion) }

func (s *scales) stateless() planMode {
	f, life := s.formats[0], formatDuration(time.Duration(s.a.Lifetime))
	m := planMode{
		Name: modeStateless, Title: "stateless",
		Saved: share(len(f.fits), len(f.cookie)),
		Revoke: fmt.Sprintf("A logout ends the session in its browser at once; a copy of the cookie stays good until the session ends, up to %s. "+
			"A user's sessions end at once by a time per user that you keep and compare with Created; all sessions end by revoking the key, as soon as each server has looked at its keys.", life),
		Replay:     fmt.Sprintf("An older cookie brings its older data back, until the session ends, up to %s.", life),
		Concurrent: "The last response wins; the other's change is lost, and nobody is told.",
		Outage:     "There is no store to be away.",
	}
	if m.Saved > 0 {
		m.CookieMean = mean(f.fits)
		m.Up = s.a.RequestsPerSecond * cookieHeader(m.CookieMean)
		m.Down = s.a.saves()*mean(f.line) + s.loggedOut()
	}
	return m
}

func (s *scales) hybridMode() planMode {
	life := formatDuration(time.Duration(s.a.Lifetime))
	n := len(s.cbor)
	m := planMode{
		Name: modeHybrid, Title: "hybrid",
		Saved: share(n-s.unsaved, n), Stored: share(len(s.records), n),
		Replay:     fmt.Sprintf("As stateless: up to %s.", life),
		Revoke:     "As stateless, and a logout is known to the store: it takes no copy of the session in again.",
		Concurrent: "The last response wins, as stateless.",
		Outage:     "Sessions go on; a logout ends the cookie in its browser only and says so.",
	}
	if m.Saved > 0 {
		s.hybridLoad(&m)
	}
	subject := min(s.a.SubjectBytes, 1) // files the session with one call more
	switch {
	case len(s.records) > 0:
		m.ReadTripsMost, m.WriteTripsMost, m.LoginTripsMost, m.LogoutTripsMost = 1, 2, 3+subject, 2+subject
	case m.Saved > 0:
		m.LogoutTripsMost = 1
	}
	endAll := "and EndAll ends a user's"
	if subject == 0 {
		endAll = "but EndAll cannot find a user's without a subject"
	}
	switch {
	case len(s.records) > 0 && len(s.inline) > 0:
		part, rest := "the "+shareText(m.Stored)+" in the store", "those in their cookies"
		m.Revoke = fmt.Sprintf("Of %s a logout ends every copy of the reference at once, %s; %s are as stateless.", part, endAll, rest)
		m.Replay = fmt.Sprintf("A reference to %s always gives the present data; %s, and cookies from before a session was stored, are as stateless, up to %s.", part, rest, life)
		m.Concurrent = fmt.Sprintf("Of %s the second save gets ErrConflict, and Update tries again; for %s the last response wins.", part, rest)
		m.Outage = fmt.Sprintf("Requests of %s get 503, and nobody is logged out; %s go on, cannot grow, and a logout ends the cookie in its browser only and says so.", part, rest)
	case len(s.records) > 0:
		m.Revoke = fmt.Sprintf("A logout ends every copy of the reference at once, %s.", endAll)
		m.Replay = fmt.Sprintf("A reference always gives the present data; cookies from before a session was stored are as stateless, up to %s.", life)
		m.Concurrent = "The second save gets ErrConflict, and Update tries again."
		m.Outage = "Requests get 503, and nobody is logged out."
	}
	return m
}

// hybridLoad fills in what the sessions that can be saved, of which there are some, put on the wire and on the store.
func (s *scales) hybridLoad(m *planMode) {
	saved := len(s.inline) + len(s.records)
	inline, stored := share(len(s.inline), saved), share(len(s.records), saved)
	m.CookieMean = inline*mean(s.inline) + stored*mean(s.references)
	m.Up = s.a.RequestsPerSecond * cookieHeader(m.CookieMean)
	// A stored session's cookie is set once; then it stays as it is.
	m.Down = s.a.saves()*inline*mean(s.hybridLines) + s.a.SessionsPerSecond*stored*mean(s.refLines) + s.loggedOut()
	m.ReadTrips, m.WriteTrips = stored, 2*stored
	records := float64(s.a.Users) * stored
	m.Store = planStore{
		Reads:      s.a.RequestsPerSecond * stored,
		Writes:     s.a.saves() * stored,
		Ends:       s.a.ends(),
		RecordMean: mean(s.records),
		Bytes:      records*(mean(s.records)+recordKeyBytes) + s.a.tombstones()*(tombstoneBytes+recordKeyBytes),
	}
	if s.a.SubjectBytes > 0 {
		m.Store.Index = (s.a.SessionsPerSecond + s.a.ends()) * stored
		m.Store.Bytes += records * indexBytes
	}
}

// serverSide is a library that keeps every session in a store, and nothing but a random token in the cookie.
func (s *scales) serverSide() planMode {
	cookie := float64(len(s.a.CookieName) + tokenBytes)
	return planMode{
		Name: modeServerSide, Title: "all on the server",
		Saved: 1, Stored: 1,
		CookieMean: cookie,
		Up:         s.a.RequestsPerSecond * cookieHeader(cookie),
		Down:       s.a.saves()*(cookie+float64(s.attributes)) + s.loggedOut(),
		Store: planStore{
			Reads:      s.a.RequestsPerSecond,
			Writes:     s.a.saves(),
			Ends:       s.a.ends(),
			RecordMean: mean(s.cbor),
			Bytes:      float64(s.a.Users) * (mean(s.cbor) + recordKeyBytes),
		},
		ReadTrips: 1, ReadTripsMost: 1, WriteTrips: 2, WriteTripsMost: 2,
		LoginTripsMost: 3, LogoutTripsMost: 2, // scs reads, deletes the old token's record and writes the new one's
		Revoke:     "A logout ends every copy at once; a user's sessions too, if the library can find them.",
		Replay:     "The cookie always gives the present data; a copy of it is good until the session ends.",
		Concurrent: "As the library has it; often the last save wins.",
		Outage:     "Nobody has a session: each request needs the store.",
	}
}
