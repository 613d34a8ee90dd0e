package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

// revocation is the emergency in the middle of the drill.
type revocation struct {
	key     hardtack.KeyID
	at      time.Time // real time, before it was written
	spread  time.Duration
	sealed  int // cookies that clients held, sealed with the key
	since   int // and those sealed with another since
	refused int // answers, one of each server for each of the cookies
	stood   int // cookies of other keys that clients held
}

// revoke revokes a key that no longer seals, while sessions sealed with it live, some of them with a newer key by now. Then it presents the cookies of all of
// them to every server. The traffic goes on meanwhile.
func (d *drill) revoke(ctx context.Context) error {
	if err := d.hold(ctx); err != nil {
		return err
	}
	defer d.release()
	d.revoking.Store(true)
	defer d.revoking.Store(false)
	keys := d.ledger.all()
	r := &revocation{key: keys[max(0, sealing(keys, d.slowest(time.Now()))-1)].id, at: time.Now()}
	d.revocation.Store(r)
	if _, err := hardtack.UpdateKeys(ctx, d.file, nil, func(s hardtack.KeySet) (hardtack.KeySet, error) {
		return s.Revoke(r.key, d.clock.at(r.at)), nil
	}); err != nil {
		return fmt.Errorf("revoking a key: %w", err)
	}
	written := time.Now()
	victims := make(map[string]held)
	d.gather(r, victims)
	if err := d.until(ctx, "the revocation to reach all servers", func() bool {
		for _, s := range d.servers {
			if s.knowsRevoked(r.key).IsZero() {
				return false
			}
		}
		return true
	}); err != nil {
		return err
	}
	for _, s := range d.servers {
		r.spread = max(r.spread, s.knowsRevoked(r.key).Sub(written))
	}
	d.gather(r, victims) // with the cookies made since by servers that did not know yet

	var all sync.WaitGroup
	for _, h := range victims {
		if h.key == r.key {
			r.sealed++
		} else {
			r.since++
		}
		for _, s := range d.servers {
			select {
			case d.turns <- struct{}{}:
			case <-ctx.Done():
			}
			all.Go(func() {
				defer func() { <-d.turns }()
				d.present(ctx, r, h, s)
			})
		}
	}
	all.Wait()
	fmt.Fprintf(d.log, "key %v was revoked: %d sessions were under it\n", r.key, len(victims))
	return nil
}

// gather adds the cookies that clients hold now and that were ever sealed with the key.
func (d *drill) gather(r *revocation, victims map[string]held) {
	r.stood = 0
	for _, c := range d.clients {
		switch h := c.shown.Load(); {
		case h.value == "":
		case h.sealedBy(r.key):
			victims[h.value] = *h
		default:
			r.stood++
		}
	}
}

// present shows a cookie of the revoked key to a server until it answers.
func (d *drill) present(ctx context.Context, r *revocation, h held, s *server) {
	for ctx.Err() == nil {
		got, err := d.asker.session(ctx, s, read.method, read.path, h.value)
		switch {
		case err == nil:
			d.judge(&h, &got, true)
			if got.Refused != "" {
				d.count(func(*tally) { r.refused++ })
			}
			return
		case !errors.Is(err, errNoReply):
			d.fail(fmt.Errorf("server %d does not answer: %w", s.number, err))
			return
		}
	}
}
