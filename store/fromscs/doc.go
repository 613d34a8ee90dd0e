// Package fromscs has no code of its own. It tests hardtack.FromSCS with stores of
// github.com/alexedwards/scs: memstore, boltstore and goredisstore.
//
// What each of them lacks stands in its test, as a reason for storetest. goredisstore keeps the contract of
// a plain Store. memstore does, but forgets everything with the process and has no bounds. boltstore does
// not: it returns bbolt's own memory after its transaction has ended. FromSCS copies it at
// once, but a database that grows in that moment unmaps it, and the process crashes. Open the
// database with bbolt.Options.InitialMmapSize beyond what it will ever hold.
package fromscs
