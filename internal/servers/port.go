//go:build unix

package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const loopback = "127.0.0.1"

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// freePort returns a port that nothing listens on at the moment; somebody else may take it before it is used.
//
// Its ports lie below those that Linux, macOS and the BSDs hand out for outgoing connections: a server that has been
// killed must find its port free when it starts again, and a client that dials the port meanwhile must not be
// connected to itself.
func freePort() (int, error) {
	const low, high, attempts = 20000, 32768, 1000
	for range attempts {
		port := low + rand.IntN(high-low)
		if l, err := net.Listen("tcp4", address(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port from %d to %d in %d attempts", low, high-1, attempts)
}
