package hardtack

import (
	"context"
	"errors"
	"fmt"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// EndAll ends the stored sessions of a subject, "log out everywhere", but not
// those in except, and returns how many it has ended. The store must be a SubjectIndexer; else, and in a
// stateless Jar, the error matches errors.ErrUnsupported. What it ends is ended as by Delete; saves in flight
// fail with ErrEnded.
//
// It reaches the sessions of this Jar's Audience that are in the store or were there once; one that has come
// back into its cookie is ended when it next asks the store. A session that never outgrew its
// cookie is not reached: for those, keep a time per account before which no session counts, and
// compare it with Created.
//
// A key that was revoked or is retired no longer counts: nor do the sessions under it.
// On ErrStoreUnavailable some may have been ended; call it again. It also stops between two
// sessions when ctx ends.
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

func (c *core) endAll(ctx context.Context, subject string, spared map[string]bool) (ended int, err error) {
	switch {
	case c.store == nil || c.store.indexer == nil:
		return 0, errNoIndex
	case subject == "":
		return 0, errNoSubject
	}
	ids, err := c.store.findSubjects(ctx, c.indexTags(subject))
	if err != nil {
		return 0, err
	}
	for id, expires := range ids {
		if spared[id] {
			continue
		}
		if ctx.Err() != nil {
			return ended, context.Cause(ctx)
		}
		data, found, err := c.store.find(ctx, id)
		if err != nil {
			return ended, err
		}
		if !found || !seal.IsTombstone(data) {
			if err := c.store.commit(ctx, id, seal.Tombstone(), expires); err != nil {
				return ended, err
			}
		}
		if found && !seal.IsTombstone(data) {
			ended++
		}
		if err := c.store.index(ctx, id, "", expires); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// indexTags returns what the index may know the subject as: one tag for each key that opens.
func (c *core) indexTags(subject string) (tags []string) {
	ring, now := c.Keys.load(), c.Now()
	for i := range ring.keys {
		if k := &ring.keys[i]; !k.Revoked() && !k.retired(now) {
			tags = append(tags, k.material.seal.IndexTag(c.Audience, subject))
		}
	}
	return tags
}

// file enters the record of w into the index by subject, under the key that seals the
// reference to it. A reference under another key is filed anew, so that a
// record is found for as long as a cookie leads to it.
func (c *core) file(w *writing, key KeyID) error {
	if w.filed == key || w.rec.Subject == "" && (w.st.subject == "" || !w.st.view.exists) {
		return nil // it is there already, or was nobody's and stays so
	}
	err := c.index(w, key, w.rec.Subject)
	if err == nil {
		w.filed = key
	}
	return err
}

// fileAhead files a record that is about to be written for a subject: it must
// not be there, even for a moment, and not be found.
func (c *core) fileAhead(w *writing) error {
	if w.rec.Subject == "" || w.st.stored() && !w.st.mustSet {
		return nil
	}
	key, err := c.Keys.load().sealing(w.now)
	if err != nil {
		return err
	}
	return c.file(w, key.id)
}

// unfile takes filing back where somebody else's record stays: it is filed under
// what it says itself.
func (c *core) unfile(w *writing) {
	if w.filed == (KeyID{}) {
		return
	}
	if v, err := c.look(w.ctx, &w.rec); err == nil && v.exists {
		_ = c.index(w, w.filed, string(v.env.Subject)) // the caller hears of the conflict
	}
}

// index has the store's index, if it has one, know w's record as the subject's.
func (c *core) index(w *writing, key KeyID, subject string) error {
	if c.store.indexer == nil {
		return nil
	}
	tag := ""
	if subject != "" {
		k := c.Keys.load().byID[key]
		if k == nil || k.Revoked() {
			return nil // nobody will open the reference
		}
		tag = k.material.seal.IndexTag(c.Audience, subject)
	}
	return c.store.index(w.ctx, c.locator(&w.rec), tag, w.rec.Expires)
}
