//go:build !unix

package postgres

import "net"

// doubtful reports whether an idle connection may have ended. There is no cheap way to tell here, so each is asked.
func doubtful(net.Conn) bool { return true }
