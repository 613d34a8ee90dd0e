package hardtack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// EndAll ends the stored sessions of a subject, "log out everywhere", but not
// those in except. The store must be a SubjectIndexer; else, and in a stateless Jar, the error matches
// errors.ErrUnsupported. What it ends is ended as by Delete; with a
// CompareAndSwapper, saves in flight fail with ErrEnded.
//
// It returns the number of records that it has ended: of sessions of this Jar's Audience that are in the store
// or were there, among them the former selves of renewed ones. A session that has come back into its cookie goes on
// until it next asks the store, and one that never outgrew its cookie does not end: for
// those, keep a time per account before which no session counts, and compare it with Created.
//
// It takes three calls of the store for each record, and a look at the source that the ring follows: sessions
// may be filed under a key that is not here yet. An empty subject is an error. After
// another, ErrStoreUnavailable, ctx's cause or one of Keyring.Refresh, some may have been ended: call it again.
func (j *Jar[T]) EndAll(ctx context.Context, subject string, except ...*Session[T]) (ended int, err error) {
	if j == nil || j.core == nil {
		return 0, ErrNotConfigured
	}
	spared := make(map[string]bool, len(except))
	for _, s := range except {
		if s == nil || s.state().jar != j.core {
			return 0, ErrNotConfigured
		}
		spared[j.core.locator(&s.st.rec)] = true
		if r := s.st.renewal; r != nil {
			spared[j.core.locator(&r.rec)] = true
		}
	}
	return j.core.endAll(ctx, subject, spared)
}

var (
	errNoIndex   = fmt.Errorf("hardtack: the jar has no store with an index by subject: %w", errors.ErrUnsupported)
	errNoSubject = errors.New("hardtack: the subject is empty")
)

func (c *core) endAll(ctx context.Context, subject string, done map[string]bool) (ended int, err error) {
	switch {
	case c.store == nil || c.store.indexer == nil:
		return 0, errNoIndex
	case subject == "":
		return 0, errNoSubject
	}
	late := c.Keys.Refresh(ctx)
	// Again until nothing new turns up: what a Renew files meanwhile is filed before the session that we
	// have found is frozen; and a store may tell only so many at a time.
	for more := true; more; {
		ids, err := c.store.findSubjects(ctx, c.indexTags(subject))
		if err != nil {
			return ended, err
		}
		more = false
		for id, expires := range ids {
			if done[id] {
				continue
			}
			if ctx.Err() != nil {
				return ended, context.Cause(ctx)
			}
			done[id], more = true, true
			was, err := c.endOne(ctx, id, expires)
			if was {
				ended++
			}
			if err != nil {
				return ended, err
			}
		}
	}
	return ended, late
}

// endOne puts a tombstone in place of a record, whether it is there yet or not, and reports whether it has ended one.
func (c *core) endOne(ctx context.Context, id string, expires time.Time) (was bool, err error) {
	data, found, err := c.store.find(ctx, id)
	if err != nil {
		return false, err
	}
	if !found || !seal.IsTombstone(data) {
		if err := c.store.commit(ctx, id, seal.Tombstone(), expires); err != nil {
			return false, err
		}
		was = found
	}
	return was, c.store.index(ctx, id, "", expires)
}

// indexTags returns what the index may know the subject as: one tag for each key that opens.
func (c *core) indexTags(subject string) (tags []string) {
	ring, now := c.Keys.load(), c.Now()
	for i := range ring.keys {
		if k := &ring.keys[i]; k.opens(ring, now) {
			tags = append(tags, k.material.seal.IndexTag(c.Audience, subject))
		}
	}
	return tags
}

// file enters the record of w into the store's index, if it has one, under the key that
// seals the reference to it. A reference under another key is filed anew, so that a
// record is found for as long as a cookie leads to it.
func (c *core) file(w *writing, id KeyID) error {
	if c.store.indexer == nil || w.rec.Subject == "" || w.filed != nil && *w.filed == id {
		return nil
	}
	ring := c.Keys.load()
	key := ring.byID[id]
	if key == nil || !key.usable() { // a custom Codec's, or ended just now
		var err error
		if key, err = ring.sealing(w.now); err != nil {
			return err
		}
	}
	tag := key.material.seal.IndexTag(c.Audience, w.rec.Subject)
	err := c.store.index(w.ctx, c.locator(&w.rec), tag, later(w.rec.Expires, w.rec.sealedExpires))
	if err == nil {
		w.filed = &id
	}
	return err
}
