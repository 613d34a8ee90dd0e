// Package keystoretest has the tests that every hardtack.KeyStore must pass, and those of fleets of rings that share
// one: that they start together, rotate, revoke, and live through what happens to a database.
package keystoretest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
)

// Backend is where key sets are kept for a test.
type Backend struct {
	// Open returns a store of the key set of this name, with connections of its own. What has not been written yet is empty.
	Open func(t *testing.T, name string) hardtack.KeyStore
	// Put puts a document where the stores of this name have theirs, behind their backs. With nil everything is gone, other
	// names' sets too.
	Put func(t *testing.T, name string, document []byte)
}

// limit proves that something does not hang.
const limit = 20 * time.Second

// until waits for what others bring about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			require.FailNow(t, "has not come about: "+what)
		}
	}
}
