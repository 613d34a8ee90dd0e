package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/hardtack-go/hardtack"
)

// server is a server's ring in a simulation. It seals and opens real tokens.
type server struct {
	now   time.Time
	ring  *hardtack.Keyring
	codec *hardtack.SealedCodec

	editions []edition // what it has yet to read, and when it does
	sealed   map[hardtack.KeyID]token
}

// token is the latest one sealed with a key.
type token struct {
	value string
	until time.Time // its session's end
}

// newServer returns one that reads each edition late, but begins with the first; those that come after deaf it never reads.
func newServer(editions []edition, late time.Duration, deaf time.Time, lifetime time.Duration) (*server, error) {
	s := &server{now: editions[0].from, sealed: make(map[hardtack.KeyID]token)}
	var err error
	if s.ring, err = hardtack.NewKeyring(editions[0].set.Keys...); err != nil {
		return nil, err
	}
	for _, e := range editions[1:] {
		if deaf.IsZero() || e.from.Before(deaf) {
			s.editions = append(s.editions, edition{e.from.Add(late), e.set})
		}
	}
	s.codec = hardtack.NewSealedCodec(s.ring)
	// A Jar lends the ring its clock and its Lifetime.
	_, err = hardtack.New[struct{}](hardtack.Config{Keys: s.ring, Lifetime: lifetime, Now: func() time.Time { return s.now }})
	return s, err
}

// advance makes it the time now, and reads what there is to read by then.
func (s *server) advance(now time.Time) error {
	for len(s.editions) > 0 && !s.editions[0].from.After(now) {
		s.now = s.editions[0].from
		if err := s.ring.Replace(s.editions[0].set.Keys...); err != nil {
			return err
		}
		s.editions = s.editions[1:]
	}
	s.now = now
	return nil
}

func (s *server) binding() hardtack.Binding {
	return hardtack.Binding{Name: hardtack.DefaultName, Now: s.now}
}

// seal makes a session with the server's sealing key, as it does at any time until next.
func (s *server) seal(next time.Time, lifetime time.Duration) error {
	rec := hardtack.Record{Kind: hardtack.KindInline, Seed: hardtack.Seed{1}, Created: s.now, Issued: s.now, Expires: next.Add(lifetime), Serializer: hardtack.CBOR{}}
	value, id, err := s.codec.Seal(context.Background(), nil, s.binding(), &rec)
	if err == nil {
		s.sealed[id] = token{string(value), next.Add(lifetime)}
	}
	return err
}

// refuses reports whether the server takes a session for nobody's.
func (s *server) refuses(t token) bool {
	var rec hardtack.Record
	return errors.Is(s.codec.Open(context.Background(), s.binding(), t.value, &rec), hardtack.ErrUnknownKey)
}

// lacks reports whether the server does not have the key.
func (s *server) lacks(id hardtack.KeyID) bool {
	return !slices.ContainsFunc(s.ring.Keys(), func(k hardtack.Key) bool { return k.ID() == id })
}

// stretch is from when to when something was so.
type stretch struct {
	Key  int       `json:"key"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// lag is what becomes of a server that reads its keys late.
type lag struct {
	Lacked []stretch `json:"lacked"`
	// Refused: sessions of the other servers that it refused. Unread: its own, which the others refused.
	Refused []stretch `json:"refused"`
	Unread  []stretch `json:"own_refused"`
}

// compare lets two servers run side by side, one that reads each edition at once and one that reads it late or, from deaf on, never.
// Each opens what the other has sealed whose session has not ended. All state is constant between two changes of what one of
// them has read or of what time has come for a key, so that it is looked at there only.
func (s *simulation) compare(late time.Duration, deaf time.Time, lifetime time.Duration) (lag, error) {
	var l lag
	fleet, err := newServer(s.editions, 0, time.Time{}, lifetime)
	if err != nil {
		return l, err
	}
	other, err := newServer(s.editions, late, deaf, lifetime)
	if err != nil {
		return l, err
	}
	moments := s.moments(late)
	for i, now := range moments[:len(moments)-1] {
		next := moments[i+1]
		if err := cmp.Or(fleet.advance(now), other.advance(now), fleet.seal(next, lifetime), other.seal(next, lifetime)); err != nil {
			return l, err
		}
		for _, k := range fleet.ring.Keys() {
			if !k.Erased() && other.lacks(k.ID()) {
				l.Lacked = extend(l.Lacked, stretch{s.numbers[k.ID()], now, next})
			}
		}
		l.Refused = s.refusals(l.Refused, fleet, other, next)
		l.Unread = s.refusals(l.Unread, other, fleet, next)
	}
	return l, nil
}

// refusals adds what opener refuses of sealer's sessions from now to next.
func (s *simulation) refusals(found []stretch, sealer, opener *server, next time.Time) []stretch {
	for _, id := range slices.SortedFunc(maps.Keys(sealer.sealed), func(a, b hardtack.KeyID) int { return cmp.Compare(s.numbers[a], s.numbers[b]) }) {
		t := sealer.sealed[id]
		if !t.until.After(opener.now) {
			delete(sealer.sealed, id)
			continue
		}
		if opener.refuses(t) {
			to := next
			if t.until.Before(to) {
				to = t.until
			}
			found = extend(found, stretch{s.numbers[id], opener.now, to})
		}
	}
	return found
}

// extend adds a stretch, to the one before it if there is no gap.
func extend(to []stretch, add stretch) []stretch {
	for i := range to {
		if to[i].Key == add.Key && to[i].To.Equal(add.From) {
			to[i].To = add.To
			return to
		}
	}
	return append(to, add)
}

// moments are the times at which something may change, in order, the end of the simulation last.
func (s *simulation) moments(late time.Duration) []time.Time {
	at := []time.Time{s.end}
	for _, e := range s.editions {
		at = append(at, e.from, e.from.Add(late))
		for _, k := range e.set.Keys {
			at = append(at, k.Activate(), k.Retire())
		}
	}
	at = slices.DeleteFunc(at, func(t time.Time) bool { return t.Before(s.begin) || t.After(s.end) })
	slices.SortFunc(at, time.Time.Compare)
	return slices.CompactFunc(at, time.Time.Equal)
}
