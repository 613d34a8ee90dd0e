package hardtack_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// mwWriter stands for net/http's writer: it keeps the header as it was when
// the response began.
type mwWriter struct {
	header, sent http.Header
	began        func()
	hijacked     bool
}

func (w *mwWriter) begin() {
	if w.sent == nil {
		w.sent = w.header.Clone()
		w.began()
	}
}
func (w *mwWriter) Header() http.Header { return w.header }
func (w *mwWriter) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.begin()
	}
}
func (w *mwWriter) Write(b []byte) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	w.begin()
	return len(b), nil
}
func (w *mwWriter) ReadFrom(r io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{w}, r) }
func (w *mwWriter) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	w.begin()
	return nil
}
func (w *mwWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	w.hijacked = true
	if w.sent == nil {
		w.sent = http.Header{} // the header never leaves
		w.began()
	}
	return nil, nil, nil
}

var errMwPanic = errors.New("the handler's own")

// mwState is what a request finds: nothing, or data of somebody.
type mwState struct {
	none    bool
	data    mwData
	subject string
}

// FuzzHandler lets bytes choose what a handler does, in which order, and
// compares what the next request finds with what a simple model says.
func FuzzHandler(f *testing.F) {
	for _, seed := range []string{
		"", "\x00", "\x01\x00", "\x02\x00\x0a", "\x01\x10\x04\x10", "\x02\x20\x04\x00\x04\x03", "\x01\x05\x00\x08",
		"\x02\x05\x0c", "\x00\x10\x0b\x00", "\x02\x06\x07\x0a\x00", "\x01\x0d\x00", "\x02\x00\x0e",
	} {
		f.Add([]byte(seed))
	}
	texts := []string{"", "some", strings.Repeat("m", 1500), strings.Repeat("h", 3500)}
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 64 {
			t.Skip("more calls than a handler makes")
		}
		g := newMwRig(t, true)
		bare := func(change func(w http.ResponseWriter, r *http.Request, s *mwSession)) {
			r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
			s, _ := g.jar.Get(r)
			change(w, r, s)
			_, err := g.jar.Save(w, r, s)
			require.NoError(t, err)
			g.take(w.Header())
		}
		start := mwState{none: true}
		if len(ops) > 0 {
			if i := ops[0] % 3; i > 0 {
				start = mwState{data: mwData{N: -1, Text: texts[1+2*(i-1)]}, subject: "start"}
				bare(func(_ http.ResponseWriter, _ *http.Request, s *mwSession) {
					s.Data = start.data
					s.SetSubject(start.subject)
				})
			}
			ops = ops[1:]
		}

		// The model: what the session is, what it was when saved last, and what the
		// response's cookie leads to.
		cur, base, kept := start, start, start
		may := []mwState{start} // where the response is lost
		dirty, asked, begun, panics := false, false, false, false
		save := func() {
			base, kept, dirty = cur, cur, false
			base.none, kept.none = false, false
			may = append(may, kept)
		}
		commit := func() {
			if begun {
				return
			}
			begun = true
			if asked && (dirty || cur.data != base.data) {
				save()
			}
		}

		w := &mwWriter{header: http.Header{}}
		sealed := 0
		w.began = func() { sealed = g.events.count("sealed") }
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for k, v := range g.cookies {
			r.AddCookie(&http.Cookie{Name: k, Value: v})
		}
		h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session := func() *mwSession {
				asked = true
				s, err := g.jar.From(r.Context())
				if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
					t.Errorf("From: %v", err)
				}
				return s
			}
			for i, op := range ops {
				arg := int(op >> 4)
				switch op & 15 {
				case 0, 1: // change
					s := session()
					s.Data = mwData{N: i, Text: texts[arg%len(texts)]}
					cur.data = s.Data
				case 2:
					subject := []string{"", "alice", "start"}[arg%3]
					session().SetSubject(subject)
					dirty = dirty || subject != cur.subject
					cur.subject = subject
				case 3:
					session()
				case 4:
					_, err := g.jar.Save(w, r, session())
					switch {
					case begun && !errors.Is(err, hardtack.ErrResponseBegun):
						t.Errorf("late Save: %v", err)
					case !begun && err != nil:
						t.Errorf("Save: %v", err)
					case !begun:
						save()
					}
				case 5:
					err := g.jar.Delete(w, r, session())
					switch {
					case begun && !errors.Is(err, hardtack.ErrResponseBegun):
						t.Errorf("late Delete: %v", err)
					case !begun && err != nil:
						t.Errorf("Delete: %v", err)
					}
					if !begun {
						kept = mwState{none: true}
					}
					may = append(may, mwState{none: true})
					cur, base, dirty = mwState{none: true}, mwState{none: true}, false
				case 6:
					session().Renew()
					dirty = true
				case 7:
					commit()
					w.WriteHeader([]int{200, 204, 304, 404, 500, 101}[arg%6])
				case 8:
					w.WriteHeader([]int{100, 102, 103}[arg%3])
				case 9:
					commit()
					_, _ = io.WriteString(w, "body")
				case 10:
					commit()
					w.(http.Flusher).Flush()
				case 11:
					commit()
					_, _ = io.Copy(w, io.LimitReader(strings.NewReader("body"), int64(arg)))
				case 12:
					commit()
					_, _, _ = http.NewResponseController(w).Hijack()
				case 13:
					panics = true
					panic(errMwPanic)
				case 14:
					w.Header().Set("Cache-Control", "public, max-age=60")
				case 15:
					_, err := g.jar.Update(w, r, func(*mwSession) error { return errMwFn })
					asked = true
					if !errors.Is(err, errMwFn) {
						t.Errorf("Update: %v", err)
					}
				}
			}
			commit()
		}))
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(errMwPanic) {
					panic(p)
				}
			}()
			h.ServeHTTP(w, r)
		}()
		if w.sent == nil && !panics {
			w.begin() // as net/http does at return
		}
		if w.sent != nil {
			if n := g.events.count("sealed"); n != sealed {
				t.Fatalf("%d cookies sealed after the response began", n-sealed)
			}
			a := mwAnswer{Response: &http.Response{Header: w.sent}}
			if n := len(a.lines()); n > 1 {
				t.Fatalf("%d Set-Cookie lines", n)
			} else if n == 1 && strings.Contains(w.sent.Get("Cache-Control"), "public") {
				t.Fatal("a response with the cookie is public")
			}
			g.take(w.sent)
		}

		next := httptest.NewRequest(http.MethodGet, "/", nil)
		for k, v := range g.cookies {
			next.AddCookie(&http.Cookie{Name: k, Value: v})
		}
		s, err := g.jar.Get(next)
		if err != nil && !errors.Is(err, hardtack.ErrNoCookie) && !errors.Is(err, hardtack.ErrEnded) {
			t.Fatalf("the next request: %v", err)
		}
		got := mwState{none: err != nil, data: s.Data, subject: s.Subject()}
		if !panics && !w.hijacked && !mwLateDelete(may, kept) {
			may = []mwState{kept}
		}
		for _, m := range may {
			if m == got || m.none && got.none {
				return
			}
		}
		t.Fatalf("the next request finds %+v (%v), not one of %+v", got, err, may)
	})
}

// mwLateDelete reports whether a Delete came after the response had begun: it
// ends what is stored, while the cookie stays.
func mwLateDelete(may []mwState, kept mwState) bool {
	return !kept.none && len(may) > 0 && may[len(may)-1].none
}
