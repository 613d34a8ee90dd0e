package hardtack

import (
	"context"
	"errors"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

// frozenFor is how long the record of a renewed session with a Subject can
// still be read: long enough to repeat a login whose response was lost.
const frozenFor = 10 * time.Minute

// awayStep is what a save adds to the revision while the store is away: more than the saves
// before it that failed, and may have reached the record all the same. What the client was told counts.
const awayStep = 1 << 20

// view is what is known of a session's record.
type view struct {
	known  bool // the store has answered
	exists bool
	env    seal.Envelope // if it exists
}

func (v *view) is(k seal.Kind) bool { return v.exists && v.env.Kind == k }

// stored reports whether the client holds a reference, or should.
func (st *state) stored() bool { return st.rec.Kind == KindReference }

// frozen reports whether the session was renewed and this is the old one.
func (st *state) frozen() bool { return st.view.is(seal.Frozen) }

func (c *core) locator(rec *Record) string {
	seed := seal.Seed(rec.Seed)
	return seal.Locator(&seed)
}

// look reads the session's record. A tombstone is ErrEnded, and so is a frozen record that is
// no longer to be read; a record that is not the session's own is ErrForged.
func (c *core) look(ctx context.Context, rec *Record) (v view, err error) {
	locator := c.locator(rec)
	data, found, err := c.store.find(ctx, locator)
	switch {
	case err != nil:
		return v, err
	case !found:
		return view{known: true}, nil
	case seal.IsTombstone(data):
		return v, ErrEnded
	}
	seed := seal.Seed(rec.Seed)
	if err := seal.OpenRecord(locator, &seed, data, &v.env); err != nil {
		return v, err
	}
	v.known = true
	v.exists = c.Now().UnixMilli() < v.env.Expires
	if !v.exists && v.env.Kind == seal.Frozen {
		return view{}, ErrEnded
	}
	return v, nil
}

// adopt makes the record the session's state. The cookie's own facts stay.
func (c *core) adopt(st *state, v view) error {
	ser, err := c.references.serializer(v.env.Serializer)
	if err != nil {
		return err
	}
	rec := &st.rec
	st.mustSet = st.mustSet || rec.Kind != KindReference
	rec.Kind = KindReference
	rec.Subject = string(v.env.Subject)
	rec.Expires = earlier(rec.Expires, time.UnixMilli(v.env.Expires))
	rec.Revision = v.env.Revision
	rec.Serializer, rec.Payload, rec.deflated = ser, v.env.Payload, nil
	st.view = v
	return nil
}

// reload reads the session again after a conflict.
func (c *core) reload(ctx context.Context, st *state) (*state, error) {
	again := &state{jar: c, rec: st.rec, former: st.former, strays: st.strays, kept: st.kept, exists: true,
		mustSet: st.mustSet || st.rec.Kind != KindReference}
	if st.renewal != nil {
		again.rec = st.renewal.rec
	}
	v, err := c.look(ctx, &again.rec)
	again.readAt = c.Now()
	switch {
	case err != nil:
		return nil, err
	case !v.exists:
		return nil, ErrRecordMissing
	case v.is(seal.Frozen):
		return nil, ErrConflict
	case again.rec.Kind != KindReference && v.env.Revision <= again.rec.Revision:
		again.view = v // as in Get, inline wins
		again.settle(again.rec.size)
		return again, nil
	}
	if err := c.adopt(again, v); err != nil {
		return nil, err
	}
	again.settle(again.rec.size)
	return again, nil
}

// writeHybrid decides where the session goes; the table in docs/hybrid.md says why.
func (c *core) writeHybrid(w *writing) (Placement, error) {
	st := w.st
	away, err := c.catchUp(w)
	if err != nil {
		return Placement{}, err
	}
	if st.frozen() {
		return c.conflict(w)
	}
	if away && !w.touch {
		w.rec.Revision += awayStep
	}
	if !w.touch && st.view.exists {
		// An earlier save of this request may have failed after its swap.
		w.rec.Revision = max(w.rec.Revision, st.view.env.Revision+1)
	}
	live := st.stored() && st.view.is(seal.Live)
	if w.touch && live {
		return c.writeReference(w, ReasonStays)
	}

	limit := c.Budget.Inline
	if live {
		limit = c.Budget.LowWater
	}
	w.rec.Kind = KindInline
	if st.view.exists && !(w.touch && st.rec.Kind == KindPending) || away {
		w.rec.Kind = KindPending
	}
	w.over = true
	if w.rec.deflated != nil || c.mayBeInline(len(w.payload)) {
		value, key, err := c.seal(w)
		if err != nil {
			return Placement{}, err
		}
		size := len(c.Name) + len(value)
		total := size + c.beside(w)
		w.over = size > c.Budget.Max || total > c.Budget.Inline
		if !w.over && total <= limit {
			return c.putInline(w, value, key, away, Placement{InCookie, len(w.payload), size, limit, ReasonFits})
		}
	}
	if away {
		return Placement{}, &storeError{"find", errors.New("the session outgrows its cookie while the store is away")}
	}
	return c.putRecord(w, live)
}

// mayBeInline reports whether a payload of n bytes is not certain to exceed Budget.Inline once it is sealed.
func (c *core) mayBeInline(n int) bool {
	if _, sealed := c.Codec.(*SealedCodec); !sealed {
		return n < c.Budget.Max
	}
	return c.InsecureCompression != nil && n <= maxInflated || len(c.Name)+seal.LeastText(n) <= c.Budget.Inline
}

// catchUp reads the record of a pending cookie if Get could not. It reports
// whether the store is still away.
func (c *core) catchUp(w *writing) (away bool, err error) {
	st := w.st
	if st.rec.Kind != KindPending || st.view.known {
		return false, nil
	}
	v, err := c.look(w.ctx, &st.rec)
	if errors.Is(err, ErrStoreUnavailable) {
		return true, nil
	}
	if errors.Is(err, ErrForged) {
		v, err = view{known: true}, nil // not this session's
	}
	if err == nil && v.exists && v.env.Revision > st.rec.Revision {
		c.Observer.Conflict(w.ctx)
		err = ErrConflict
	}
	if err == nil {
		st.view = v
	}
	return false, err
}

// putInline writes the session into its cookie. A record that exists takes
// the state along, marked returned, in case the response is lost.
func (c *core) putInline(w *writing, value []byte, key KeyID, away bool, p Placement) (Placement, error) {
	st := w.st
	returns := st.stored() && st.view.is(seal.Live)
	if returns {
		p.Reason = ReasonReturned
	}
	if away {
		p.Reason = ReasonAway
	}
	mayFail := func(err error) bool { return st.rec.Kind == KindPending && errors.Is(err, ErrStoreUnavailable) }
	if st.view.exists && st.rec.Key != key {
		if err := c.file(w, key); err != nil && !mayFail(err) {
			return Placement{}, err
		}
	}
	if st.view.exists && !w.touch {
		swapped, err := c.put(w, st.view.env.Revision, seal.Returned)
		switch {
		case mayFail(err):
			p.Reason = ReasonAway
			w.rec.Revision += awayStep
			if value, key, err = c.seal(w); err != nil {
				return Placement{}, err
			}
			p.CookieBytes = len(c.Name) + len(value)
			if err := c.fits(p.CookieBytes); err != nil {
				return Placement{}, err
			}
		case err != nil:
			return Placement{}, err
		case !swapped:
			return c.lost(w, &st.rec)
		}
	}
	if err := c.retireOld(w); err != nil {
		return Placement{}, err
	}
	if returns {
		c.Observer.Returned(w.ctx, len(w.payload))
	}
	w.rec.size = p.CookieBytes
	return c.commit(w, value, key, p), nil
}

// putRecord writes the session into the store, and a reference into the
// cookie unless the client's own still serves.
func (c *core) putRecord(w *writing, live bool) (Placement, error) {
	st := w.st
	if w.touch { // it is a save after all: what was inline must move
		w.rec.Revision = max(w.rec.Revision, st.view.env.Revision) + 1
	}
	if !live && w.rec.Subject != "" {
		// Before the record: it must not be there, even for a moment, and not be found.
		if err := c.fitsRecord(&w.rec); err != nil {
			return Placement{}, err
		}
		key, err := c.Keys.load().sealing(w.now)
		if err != nil {
			return Placement{}, err
		}
		if err := c.file(w, key.id); err != nil {
			return Placement{}, err
		}
	}
	if !st.view.exists {
		return c.overflow(w)
	}
	swapped, err := c.put(w, st.view.env.Revision, seal.Live)
	if err != nil {
		return Placement{}, err
	}
	if !swapped {
		return c.lost(w, &st.rec)
	}
	if !live {
		if err := c.retireOld(w); err != nil {
			return Placement{}, err
		}
		c.Observer.Overflowed(w.ctx, len(w.payload))
		return c.writeReference(w, ReasonOver)
	}
	reason := ReasonStays
	if w.over {
		reason = ReasonOver
	}
	if st.former != nil || st.strays || st.rec.Stale || st.mustSet || c.idleDue(st, w.now) {
		return c.writeReference(w, reason)
	}
	w.rec.Kind, w.rec.Issued = KindReference, st.rec.Issued
	p := Placement{InStore, len(w.payload), st.rec.size, c.Budget.Inline, reason}
	st.saved(w, p)
	return p, nil
}

// overflow moves a session from its cookie into the store.
func (c *core) overflow(w *writing) (Placement, error) {
	st := w.st
	var old uint64
	for range 3 {
		swapped, err := c.put(w, old, seal.Live)
		if err != nil {
			return Placement{}, err
		}
		if swapped {
			if err := c.retireOld(w); err != nil {
				// Nobody will ever hold the seed of the record just written.
				_ = c.store.delete(w.ctx, c.locator(&w.rec))
				st.view = view{}
				return Placement{}, err
			}
			c.Observer.Overflowed(w.ctx, len(w.payload))
			return c.writeReference(w, ReasonOver)
		}
		v, err := c.look(w.ctx, &w.rec)
		switch {
		case err != nil:
			return Placement{}, err
		case !v.exists:
			old = 0
			continue
		case v.is(seal.Frozen):
			return c.conflict(w)
		case st.renewal != nil:
			// An earlier attempt of this very request.
		case v.is(seal.Live) && v.env.Revision >= w.rec.Revision, v.env.Revision > w.rec.Revision:
			// Another tab was first: lead the client to its state.
			ref := *w
			ref.rec.Revision = v.env.Revision
			ref.st = &state{jar: c}
			if _, err := c.writeReference(&ref, ReasonOver); err != nil {
				return Placement{}, err
			}
			return c.conflict(w)
		}
		old = v.env.Revision
		w.rec.Revision = max(w.rec.Revision, old+1)
	}
	return c.conflict(w)
}

// writeReference writes a cookie that leads to the record.
func (c *core) writeReference(w *writing, reason string) (Placement, error) {
	w.rec.Kind = KindReference
	value, key, err := c.seal(w)
	if err != nil {
		return Placement{}, err
	}
	size := len(c.Name) + len(value)
	if err := c.fits(size); err != nil {
		return Placement{}, err
	}
	if st := w.st; !st.stored() || st.mustSet || st.rec.Key != key {
		if err := c.file(w, key); err != nil {
			return Placement{}, err
		}
	}
	w.rec.size = size
	return c.commit(w, value, key, Placement{InStore, len(w.payload), size, c.Budget.Inline, reason}), nil
}

// put writes w's record if the present one has the revision old. What the
// session's state knows of the record follows.
func (c *core) put(w *writing, old uint64, kind seal.Kind) (bool, error) {
	if kind == seal.Live && w.st.renewal == nil {
		w.st.exists = true // whatever becomes of the call
	}
	env := envelope(&w.rec, kind, w.now)
	swapped, err := c.swap(w.ctx, &env, old, w.rec.Expires)
	if swapped {
		env.Payload = w.rec.Payload
		w.st.view = view{known: true, exists: true, env: env}
	}
	return swapped, err
}

// fitsRecord returns a *SizeError if the record of rec exceeds Budget.Record.
func (c *core) fitsRecord(rec *Record) error {
	env := envelope(rec, seal.Live, rec.Issued)
	return c.fitsEnvelope(&env)
}

func (c *core) fitsEnvelope(env *seal.Envelope) error {
	if size := seal.RecordSize(env); size > c.Budget.Record {
		return &SizeError{RecordBytes: size, Limit: c.Budget.Record, Over: size - c.Budget.Record}
	}
	return nil
}

func (c *core) swap(ctx context.Context, env *seal.Envelope, old uint64, expires time.Time) (bool, error) {
	if err := c.fitsEnvelope(env); err != nil {
		return false, err
	}
	if env.Seed == (seal.Seed{}) {
		return false, errors.New("hardtack: session without a seed cannot be stored")
	}
	locator := seal.Locator(&env.Seed)
	data, err := seal.SealRecord(locator, env)
	if err != nil {
		return false, err
	}
	return c.store.swap(ctx, locator, old, env.Revision, data, expires)
}

func envelope(rec *Record, kind seal.Kind, now time.Time) seal.Envelope {
	return seal.Envelope{
		Kind:       kind,
		Idle:       rec.Idle,
		Serializer: rec.Serializer.SerializerID(),
		Seed:       seal.Seed(rec.Seed),
		Created:    rec.Created.UnixMilli(),
		Issued:     later(now, rec.Created).UnixMilli(),
		Expires:    rec.Expires.UnixMilli(),
		Revision:   rec.Revision,
		Subject:    []byte(rec.Subject),
		Payload:    rec.Payload,
	}
}

// retireOld freezes the record of the session that Renew replaces.
func (c *core) retireOld(w *writing) error {
	r := w.st.renewal
	if r == nil || r.rec.Serializer == nil {
		return nil
	}
	if r.rec.Kind == KindPending && !r.view.known {
		v, err := c.look(w.ctx, &r.rec)
		if err != nil {
			return err
		}
		if v.exists && v.env.Revision > r.rec.Revision {
			c.Observer.Conflict(w.ctx)
			return ErrConflict
		}
		r.view = v
	}
	// Of a session that a former cookie may lead to, copies of that cookie must not outlive the renewal.
	insert := !r.view.exists && c.foreign
	if !r.view.exists && !insert || r.view.is(seal.Frozen) {
		return nil
	}
	env := envelope(&r.rec, seal.Frozen, w.now)
	env.Revision = max(r.rec.Revision, r.view.env.Revision) + 1
	if r.rec.Subject != "" || insert {
		env.Expires = earlier(r.rec.Expires, later(w.now, r.rec.Created).Add(frozenFor)).UnixMilli()
	}
	// It stays in the store beyond that: a pending cookie that finds no record counts as inline.
	swapped, err := c.swap(w.ctx, &env, r.view.env.Revision, later(r.rec.Expires, r.rec.sealedExpires))
	if insert && r.rec.Kind == KindInline {
		return nil // it has moved already: not worth a login, and there may be a record from before
	}
	if err == nil && !swapped {
		_, err = c.lost(w, &r.rec)
	}
	return err
}

// lost says why a compare-and-swap of rec's record found another state.
func (c *core) lost(w *writing, rec *Record) (Placement, error) {
	v, err := c.look(w.ctx, rec)
	if err != nil {
		return Placement{}, err
	}
	if !v.exists {
		return Placement{}, ErrRecordMissing
	}
	return c.conflict(w)
}

func (c *core) conflict(w *writing) (Placement, error) {
	c.Observer.Conflict(w.ctx)
	return Placement{}, ErrConflict
}

// bury puts a tombstone in place of rec's record until the session would have
// ended by itself. It does not ask what is there: a cookie that holds its data
// cannot know of a record whose reference was lost.
func (c *core) bury(ctx context.Context, rec *Record) error {
	expires := later(rec.Expires, rec.sealedExpires)
	if c.prolongs { // a copy that moved later may live so long
		expires = later(expires, c.Now().Add(c.Lifetime))
	}
	if rec.Seed == (Seed{}) || !c.Now().Before(expires) {
		return nil
	}
	locator := c.locator(rec)
	err := c.store.commit(ctx, locator, seal.Tombstone(), expires)
	if err == nil && rec.Kind != KindInline && rec.Subject != "" && c.store.indexer != nil {
		// Only to save room: what is ended may be found.
		_ = c.store.index(ctx, locator, "", expires)
	}
	return err
}
