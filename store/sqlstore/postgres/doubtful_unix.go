//go:build unix

package postgres

import (
	"crypto/tls"
	"net"
	"syscall"
)

// doubtful reports whether an idle connection has something to read: its end, as a rule, or the words with which the
// server takes its leave. It costs a system call where a ping would cost a round trip.
func doubtful(conn net.Conn) bool {
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	// Control rather than Read: pgx may have a reader of its own waiting, behind which Read would wait.
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, peeked = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err != nil || peeked != syscall.EAGAIN && peeked != syscall.EWOULDBLOCK
}
