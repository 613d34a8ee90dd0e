package hardtack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
)

// Handler returns next wrapped so that within it From returns the request's session, which is
// loaded when it is first asked for, and saved before the first byte of the
// response leaves if it was changed: if its data encodes differently than when it was read,
// or Renew or SetSubject were called. A session that was only read is touched (see Touch).
//
// If saving fails, the response is replaced: 503 for ErrStoreUnavailable, 409
// for ErrConflict, else 500; the handler's header and body are discarded. So they
// are when the session could not be looked up and the handler goes on regardless, unless with
// a 5xx answer of its own. Changes after the first byte are reported to the Observer. If
// next panics, nothing is saved. A Save that the handler calls itself is its own business, and so is its error.
//
// Within a Handler of the same Jar it leaves everything to that one, unless the request has other cookies.
//
// http.TimeoutHandler belongs around Handler, never within: it answers while its
// handler still runs, and the session would be read while that changes it.
func (j *Jar[T]) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if j == nil || j.core == nil {
			http.Error(rw, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		if outer := j.request(r.Context()); outer != nil && slices.Equal(outer.r.Header["Cookie"], r.Header["Cookie"]) {
			next.ServeHTTP(rw, r) // the one around this has the session
			return
		}
		q := &request[T]{Context: r.Context(), jar: j}
		if before := rw.Header(); len(before) > 0 {
			q.before = before.Clone()
		}
		if q.jars, _ = q.Context.Value(jarsKey{}).(*jars); q.jars == nil {
			q.jars = &q.outermost
		}
		q.jars.add(j.core)
		q.r = r.WithContext(q)
		q.w = responseWriter{ResponseWriter: rw, session: q}
		next.ServeHTTP(&q.w, q.r)
		if !q.w.committed {
			_ = q.w.commit(0) // a failure has become the response
		} else if q.w.failed == nil {
			q.late(q)
		}
	})
}

// From returns the session of the request that Handler serves, always the
// same, with the error that Get would give. Elsewhere the error is ErrNotConfigured.
// It is for the goroutine that serves the request.
func (j *Jar[T]) From(ctx context.Context) (*Session[T], error) {
	if q := j.request(ctx); q != nil {
		return q.session()
	}
	return &Session[T]{}, ErrNotConfigured
}

type (
	contextKey struct{ *core }
	jarsKey    struct{}
)

func (j *Jar[T]) request(ctx context.Context) *request[T] {
	if j == nil || j.core == nil {
		return nil
	}
	q, _ := ctx.Value(contextKey{j.core}).(*request[T])
	return q
}

// request is what Handler knows of one request. It is the request's context, too.
type request[T any] struct {
	context.Context // the one around it

	jar   *Jar[T]
	r     *http.Request
	w     responseWriter
	s     *Session[T] // nil until it is asked for
	err   error
	begun bool // the response has

	before    http.Header // what the response had before the handler ran
	jars      *jars       // whose Handlers serve this request
	outermost jars        // what jars points to if no Handler is around this one
}

// Value implements context.Context.
func (q *request[T]) Value(key any) any {
	switch k := key.(type) {
	case contextKey:
		if k.core == q.jar.core {
			return q
		}
	case jarsKey:
		return q.jars
	}
	return q.Context.Value(key)
}

// String and Format show nothing of the request, to whoever prints its context.
func (*request[T]) String() string { return "hardtack.Handler" }

func (q *request[T]) Format(f fmt.State, _ rune) { io.WriteString(f, q.String()) }

// jars are those whose Handlers serve one request, also the ones within.
type jars struct {
	first *core
	more  []*core
}

func (j *jars) add(c *core) {
	if j.first == nil {
		j.first = c
	} else {
		j.more = append(j.more, c)
	}
}

// own reports whether line is a cookie of one of them.
func (j *jars) own(line string) bool {
	return j.first.owns(line) || slices.ContainsFunc(j.more, func(c *core) bool { return c.owns(line) })
}

func (q *request[T]) session() (*Session[T], error) {
	if q.s == nil {
		q.s, q.err = q.jar.load(q.r)
	}
	return q.s, q.err
}

// encode returns the data's encoding, and whether it has one: if not, Save says why.
func (j *Jar[T]) encode(s *Session[T]) ([]byte, bool) {
	data, err := j.core.Serializer.Marshal(&s.Data)
	if err != nil {
		return nil, false
	}
	return data, true
}

// changed returns the data's encoding, and whether there is something to save: the session differs from
// what it was when it was read, or when the handler saved it last.
func (q *request[T]) changed() (data []byte, changed bool) {
	st := q.s.state()
	data, ok := q.jar.encode(q.s)
	switch {
	case st.dirty || !ok:
		return data, true
	case st.baseline != nil:
	case st.rec.Serializer != nil && st.rec.Serializer.SerializerID() == q.jar.core.Serializer.SerializerID() && bytes.Equal(data, st.rec.Payload):
		return data, false
	default:
		// The bytes that came are no measure: another release may have written them. What they decode to is.
		var opened Session[T]
		if st.rec.Serializer == nil || st.rec.Serializer.Unmarshal(st.rec.Payload, &opened.Data) == nil {
			st.baseline, _ = q.jar.encode(&opened)
		}
	}
	return data, !bytes.Equal(data, st.baseline)
}

// commit saves the session if it was looked at, for a response with this
// status, 0 if the handler has not chosen one.
func (q *request[T]) commit(w http.ResponseWriter, status int) error {
	defer func() { q.begun = true }()
	if q.s == nil {
		return nil
	}
	addVary(w.Header())
	if err := q.s.state().err; errors.Is(err, ErrStoreUnavailable) {
		if status >= 500 {
			return nil // it has said so itself
		}
		return err
	}
	var err error
	if data, changed := q.changed(); changed {
		_, err = q.jar.save(w, q.r, q.s, data)
	} else {
		// The client's cookie is as good as before: no reason to fail a read.
		_, _ = q.jar.Touch(w, q.r, q.s)
	}
	if q.jar.core.sets(w.Header()) {
		q.jar.core.protect(q.r.Context(), w.Header())
	}
	return err
}

// late reports a change that came after the response had begun, if somebody hears of it.
func (q *request[T]) late(ctx context.Context) {
	if q.s == nil || q.jar.core.Observer.LateChange == nil {
		return
	}
	if _, changed := q.changed(); changed {
		q.jar.core.lateChange(ctx)
	}
}

// hijacked reports a cookie that cannot be sent any more.
func (q *request[T]) hijacked(h http.Header) {
	if q.jar.core.sets(h) {
		q.jar.core.lateChange(q.r.Context())
	}
}

// discard puts h back to what it was before the handler, but keeps the lines
// of Jars: one within this may have committed already, one around it been saved by the handler.
func (q *request[T]) discard(h http.Header) {
	lines := h["Set-Cookie"]
	clear(h)
	maps.Copy(h, q.before)
	for _, l := range lines {
		if q.jars.own(l) && !slices.Contains(h["Set-Cookie"], l) {
			h["Set-Cookie"] = append(h["Set-Cookie"], l)
		}
	}
}

// owns reports whether line is one of the Jar's cookies.
func (c *core) owns(line string) bool {
	if c.present.owns(line) {
		return true
	}
	for i := range c.formers {
		if c.formers[i].owns(line) {
			return true
		}
	}
	return false
}

// sets reports whether the response sets one of the Jar's cookies.
func (c *core) sets(h http.Header) bool {
	for _, l := range h["Set-Cookie"] {
		if c.owns(l) {
			return true
		}
	}
	return false
}

// lateChange says that a change came too late, or a cookie.
func (c *core) lateChange(ctx context.Context) {
	if hear := c.Observer.LateChange; hear != nil {
		hear(ctx)
	}
}

// committer is a request without its type.
type committer interface {
	commit(w http.ResponseWriter, status int) error
	discard(http.Header)
	hijacked(http.Header)
}

// responseWriter commits the session before the response begins. It has the
// optional methods of net/http's own writers, also for code that asserts them,
// and hands them on through http.ResponseController.
type responseWriter struct {
	http.ResponseWriter
	session   committer
	committed bool
	failed    error // why the response was replaced
}

// commit runs once. It returns the error that has replaced the response.
func (w *responseWriter) commit(status int) error {
	if w.committed {
		return w.failed
	}
	w.committed = true
	err := w.session.commit(w.ResponseWriter, status)
	if err == nil {
		return nil
	}
	w.failed = err
	w.session.discard(w.Header())
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrStoreUnavailable):
		code = http.StatusServiceUnavailable
	case errors.Is(err, ErrConflict):
		code = http.StatusConflict
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Cookie")
	http.Error(w.ResponseWriter, http.StatusText(code), code)
	return err
}

// WriteHeader commits, unless code is informational: 101 is final.
func (w *responseWriter) WriteHeader(code int) {
	if code < 200 && code != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(code)
		return
	}
	if w.commit(code) == nil {
		w.ResponseWriter.WriteHeader(code)
	}
}

// Write commits first. If that failed, the error says so and b is discarded.
func (w *responseWriter) Write(b []byte) (int, error) {
	if err := w.commit(0); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

// WriteString is Write.
func (w *responseWriter) WriteString(s string) (int, error) {
	if err := w.commit(0); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom commits first; the underlying writer may then use sendfile.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if err := w.commit(0); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, r)
}

// FlushError commits first, if the underlying writer can flush.
func (w *responseWriter) FlushError() error {
	if !supports[http.Flusher](w) && !supports[interface{ FlushError() error }](w) {
		return http.ErrNotSupported
	}
	if err := w.commit(0); err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is FlushError for those who assert http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// Hijack commits first. A cookie that this sets can only reach the client if
// the hijacker sends the header itself, so it is reported as a late change
// unless the header has been sent.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !supports[http.Hijacker](w) {
		return nil, nil, http.ErrNotSupported
	}
	before := w.committed
	if err := w.commit(0); err != nil {
		return nil, nil, err
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && !before {
		w.session.hijacked(w.Header())
	}
	return conn, rw, err
}

// supports reports whether http.ResponseController would find an I below the responseWriters, which have every method. The
// handler may still answer otherwise if it does not.
func supports[I any](w http.ResponseWriter) bool {
	for {
		if own, ok := w.(*responseWriter); ok {
			w = own.ResponseWriter
			continue
		}
		if _, ok := w.(I); ok {
			return true
		}
		below, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = below.Unwrap()
	}
}

// Unwrap gives http.ResponseController the rest.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
