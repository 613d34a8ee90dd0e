//go:build unix

package servers

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// Proxy forwards TCP connections to a server, until it is told to break them. It ends with the test. Its methods may be
// called from several goroutines at once.
//
// Heal, Reset, Refuse, HalfOpen, DropReplies, DropNextReply and DropReplyTo each end what the one before has begun,
// for connections that are not broken yet; a broken connection stays broken. Delay adds to all of them but Heal.
type Proxy struct {
	t      T
	addr   string
	target string
	work   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil when connections are refused
	links    map[*link]struct{}
	mode     mode
	text     []byte // of the request that dropOneReply is for, empty for any
	delay    time.Duration
}

type mode int

const (
	forward mode = iota
	halfOpen
	dropReplies
	dropOneReply
)

// link is a connection of a client and the one to the server that belongs to it. The mutex of its proxy guards it.
type link struct {
	client, server *net.TCPConn // server is nil until it is there, and stays so when nothing is forwarded
	silent         bool         // nothing is forwarded any more
	left           bool         // the client has closed its connection meanwhile
	armed          bool         // the next reply is dropped and ends the connection
	closed         chan struct{}
}

// NewProxy starts a proxy for the server at target, a host:port, that forwards everything.
func NewProxy(t T, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, target: target, links: make(map[*link]struct{})}
	for p.addr == "" {
		port, err := freePort()
		if err != nil {
			t.Fatalf("proxy: %v", err)
		}
		if err := p.listen(address(port)); err == nil {
			p.addr = address(port)
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatalf("proxy: %v", err)
		}
	}
	t.Cleanup(p.close)
	return p
}

// Addr returns where the proxy listens, as 127.0.0.1:port. It stays the same as long as the test lasts.
func (p *Proxy) Addr() string { return p.addr }

// Heal forwards everything again, without delay. A connection that HalfOpen has silenced stays silent; the server
// learns now when its client has closed it meanwhile.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.enter(forward, "")
	p.Delay(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.left {
			p.drop(l, false)
		}
	}
}

// Delay holds back each piece of data on its way to the server that long from now on.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Reset resets all connections, so that a client reads or writes "connection reset by peer". New ones work.
func (p *Proxy) Reset() {
	p.t.Helper()
	p.enter(forward, "")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropAll(true)
}

// Refuse closes all connections, and has new ones refused, as after the end of the server.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode, p.text = forward, nil
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.dropAll(false)
}

// HalfOpen forwards nothing any more, in either direction, while connections stay open and new ones are taken: neither
// side learns of anything that the other does, not even that it has closed its connection. It is what a broken network
// does.
func (p *Proxy) HalfOpen() {
	p.t.Helper()
	p.enter(halfOpen, "")
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.silent = true
	}
}

// DropReplies lets requests through to the server and swallows what it answers to them: as soon as the first byte of
// the answer has arrived, the connection of the client is reset. So the server has done what it was asked, and the
// client never learns. Connections that send nothing any more stay as they are.
//
// A reply is whatever the server sends after the first data that the client has sent since. So for a client that sends
// a request before it has the reply to the one before, the wrong reply counts; and the first request of a new
// connection is its handshake.
func (p *Proxy) DropReplies() {
	p.t.Helper()
	p.enter(dropReplies, "")
}

// DropNextReply is DropReplies for the next request only, on whichever connection it comes.
func (p *Proxy) DropNextReply() {
	p.t.Helper()
	p.enter(dropOneReply, "")
}

// DropReplyTo is DropNextReply for the next request that has the text in it, such as "COMMIT": the proxy knows no
// protocol, and compares the bytes of each piece of data it reads, at most 64 KiB.
func (p *Proxy) DropReplyTo(text string) {
	p.t.Helper()
	p.enter(dropOneReply, text)
}

// enter changes the mode, and listens again if need be.
func (p *Proxy) enter(m mode, text string) {
	p.t.Helper()
	var err error
	if !poll(endLimit, func() bool {
		err = p.listen(p.addr)
		return !errors.Is(err, syscall.EADDRINUSE)
	}) || err != nil {
		p.t.Fatalf("proxy: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode, p.text = m, []byte(text)
}

// listen takes connections, if the proxy does not do so already.
func (p *Proxy) listen(addr string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return err
	}
	p.listener = l
	p.work.Go(func() { p.accept(l) })
	return nil
}

func (p *Proxy) accept(from net.Listener) {
	for {
		conn, err := from.Accept()
		if err != nil {
			return // closed
		}
		l := &link{client: conn.(*net.TCPConn), closed: make(chan struct{})}
		p.mu.Lock()
		if p.listener != from { // refused meanwhile
			p.mu.Unlock()
			abort(l.client)
			continue
		}
		l.silent = p.mode == halfOpen
		p.links[l] = struct{}{}
		p.mu.Unlock()
		p.work.Go(func() { p.serve(l) })
	}
}

// serve connects to the server and forwards until the connection is closed.
func (p *Proxy) serve(l *link) {
	p.mu.Lock()
	silent := l.silent
	p.mu.Unlock()
	if silent {
		p.toServer(l)
		return
	}
	conn, err := net.DialTimeout("tcp", p.target, 10*time.Second)
	p.mu.Lock()
	if _, open := p.links[l]; err != nil || !open {
		if err == nil {
			_ = conn.Close()
		}
		p.drop(l, true)
		p.mu.Unlock()
		return
	}
	l.server = conn.(*net.TCPConn)
	p.mu.Unlock()

	var replies sync.WaitGroup
	replies.Go(func() { p.toClient(l) })
	p.toServer(l)
	replies.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	l.left = true
	if !l.silent || p.mode != halfOpen {
		p.drop(l, false)
	}
}

const bufferSize = 64 << 10

// toServer forwards what the client sends.
func (p *Proxy) toServer(l *link) {
	buffer := make([]byte, bufferSize)
	for {
		n, err := l.client.Read(buffer)
		p.mu.Lock()
		delay := p.delay
		p.mu.Unlock()
		if delay > 0 {
			select {
			case <-time.After(delay):
			case <-l.closed:
				return
			}
		}
		if !p.request(l, buffer[:n], err) {
			return
		}
	}
}

// request forwards what was read from the client, or the end, and tells whether to read on.
func (p *Proxy) request(l *link, data []byte, end error) bool {
	p.mu.Lock()
	silent := l.silent
	if silent && end != nil {
		l.left = true
		if p.mode != halfOpen {
			p.drop(l, false)
		}
	}
	if !silent && len(data) > 0 && (p.mode == dropReplies || p.mode == dropOneReply && bytes.Contains(data, p.text)) {
		l.armed = true
		if p.mode == dropOneReply {
			p.mode = forward
		}
	}
	p.mu.Unlock()
	if silent {
		return end == nil
	}
	return p.pass(l, l.server, data, end)
}

// toClient forwards what the server sends.
func (p *Proxy) toClient(l *link) {
	buffer := make([]byte, bufferSize)
	for {
		n, err := l.server.Read(buffer)
		p.mu.Lock()
		silent, armed := l.silent, l.armed
		if !silent && armed {
			p.drop(l, true)
		}
		p.mu.Unlock()
		switch {
		case silent:
			if err != nil {
				return
			}
		case armed, !p.pass(l, l.client, buffer[:n], err):
			return
		}
	}
}

// pass sends the data, and the end in the way in which it came, and tells whether to go on.
func (p *Proxy) pass(l *link, to *net.TCPConn, data []byte, end error) bool {
	_, err := to.Write(data)
	if err == nil && end == nil {
		return true
	}
	if err == nil && errors.Is(end, io.EOF) {
		_ = to.CloseWrite()
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !l.silent {
		p.drop(l, true)
	}
	return false
}

// dropAll drops all links. The caller holds mu.
func (p *Proxy) dropAll(reset bool) {
	for l := range p.links {
		p.drop(l, reset)
	}
}

// drop closes both connections of a link, or resets them. The caller holds mu.
func (p *Proxy) drop(l *link, reset bool) {
	if _, open := p.links[l]; !open {
		return
	}
	delete(p.links, l)
	close(l.closed)
	for _, conn := range []*net.TCPConn{l.client, l.server} {
		switch {
		case conn == nil:
		case reset:
			abort(conn)
		default:
			_ = conn.Close()
		}
	}
}

// abort resets the connection.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

func (p *Proxy) close() {
	p.Refuse()
	p.work.Wait()
}
