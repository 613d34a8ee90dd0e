//go:build unix

package ferrettest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate forwards one write at a time to the server, whichever connection it comes from, and so makes of FerretDB what
// MongoDB is: a server that changes a document atomically. FerretDB looks for the document and then writes it, and
// other writes may come in between.
type gate struct {
	listener net.Listener
	target   string
	write    sync.Mutex // held from a write's first byte to the server to the last of its answer

	mu    sync.Mutex
	conns []net.Conn
	work  sync.WaitGroup
}

// startGate returns the address of a gate that ends with the test.
func startGate(t *testing.T, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{listener: l, target: target}
	g.work.Go(g.accept)
	t.Cleanup(func() {
		_ = l.Close()
		g.mu.Lock()
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.mu.Unlock()
		g.work.Wait()
	})
	return l.Addr().String()
}

func (g *gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", g.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		g.mu.Lock()
		g.conns = append(g.conns, client, server)
		g.mu.Unlock()
		g.work.Go(func() {
			defer func() { _, _ = client.Close(), server.Close() }()
			for g.forward(client, server) == nil {
			}
		})
	}
}

// forward forwards one command and its answer.
func (g *gate) forward(client, server net.Conn) error {
	command, err := message(client)
	if err != nil {
		return err
	}
	answer, err := func() ([]byte, error) {
		if isWrite(command) {
			g.write.Lock()
			defer g.write.Unlock()
		}
		if _, err := server.Write(command); err != nil {
			return nil, err
		}
		return message(server)
	}()
	if err != nil {
		return err
	}
	_, err = client.Write(answer)
	return err
}

// isWrite reports whether a message is a command that writes. The name of a command is the key of its document's first element.
func isWrite(message []byte) bool {
	const name = 16 + 4 + 1 + 4 + 1 // after the header, the flags, the section's kind, the document's length, the element's type
	for _, write := range []string{"update", "delete", "createIndexes"} {
		if len(message) > name && bytes.HasPrefix(message[name:], append([]byte(write), 0)) {
			return true
		}
	}
	return false
}

// message reads a message of MongoDB's protocol, which begins with its own length.
func message(from io.Reader) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(from, length); err != nil {
		return nil, err
	}
	whole := make([]byte, binary.LittleEndian.Uint32(length))
	copy(whole, length)
	_, err := io.ReadFull(from, whole[4:])
	return whole, err
}
