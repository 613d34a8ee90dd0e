package main

import (
	"slices"
	"time"

	"github.com/hardtack-go/hardtack"
)

// verdict is what an answer to a request with a cookie means.
type verdict int

const (
	// kept: the session was there, with its data.
	kept verdict = iota
	// lost: it was alive by every server's clock, and was refused or had other data than was acknowledged.
	lost
	// refused: it had ended, and was refused.
	refused
	// wrong: it had ended, and was accepted; or its key had retired, and yet opened it.
	wrong
	// either: it ended while the request was under way, so that both are right.
	either
)

// held is a cookie as a client holds it, and what the session in it must be.
type held struct {
	value   string
	key     hardtack.KeyID
	lineage []hardtack.KeyID // all keys that have sealed it, the present one too
	id      string
	user    string
	items   int
	expires time.Time
}

// question is a request with a cookie, as far as it matters for the verdict.
type question struct {
	cookie held
	// asked is the clock of the server when the request was sent, fastest the fastest server's when the answer was there.
	asked, fastest time.Time
	// retire is until when the cookie's key opens; the zero time if that is not known yet.
	retire time.Time
	// revoked: one of the keys that sealed the cookie was revoked before the answer came, known: before the
	// request was sent, and the server had said that it knew.
	revoked, known bool
}

// verdict says what the answer means: the reason of a refusal, empty if there was none, and whether the data were those of the session.
func (q *question) verdict(refusal string, same bool) verdict {
	retired := !q.retire.IsZero() && !q.asked.Before(q.retire)
	ended := retired || q.known || !q.asked.Before(q.cookie.expires)
	alive := !q.revoked && q.fastest.Before(q.cookie.expires)
	accepted := refusal == ""
	switch {
	case retired && refusal != "unknown_key" && refusal != "revoked_key", ended && accepted:
		return wrong
	case ended:
		return refused
	case accepted && !same, alive && !accepted:
		return lost
	case accepted:
		return kept
	}
	return either
}

// sealedBy reports whether the key has ever sealed the cookie's session.
func (h *held) sealedBy(id hardtack.KeyID) bool { return slices.Contains(h.lineage, id) }

// follow returns what becomes of the session with another cookie.
func (h *held) follow(value string, key hardtack.KeyID) held {
	next := *h
	next.value, next.key = value, key
	if !next.sealedBy(key) {
		next.lineage = append(slices.Clone(h.lineage), key)
	}
	return next
}
