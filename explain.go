package hardtack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ReasonTooLarge is the Reason in an Explanation of a session that cannot be saved.
const ReasonTooLarge = "too large to be saved"

// Explanation says what a Save of a new session would do, and what follows from it. Sizes are in bytes. Its zero value explains nothing.
type Explanation struct {
	// Placement is what Save would return, where nothing else of the response counts: no other Set-Cookie line. If the
	// session cannot be saved, Where is Nowhere, CookieBytes is 0 and Reason is ReasonTooLarge.
	Placement

	// InlineBytes is the size of the cookie with the data in it, name plus value, also where that is not where the session goes; 0
	// if a Codec of another format refuses so much data, and the store takes it.
	InlineBytes int
	// HeadRoom is what InlineBytes leaves of the limit above which a session no longer stays in its cookie: Max, or for a hybrid Jar Inline, against which
	// attributes beyond the usual count as well. Negative means so many bytes too much. With PadTo it is that of the padded cookie.
	HeadRoom int
	// Inline and Max are those of Config.Budget. To a stateless Jar Inline is only what stock nginx passes on safely.
	Inline, Max int
	// RecordBytes is the size of the sealed record; 0 if the session is not one for the store.
	RecordBytes int
	// Fields lists the fields of the data by their encoded size, largest first; keys if
	// the data is a map with string keys, else nothing.
	Fields []FieldSize

	// Hybrid: the Jar has a store.
	Hybrid bool
	// StoreReads is how often a later request asks the store to read the session, and StoreWrites how often one more
	// to save it: 0 for a session in its cookie. A Store without CompareAndSwap is asked twice by a save.
	StoreReads, StoreWrites int
	// DeleteEndsCopies: after Delete no copy of the cookie is good any more, but for a save in flight in a Store without CompareAndSwap. Otherwise
	// a copy is, until Lifetime has passed or its key is revoked.
	DeleteEndsCopies bool
	// EndAll: Jar.EndAll ends the session, if it has a Subject.
	EndAll bool
	// Replay: an older cookie of the session, presented again, gives the older data.
	Replay bool
	// Lifetime is Config.Lifetime.
	Lifetime time.Duration

	namesArePublic bool // a map's keys are data and stay out of String
}

// Explain says what Save would do with a new session that has this data and no Subject, which takes one or two bytes more than it has, and 4/3 of that in a
// cookie. It seals what Save would seal, and writes nothing: neither Observer nor Keyring.Use hears of it, and the store is not
// asked. A limit of the store's own is therefore not known. A session that grew or came from elsewhere may take a few bytes more.
//
// If the session cannot be saved, the error is Save's: a *SizeError, and then the Explanation is filled in all the same; without one for
// any other. Explain keeps nothing of v and is safe for concurrent use, as long as nobody changes v meanwhile.
func (j *Jar[T]) Explain(v T) (Explanation, error) {
	if j == nil || j.core == nil {
		return Explanation{}, ErrNotConfigured
	}
	c := j.core
	payload, err := c.Serializer.Marshal(&v)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Inline: c.Budget.Inline, Max: c.Budget.Max, Hybrid: c.store != nil, Lifetime: c.Lifetime}
	e.Fields, e.namesArePublic = fieldSizes(c.Serializer, &v)

	inline, beside, err := c.rehearse(payload, nil)
	e.Placement, e.InlineBytes = inline, inline.CookieBytes
	tooLarge := (*SizeError)(nil)
	if errors.As(err, &tooLarge) {
		e.InlineBytes = tooLarge.CookieBytes
	} else if err != nil && (c.store == nil || c.mayBeInline(len(payload))) {
		return Explanation{}, err
	}
	limit := c.Budget.Max
	if c.store != nil {
		limit = c.Budget.Inline
		var r rehearsalStore
		e.Placement, _, err = c.rehearse(payload, c.store.rehearsal(&r))
		e.RecordBytes = r.bytes
		if tooLarge = nil; errors.As(err, &tooLarge) {
			e.RecordBytes = tooLarge.RecordBytes
		} else if err != nil {
			return Explanation{}, err
		}
		e.HeadRoom = -beside
	}
	e.HeadRoom += limit - e.InlineBytes
	switch {
	case err != nil:
		e.Placement = Placement{PayloadBytes: len(payload), Limit: tooLarge.Limit, Reason: ReasonTooLarge}
		tooLarge.Fields, tooLarge.namesArePublic = e.Fields, e.namesArePublic
	case e.Where == InStore:
		e.StoreReads, e.StoreWrites = 1, 1
		if c.store.swapper == nil {
			e.StoreWrites = 2
		}
		e.DeleteEndsCopies, e.EndAll = true, c.store.indexer != nil
	default:
		e.Replay = true
	}
	return e, err
}

// rehearse does what Save does, up to the header, in a core that tells nobody and has the given store, if any. beside is
// what else than the cookie counts against Budget.Inline.
func (c *core) rehearse(payload []byte, store *storeCaller) (p Placement, beside int, err error) {
	silent := c.silent(store)
	w := &writing{
		ctx: context.Background(), out: make(http.Header), in: make(http.Header),
		st: silent.fresh(nil), ser: c.Serializer, payload: payload,
	}
	p, err = silent.write(w)
	return p, silent.beside(w), err
}

// silent returns c with another store, nobody who hears of what it does, and a ring that counts nothing; the codecs have the real one.
func (c *core) silent(store *storeCaller) *core {
	s := &core{
		Config: c.Config, present: c.present, formers: c.formers, store: store,
		references: c.references, custom: c.custom, foreign: c.foreign, prolongs: c.prolongs,
	}
	s.Keys = new(Keyring)
	s.Observer = Observer{}.complete()
	return s
}

// rehearsalStore is empty, and keeps only how large the last record was.
type rehearsalStore struct{ bytes int }

func (*rehearsalStore) Find(context.Context, string) ([]byte, bool, error) { return nil, false, nil }
func (*rehearsalStore) Delete(context.Context, string) error               { return nil }

func (r *rehearsalStore) Commit(_ context.Context, _ string, data []byte, _ time.Time) error {
	r.bytes = len(data)
	return nil
}

func (r *rehearsalStore) CompareAndSwap(_ context.Context, _ string, _, _ int64, data []byte, _ time.Time) (bool, error) {
	r.bytes = len(data)
	return true, nil
}

// rehearsal returns a caller of r with what c's store can do.
func (c *storeCaller) rehearsal(r *rehearsalStore) *storeCaller {
	own := &storeCaller{store: r, inMemory: true, onError: func(context.Context, string, error) {}}
	if c.swapper != nil {
		own.swapper = r
	}
	return own
}

// String returns a short table of sizes and consequences, without data: the names of the largest fields are in it if they are those of a struct,
// and not if they are the keys of a map.
func (e Explanation) String() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-8s"+format+"\n", append([]any{name}, args...)...)
	}
	row("where", "%v: %s", e.Where, e.Reason)
	row("data", "%d bytes", e.PayloadBytes)
	limit, room := e.Max, fmt.Sprintf("%d left", e.HeadRoom)
	if e.Hybrid {
		limit = e.Inline
	}
	if e.HeadRoom < 0 {
		room = fmt.Sprintf("%d too much", -e.HeadRoom)
	}
	row("inline", "%d bytes of cookie, limit %d, %s", e.InlineBytes, limit, room)
	if !e.Hybrid && e.Where == InCookie && e.InlineBytes > e.Inline {
		row("", "over %d, stock nginx may answer 502", e.Inline)
	}
	if e.RecordBytes > 0 {
		row("record", "%d bytes", e.RecordBytes)
	}
	switch {
	case e.Where == InStore:
		row("cookie", "%d bytes, a reference", e.CookieBytes)
		row("store", "%d call to read, %d more to save", e.StoreReads, e.StoreWrites)
		row("logout", "ends every copy of the cookie")
		row("replay", "no")
	case e.Where == InCookie:
		if e.Hybrid {
			row("store", "asked at logout only")
		} else {
			row("store", "none")
		}
		row("logout", "a copy of the cookie stays good for up to %v", e.Lifetime)
		row("replay", "an older cookie brings older data back")
	}
	if e.namesArePublic {
		var fields []string
		for _, f := range e.Fields[:min(len(e.Fields), shownFields)] {
			fields = append(fields, fmt.Sprintf("%s %d", f.Field, f.Bytes))
		}
		row("fields", "%s", strings.Join(fields, ", "))
	}
	return b.String()
}

// shownFields is how many fields String names.
const shownFields = 8
