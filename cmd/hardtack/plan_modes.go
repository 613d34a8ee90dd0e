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

// saves are requests per second that save the session.
func (a *planAssumptions) saves() float64 { return a.RequestsPerSecond * a.Writes }

func (a *planAssumptions) ends() float64 { return a.SessionsPerSecond * a.Logouts }

func (s *scales) stateless() planMode {
	f, life := s.formats[0], formatDuration(time.Duration(s.a.Lifetime))
	return planMode{
		Name: modeStateless, Title: "stateless",
		Saved:      share(len(f.fits), len(f.cookie)),
		CookieMean: mean(f.fits),
		Up:         s.a.RequestsPerSecond * cookieHeader(mean(f.fits)),
		Down:       s.a.saves() * mean(f.line),
		Revoke: fmt.Sprintf("A logout ends the session in its browser at once; a copy of the cookie stays good until the session ends, up to %s. "+
			"A user's sessions end at once by a time per user that you keep and compare with Created; all sessions end by revoking the key, as soon as each server has looked at its keys.", life),
		Replay:     fmt.Sprintf("An older cookie brings its older data back, until the session ends, up to %s.", life),
		Concurrent: "The last response wins; the other's change is lost, and nobody is told.",
		Outage:     "There is no store to be away.",
	}
}

func (s *scales) hybridMode() planMode {
	life := formatDuration(time.Duration(s.a.Lifetime))
	n := len(s.cbor)
	stored := share(len(s.records), n)
	m := planMode{
		Name: modeHybrid, Title: "hybrid",
		Saved: share(n-s.unsaved, n), Stored: stored,
		Store: planStore{
			Reads:      s.a.RequestsPerSecond * stored,
			Writes:     s.a.saves() * stored,
			Ends:       s.a.ends(),
			RecordMean: mean(s.records),
			Bytes:      float64(s.a.Users) * (s.a.Logouts*(tombstoneBytes+recordKeyBytes) + stored*(mean(s.records)+recordKeyBytes)),
		},
		ReadTrips: stored, WriteTrips: 2 * stored,
		Replay:     fmt.Sprintf("As stateless: up to %s.", life),
		Revoke:     "As stateless, and a logout is known to the store: it takes no copy of the session in again.",
		Concurrent: "The last response wins, as stateless.",
		Outage:     "Sessions go on; a logout ends the cookie in its browser only and says so.",
	}
	if s.a.SubjectBytes > 0 {
		m.Store.Index = (s.a.SessionsPerSecond + s.a.ends()) * stored
		m.Store.Bytes += float64(s.a.Users) * stored * indexBytes
	}
	if saved := len(s.inline) + len(s.records); saved > 0 {
		m.CookieMean = (mean(s.inline)*float64(len(s.inline)) + mean(s.references)*float64(len(s.records))) / float64(saved)
	}
	m.Up = s.a.RequestsPerSecond * cookieHeader(m.CookieMean)
	// A stored session's cookie is set once; then it stays as it is.
	m.Down = s.a.saves()*share(len(s.inline), n)*mean(s.hybridLines) + s.a.SessionsPerSecond*stored*mean(s.refLines)
	if stored > 0 {
		m.ReadTripsMost, m.WriteTripsMost = 1, 2
		part := "the " + shareText(stored) + " in the store"
		rest := "those in their cookies"
		endAll := "and EndAll ends a user's"
		if s.a.SubjectBytes == 0 {
			endAll = "but EndAll cannot find a user's without a subject"
		}
		m.Revoke = fmt.Sprintf("Of %s a logout ends every copy of the reference at once, %s; %s are as stateless.", part, endAll, rest)
		m.Replay = fmt.Sprintf("A reference to %s always gives the present data; %s, and cookies from before a session was stored, are as stateless, up to %s.", part, rest, life)
		m.Concurrent = fmt.Sprintf("Of %s the second save gets ErrConflict, and Update tries again; for %s the last response wins.", part, rest)
		m.Outage = fmt.Sprintf("Requests of %s get 503, and nobody is logged out; %s go on, cannot grow, and a logout ends the cookie in its browser only and says so.", part, rest)
	}
	return m
}

// serverSide is a library that keeps every session in a store, and nothing but a random token in the cookie.
func (s *scales) serverSide() planMode {
	cookie := float64(len(s.a.CookieName) + tokenBytes)
	attributes := mean(s.hybridLines) - mean(s.inline) // the same ones
	if len(s.hybridLines) == 0 {
		attributes = mean(s.refLines) - mean(s.references)
	}
	return planMode{
		Name: modeServerSide, Title: "all on the server",
		Saved: 1, Stored: 1,
		CookieMean: cookie,
		Up:         s.a.RequestsPerSecond * cookieHeader(cookie),
		Down:       s.a.saves() * (cookie + attributes),
		Store: planStore{
			Reads:      s.a.RequestsPerSecond,
			Writes:     s.a.saves(),
			Ends:       s.a.ends(),
			RecordMean: mean(s.cbor),
			Bytes:      float64(s.a.Users) * (mean(s.cbor) + recordKeyBytes),
		},
		ReadTrips: 1, ReadTripsMost: 1, WriteTrips: 2, WriteTripsMost: 2,
		Revoke:     "A logout ends every copy at once; a user's sessions too, if the library can find them.",
		Replay:     "The cookie always gives the present data; a copy of it is good until the session ends.",
		Concurrent: "As the library has it; often the last save wins.",
		Outage:     "Nobody has a session: each request needs the store.",
	}
}
