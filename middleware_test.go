package hardtack_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// mwData is the sessions' data in these tests.
type mwData struct {
	N    int
	Text string
}

type (
	mwJar     = hardtack.Jar[mwData]
	mwSession = hardtack.Session[mwData]
)

// mwClock is a clock that only the test moves.
type mwClock struct{ offset atomic.Int64 }

func (c *mwClock) Now() time.Time {
	return time.Unix(1_800_000_000, 0).Add(time.Duration(c.offset.Load()))
}
func (c *mwClock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// mwStore is a MemoryStore that counts its calls and can be away.
type mwStore struct {
	*hardtack.MemoryStore
	away          atomic.Bool
	reads, writes atomic.Int64
}

var errMwAway = errors.New("connection refused")

func newMwStore(c *mwClock) *mwStore {
	return &mwStore{MemoryStore: hardtack.NewMemoryStore(hardtack.MemoryStoreConfig{Now: c.Now})}
}

func (s *mwStore) Find(ctx context.Context, id string) ([]byte, bool, error) {
	s.reads.Add(1)
	if s.away.Load() {
		return nil, false, errMwAway
	}
	return s.MemoryStore.Find(ctx, id)
}

func (s *mwStore) Commit(ctx context.Context, id string, data []byte, expires time.Time) error {
	s.writes.Add(1)
	if s.away.Load() {
		return errMwAway
	}
	return s.MemoryStore.Commit(ctx, id, data, expires)
}

func (s *mwStore) CompareAndSwap(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
	s.writes.Add(1)
	if s.away.Load() {
		return false, errMwAway
	}
	return s.MemoryStore.CompareAndSwap(ctx, id, old, new, data, expires)
}

// mwEvents counts what an Observer hears.
type mwEvents struct {
	sync.Mutex
	counts map[string]int
	cache  string
}

func (e *mwEvents) hear(what string) {
	e.Lock()
	defer e.Unlock()
	if e.counts == nil {
		e.counts = map[string]int{}
	}
	e.counts[what]++
}

func (e *mwEvents) count(what string) int {
	e.Lock()
	defer e.Unlock()
	return e.counts[what]
}

func (e *mwEvents) observer() hardtack.Observer {
	return hardtack.Observer{
		Sealed:     func(context.Context, string, int) { e.hear("sealed") },
		Opened:     func(context.Context, string, string) { e.hear("opened") },
		Refused:    func(context.Context, error) { e.hear("refused") },
		Overflowed: func(context.Context, int) { e.hear("overflowed") },
		Returned:   func(context.Context, int) { e.hear("returned") },
		Conflict:   func(context.Context) { e.hear("conflict") },
		StoreError: func(context.Context, string, error) { e.hear("store error") },
		NearLimit:  func(context.Context, int, int, string) { e.hear("near limit") },
		LateChange: func(context.Context) { e.hear("late change") },
		CacheableResponse: func(_ context.Context, was string) {
			e.hear("cacheable")
			e.Lock()
			defer e.Unlock()
			e.cache = was
		},
	}
}

// mwRig is a Jar, what it hears and needs, and a browser with one cookie jar
// in front of a real server.
type mwRig struct {
	t       testing.TB
	clock   *mwClock
	store   *mwStore
	events  *mwEvents
	config  hardtack.Config
	jar     *mwJar
	server  *httptest.Server
	handler atomic.Pointer[http.Handler]
	cookies map[string]string
}

func newMwRig(t testing.TB, hybrid bool, change ...func(*hardtack.Config)) *mwRig {
	t.Helper()
	g := &mwRig{t: t, clock: &mwClock{}, events: &mwEvents{}, cookies: map[string]string{}}
	g.store = newMwStore(g.clock)
	g.config = hardtack.Config{Keys: hardtack.EphemeralKeyring(), Now: g.clock.Now, Observer: g.events.observer()}
	for _, f := range change {
		f(&g.config)
	}
	var err error
	if hybrid {
		g.jar, err = hardtack.NewHybrid[mwData](g.config, g.store)
	} else {
		g.jar, err = hardtack.New[mwData](g.config)
	}
	require.NoError(t, err)
	return g
}

func (g *mwRig) start() *httptest.Server {
	if g.server == nil {
		g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			(*g.handler.Load()).ServeHTTP(w, r)
		}))
		g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
		g.server.Start()
		g.t.Cleanup(g.server.Close)
	}
	return g.server
}

type mwAnswer struct {
	*http.Response
	body string
}

// lines returns the Set-Cookie lines of the session.
func (a *mwAnswer) lines() (lines []string) {
	for _, l := range a.Header.Values("Set-Cookie") {
		if strings.HasPrefix(l, hardtack.DefaultName+"=") {
			lines = append(lines, l)
		}
	}
	return lines
}

// request returns a request as the browser would send it now.
func (g *mwRig) request(ctx context.Context) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.start().URL, nil)
	require.NoError(g.t, err)
	for k, v := range g.cookies {
		r.Header.Add("Cookie", k+"="+v)
	}
	return r
}

// take does with the response's cookies what a browser does.
func (g *mwRig) take(h http.Header) {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.MaxAge < 0 {
			delete(g.cookies, c.Name)
		} else {
			g.cookies[c.Name] = c.Value
		}
	}
}

func (g *mwRig) try(h http.Handler) (*mwAnswer, error) {
	g.handler.Store(&h)
	resp, err := g.start().Client().Do(g.request(g.t.Context()))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	g.take(resp.Header)
	return &mwAnswer{resp, string(body)}, nil
}

// do sends one request to h inside the Jar's Handler.
func (g *mwRig) do(h http.HandlerFunc) *mwAnswer {
	g.t.Helper()
	a, err := g.try(g.jar.Handler(h))
	require.NoError(g.t, err)
	return a
}

// from is the session of r; what is wrong with it is the test's business.
func (g *mwRig) from(r *http.Request) *mwSession {
	s, err := g.jar.From(r.Context())
	if err != nil {
		assert.ErrorIs(g.t, err, hardtack.ErrNoCookie)
	}
	return s
}

// data returns what the next request would find.
func (g *mwRig) data() mwData {
	g.t.Helper()
	s, err := g.jar.Get(g.request(g.t.Context()))
	require.NoError(g.t, err)
	return s.Data
}

// login makes the browser hold a session with d.
func (g *mwRig) login(d mwData) {
	g.t.Helper()
	a := g.do(func(_ http.ResponseWriter, r *http.Request) { g.from(r).Data = d })
	require.Equal(g.t, http.StatusOK, a.StatusCode)
	require.Len(g.t, a.lines(), 1)
}

// elsewhere changes the session in another tab, whose response is lost.
func (g *mwRig) elsewhere(d mwData) {
	r := g.request(g.t.Context())
	s, err := g.jar.Get(r)
	if assert.NoError(g.t, err) {
		s.Data = d
		_, err = g.jar.Save(httptest.NewRecorder(), r, s)
		assert.NoError(g.t, err)
	}
}

var mwBig = strings.Repeat("b", 5000)

func mwModes(t *testing.T, f func(t *testing.T, hybrid bool)) {
	for _, hybrid := range []bool{false, true} {
		t.Run(map[bool]string{false: "stateless", true: "hybrid"}[hybrid], func(t *testing.T) { f(t, hybrid) })
	}
}

func TestHandlerCommitsBeforeTheResponse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	for name, respond := range map[string]func(t *testing.T, w http.ResponseWriter){
		"nothing":     func(*testing.T, http.ResponseWriter) {},
		"WriteHeader": func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"Write": func(t *testing.T, w http.ResponseWriter) {
			n, err := w.Write([]byte("content"))
			assert.NoError(t, err)
			assert.Equal(t, 7, n)
		},
		"WriteString": func(t *testing.T, w http.ResponseWriter) {
			if sw, ok := w.(io.StringWriter); assert.True(t, ok) {
				n, err := sw.WriteString("content")
				assert.NoError(t, err)
				assert.Equal(t, 7, n)
			}
		},
		"Flusher": func(t *testing.T, w http.ResponseWriter) {
			if f, ok := w.(http.Flusher); assert.True(t, ok) {
				f.Flush()
			}
		},
		"FlushError": func(t *testing.T, w http.ResponseWriter) {
			if f, ok := w.(interface{ FlushError() error }); assert.True(t, ok) {
				assert.NoError(t, f.FlushError())
			}
		},
		"ResponseController": func(t *testing.T, w http.ResponseWriter) {
			assert.NoError(t, http.NewResponseController(w).Flush())
		},
		"ReadFrom": func(t *testing.T, w http.ResponseWriter) {
			f, err := os.Open(file)
			if assert.NoError(t, err) {
				defer f.Close()
				n, err := io.Copy(w, f)
				assert.NoError(t, err)
				assert.EqualValues(t, 7, n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			mwModes(t, func(t *testing.T, hybrid bool) {
				g := newMwRig(t, hybrid)
				a := g.do(func(w http.ResponseWriter, r *http.Request) {
					g.from(r).Data.N = 7
					respond(t, w)
					assert.Equal(t, map[bool]int{true: 0, false: 1}[name == "nothing"], g.events.count("sealed"))
					g.from(r).Data.N = 7 // the same again is no change
				})
				assert.Equal(t, http.StatusOK, a.StatusCode)
				assert.Len(t, a.lines(), 1)
				assert.Equal(t, 1, g.events.count("sealed"))
				assert.Zero(t, g.events.count("late change"))
				assert.Equal(t, mwData{N: 7}, g.data())
			})
		})
	}
}

func TestHandlerCommitsOnce(t *testing.T) {
	g := newMwRig(t, true)
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N = 1
		w.WriteHeader(http.StatusAccepted)
		for range 3 {
			_, err := io.WriteString(w, "x")
			assert.NoError(t, err)
			assert.NoError(t, http.NewResponseController(w).Flush())
		}
	})
	assert.Equal(t, http.StatusAccepted, a.StatusCode)
	assert.Equal(t, "xxx", a.body)
	assert.Equal(t, 1, g.events.count("sealed"))
}

// mwReaderFrom is a writer that knows when it was given a reader.
type mwReaderFrom struct {
	*httptest.ResponseRecorder
	given io.Reader
}

func (w *mwReaderFrom) ReadFrom(r io.Reader) (int64, error) {
	w.given = r
	return io.Copy(w.ResponseRecorder, r)
}

func TestHandlerKeepsSendfile(t *testing.T) {
	g := newMwRig(t, false)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("content"), 0o600))
	for _, how := range []string{"io.Copy", "http.ServeFile"} {
		w := &mwReaderFrom{ResponseRecorder: httptest.NewRecorder()}
		g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			g.from(r).Data.N++
			if how == "http.ServeFile" {
				http.ServeFile(w, r, name)
				return
			}
			f, err := os.Open(name)
			if assert.NoError(t, err) {
				defer f.Close()
				_, err = io.Copy(w, f)
				assert.NoError(t, err)
			}
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/file", nil))
		require.NotNil(t, w.given, "%s: the underlying ReaderFrom was not used", how)
		assert.Equal(t, "content", w.Body.String())
		assert.Len(t, (&mwAnswer{Response: w.Result()}).lines(), 1)
	}
}

func TestHandlerHijack(t *testing.T) {
	for _, how := range []string{"http.Hijacker", "ResponseController"} {
		t.Run(how, func(t *testing.T) {
			g := newMwRig(t, true)
			g.login(mwData{Text: mwBig}) // stored: the record needs no cookie
			a, err := g.try(g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				g.from(r).Data.N = 2
				hijack := http.NewResponseController(w).Hijack
				if how == "http.Hijacker" {
					h, ok := w.(http.Hijacker)
					if !assert.True(t, ok) {
						return
					}
					hijack = h.Hijack
				}
				conn, rw, err := hijack()
				if !assert.NoError(t, err) {
					return
				}
				defer conn.Close()
				assert.Equal(t, int64(2), g.store.writes.Load(), "saved by the time of the hijack")
				_, err = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
				assert.NoError(t, err)
				assert.NoError(t, rw.Flush())
			})))
			require.NoError(t, err)
			assert.Equal(t, "ok", a.body)
			assert.Equal(t, 2, g.data().N)
			assert.Zero(t, g.events.count("late change"))
		})
	}
}

func TestHandlerHijackReportsALostCookie(t *testing.T) {
	g := newMwRig(t, false)
	_, err := g.try(g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N = 2
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			assert.NoError(t, err)
			assert.NoError(t, conn.Close())
		}
	})))
	require.NoError(t, err)
	assert.Empty(t, g.cookies)
	assert.Eventually(t, func() bool { return g.events.count("late change") == 1 }, time.Minute, time.Millisecond)
}

func TestHandlerSwitchingProtocolsCommits(t *testing.T) {
	g := newMwRig(t, false)
	h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N = 3
		w.Header().Set("Upgrade", "echo")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			defer conn.Close()
			line, err := rw.ReadString('\n')
			assert.NoError(t, err)
			_, err = rw.WriteString(line)
			assert.NoError(t, err)
			assert.NoError(t, rw.Flush())
		}
	}))
	g.handler.Store(&h)
	conn, err := net.Dial("tcp", g.start().Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	assert.Len(t, resp.Header.Values("Set-Cookie"), 1)
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := br.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
	g.take(resp.Header)
	assert.Equal(t, 3, g.data().N)
	assert.Zero(t, g.events.count("late change"))
}

// mwHTTP2 starts a server that speaks HTTP/2 over TLS.
func mwHTTP2(t *testing.T, h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestHandlerEarlyHints(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP%d", version), func(t *testing.T) {
			g := newMwRig(t, false)
			h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				s.Data.N = 1
				w.Header().Set("Link", "</style.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				assert.Zero(t, g.events.count("sealed"), "103 is not final")
				s.Data.N = 2
				w.WriteHeader(http.StatusOK)
			}))
			server := g.start()
			g.handler.Store(&h)
			if version == 2 {
				server = mwHTTP2(t, h)
			}
			hints := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					assert.Equal(t, http.StatusEarlyHints, code)
					assert.Equal(t, "</style.css>; rel=preload", h.Get("Link"))
					assert.Empty(t, h.Get("Set-Cookie"))
					hints++
					return nil
				},
			})
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
			require.NoError(t, err)
			resp, err := server.Client().Do(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, version, resp.ProtoMajor)
			assert.Equal(t, 1, hints)
			g.take(resp.Header)
			assert.Equal(t, 2, g.data().N)
		})
	}
}

func TestHandlerServerSentEvents(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP%d", version), func(t *testing.T) {
			g := newMwRig(t, true)
			next := make(chan struct{})
			h := g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				g.from(r).Data.N = 1
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range 3 {
					_, err := fmt.Fprintf(w, "data: %d\n\n", i)
					assert.NoError(t, err)
					w.(http.Flusher).Flush()
					select {
					case <-next:
					case <-r.Context().Done():
						return
					}
				}
			}))
			server := g.start()
			g.handler.Store(&h)
			if version == 2 {
				server = mwHTTP2(t, h)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			require.NoError(t, err)
			resp, err := server.Client().Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			assert.Equal(t, version, resp.ProtoMajor)
			g.take(resp.Header)
			assert.Equal(t, 1, g.data().N, "the header is here before the second event")
			br := bufio.NewReader(resp.Body)
			for i := range 3 {
				line, err := br.ReadString('\n')
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("data: %d\n", i), line)
				_, err = br.ReadString('\n')
				require.NoError(t, err)
				next <- struct{}{}
			}
			_, err = br.ReadByte()
			assert.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestHandlerHTTP2(t *testing.T) {
	g := newMwRig(t, false)
	server := mwHTTP2(t, g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N = 4
		_, _, err := http.NewResponseController(w).Hijack()
		assert.ErrorIs(t, err, http.ErrNotSupported)
		_, err = io.WriteString(w, "ok")
		assert.NoError(t, err)
	})))
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 2, resp.ProtoMajor)
	g.take(resp.Header)
	assert.Equal(t, 4, g.data().N)
	assert.Zero(t, g.events.count("late change"), "nothing was hijacked, and the cookie was sent")
}

func TestHandlerResponseController(t *testing.T) {
	g := newMwRig(t, false)
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		assert.NoError(t, c.SetReadDeadline(time.Time{}))
		assert.NoError(t, c.SetWriteDeadline(time.Time{}))
		assert.NoError(t, c.EnableFullDuplex())
		g.from(r).Data.N = 1 // none of them has begun the response
	})
	assert.Len(t, a.lines(), 1)
}

func TestHandlerPanic(t *testing.T) {
	for name, before := range map[string]func(w http.ResponseWriter){
		"at once":          func(http.ResponseWriter) {},
		"after the header": func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newMwRig(t, true)
			g.login(mwData{N: 1, Text: mwBig})
			writes, sealed := g.store.writes.Load(), g.events.count("sealed")
			_, err := g.try(g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				before(w)
				s.Data = mwData{N: 2}
				panic(http.ErrAbortHandler)
			})))
			require.Error(t, err, "the connection is aborted")
			assert.Equal(t, writes, g.store.writes.Load())
			assert.Equal(t, sealed, g.events.count("sealed"))
			assert.Equal(t, 1, g.data().N)
		})
	}
}

func TestHandlerPanicReachesTheOutside(t *testing.T) {
	g := newMwRig(t, false)
	w := httptest.NewRecorder()
	assert.PanicsWithValue(t, "boom", func() {
		g.jar.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			g.from(r).Data.N = 2
			panic("boom")
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	})
	assert.Empty(t, w.Header())
	assert.Zero(t, w.Body.Len())
}

func TestHandlerReplacesTheResponseIfSavingFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		hybrid bool
		change func(g *mwRig, s *mwSession)
		err    error
		status int
	}{
		{"too large", false, func(_ *mwRig, s *mwSession) { s.Data.Text = mwBig }, nil, http.StatusInternalServerError},
		{"conflict", true, func(g *mwRig, s *mwSession) {
			g.elsewhere(mwData{N: 9, Text: mwBig})
			s.Data.N = 2
		}, hardtack.ErrConflict, http.StatusConflict},
		{"store away", true, func(g *mwRig, s *mwSession) {
			g.store.away.Store(true)
			s.Data.N = 2
		}, hardtack.ErrStoreUnavailable, http.StatusServiceUnavailable},
	} {
		for name, respond := range map[string]func(w http.ResponseWriter) error{
			"return": nil,
			"Write": func(w http.ResponseWriter) error {
				w.WriteHeader(http.StatusCreated)
				n, err := io.WriteString(w, "secret body")
				assert.Zero(t, n)
				return err
			},
			"Flush": func(w http.ResponseWriter) error {
				w.(http.Flusher).Flush()
				return http.NewResponseController(w).Flush()
			},
			"ReadFrom": func(w http.ResponseWriter) error {
				_, err := io.Copy(w, io.LimitReader(strings.NewReader("secret body"), 100))
				return err
			},
			"Hijack": func(w http.ResponseWriter) error {
				conn, _, err := http.NewResponseController(w).Hijack()
				assert.Nil(t, conn)
				return err
			},
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				g := newMwRig(t, c.hybrid)
				if c.hybrid {
					g.login(mwData{N: 1, Text: mwBig})
				} else {
					g.login(mwData{N: 1})
				}
				held := g.cookies[hardtack.DefaultName]
				a := g.do(func(w http.ResponseWriter, r *http.Request) {
					s := g.from(r)
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Length", "11")
					w.Header().Set("ETag", `"x"`)
					w.Header().Set("Cache-Control", "public, max-age=60")
					http.SetCookie(w, &http.Cookie{Name: "other", Value: "x"})
					c.change(g, s)
					if respond == nil {
						return
					}
					err := respond(w)
					if c.err != nil {
						assert.ErrorIs(t, err, c.err)
					} else {
						var size *hardtack.SizeError
						assert.ErrorAs(t, err, &size)
					}
				})
				assert.Equal(t, c.status, a.StatusCode)
				assert.Equal(t, http.StatusText(c.status)+"\n", a.body)
				assert.Equal(t, "text/plain; charset=utf-8", a.Header.Get("Content-Type"))
				assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
				assert.Equal(t, "Cookie", a.Header.Get("Vary"))
				assert.Empty(t, a.Header.Get("ETag"))
				assert.Empty(t, a.Header.Values("Set-Cookie"))
				assert.Equal(t, held, g.cookies[hardtack.DefaultName])
				assert.Zero(t, g.events.count("late change"))
				g.store.away.Store(false)
				n := g.data().N
				assert.Equal(t, map[bool]int{true: 9, false: 1}[c.err == hardtack.ErrConflict], n)
			})
		}
	}
}

func TestHandlerKeepsItsOwnCookieIfSavingFails(t *testing.T) {
	g := newMwRig(t, false)
	g.login(mwData{N: 1})
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		s := g.from(r)
		assert.NoError(t, g.jar.Delete(w, r, s))
		http.SetCookie(w, &http.Cookie{Name: "other", Value: "x"})
		s.Data.Text = mwBig
	})
	assert.Equal(t, http.StatusInternalServerError, a.StatusCode)
	assert.Len(t, a.lines(), 1)
	assert.Len(t, a.Header.Values("Set-Cookie"), 1)
	assert.Empty(t, g.cookies, "the session was ended all the same")
}

func TestHandlerStoreAway(t *testing.T) {
	for _, c := range []struct {
		name    string
		respond http.HandlerFunc
		status  int
		body    string
	}{
		{"ignored", func(w http.ResponseWriter, _ *http.Request) {}, 503, "Service Unavailable\n"},
		{"ignored with a body", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello nobody") }, 503, "Service Unavailable\n"},
		{"ignored with a status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 503, "Service Unavailable\n"},
		{"own answer", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "come back later", http.StatusServiceUnavailable)
		}, http.StatusServiceUnavailable, "come back later\n"},
		{"own 500", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh", 500) }, 500, "oh\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newMwRig(t, true)
			g.login(mwData{N: 1, Text: mwBig})
			g.store.away.Store(true)
			a := g.do(func(w http.ResponseWriter, r *http.Request) {
				s, err := g.jar.From(r.Context())
				assert.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
				assert.NotNil(t, s)
				_, err = g.jar.From(r.Context())
				assert.ErrorIs(t, err, hardtack.ErrStoreUnavailable, "also when asked again")
				c.respond(w, r)
			})
			assert.Equal(t, c.status, a.StatusCode)
			assert.Equal(t, c.body, a.body)
			assert.Empty(t, a.lines())
			assert.Equal(t, []string{"Cookie"}, a.Header.Values("Vary"))
			g.store.away.Store(false)
			assert.Equal(t, 1, g.data().N, "an outage logs nobody out")
		})
	}
}

func TestHandlerLateChange(t *testing.T) {
	mwModes(t, func(t *testing.T, hybrid bool) {
		g := newMwRig(t, hybrid)
		g.login(mwData{N: 1})
		g.do(func(w http.ResponseWriter, r *http.Request) {
			s := g.from(r)
			w.(http.Flusher).Flush()
			s.Data.N = 2
		})
		assert.Equal(t, 1, g.events.count("late change"))
		assert.Equal(t, 1, g.data().N)

		g.do(func(w http.ResponseWriter, r *http.Request) {
			s := g.from(r)
			w.(http.Flusher).Flush()
			s.Data.N = 3
			before := w.Header().Clone()
			_, err := g.jar.Save(w, r, s)
			assert.ErrorIs(t, err, hardtack.ErrResponseBegun)
			_, err = g.jar.Update(w, r, func(s *mwSession) error { s.Data.N = 4; return nil })
			assert.ErrorIs(t, err, hardtack.ErrResponseBegun)
			assert.Equal(t, before, w.Header())
		})
		assert.Greater(t, g.events.count("late change"), 1)
		assert.Equal(t, 1, g.data().N)
	})
}

// mwCounted counts how often data is encoded.
type mwCounted struct {
	hardtack.CBOR
	n *int
}

func (c mwCounted) Marshal(v any) ([]byte, error) {
	*c.n++
	return c.CBOR.Marshal(v)
}

func TestHandlerEncodesWhatIsReadOnce(t *testing.T) {
	for _, c := range []struct {
		flush, heard bool
		want         int
	}{{false, false, 1}, {false, true, 1}, {true, false, 1}, {true, true, 2}} {
		n := 0
		g := newMwRig(t, false, func(config *hardtack.Config) {
			config.Serializer = mwCounted{n: &n}
			if !c.heard {
				config.Observer.LateChange = nil
			}
		})
		g.login(mwData{N: 1})
		n = 0
		g.do(func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, 1, g.from(r).Data.N)
			if c.flush {
				w.(http.Flusher).Flush()
			}
		})
		assert.Equal(t, c.want, n, "%+v", c)
	}
}

func TestHandlerLateDelete(t *testing.T) {
	g := newMwRig(t, true)
	g.login(mwData{N: 1, Text: mwBig})
	g.do(func(w http.ResponseWriter, r *http.Request) {
		s := g.from(r)
		w.(http.Flusher).Flush()
		assert.ErrorIs(t, g.jar.Delete(w, r, s), hardtack.ErrResponseBegun)
	})
	_, err := g.jar.Get(g.request(t.Context()))
	assert.ErrorIs(t, err, hardtack.ErrEnded, "the stored session is ended all the same")
	assert.Equal(t, 1, g.events.count("late change"))
}

type mwOld struct{ N int }

type mwNew struct {
	N     int
	Extra string
}

func TestHandlerOfTheOlderRelease(t *testing.T) {
	mwModes(t, func(t *testing.T, hybrid bool) {
		g := newMwRig(t, hybrid, func(c *hardtack.Config) { c.IdleTimeout = time.Hour })
		var older *hardtack.Jar[mwOld]
		var newer *hardtack.Jar[mwNew]
		var err1, err2 error
		if hybrid {
			older, err1 = hardtack.NewHybrid[mwOld](g.config, g.store)
			newer, err2 = hardtack.NewHybrid[mwNew](g.config, g.store)
		} else {
			older, err1 = hardtack.New[mwOld](g.config)
			newer, err2 = hardtack.New[mwNew](g.config)
		}
		require.NoError(t, errors.Join(err1, err2))
		at := func(h http.Handler) *mwAnswer {
			t.Helper()
			a, err := g.try(h)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, a.StatusCode)
			return a
		}
		read := older.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, err := older.From(r.Context())
			assert.NoError(t, err)
			assert.Equal(t, 1, s.Data.N)
		}))
		extra := func() string {
			s, err := newer.Get(g.request(t.Context()))
			require.NoError(t, err)
			return s.Data.Extra
		}
		for _, size := range []int{10, 4000} {
			if size > 3000 && !hybrid {
				continue
			}
			want := strings.Repeat("e", size)
			at(newer.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				s, _ := newer.From(r.Context())
				s.Data = mwNew{1, want}
			})))
			writes := g.store.writes.Load()
			a := at(read)
			assert.Empty(t, a.Header.Values("Set-Cookie"), "reading writes nothing")
			g.clock.Advance(7 * time.Minute)
			a = at(read)
			assert.Len(t, a.lines(), 1, "the idle timeout is due")
			assert.Equal(t, writes, g.store.writes.Load())
			assert.Equal(t, want, extra(), "Touch seals the bytes that came")
		}
		at(older.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, _ := older.From(r.Context())
			s.Data.N = 2
		})))
		s, err := newer.Get(g.request(t.Context()))
		require.NoError(t, err)
		assert.Equal(t, mwNew{N: 2}, s.Data, "a real change is saved as the older release knows it")
	})
}

func TestHandlerReadWritesNothing(t *testing.T) {
	mwModes(t, func(t *testing.T, hybrid bool) {
		g := newMwRig(t, hybrid)
		read := func(_ http.ResponseWriter, r *http.Request) { g.from(r) }
		a := g.do(read)
		assert.Empty(t, a.Header.Values("Set-Cookie"), "nor does a session that was never there")
		g.login(mwData{N: 1})
		a = g.do(read)
		assert.Empty(t, a.Header.Values("Set-Cookie"))
		assert.Equal(t, "Cookie", a.Header.Get("Vary"))
		assert.Empty(t, a.Header.Get("Cache-Control"))
		if hybrid {
			g.login(mwData{Text: mwBig})
			writes := g.store.writes.Load()
			a = g.do(read)
			assert.Empty(t, a.Header.Values("Set-Cookie"))
			assert.Equal(t, writes, g.store.writes.Load())
		}
	})
}

func TestHandlerUntouched(t *testing.T) {
	g := newMwRig(t, true)
	g.login(mwData{Text: mwBig})
	reads, opened := g.store.reads.Load(), g.events.count("opened")
	a := g.do(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		io.WriteString(w, "static")
	})
	assert.Equal(t, "static", a.body)
	assert.Empty(t, a.Header.Get("Vary"))
	assert.Equal(t, "public, max-age=60", a.Header.Get("Cache-Control"))
	assert.Empty(t, a.Header.Values("Set-Cookie"))
	assert.Equal(t, reads, g.store.reads.Load())
	assert.Equal(t, opened, g.events.count("opened"))
}

func TestHandlerVary(t *testing.T) {
	g := newMwRig(t, false)
	for _, c := range []struct{ has, want []string }{
		{nil, []string{"Cookie"}},
		{[]string{"Accept-Encoding"}, []string{"Accept-Encoding", "Cookie"}},
		{[]string{"accept, cookie"}, []string{"accept, cookie"}},
		{[]string{"Origin", "COOKIE"}, []string{"Origin", "COOKIE"}},
		{[]string{"*"}, []string{"*"}},
		{[]string{"X-Cookie"}, []string{"X-Cookie", "Cookie"}},
	} {
		a := g.do(func(w http.ResponseWriter, r *http.Request) {
			g.from(r)
			for _, v := range c.has {
				w.Header().Add("Vary", v)
			}
		})
		assert.Equal(t, c.want, a.Header.Values("Vary"))
	}
}

func TestHandlerKeepsTheCookieOutOfSharedCaches(t *testing.T) {
	for _, c := range []struct{ field, value, heard string }{
		{"Cache-Control", "public, max-age=60", "public, max-age=60"},
		{"Cache-Control", "s-maxage=600", "s-maxage=600"},
		{"Cache-Control", "max-age=60, must-revalidate", "max-age=60, must-revalidate"},
		{"Cache-Control", "PUBLIC", "PUBLIC"},
		{"Cache-Control", `private="set-cookie", max-age=60`, `private="set-cookie", max-age=60`},
		{"Expires", "Thu, 01 Dec 2094 16:00:00 GMT", "Expires: Thu, 01 Dec 2094 16:00:00 GMT"},
		{"CDN-Cache-Control", "max-age=600", "Cdn-Cache-Control: max-age=600"},
		{"Surrogate-Control", "max-age=600", "Surrogate-Control: max-age=600"},
		{"Cache-Control", "no-store", "-"},
		{"Cache-Control", "private, max-age=60", "-"},
		{"Cache-Control", "no-cache", "-"},
		{"X-Nothing", "x", "-"},
	} {
		for _, explicit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s: %s/%v", c.field, c.value, explicit), func(t *testing.T) {
				g := newMwRig(t, false)
				a := g.do(func(w http.ResponseWriter, r *http.Request) {
					s := g.from(r)
					s.Data.N = 1
					if explicit {
						_, err := g.jar.Save(w, r, s)
						assert.NoError(t, err)
					}
					w.Header().Set(c.field, c.value) // after the Save
				})
				require.Len(t, a.lines(), 1)
				cc := strings.ToLower(strings.Join(a.Header.Values("Cache-Control"), ", "))
				assert.NotContains(t, cc, "public")
				assert.NotContains(t, cc, "s-maxage")
				assert.Empty(t, a.Header.Get("CDN-Cache-Control"))
				assert.Empty(t, a.Header.Get("Surrogate-Control"))
				private := false
				for d := range strings.SplitSeq(cc, ",") {
					d = strings.TrimSpace(d)
					private = private || d == "private" || d == "no-store"
				}
				assert.True(t, private, "Cache-Control: %s", cc)
				if c.heard == "-" {
					assert.Zero(t, g.events.count("cacheable"))
				} else if c.field == "Expires" && explicit {
					// It says "private" already, which overrides Expires.
					assert.Zero(t, g.events.count("cacheable"))
				} else {
					assert.Equal(t, 1, g.events.count("cacheable"))
				}
				if !explicit && c.heard != "-" {
					assert.Equal(t, c.heard, g.events.cache)
				}
			})
		}
	}
}

func TestHandlerLeavesAHandledFailureAlone(t *testing.T) {
	for name, more := range map[string]func(*mwSession){
		"data":    func(*mwSession) {},
		"renewed": func(s *mwSession) { s.Renew() },
		"login":   func(s *mwSession) { s.Renew(); s.SetSubject("alice") },
		"subject": func(s *mwSession) { s.SetSubject("alice") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newMwRig(t, false, func(c *hardtack.Config) { c.IdleTimeout = time.Hour })
			g.login(mwData{N: 1})
			g.clock.Advance(10 * time.Minute) // Touch is due
			a := g.do(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				s.Data.Text = mwBig
				more(s)
				_, err := g.jar.Save(w, r, s)
				var size *hardtack.SizeError
				if assert.ErrorAs(t, err, &size) {
					http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				}
			})
			assert.Equal(t, http.StatusRequestEntityTooLarge, a.StatusCode)
			assert.Equal(t, "too large\n", a.body)
			s, err := g.jar.Get(g.request(t.Context()))
			require.NoError(t, err)
			assert.Equal(t, mwData{N: 1}, s.Data)
			assert.Empty(t, s.Subject(), "what could not be saved was not saved by Touch")
			assert.Zero(t, g.events.count("late change"))
		})
	}
}

func TestHandlerSecondSaveReplacesTheFirst(t *testing.T) {
	g := newMwRig(t, true)
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		s := g.from(r)
		http.SetCookie(w, &http.Cookie{Name: "other", Value: "x"})
		for i := range 3 {
			s.Data.N = i
			_, err := g.jar.Save(w, r, s)
			assert.NoError(t, err)
		}
		s.Data.N = 5
	})
	assert.Len(t, a.lines(), 1)
	assert.Len(t, a.Header.Values("Set-Cookie"), 2)
	assert.Equal(t, 5, g.data().N)
	assert.Equal(t, 4, g.events.count("sealed"))

	sealed := g.events.count("sealed")
	g.do(func(w http.ResponseWriter, r *http.Request) {
		s := g.from(r)
		s.Data.N = 6
		_, err := g.jar.Save(w, r, s)
		assert.NoError(t, err)
	})
	assert.Equal(t, sealed+1, g.events.count("sealed"), "what was saved is not saved again")
}

func TestHandlerDelete(t *testing.T) {
	for name, text := range map[string]string{"inline": "", "stored": mwBig} {
		t.Run(name, func(t *testing.T) {
			g := newMwRig(t, true)
			g.login(mwData{N: 1, Text: text})
			old := g.request(t.Context())
			a := g.do(func(w http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				s.Data.N = 2
				assert.NoError(t, g.jar.Delete(w, r, s))
				assert.Equal(t, mwData{}, s.Data)
				again, err := g.jar.From(r.Context())
				assert.NoError(t, err)
				assert.Same(t, s, again)
			})
			require.Len(t, a.lines(), 1)
			assert.Contains(t, a.lines()[0], "__Host-session=; Path=/; Max-Age=0")
			assert.Empty(t, g.cookies)
			if text != "" {
				_, err := g.jar.Get(old)
				assert.ErrorIs(t, err, hardtack.ErrEnded)
			}
		})
	}
}

func TestHandlerDeleteThenNewData(t *testing.T) {
	g := newMwRig(t, true)
	g.login(mwData{N: 1, Text: mwBig})
	old := g.request(t.Context())
	was, err := g.jar.Get(old)
	require.NoError(t, err)
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		s := g.from(r)
		assert.NoError(t, g.jar.Delete(w, r, s))
		s.Data.N = 3
	})
	assert.Len(t, a.lines(), 1)
	s, err := g.jar.Get(g.request(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, mwData{N: 3}, s.Data)
	assert.NotEqual(t, was.ID(), s.ID())
	_, err = g.jar.Get(old)
	assert.ErrorIs(t, err, hardtack.ErrEnded)
}

func TestHandlerDeleteWithTheStoreAway(t *testing.T) {
	g := newMwRig(t, true)
	g.login(mwData{N: 1, Text: mwBig})
	a := g.do(func(w http.ResponseWriter, r *http.Request) {
		s := g.from(r)
		g.store.away.Store(true)
		if assert.ErrorIs(t, g.jar.Delete(w, r, s), hardtack.ErrStoreUnavailable) {
			http.Error(w, "logged out here", http.StatusServiceUnavailable)
		}
	})
	assert.Equal(t, "logged out here\n", a.body)
	assert.Empty(t, g.cookies)
}

func TestHandlerHasOneSession(t *testing.T) {
	g := newMwRig(t, false)
	g.do(func(_ http.ResponseWriter, r *http.Request) {
		a, err := g.jar.From(r.Context())
		assert.ErrorIs(t, err, hardtack.ErrNoCookie)
		b, err := g.jar.From(r.Context())
		assert.ErrorIs(t, err, hardtack.ErrNoCookie)
		c, err := g.jar.Get(r)
		assert.ErrorIs(t, err, hardtack.ErrNoCookie)
		assert.Same(t, a, b)
		assert.Same(t, a, c)
		c.Data.N = 1
	})
	assert.Equal(t, 1, g.data().N)
	assert.Equal(t, 1, g.events.count("sealed"))
}

func TestHandlerOfTwoJars(t *testing.T) {
	g := newMwRig(t, false)
	c := g.config
	c.Name = "__Host-other"
	other, err := hardtack.New[mwOld](c)
	require.NoError(t, err)
	h := other.Handler(g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N++
		s, _ := other.From(r.Context())
		s.Data.N += 10
		io.WriteString(w, "ok")
	})))
	for range 2 {
		a, err := g.try(h)
		require.NoError(t, err)
		assert.Len(t, a.Header.Values("Set-Cookie"), 2)
		assert.Equal(t, []string{"Cookie"}, a.Header.Values("Vary"))
	}
	assert.Equal(t, 2, g.data().N)
	s, err := other.Get(g.request(t.Context()))
	require.NoError(t, err)
	assert.Equal(t, 20, s.Data.N)
}

func TestHandlerInItself(t *testing.T) {
	g := newMwRig(t, false)
	a, err := g.try(g.jar.Handler(g.jar.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.from(r).Data.N++
		io.WriteString(w, "ok")
	}))))
	require.NoError(t, err)
	assert.Len(t, a.lines(), 1)
	assert.Equal(t, 1, g.events.count("sealed"))
}

func TestHandlerSavesAChangedIdentity(t *testing.T) {
	for name, text := range map[string]string{"inline": "", "stored": mwBig} {
		t.Run(name, func(t *testing.T) {
			g := newMwRig(t, true)
			g.login(mwData{N: 1, Text: text})
			was, err := g.jar.Get(g.request(t.Context()))
			require.NoError(t, err)
			a := g.do(func(_ http.ResponseWriter, r *http.Request) {
				s := g.from(r)
				s.Renew()
				s.SetSubject("alice")
			})
			assert.Len(t, a.lines(), 1)
			s, err := g.jar.Get(g.request(t.Context()))
			require.NoError(t, err)
			assert.Equal(t, "alice", s.Subject())
			assert.Equal(t, mwData{N: 1, Text: text}, s.Data)
			assert.NotEqual(t, was.ID(), s.ID())

			a = g.do(func(_ http.ResponseWriter, r *http.Request) { g.from(r).SetSubject("alice") })
			assert.Empty(t, a.lines(), "the same subject is no change")
		})
	}
}

func TestHandlerFailsClosed(t *testing.T) {
	for name, jar := range map[string]*mwJar{"zero": {}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Cookie", hardtack.DefaultName+"=x")
			jar.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				assert.Fail(t, "the handler ran")
			})).ServeHTTP(w, r)
			assert.Equal(t, http.StatusInternalServerError, w.Code)

			w = httptest.NewRecorder()
			s, err := jar.Get(r)
			assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
			require.NotNil(t, s)
			_, err = jar.Save(w, r, s)
			assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
			_, err = jar.Touch(w, r, s)
			assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
			assert.ErrorIs(t, jar.Delete(w, r, s), hardtack.ErrNotConfigured)
			_, err = jar.Update(w, r, func(*mwSession) error {
				assert.Fail(t, "fn ran")
				return nil
			})
			assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
			s, err = jar.From(t.Context())
			assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
			require.NotNil(t, s)
			assert.Zero(t, jar.Config().Lifetime)
			s.Renew()
			s.SetSubject("x")
			assert.Empty(t, s.ID())
			assert.True(t, s.IsNew())
			assert.Empty(t, w.Header())
		})
	}
}

func TestHandlerFromElsewhere(t *testing.T) {
	g := newMwRig(t, false)
	s, err := g.jar.From(t.Context())
	assert.ErrorIs(t, err, hardtack.ErrNotConfigured)
	assert.NotNil(t, s)

	other := newMwRig(t, false)
	g.do(func(_ http.ResponseWriter, r *http.Request) {
		_, err := other.jar.From(r.Context())
		assert.ErrorIs(t, err, hardtack.ErrNotConfigured, "another Jar's request")
	})
}

func TestHandlerSessionsThatNoJarMade(t *testing.T) {
	g := newMwRig(t, false)
	other := newMwRig(t, false)
	r := g.request(t.Context())
	foreign, err := other.jar.Get(r)
	require.ErrorIs(t, err, hardtack.ErrNoCookie)
	for name, s := range map[string]*mwSession{"made by hand": {Data: mwData{N: 1}}, "another Jar's": foreign} {
		w := httptest.NewRecorder()
		_, err := g.jar.Save(w, r, s)
		assert.ErrorIs(t, err, hardtack.ErrNotConfigured, name)
		_, err = g.jar.Touch(w, r, s)
		assert.ErrorIs(t, err, hardtack.ErrNotConfigured, name)
		assert.ErrorIs(t, g.jar.Delete(w, r, s), hardtack.ErrNotConfigured, name)
		assert.Empty(t, w.Header(), name)
	}
}

// A request's context is printed by many a debugging middleware.
func TestContextPrintsNothing(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	pair := jrStart(t, j, jrData{S: "confidential"})
	r := jrRequest(pair)
	r.Header.Set("Authorization", "Bearer confidential")
	type key struct{}
	w := httptest.NewRecorder()
	w.Header().Set("X-Secret", "confidential")
	j.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := j.From(r.Context())
		require.NoError(t, err)
		require.Equal(t, "confidential", s.Data.S)
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		for _, ctx := range []context.Context{r.Context(), ctx, context.WithValue(r.Context(), key{}, 1)} {
			for _, verb := range []string{"%v", "%+v", "%s"} {
				text := fmt.Sprintf(verb, ctx)
				assert.NotContains(t, text, "confidential", verb)
				assert.Contains(t, text, "hardtack.Handler", verb)
			}
		}
		for _, verb := range []string{"%#v", "%d", "%x", "%q", "%t", "%p", "%z"} {
			text := fmt.Sprintf(verb, r.Context())
			assert.NotContains(t, text, "confidential", verb)
			assert.NotContains(t, text, fmt.Sprintf("%x", "confidential"), verb)
		}
		again, err := j.From(ctx)
		require.NoError(t, err)
		assert.Same(t, s, again)
	})).ServeHTTP(w, r)
}

// The request's context is as good as the one around it: cancelled with it, and by its side of the chain.
func TestContextEnds(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{})
	type key struct{}
	parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
	r := jrRequest("").WithContext(parent)
	j.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		child, stop := context.WithTimeout(r.Context(), time.Hour)
		defer stop()
		assert.Equal(t, "value", child.Value(key{}))
		assert.NoError(t, child.Err())
		cause := errors.New("gone")
		cancel(cause)
		<-child.Done()
		assert.ErrorIs(t, r.Context().Err(), context.Canceled)
		assert.Equal(t, cause, context.Cause(r.Context()))
		assert.Equal(t, cause, context.Cause(child))
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// A handler that puts another session in the place of its own gets an error, not that session under another name.
func TestHandlerDoesNotSaveOthersSessions(t *testing.T) {
	keys := hardtack.EphemeralKeyring()
	a := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "__Host-a", Audience: "a"})
	b := jrNew[jrData](t, hardtack.Config{Keys: keys, Name: "__Host-b", Audience: "b"})
	pair := jrStart(t, b, jrData{S: "b"})
	for name, replace := range map[string]func(s *hardtack.Session[jrData], r *http.Request){
		"another Jar's": func(s *hardtack.Session[jrData], r *http.Request) {
			other, err := b.Get(r)
			require.NoError(t, err)
			*s = *other
			s.Data.N = 7
		},
		"no Jar's": func(s *hardtack.Session[jrData], _ *http.Request) { *s = hardtack.Session[jrData]{Data: jrData{N: 1}} },
	} {
		w := httptest.NewRecorder()
		a.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, _ := a.From(r.Context())
			replace(s, r)
		})).ServeHTTP(w, jrRequest(pair))
		assert.Equal(t, http.StatusInternalServerError, w.Code, name)
		assert.Empty(t, w.Result().Cookies(), name)
	}
}

// mwNone encodes what is zero as no bytes at all.
type mwNone struct{ hardtack.JSON }

func (mwNone) SerializerID() byte { return 200 }

func (s mwNone) Marshal(v any) ([]byte, error) {
	if *v.(*jrData) == (jrData{}) {
		return nil, nil
	}
	return s.JSON.Marshal(v)
}

func (s mwNone) Unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		return nil
	}
	return s.JSON.Unmarshal(data, v)
}

func TestNoBytesAreAnEncoding(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{Serializer: mwNone{}})
	pair := jrStart(t, j, jrData{})
	for n := range 2 {
		w := httptest.NewRecorder()
		j.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, err := j.From(r.Context())
			assert.NoError(t, err)
			s.Data.N = n
		})).ServeHTTP(w, jrRequest(pair))
		assert.Len(t, w.Result().Cookies(), n, "only a change is saved")
	}
}

// mwHalf gives up halfway.
type mwHalf struct{ hardtack.JSON }

func (mwHalf) SerializerID() byte { return 200 }

func (s mwHalf) Marshal(v any) ([]byte, error) {
	data, err := s.JSON.Marshal(v)
	if v.(*jrData).N == 7 {
		return data[:3], errors.New("no encoding")
	}
	return data, err
}

func TestHandlerSavesNoHalfEncoding(t *testing.T) {
	j := jrNew[jrData](t, hardtack.Config{Serializer: mwHalf{}})
	w := httptest.NewRecorder()
	j.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, err := j.From(r.Context())
		require.NoError(t, err)
		s.Data.N = 7
	})).ServeHTTP(w, jrRequest(jrStart(t, j, jrData{})))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Empty(t, w.Result().Cookies())
}
