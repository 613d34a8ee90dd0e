//go:build unix

package redisstore_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/store/redisstore"
)

// The error says that there is no server, and not what it said instead.
func TestNoRedisThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1000))
			_, _ = conn.Write([]byte("HTTP/1.1 400 h0use\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	for _, scheme := range []string{"redis://", "rediss://"} {
		_, err := redisstore.Open(within(t), scheme+"someone:h0rse@"+l.Addr().String(), redisstore.Options{})
		require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
		assert.ErrorContains(t, err, "cannot be reached")
		for _, secret := range []string{"h0use", "h0rse", "someone"} {
			assert.NotContains(t, err.Error(), secret)
		}
	}
	require.NoError(t, l.Close())
	<-served
	_, err = redisstore.Open(within(t), "redis://"+l.Addr().String(), redisstore.Options{})
	require.ErrorIs(t, err, hardtack.ErrStoreUnavailable)
	assert.ErrorContains(t, err, "connection refused")
}
