package hardtack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hardtack-go/hardtack/internal/seal"
)

const (
	// maxCandidates bounds the cookies of one name that are opened, and
	// maxStoreReads the records read for them: clients choose how many they send.
	maxCandidates = 8
	maxStoreReads = 2
	// maxLooks bounds the cookies that another codec than the sealed one refuses without having opened them.
	maxLooks = 64
	// maxFormer is the longest value, in bytes, that is tried in a former format.
	maxFormer = 8192

	// touchWindow is how long after Get a Touch still writes.
	touchWindow = time.Second
)

// core is a compiled Config: what of a Jar does not depend on its type.
type core struct {
	Config
	present scope
	formers []scope // of Formerly, in its order
	store   *storeCaller
	// references seals references, and knows the serializers of records.
	references *SealedCodec
	custom     bool        // Config.Codec was set
	foreign    bool        // there is a former in another format than ours
	prolongs   bool        // and one that prolongs
	warned     atomic.Bool // NearLimit was reported
}

func newCore(c Config, store Store) (*core, error) {
	c.setDefaults()
	if err := c.validate(store != nil); err != nil {
		return nil, err
	}
	c.Keys.adopt(c.Now, c.Lifetime)
	k := &core{Config: c, present: c.scope(c.Name, c.Domain, c.Path)}
	k.references = NewSealedCodec(c.Keys).with(&c)
	if k.custom = k.Codec != nil; !k.custom {
		k.Codec = k.references
	} else if sealed, ok := k.Codec.(*SealedCodec); ok {
		k.Codec = sealed.with(&c)
	}
	for i := range k.Formerly {
		f := &k.Formerly[i]
		f.use = &formerUse{since: c.Now()}
		if f.Codec == nil {
			f.Codec, f.inherits = k.Codec, true
		}
		if _, sealed := f.Codec.(*SealedCodec); !sealed && !f.inherits {
			k.foreign = true
		}
		k.prolongs = k.prolongs || f.Prolong
		k.formers = append(k.formers, c.scope(f.Name, f.Domain, f.Path))
	}
	if store != nil {
		k.store = newStoreCaller(store, c.StoreTimeout, k.Observer.StoreError)
	}
	return k, nil
}

// moved reports whether the i-th former cookie is another than the present
// one to a browser, so that it has to be expired there.
func (c *core) moved(i int) bool {
	return c.formers[i].name != c.present.name || c.formers[i].place != c.present.place
}

// fresh returns the state of a new session, in place of one that was refused with err.
func (c *core) fresh(err error) *state {
	now := c.Now().Truncate(time.Millisecond)
	return &state{
		jar:    c,
		isNew:  true,
		err:    err,
		readAt: now,
		rec: Record{
			Seed:    Seed(seal.NewSeed()),
			Created: now,
			Expires: now.Add(c.Lifetime),
		},
		now: Placement{Reason: ReasonNew},
	}
}

// open finds the request's session. It never returns nil.
func (c *core) open(ctx context.Context, h http.Header) *state {
	l := c.lookup(ctx)
	st := l.read(h, &c.present, nil)
	// Before an older cookie in a former place is taken instead.
	if st == nil && l.reread() {
		l = c.lookup(ctx)
		st = l.read(h, &c.present, nil)
	}
	if st == nil && l.elsewhere() {
		st = l.readFormer(h)
		if st == nil && l.reread() {
			l = c.lookup(ctx)
			if st = l.read(h, &c.present, nil); st == nil && l.elsewhere() {
				st = l.readFormer(h)
			}
		}
	}
	for _, r := range l.refused {
		r.ring.refused(r.id)
	}
	if st == nil {
		if !errors.Is(l.reason, ErrNoCookie) {
			c.Observer.Refused(ctx, l.reason)
		}
		st = c.fresh(l.reason)
		st.kept = l.kept
		return st
	}
	key := c.Keys.opened(st.rec.Key, l.now)
	st.strays = c.strays(h, st)
	former := ""
	if st.former != nil {
		former = st.former.Label
		st.former.use.count(l.now)
	}
	c.Observer.Opened(ctx, key, former)
	return st
}

// strays reports whether a cookie that Formerly lists came along with st's:
// one of another name, or a second one of the same name.
func (c *core) strays(h http.Header, st *state) bool {
	for i := range c.Formerly {
		n := 0
		cookieValues(h, c.Formerly[i].Name, func(string) bool { n++; return n < 2 })
		if n > 1 || n == 1 && c.Formerly[i].Name != c.Name {
			return true
		}
	}
	return false
}

// lookup is one search for a session among the request's cookies.
type lookup struct {
	*core
	ctx    context.Context
	now    time.Time
	tries  int
	looks  int
	missed int      // cookies that a codec has looked for in a store of its own
	reads  int      // of records
	reason error    // why nothing was accepted so far, the weightiest
	last   error    // why the last one was not
	kept   []Record // authentic, not served, and for Delete to end

	authentic bool // one was authentic, whatever became of it

	refused []*keyRefusal // of the first cookies refused for their key
}

func (c *core) lookup(ctx context.Context) *lookup {
	return &lookup{core: c, ctx: ctx, now: c.Now(), reason: ErrNoCookie}
}

// readFormer looks in the former places.
func (l *lookup) readFormer(h http.Header) (st *state) {
	for i := range l.Formerly {
		if st = l.read(h, &l.formers[i], &l.Formerly[i]); st != nil || !l.elsewhere() {
			break
		}
	}
	return st
}

// elsewhere reports whether the refusal is one that a former place may mend.
func (l *lookup) elsewhere() bool {
	return !l.authentic && (weight(l.reason) <= weight(ErrForged) || errors.Is(l.reason, ErrRecordMissing))
}

// weight orders refusals: what is known about an authentic cookie says more
// than what is wrong with a forged one, and an outage, after which no cookie may be overwritten, most.
func weight(err error) int {
	if errors.Is(err, ErrStoreUnavailable) {
		return 5
	}
	for i, e := range []error{ErrNoCookie, ErrMalformed, ErrUnknownKey, ErrForged} {
		if errors.Is(err, e) {
			return i
		}
	}
	return 4
}

func (l *lookup) refuse(err error) {
	l.last = err
	if weight(err) > weight(l.reason) {
		l.reason = err
	}
}

// read opens the cookies of one name and returns the newest that holds, nil if none does.
func (l *lookup) read(h http.Header, s *scope, former *Former) *state {
	codec := l.Codec
	if former != nil {
		codec = former.Codec
	}
	binding := Binding{Name: s.name, Audience: l.Audience, Now: l.now}
	var first, next *state
	var found []*state // all of them, if there is more than one: almost never
	away := false
	cookieValues(h, s.name, func(value string) bool {
		if next == nil {
			next = &state{jar: l.core, readAt: l.now, former: former, exists: true}
		}
		err := l.openOne(codec, binding, former, value, &next.rec)
		switch {
		case err == nil && first == nil:
			first, next = next, nil
		case err == nil && found == nil:
			found, next = []*state{first, next}, nil
		case err == nil:
			found, next = append(found, next), nil
		default:
			next.rec = Record{}
			l.refuse(err)
			l.noteKey(err)
			away = away || errors.Is(err, ErrStoreUnavailable)
			if errors.Is(err, ErrRecordMissing) {
				l.missed++
			}
		}
		// What is refused by a sealed token's header alone costs next to nothing.
		if !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrMalformed) {
			l.tries++
		} else if _, sealed := codec.(*SealedCodec); !sealed {
			l.looks++
		}
		return l.tries < maxCandidates && l.looks < maxLooks && l.missed < maxStoreReads && !away
	})
	if away {
		l.Observer.StoreError(l.ctx, "former", l.reason)
		return nil // falling back behind an outage would be a rollback
	}
	if first == nil {
		return nil
	}
	if found == nil {
		return l.accept(first)
	}
	slices.SortStableFunc(found, func(a, b *state) int {
		return cmp.Or(b.rec.Issued.Compare(a.rec.Issued), cmp.Compare(b.rec.Revision, a.rec.Revision))
	})
	for i, st := range found {
		if l.accept(st) != nil {
			for _, older := range found[i+1:] {
				st.kept = append(st.kept, older.rec)
			}
			return st
		}
		// Falling back behind an end, an outage or a deploy would be a rollback.
		if errors.Is(l.last, ErrEnded) || errors.Is(l.last, ErrStoreUnavailable) {
			return nil
		}
	}
	return nil
}

// noteKey remembers the key of a cookie that was refused for it.
func (l *lookup) noteKey(err error) {
	var r *keyRefusal
	if len(l.refused) < maxCandidates && errors.As(err, &r) {
		l.refused = append(l.refused, r)
	}
}

// reread has the rings look for keys that they do not have, and reports whether one did.
func (l *lookup) reread() (did bool) {
	absent := make(map[*Keyring][]KeyID)
	for _, r := range l.refused {
		if errors.Is(r, errAbsentKey) {
			absent[r.ring] = append(absent[r.ring], r.id)
		}
	}
	for ring, ids := range absent {
		did = ring.reread(l.ctx, ids) || did
	}
	return did
}

func (l *lookup) openOne(codec Codec, b Binding, former *Former, value string, rec *Record) error {
	if len(value) == 0 || len(value) > seal.MaxText && former == nil || len(value) > maxFormer {
		return ErrMalformed
	}
	err := codec.Open(l.ctx, b, value, rec)
	if err != nil && l.custom && (former == nil || former.inherits) {
		// A reference is always sealed.
		var ref Record
		switch refErr := l.references.Open(l.ctx, b, value, &ref); {
		case refErr == nil && ref.Kind == KindReference:
			*rec, err = ref, nil
		case refErr != nil && weight(refErr) > weight(err):
			err = refErr
		}
	}
	if err != nil {
		return err
	}
	if rec.Seed == (Seed{}) {
		if err := l.identify(b, former, rec); err != nil {
			return err
		}
	}
	rec.size = len(b.Name) + len(value)
	return nil
}

// identify gives a record of a format without seeds its own.
func (l *lookup) identify(b Binding, former *Former, rec *Record) error {
	if rec.ID == "" {
		if former == nil && l.store != nil {
			return ErrMalformed // it has nothing that stays the same from save to save
		}
		// Two visitors may hold the same value. They must not become one session.
		rec.Seed = Seed(seal.NewSeed())
		return nil
	}
	key, err := l.Keys.load().oldest(l.now)
	if err != nil {
		return err
	}
	rec.Seed = Seed(key.material.seal.FormerSeed(l.Audience, l.Name, b.Name, rec.ID))
	if former != nil {
		rec.ID = ""
		if l.store != nil && rec.Kind == KindInline {
			// The client may have been given a newer state, or an end, and not have got the cookie.
			rec.Kind = KindPending
		}
	}
	return nil
}

// accept returns st, whose record is authentic, if it is still good and, for
// a hybrid Jar, the store agrees; else nil.
func (l *lookup) accept(st *state) *state {
	l.authentic = true
	rec := &st.rec
	rec.sealedExpires = rec.Expires
	rec.Expires = earlier(rec.Expires, rec.Created.Add(l.Lifetime))
	switch {
	case rec.Issued.After(l.now.Add(clockSkew)):
		l.refuse(ErrNotYetValid)
		return nil
	case !l.now.Before(rec.Expires):
		l.refuse(ErrExpired)
		return nil
	case rec.Idle && l.IdleTimeout > 0 && !l.now.Before(rec.Issued.Add(l.IdleTimeout)):
		l.refuse(ErrIdle)
		return nil
	}
	if rec.Kind == KindInline {
		st.settle(rec.size)
		return st
	}
	if err := l.consult(st); err != nil {
		l.refuse(err)
		if errors.Is(err, ErrStoreUnavailable) || errors.Is(err, ErrPayload) {
			l.kept = append(l.kept, *rec)
		}
		return nil
	}
	st.readAt = l.Now() // the store may have taken its time
	st.settle(rec.size)
	return st
}

// consult asks the store about a reference or a pending cookie.
func (l *lookup) consult(st *state) error {
	pending := st.rec.Kind == KindPending
	if l.store == nil {
		switch {
		case pending:
			return nil // as with the store away, or retired: inline wins
		case l.StoreRetired:
			return ErrRecordMissing
		}
		return &storeError{"find", errors.New("the cookie is a reference, and this jar is stateless")}
	}
	if l.reads++; l.reads > maxStoreReads {
		return ErrRecordMissing // also of a pending one: the client must not choose whether the store is asked
	}
	v, err := l.look(l.ctx, &st.rec)
	switch {
	case err != nil && pending && errors.Is(err, ErrStoreUnavailable):
		return nil // the view stays unknown
	case errors.Is(err, ErrForged) && pending:
		st.view.known = true // what lies there is no record of this session
		return nil
	case err != nil:
		return err
	case pending && (!v.exists || v.env.Revision <= st.rec.Revision):
		st.view = v
		return nil
	case !v.exists, v.env.Revision < st.rec.Revision && l.store.swapper != nil:
		return ErrRecordMissing
	}
	return l.adopt(st, v)
}

// settle fills in the placement of a session that was just read.
func (st *state) settle(cookieBytes int) {
	st.now = Placement{
		Where:        InCookie,
		PayloadBytes: len(st.rec.Payload),
		CookieBytes:  cookieBytes,
		Limit:        st.jar.Budget.Max,
		Reason:       ReasonPresented,
	}
	if st.jar.store != nil {
		st.now.Limit = st.jar.Budget.Inline
	}
	if st.stored() {
		st.now.Where = InStore
	}
}

// knows reports whether what ser writes can be read from our cookies. Only the sealed format says who wrote a payload.
func (c *core) knows(ser Serializer) bool {
	id := ser.SerializerID()
	return id == c.Serializer.SerializerID() || !c.custom && (id == serializerCBOR || id == serializerJSON)
}

func (c *core) touchDue(st *state) bool {
	now := c.Now()
	if st.isNew || st.written || st.renewal != nil || now.Sub(st.readAt) > touchWindow || st.frozen() {
		return false
	}
	return st.former != nil || st.strays || st.rec.Stale || st.mustSet || c.idleDue(st, now) || c.returnDue(st)
}

// idleDue reports whether the cookie's issue time is a tenth of the idle
// timeout old, or it does not track idle time as configured.
func (c *core) idleDue(st *state, now time.Time) bool {
	if c.IdleTimeout == 0 {
		return st.rec.Idle
	}
	return !st.rec.Idle || now.Sub(st.rec.Issued) >= c.IdleTimeout/10
}

// returnDue reports whether a return from the store is to be carried on.
func (c *core) returnDue(st *state) bool {
	switch {
	case c.store == nil:
		return st.rec.Kind == KindPending && c.StoreRetired
	case st.rec.Kind == KindPending:
		return st.view.known
	}
	return st.rec.Kind == KindReference && st.view.env.Kind == seal.Returned
}

// touch writes the session as it was read.
func (c *core) touch(ctx context.Context, out, in http.Header, st *state, ser Serializer, payload []byte) (Placement, error) {
	return c.write(&writing{ctx: ctx, out: out, in: in, st: st, ser: ser, payload: payload, touch: true})
}

// save writes the session as its next revision.
func (c *core) save(ctx context.Context, out, in http.Header, st *state, ser Serializer, payload []byte) (Placement, error) {
	return c.write(&writing{ctx: ctx, out: out, in: in, st: st, ser: ser, payload: payload})
}

// writing is one Save or Touch.
type writing struct {
	ctx     context.Context
	out, in http.Header
	st      *state
	ser     Serializer
	payload []byte
	touch   bool

	now  time.Time
	rec  Record // what is being written
	gone []int  // the formers to expire
	over bool   // the cookie would exceed Budget.Inline

	filed *KeyID // the record is in the index by subject, under this key
}

func (c *core) write(w *writing) (p Placement, err error) {
	defer func() {
		if errors.Is(err, ErrConflict) || errors.Is(err, ErrEnded) || errors.Is(err, ErrRecordMissing) {
			w.st.written = true // somebody was faster: a Touch must not bring back what was read before
		}
	}()
	st := w.st
	w.now = c.Now()
	if !w.now.Before(st.rec.Expires) {
		return Placement{}, ErrExpired
	}
	w.rec = st.rec
	if st.former != nil && st.former.Prolong && !st.frozen() {
		w.rec.Created = w.now.Truncate(time.Millisecond)
		w.rec.Expires = w.rec.Created.Add(c.Lifetime)
	}
	w.rec.Kind = KindInline
	w.rec.Serializer, w.rec.Payload = w.ser, w.payload
	if !w.touch || !bytes.Equal(w.payload, st.rec.Payload) {
		w.rec.deflated = nil
	}
	w.rec.Idle = c.IdleTimeout > 0
	// Never back in time within a session: the clock of the server before may be ahead.
	w.rec.Issued = later(w.now, st.rec.Issued)
	if w.rec.Issued.Before(w.rec.Created) {
		w.rec.Issued = w.rec.Created
	}
	if !w.touch {
		w.rec.Revision++
	}
	for i := range c.Formerly {
		presented := false
		cookieValues(w.in, c.Formerly[i].Name, func(string) bool { presented = true; return false })
		if presented && c.moved(i) {
			w.gone = append(w.gone, i)
		}
	}
	if c.store == nil {
		return c.writeStateless(w)
	}
	return c.writeHybrid(w)
}

func (c *core) writeStateless(w *writing) (Placement, error) {
	if w.st.rec.Kind == KindPending && !c.StoreRetired {
		w.rec.Kind = KindPending
	}
	value, key, err := c.seal(w)
	if err != nil {
		return Placement{}, err
	}
	size := len(c.Name) + len(value)
	if err := c.fits(size); err != nil {
		return Placement{}, err
	}
	if total := size + c.beside(w); total > c.Budget.Inline && !c.warned.Swap(true) {
		c.Observer.NearLimit(w.ctx, total, c.Budget.Inline,
			"stock nginx answers 502 when a response's head exceeds 4096 bytes: set proxy_buffer_size 8k, or use a hybrid jar")
	}
	return c.commit(w, value, key, Placement{InCookie, len(w.payload), size, c.Budget.Max, ReasonFits}), nil
}

// fits returns a *SizeError if a cookie of this size exceeds Budget.Max.
func (c *core) fits(size int) error {
	if size > c.Budget.Max {
		return &SizeError{CookieBytes: size, Limit: c.Budget.Max, Over: size - c.Budget.Max}
	}
	return nil
}

// seal returns the cookie's value for w.rec.
func (c *core) seal(w *writing) ([]byte, KeyID, error) {
	codec := c.Codec
	if w.rec.Kind == KindReference {
		codec = c.references
	}
	if c.custom && w.rec.ID == "" {
		seed := seal.Seed(w.rec.Seed)
		w.rec.ID = seal.SessionID(&seed)
	}
	value, key, err := codec.Seal(w.ctx, nil, Binding{Name: c.Name, Audience: c.Audience, Now: w.now}, &w.rec)
	if err == nil && !validValue(value) {
		err = fmt.Errorf("hardtack: codec %T made a value with bytes that a cookie cannot carry", codec)
	}
	w.rec.Expires = earlier(w.rec.Expires, w.rec.Created.Add(c.Lifetime)) // a codec may have begun the session anew
	return value, key, err
}

// beside returns what else of the response counts against Budget.Inline:
// other cookies, and attributes beyond the usual.
func (c *core) beside(w *writing) int {
	n := otherCookies(w.out, &c.present)
	for _, i := range w.gone {
		if !setsCookie(w.out, &c.formers[i]) { // else an earlier save of this response has expired it
			n += len("Set-Cookie: \r\n") + len(c.formers[i].expiry())
		}
	}
	attributes := len(c.present.place) + len(c.present.flags)
	if !c.BrowserSession {
		attributes += len("; Max-Age=") + len(fmt.Sprint(int64((w.rec.Expires.Sub(w.now)+time.Second-1)/time.Second)))
	}
	return n + max(0, attributes-usualAttributes)
}

// commit writes the cookie into the response and w.rec into the state.
func (c *core) commit(w *writing, value []byte, key KeyID, p Placement) Placement {
	for _, i := range w.gone {
		setCookie(w.out, &c.formers[i], c.formers[i].expiry())
	}
	w.rec.sealedExpires = w.rec.Expires
	expires := w.rec.Expires
	if c.BrowserSession {
		expires = time.Time{}
	}
	setCookie(w.out, &c.present, c.present.line(value, w.now, expires))
	c.protect(w.ctx, w.out)
	c.Observer.Sealed(w.ctx, c.Keys.sealed(key, w.now), p.CookieBytes)
	w.st.saved(w, p)
	return p
}

// protect keeps the response, which sets the cookie, out of shared caches.
func (c *core) protect(ctx context.Context, h http.Header) {
	addVary(h)
	if was := forbidSharedCaching(h); was != "" {
		c.Observer.CacheableResponse(ctx, was)
	}
}

// saved takes over what was written.
func (st *state) saved(w *writing, p Placement) {
	st.rec = w.rec
	st.dirty = false
	st.former, st.strays, st.mustSet = nil, false, false
	st.renewal = nil
	st.exists, st.written = true, true
	st.rec.Stale = false
	st.now = p
}

// end expires the cookie wherever it may be and leaves tombstones in the store.
func (c *core) end(ctx context.Context, out http.Header, st *state) error {
	setCookie(out, &c.present, c.present.expiry())
	for i := range c.formers {
		if c.moved(i) {
			setCookie(out, &c.formers[i], c.formers[i].expiry())
		}
	}
	c.protect(ctx, out)
	if c.store == nil {
		if errors.Is(st.err, ErrStoreUnavailable) {
			return st.err
		}
		return nil
	}
	var err error
	if st.exists {
		err = errors.Join(err, c.bury(ctx, &st.rec))
	}
	if st.renewal != nil {
		err = errors.Join(err, c.bury(ctx, &st.renewal.rec))
	}
	for i := range st.kept {
		err = errors.Join(err, c.bury(ctx, &st.kept[i]))
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
