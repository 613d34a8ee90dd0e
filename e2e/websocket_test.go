package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// socket is an open websocket of either library, of either side.
type socket interface {
	write(ctx context.Context, text string) error
	read(ctx context.Context) (string, error)
	close() error
}

type coderSocket struct{ *coder.Conn }

func (s coderSocket) write(ctx context.Context, text string) error {
	return s.Write(ctx, coder.MessageText, []byte(text))
}

func (s coderSocket) read(ctx context.Context) (string, error) {
	_, b, err := s.Read(ctx)
	return string(b), err
}

func (s coderSocket) close() error { return s.Close(coder.StatusNormalClosure, "") }

type gorillaSocket struct{ *gorilla.Conn }

func (s gorillaSocket) write(_ context.Context, text string) error {
	return s.WriteMessage(gorilla.TextMessage, []byte(text))
}

func (s gorillaSocket) read(context.Context) (string, error) {
	_, b, err := s.ReadMessage()
	return string(b), err
}

func (s gorillaSocket) close() error {
	return errors.Join(
		s.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, ""), time.Now().Add(time.Second)),
		s.Close())
}

// accept makes a websocket of a request; dial asks for one.
type (
	accept func(w http.ResponseWriter, r *http.Request) (socket, error)
	dial   func(t *testing.T, client *http.Client, address string) (socket, *http.Response)
)

// coder's Accept calls WriteHeader(101) and then Hijack: the Jar's cookie is in that header.
func acceptCoder(w http.ResponseWriter, r *http.Request) (socket, error) {
	c, err := coder.Accept(w, r, nil)
	return coderSocket{c}, err
}

// gorilla's Upgrade calls Hijack and then writes a header of its own: what it is
// given, and nothing of w.Header().
func acceptGorilla(w http.ResponseWriter, r *http.Request) (socket, error) {
	c, err := (&gorilla.Upgrader{}).Upgrade(w, r, nil)
	return gorillaSocket{c}, err
}

// Given w.Header() itself, it sends what Hijack has added: the map is the same.
func acceptGorillaWithHeader(w http.ResponseWriter, r *http.Request) (socket, error) {
	c, err := (&gorilla.Upgrader{}).Upgrade(w, r, w.Header())
	return gorillaSocket{c}, err
}

func dialCoder(t *testing.T, client *http.Client, address string) (socket, *http.Response) {
	t.Helper()
	c, resp, err := coder.Dial(t.Context(), address, &coder.DialOptions{HTTPClient: client})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	return coderSocket{c}, resp
}

func dialGorilla(t *testing.T, client *http.Client, address string) (socket, *http.Response) {
	t.Helper()
	d := gorilla.Dialer{Jar: client.Jar, HandshakeTimeout: 10 * time.Second}
	if tr, ok := client.Transport.(*http.Transport); ok {
		d.TLSClientConfig = tr.TLSClientConfig.Clone()
		d.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	c, resp, err := d.DialContext(t.Context(), strings.Replace(address, "https:", "wss:", 1), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return gorillaSocket{c}, resp
}

// wsServer serves, within a Jar's Handler: /visit counts a visit, /ws is a
// websocket whose handler runs before before the upgrade and after after its end.
type wsServer struct {
	*httptest.Server
	client *http.Client
	heard  observed
	ended  chan struct{} // a websocket's handler, with the middleware around it, has returned
	saved  chan error    // what Save said to a websocket with save=1
}

func newWSServer(t *testing.T, a accept, before, after func(*hardtack.Session[data])) *wsServer {
	t.Helper()
	ws := &wsServer{ended: make(chan struct{}, 4), saved: make(chan error, 4)}
	jar := newHybridJar(t, hardtack.Config{Observer: ws.heard.observer()})
	mux := http.NewServeMux()
	mux.HandleFunc("/visit", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		s.Data.Visits++
		fmt.Fprint(w, s.Data.Visits)
	})
	mux.HandleFunc("/visits", func(w http.ResponseWriter, r *http.Request) {
		s, _ := jar.From(r.Context())
		fmt.Fprint(w, s.Data.Visits)
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		s, err := jar.From(r.Context())
		if err != nil && !errors.Is(err, hardtack.ErrNoCookie) {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if before != nil {
			before(s)
		}
		c, err := a(w, r)
		if err != nil {
			return
		}
		defer func() { _ = c.close() }()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for {
			text, err := c.read(ctx)
			if err != nil {
				break
			}
			if c.write(ctx, fmt.Sprintf("%s, visitor %d", text, s.Data.Visits)) != nil {
				break
			}
		}
		if after != nil {
			after(s)
			if r.FormValue("save") != "" {
				_, err := jar.Save(w, r, s)
				ws.saved <- err
			}
		}
	})
	inner := jar.Handler(mux)
	ws.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		if r.URL.Path == "/ws" {
			ws.ended <- struct{}{}
		}
	}))
	t.Cleanup(ws.Close)
	ws.client = withCookieJar(t, ws.Server)
	ws.client.Timeout = 0 // coder's connections outlive the request
	return ws
}

func (ws *wsServer) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ws.URL+path, nil)
	require.NoError(t, err)
	resp, err := ws.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(b))
	return string(b)
}

// talk opens a websocket, exchanges messages, closes it, waits for the end of the
// handler, and returns the handshake's response.
func (ws *wsServer) talk(t *testing.T, d dial, path string, visitor int) *http.Response {
	t.Helper()
	c, resp := d(t, ws.client, ws.URL+path)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	for i := range 3 {
		require.NoError(t, c.write(t.Context(), fmt.Sprintf("hello %d", i)))
		got, err := c.read(t.Context())
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("hello %d, visitor %d", i, visitor), got)
	}
	_ = c.close()
	select {
	case <-ws.ended:
	case <-time.After(20 * time.Second):
		require.FailNow(t, "the handler does not return")
	}
	return resp
}

func eachClient(t *testing.T, f func(t *testing.T, d dial)) {
	t.Run("coder client", func(t *testing.T) { f(t, dialCoder) })
	t.Run("gorilla client", func(t *testing.T) { f(t, dialGorilla) })
}

func eachPair(t *testing.T, f func(t *testing.T, a accept, d dial)) {
	for name, a := range map[string]accept{
		"coder server":               acceptCoder,
		"gorilla server":             acceptGorilla,
		"gorilla server with header": acceptGorillaWithHeader,
	} {
		t.Run(name, func(t *testing.T) {
			eachClient(t, func(t *testing.T, d dial) { f(t, a, d) })
		})
	}
}

func sessionCookies(resp *http.Response) (found []*http.Cookie) {
	for _, c := range resp.Cookies() {
		if c.Name == hardtack.DefaultName {
			found = append(found, c)
		}
	}
	return found
}

// A websocket that only reads the session: no cookie, no complaint.
func TestWebsocketReadsTheSession(t *testing.T) {
	eachPair(t, func(t *testing.T, a accept, d dial) {
		ws := newWSServer(t, a, nil, nil)
		require.Equal(t, "1", ws.get(t, "/visit"))
		require.Equal(t, "2", ws.get(t, "/visit"))
		resp := ws.talk(t, d, "/ws", 2)
		assert.Empty(t, sessionCookies(resp))
		assert.Zero(t, ws.heard.lateChanges())
		assert.Equal(t, "2", ws.get(t, "/visits"))
	})
}

func countVisit(s *hardtack.Session[data]) { s.Data.Visits++ }

// A change before the upgrade travels in the handshake's response if that is
// written through w. Cookie jars take it from there.
func TestWebsocketChangeBeforeCoderAccept(t *testing.T) {
	eachClient(t, func(t *testing.T, d dial) {
		ws := newWSServer(t, acceptCoder, countVisit, nil)
		require.Equal(t, "1", ws.get(t, "/visit"))
		resp := ws.talk(t, d, "/ws", 2)
		assert.Len(t, sessionCookies(resp), 1)
		assert.Zero(t, ws.heard.lateChanges())
		assert.Equal(t, "2", ws.get(t, "/visits"), "the next request has it")
	})
}

// The first request of all may be a websocket's.
func TestWebsocketMakesTheSession(t *testing.T) {
	eachClient(t, func(t *testing.T, d dial) {
		ws := newWSServer(t, acceptCoder, countVisit, nil)
		resp := ws.talk(t, d, "/ws", 1)
		require.Len(t, sessionCookies(resp), 1)
		c := sessionCookies(resp)[0]
		assert.True(t, c.Secure)
		assert.True(t, c.HttpOnly)
		assert.Equal(t, "Cookie", resp.Header.Get("Vary"))
		assert.Equal(t, "2", ws.get(t, "/visit"))
	})
}

// gorilla hijacks first. Without a header the cookie is lost, which the Observer
// hears. With w.Header() it arrives; the Jar cannot know that, and reports it as well.
func TestWebsocketChangeBeforeGorillaUpgrade(t *testing.T) {
	eachClient(t, func(t *testing.T, d dial) {
		t.Run("nil", func(t *testing.T) {
			ws := newWSServer(t, acceptGorilla, countVisit, nil)
			require.Equal(t, "1", ws.get(t, "/visit"))
			resp := ws.talk(t, d, "/ws", 2)
			assert.Empty(t, sessionCookies(resp))
			assert.Equal(t, 1, ws.heard.lateChanges())
			assert.Equal(t, "1", ws.get(t, "/visits"), "the client has the old cookie")
		})
		t.Run("header", func(t *testing.T) {
			ws := newWSServer(t, acceptGorillaWithHeader, countVisit, nil)
			require.Equal(t, "1", ws.get(t, "/visit"))
			resp := ws.talk(t, d, "/ws", 2)
			assert.Len(t, sessionCookies(resp), 1)
			assert.Equal(t, 1, ws.heard.lateChanges())
			assert.Equal(t, "2", ws.get(t, "/visits"))
		})
	})
}

// What is changed once the websocket is open can reach no cookie: Save refuses,
// and the Observer hears of the change.
func TestWebsocketChangeAfterUpgrade(t *testing.T) {
	eachPair(t, func(t *testing.T, a accept, d dial) {
		ws := newWSServer(t, a, nil, countVisit)
		require.Equal(t, "1", ws.get(t, "/visit"))
		ws.talk(t, d, "/ws", 1)
		assert.Equal(t, 1, ws.heard.lateChanges(), "from the middleware, at the end")
		ws.talk(t, d, "/ws?save=1", 1)
		assert.ErrorIs(t, <-ws.saved, hardtack.ErrResponseBegun)
		assert.Greater(t, ws.heard.lateChanges(), 1)
		assert.Equal(t, "1", ws.get(t, "/visits"))
	})
}
