package hardtack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"time"
)

// Jar reads and writes the sessions of one cookie, whose data is a T. Make one with
// New or NewHybrid, once, and share it: it is immutable and safe for concurrent
// use. The zero Jar fails closed: it opens nothing and saves nothing.
type Jar[T any] struct{ core *core }

// New returns a stateless Jar: the whole session is in the cookie. Its error
// joins a *ConfigError for each fault.
func New[T any](c Config) (*Jar[T], error) { return newJar[T](c, nil) }

// NewHybrid returns a Jar whose sessions are in the cookie while they are
// small, and in store when they are not. A session's handlers do not notice. If
// store is also a CompareAndSwapper, no update is ever lost. Its error joins a *ConfigError
// for each fault.
func NewHybrid[T any](c Config, store Store) (*Jar[T], error) {
	if v := reflect.ValueOf(store); store == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.Join(newJarError[T](c), &ConfigError{Field: "(store)", Reason: "is nil; New makes a stateless Jar"})
	}
	return newJar[T](c, store)
}

func newJarError[T any](c Config) error {
	_, err := newJar[T](c, nil)
	return err
}

func newJar[T any](c Config, store Store) (*Jar[T], error) {
	core, err := newCore(c, store)
	if err != nil {
		return nil, err
	}
	return &Jar[T]{core}, nil
}

// Config returns the configuration with its defaults filled in.
func (j *Jar[T]) Config() Config {
	if j == nil || j.core == nil {
		return Config{}
	}
	c := j.core.Config
	c.Formerly = append([]Former(nil), c.Formerly...)
	return c
}

// Get returns the request's session. It is never nil. If the error is not nil, the session is
// a fresh one, and the error says why: ErrNoCookie if none was presented,
// else one of the reasons listed there. A refusal alone never deletes a cookie. After
// ErrStoreUnavailable the cookie is good but could not be looked up: answer
// with 503, or without a session; Save will refuse to overwrite it.
//
// Get does not write. Within Handler it returns the session that From does. If no cookie could be opened and one has a key
// ID that the ring does not know, and the ring follows a source, Get waits for a look there: up to 2 s, or r's context.
func (j *Jar[T]) Get(r *http.Request) (*Session[T], error) {
	if j == nil || j.core == nil {
		return &Session[T]{}, ErrNotConfigured
	}
	if q := j.request(r.Context()); q != nil {
		return q.session()
	}
	return j.load(r)
}

func (j *Jar[T]) load(r *http.Request) (*Session[T], error) {
	return j.decode(r.Context(), j.core.open(r.Context(), r.Header))
}

// decode makes the Session of st: of its payload, if it has one.
func (j *Jar[T]) decode(ctx context.Context, st *state) (*Session[T], error) {
	made := &struct {
		s   Session[T]
		ref stateRef
	}{ref: stateRef{st}}
	s := &made.s
	s.st = &made.ref
	if st.rec.Serializer == nil {
		return s, st.err
	}
	if err := st.rec.Serializer.Unmarshal(st.rec.Payload, &s.Data); err != nil {
		// The decoder's words may quote the data.
		fresh := j.core.fresh(fmt.Errorf("%w: %T", ErrPayload, err))
		fresh.kept = append(st.kept, st.rec)
		j.core.Observer.Refused(ctx, fresh.err)
		return &Session[T]{st: &stateRef{fresh}}, fresh.err
	}
	return s, nil
}

// Save stores the session, before the response's header is written, and says
// where it went. The last of several Saves in one response counts.
//
// Errors: *SizeError if it does not fit; ErrConflict if the stored session has
// changed since Get; ErrEnded if it was ended meanwhile; ErrRecordMissing if its record is gone; ErrExpired if its time ran
// out; ErrStoreUnavailable; *KeyError; and what the Serializer says. After an error
// the cookie that the client holds is as good as before; only an ErrConflict
// may come with a cookie, one that leads to the winner's state.
func (j *Jar[T]) Save(w http.ResponseWriter, r *http.Request, s *Session[T]) (Placement, error) {
	if j == nil || j.core == nil || s == nil || s.state().jar != j.core {
		return Placement{}, ErrNotConfigured
	}
	if s.st.err != nil && errors.Is(s.st.err, ErrStoreUnavailable) {
		return Placement{}, s.st.err
	}
	if err := j.begun(r); err != nil {
		return Placement{}, err
	}
	return j.save(w, r, s, nil)
}

// save is Save of data that encodes to payload; nil means that it is to be encoded.
func (j *Jar[T]) save(w http.ResponseWriter, r *http.Request, s *Session[T], payload []byte) (Placement, error) {
	if s.state().jar != j.core {
		return Placement{}, ErrNotConfigured // the handler may have put another Jar's session in place of ours
	}
	if payload == nil {
		var err error
		if payload, err = j.core.Serializer.Marshal(&s.Data); err != nil {
			return Placement{}, err
		}
	}
	// Whatever comes of it, the caller knows: Handler need not try again.
	s.st.baseline, s.st.dirty = payload, false
	p, err := j.core.save(r.Context(), w.Header(), r.Header, s.st.state, j.core.Serializer, payload)
	return p, j.withFields(s, err)
}

// begun returns an error if the response to r, which Handler serves, has begun.
func (j *Jar[T]) begun(r *http.Request) error {
	if q := j.request(r.Context()); q != nil && q.begun {
		j.core.lateChange(r.Context())
		return ErrResponseBegun
	}
	return nil
}

// withFields adds the fields to a *SizeError.
func (j *Jar[T]) withFields(s *Session[T], err error) error {
	if e := (*SizeError)(nil); errors.As(err, &e) {
		e.Fields, e.namesArePublic = fieldSizes(j.core.Serializer, &s.Data)
	}
	return err
}

// Touch writes the cookie anew if that is due, and only then: the idle timeout would
// otherwise run out (at most once per tenth of it), the key no longer seals,
// the cookie came in a former format or place, or a session has come back from
// the store. It stores the data as it was read, and not changes to s.Data. More
// than a second after Get it does nothing, so that a slow request cannot overwrite what
// happened meanwhile, and so it does after a Save of this request that failed because the session had
// changed or ended. Handler calls it by itself. Its errors are those of Save; the
// cookie in the browser then goes on as it was. One is a *SizeError of a stateless Jar: a later issue time and
// a rotated key take some bytes, which a session within 12 bytes of Budget.Max may not have.
func (j *Jar[T]) Touch(w http.ResponseWriter, r *http.Request, s *Session[T]) (Placement, error) {
	if j == nil || j.core == nil || s == nil || s.state().jar != j.core {
		return Placement{}, ErrNotConfigured
	}
	if s.st.err != nil && errors.Is(s.st.err, ErrStoreUnavailable) {
		return Placement{}, s.st.err
	}
	if !j.core.touchDue(s.st.state) {
		return s.st.now, nil
	}
	if err := j.begun(r); err != nil {
		return Placement{}, err
	}
	ser, payload := s.st.rec.Serializer, s.st.rec.Payload
	if !j.core.knows(ser) {
		// A former format's bytes could not be read back from ours.
		var read T
		err := ser.Unmarshal(payload, &read)
		if err != nil {
			return Placement{}, err
		}
		ser = j.core.Serializer
		if payload, err = ser.Marshal(&read); err != nil {
			return Placement{}, err
		}
	}
	p, err := j.core.touch(r.Context(), w.Header(), r.Header, s.st.state, ser, payload)
	return p, j.withFields(s, err)
}

// Delete ends the session, in the browser and in the store, also when nothing
// valid was presented. s is a fresh session afterwards. The cookie is expired in any
// case; if the store could not be told, the error matches ErrStoreUnavailable,
// and the stored data can be reached by an old cookie until it expires. A copy of a
// cookie that holds the data itself cannot be called back (docs/threat-model.md).
// Like every call of the store, it goes on when the client has hung up.
func (j *Jar[T]) Delete(w http.ResponseWriter, r *http.Request, s *Session[T]) error {
	if j == nil || j.core == nil || s == nil || s.state().jar != j.core {
		return ErrNotConfigured
	}
	err := errors.Join(j.begun(r), j.core.end(r.Context(), w.Header(), s.st.state))
	*s = Session[T]{st: &stateRef{j.core.fresh(nil)}}
	s.st.now.Reason = ReasonEnded
	if q := j.request(r.Context()); q != nil && q.s == s {
		q.err = nil
	}
	return err
}

// Update is Get, fn and Save in one, again from the start whenever the store
// tells that somebody else was faster; so fn may run several times, and must change only
// its argument. What fn returns ends it, and nothing is saved. A refused cookie
// means that fn sees a fresh session; ErrStoreUnavailable is returned at once. A session
// that is in its cookie has nobody to tell: there the last response wins. Within Handler, a change from before Update
// is saved along, and could not be made again: then ErrConflict is returned at once.
func (j *Jar[T]) Update(w http.ResponseWriter, r *http.Request, fn func(*Session[T]) error) (Placement, error) {
	s, err := j.Get(r)
	attempts := maxAttempts
	if q := j.request(r.Context()); q != nil && q.s == s && j.core.store != nil {
		if _, changed := q.changed(); changed {
			attempts = 1
		}
	}
	for attempt := 1; ; attempt++ {
		if errors.Is(err, ErrStoreUnavailable) || errors.Is(err, ErrNotConfigured) {
			return Placement{}, err
		}
		ref, before := s.st, *s.st.state
		data, ok := j.encode(s)
		if err := fn(s); err != nil {
			if s.st != ref || s.st.written != before.written {
				return Placement{}, err // fn has ended or saved it by itself
			}
			// Handler must not save what fn has left behind.
			*s = Session[T]{st: s.st}
			*s.st.state = before
			if ok {
				_ = j.core.Serializer.Unmarshal(data, &s.Data) // our own bytes
			}
			return Placement{}, err
		}
		p, saveErr := j.Save(w, r, s)
		if !errors.Is(saveErr, ErrConflict) || attempt >= attempts {
			return p, saveErr
		}
		select {
		case <-r.Context().Done():
			return p, saveErr
		case <-time.After(rand.N(time.Duration(min(attempt, 16)) * time.Millisecond)):
		}
		st, reloadErr := j.core.reload(r.Context(), s.st.state)
		if reloadErr != nil {
			return p, reloadErr
		}
		var again *Session[T]
		again, err = j.decode(r.Context(), st)
		*s = *again // whoever holds s, as Handler does, goes on from here
	}
}

// maxAttempts bounds Update; each lost race means that another request has won one.
const maxAttempts = 200
