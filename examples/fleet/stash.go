package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

const (
	stashed   = 40 // cookies kept of each key
	stashPace = 30 * time.Millisecond
)

// stash keeps old cookies, like somebody who has copied them from browsers.
type stash struct {
	mu sync.Mutex
	of map[hardtack.KeyID][]held
}

func (s *stash) put(h held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.of[h.key]; len(all) < stashed {
		s.of[h.key] = append(all, h)
	} else {
		all[rand.IntN(len(all))] = h
	}
}

// take returns a cookie of a key that is wanted.
func (s *stash) take(wanted func(hardtack.KeyID) bool) (held, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, all := range s.of { // in random order
		if wanted(id) {
			return all[rand.IntN(len(all))], true
		}
	}
	return held{}, false
}

// replay presents stashed cookies to all servers, as soon as their key has retired, and others that may still be good now and then.
func (d *drill) replay(ctx context.Context) {
	for n := 0; pause(ctx, stashPace); n++ {
		s := d.servers[rand.IntN(len(d.servers))]
		keys := make(map[hardtack.KeyID]life)
		for _, k := range d.ledger.all() {
			keys[k.id] = k
		}
		now := d.clock.at(time.Now()).Add(s.offset)
		h, ok := d.stash.take(func(id hardtack.KeyID) bool {
			k := keys[id]
			retired := !k.retire.IsZero() && !now.Before(k.retire) || !k.revoked.IsZero()
			// A forgotten ID is like any that a client makes up: the server looks at the file, and this takes time.
			return !k.forgotten && (retired || n%4 == 0)
		})
		if !ok {
			continue
		}
		got, err := d.asker.session(ctx, s, read.method, read.path, h.value)
		if err == nil {
			d.judge(&h, &got, got.ID == h.id && got.User == h.user && got.Items == h.items)
		}
	}
}
