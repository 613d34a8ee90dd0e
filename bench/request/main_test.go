//go:build unix

package request

import (
	"encoding/gob"
	"os"
	"sync"
	"testing"

	"github.com/hardtack-go/hardtack/bench/session"
	"github.com/hardtack-go/hardtack/internal/servers"
)

// The servers start when they are first asked for.
var redisServer, postgresServer func() *servers.Server

func TestMain(m *testing.M) {
	gob.Register(session.Account{})
	main := servers.NewMain()
	redisServer = sync.OnceValue(func() *servers.Server {
		// A rewrite of the log would run beside what is measured.
		return servers.Redis(main, "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")
	})
	postgresServer = sync.OnceValue(func() *servers.Server { return servers.Postgres(main) })
	os.Exit(main.Run(m.Run))
}
