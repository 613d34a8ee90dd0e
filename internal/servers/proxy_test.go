//go:build unix

package servers

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// echo is a server that sends back what it gets, and remembers it.
type echo struct {
	net.Listener
	mu    sync.Mutex
	got   strings.Builder
	ended chan error // of reading, for each connection
}

func newEcho(t *testing.T) *echo {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	e := &echo{Listener: l, ended: make(chan error, 100)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go e.serve(conn)
		}
	}()
	return e
}

func (e *echo) serve(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 1<<10)
	for {
		n, err := conn.Read(buffer)
		e.mu.Lock()
		e.got.Write(buffer[:n])
		e.mu.Unlock()
		_, _ = conn.Write(buffer[:n])
		if err != nil {
			e.ended <- err
			return
		}
	}
}

func (e *echo) received() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got.String()
}

func (e *echo) waitFor(t *testing.T, text string) {
	t.Helper()
	require.True(t, poll(10*time.Second, func() bool { return strings.Contains(e.received(), text) }), "no %q", text)
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn
}

// say sends the text and reads as much back.
func say(conn net.Conn, text string) (string, error) {
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	back := make([]byte, len(text))
	n, err := io.ReadFull(conn, back)
	return string(back[:n]), err
}

func assertWorks(t *testing.T, conn net.Conn) {
	t.Helper()
	got, err := say(conn, "hello")
	assert.NoError(t, err)
	assert.Equal(t, "hello", got)
}

// assertSilent says something that nobody answers.
func assertSilent(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := say(conn, text)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
}

func TestProxyForwards(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	conn := dial(t, p)
	assertWorks(t, conn)
	assertWorks(t, dial(t, p))

	// much at once, in both directions
	text := strings.Repeat("0123456789abcdef", 1<<16)
	go func() { _, _ = io.WriteString(conn, text) }()
	back := make([]byte, len(text))
	_, err := io.ReadFull(conn, back)
	require.NoError(t, err)
	assert.True(t, text == string(back), "unchanged")

	// the end of one direction, then of the other
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	assert.ErrorIs(t, <-e.ended, io.EOF)
	_, err = conn.Read(back)
	assert.ErrorIs(t, err, io.EOF)
	assert.True(t, poll(10*time.Second, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.links) == 1
	}), "the proxy forgets the connection")
}

func TestProxyForwardsReset(t *testing.T) {
	e := newEcho(t)
	conn := dial(t, NewProxy(t, e.Addr().String()))
	assertWorks(t, conn)
	abort(conn.(*net.TCPConn))
	assert.ErrorIs(t, <-e.ended, syscall.ECONNRESET)
}

func TestProxyOfNothingResets(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	require.NoError(t, e.Close())
	conn, err := net.Dial("tcp", p.Addr())
	if err == nil { // not reset so soon
		defer conn.Close()
		_, err = say(conn, "hello")
	}
	assertReset(t, err)
}

// assertReset tells whether the error is that of a connection that was reset, which a write may see as a broken pipe.
func assertReset(t *testing.T, err error) {
	t.Helper()
	assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "reset, not %v", err)
}

func TestProxyDelay(t *testing.T) {
	p := NewProxy(t, newEcho(t).Addr().String())
	conn := dial(t, p)
	assertWorks(t, conn)
	p.Delay(300 * time.Millisecond)
	begin := time.Now()
	assertWorks(t, conn)
	assert.GreaterOrEqual(t, time.Since(begin), 300*time.Millisecond)

	p.Delay(time.Hour)
	assertSilent(t, conn, "late")
	p.Heal()
	assertWorks(t, dial(t, p))
	// The cleanup must not wait for the hour.
}

func TestProxyReset(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	one, two := dial(t, p), dial(t, p)
	assertWorks(t, one)
	assertWorks(t, two)
	p.Reset()
	for _, conn := range []net.Conn{one, two} {
		_, err := conn.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
		assert.ErrorIs(t, <-e.ended, syscall.ECONNRESET)
	}
	assertWorks(t, dial(t, p))
}

func TestProxyRefuse(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	conn := dial(t, p)
	assertWorks(t, conn)
	p.Refuse()
	_, err := conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
	assert.ErrorIs(t, <-e.ended, io.EOF)
	_, err = net.Dial("tcp", p.Addr())
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	p.Refuse()
	p.Heal()
	assertWorks(t, dial(t, p))
	_, err = say(conn, "hello")
	assert.Error(t, err, "stays broken")

	for name, heal := range map[string]func(){
		"Reset": p.Reset, "HalfOpen": p.HalfOpen, "DropReplies": p.DropReplies, "DropNextReply": p.DropNextReply,
	} {
		p.Refuse()
		heal()
		conn, err := net.Dial("tcp", p.Addr())
		require.NoError(t, err, name)
		require.NoError(t, conn.Close())
	}
}

func TestProxyHalfOpen(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	old, leaves := dial(t, p), dial(t, p)
	assertWorks(t, old)
	assertWorks(t, leaves)
	p.HalfOpen()
	young := dial(t, p)
	assertSilent(t, old, "old")
	assertSilent(t, young, "young")
	require.NoError(t, leaves.Close())
	time.Sleep(100 * time.Millisecond)
	assert.Empty(t, e.ended, "the server must not learn that a client has left")

	p.Heal()
	assert.ErrorIs(t, <-e.ended, io.EOF)
	assertWorks(t, dial(t, p))
	assertSilent(t, old, "old again")
	assertSilent(t, young, "young again")
	assert.NotContains(t, e.received(), "old")
	assert.NotContains(t, e.received(), "young")
	require.NoError(t, old.Close())
	assert.ErrorIs(t, <-e.ended, io.EOF)
	p.Reset()
	_, err := young.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestProxyHalfOpenSwallowsReplies(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	p := NewProxy(t, l.Addr().String())
	client := dial(t, p)
	server, err := l.Accept()
	require.NoError(t, err)
	p.HalfOpen()
	_, err = io.WriteString(server, "from the server")
	require.NoError(t, err)
	require.NoError(t, server.Close())
	require.NoError(t, client.SetDeadline(time.Now().Add(200*time.Millisecond)))
	_, err = client.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "neither the text nor the end")
}

func TestProxyDropReplies(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	one, two, idle := dial(t, p), dial(t, p), dial(t, p)
	assertWorks(t, one)
	assertWorks(t, idle)
	p.DropReplies()
	for _, conn := range []net.Conn{one, two, dial(t, p)} {
		got, err := say(conn, "done")
		assertReset(t, err)
		assert.Empty(t, got)
	}
	e.waitFor(t, "donedonedone")
	p.Heal()
	assertWorks(t, idle)
	assertWorks(t, dial(t, p))
	_, err := say(one, "hello")
	assert.Error(t, err, "stays broken")
}

func TestProxyDropNextReply(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	one, two := dial(t, p), dial(t, p)
	assertWorks(t, one)
	assertWorks(t, two)
	p.DropNextReply()
	got, err := say(one, "done")
	assertReset(t, err)
	assert.Empty(t, got)
	e.waitFor(t, "done")
	assertWorks(t, two)
	assertWorks(t, dial(t, p))
}

func TestProxyDropReplyTo(t *testing.T) {
	e := newEcho(t)
	p := NewProxy(t, e.Addr().String())
	one, two := dial(t, p), dial(t, p)
	p.DropReplyTo("COMMIT")
	assertWorks(t, one)
	assertWorks(t, two)
	got, err := say(two, "well, COMMIT it")
	assertReset(t, err)
	assert.Empty(t, got)
	e.waitFor(t, "COMMIT")
	got, err = say(one, "COMMIT")
	assert.NoError(t, err)
	assert.Equal(t, "COMMIT", got)
}

func TestProxyDropsReplyOfRedis(t *testing.T) {
	s := Redis(t)
	p := NewProxy(t, s.Addr())
	conn := dial(t, p)
	in := bufio.NewReader(conn)
	ask := func(words ...string) (string, error) { return redisAsk(conn, in, words...) }
	got, err := ask("INCR", "count")
	require.NoError(t, err)
	assert.Equal(t, "1", got)

	for i, drop := range []func(){p.DropNextReply, p.DropReplies, func() { p.DropReplyTo("INCR") }} {
		drop()
		_, err = ask("INCR", "count")
		assertReset(t, err)
		got, err = redisDo(t.Context(), s.Addr(), "", "GET", "count")
		require.NoError(t, err)
		assert.Equal(t, []string{"2", "3", "4"}[i], got, "the request has taken effect, once")
		p.Heal()
		conn = dial(t, p)
		in = bufio.NewReader(conn)
	}
	got, err = ask("GET", "count")
	require.NoError(t, err)
	assert.Equal(t, "4", got)
}
