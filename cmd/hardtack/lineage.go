package main

import (
	"context"
	"time"

	"github.com/hardtack-go/hardtack"
)

// lineage is what the keys of a session's earlier tokens take in its present one.
type lineage struct {
	Keys        int `json:"keys"`
	CookieBytes int `json:"cookie_bytes"`
}

// session is one that is used all the time, so that each key that comes seals it anew.
type session struct {
	value string
	until time.Time
}

// longestLineage lets a session begin just before each change of the ring, and returns the longest lineage that any of them gets.
func (s *simulation) longestLineage(lifetime time.Duration) (longest lineage, err error) {
	server, err := newServer(s.editions, 0, time.Time{}, lifetime)
	if err != nil {
		return longest, err
	}
	var alive []session
	moments := s.moments(0)
	for i, now := range moments[:len(moments)-1] {
		if err := server.advance(now); err != nil {
			return longest, err
		}
		var next []session
		for _, one := range alive {
			if !one.until.After(now) {
				continue
			}
			var l lineage
			if one.value, l, err = server.reseal(one.value); err != nil {
				return longest, err
			}
			if l.Keys > longest.Keys {
				longest = l
			}
			next = append(next, one)
		}
		rec := hardtack.Record{Kind: hardtack.KindInline, Seed: hardtack.Seed{1}, Created: now, Issued: now, Expires: now.Add(lifetime), Serializer: hardtack.CBOR{}}
		value, _, err := server.codec.Seal(context.Background(), nil, server.binding(), &rec)
		if err != nil {
			return longest, err
		}
		alive = append(next, session{string(value), moments[i+1].Add(lifetime)})
	}
	return longest, nil
}

// reseal does what a request does: it writes the session anew if its key no longer seals.
func (s *server) reseal(value string) (string, lineage, error) {
	ctx := context.Background()
	var rec hardtack.Record
	if err := s.codec.Open(ctx, s.binding(), value, &rec); err != nil || !rec.Stale {
		return value, lineage{}, err
	}
	anew, _, err := s.codec.Seal(ctx, nil, s.binding(), &rec)
	if err != nil {
		return value, lineage{}, err
	}
	bare := rec
	bare.Key, bare.Lineage = hardtack.KeyID{}, nil
	without, _, err := s.codec.Seal(ctx, nil, s.binding(), &bare)
	if err != nil {
		return value, lineage{}, err
	}
	err = s.codec.Open(ctx, s.binding(), string(anew), &rec)
	return string(anew), lineage{len(rec.Lineage), len(anew) - len(without)}, err
}
