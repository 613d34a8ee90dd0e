//go:build unix

package ferrettest

import (
	"context"
	"testing"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/servers"
	"github.com/hardtack-go/hardtack/store/mongostore"
	"github.com/hardtack-go/hardtack/storetest"
)

const (
	updatesRace = "FerretDB looks for the document and then writes it, so that several of the concurrent updates with one filter succeed; " +
		"in MongoDB one does. TestConformanceOneByOne runs this clause"
	deletesRace = "FerretDB looks for what has expired and then removes it by its _id, also what was written anew in between; " +
		"MongoDB looks again. TestConformanceOneByOne runs this clause"
)

// few limits a client to so many connections that FerretDB does not spend its time waiting for SQLite's lock. The suite's two
// clients together then have 16 calls at a time.
const few = "&maxPoolSize=8"

func TestConformance(t *testing.T) {
	t.Log("not provable with FerretDB: read and write concerns, repeated writes, TTL indexes; mongostore's own tests look at the commands")
	name := fresh(t, "conformance")
	at := func(addr string) *mongostore.Store {
		return open(t, uri(addr, name)+few, mongostore.Options{SweepEvery: -1})
	}
	away, hangs := servers.NewProxy(t, serverAddr), servers.NewProxy(t, serverAddr)
	o := storetest.Options{
		MaxData: mongostore.MaxData,
		Again:   at(serverAddr),
		Away:    at(away.Addr()),
		AwayIs:  hardtack.ErrStoreUnavailable,
		Hangs:   at(hangs.Addr()),
		NotProvable: map[string]string{
			"Concurrency/Swaps":   updatesRace,
			"Concurrency/Counter": updatesRace,
			"Concurrency/Random":  updatesRace,
			"Sweep/Recommitted":   deletesRace,
		},
	}
	away.Refuse()
	hangs.HalfOpen()
	storetest.Run(t, at(serverAddr), o)
}

// records is a store without its index by subject and its Ping, so that the suite leaves out what TestConformance has shown.
type records struct {
	hardtack.CompareAndSwapper
	sweeper
}

type sweeper interface {
	Sweep(context.Context) (int, error)
}

// The store keeps every clause on a server whose writes are atomic.
func TestConformanceOneByOne(t *testing.T) {
	at := uri(startGate(t, serverAddr), fresh(t, "one_by_one")) + few
	s, again := open(t, at, mongostore.Options{SweepEvery: -1}), open(t, at, mongostore.Options{SweepEvery: -1})
	storetest.Run(t, records{s, s}, storetest.Options{Again: records{again, again}})
}
