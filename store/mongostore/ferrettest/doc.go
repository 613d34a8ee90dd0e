// Package ferrettest tests mongostore against FerretDB, which stands in for MongoDB: it speaks MongoDB's protocol, keeps the
// data in SQLite, and can be compiled into the tests. It is a module of its own because FerretDB is large.
//
// FerretDB finds a document and then writes it, where MongoDB does both at once. The clauses of storetest that this breaks run a
// second time through a gate that passes one write at a time. It knows neither TTL indexes nor replica sets, and ignores read and
// write concerns. What the driver sends to a replica set, and what it makes of a replica set's answers, is tested in mongostore itself.
//
//	go test -timeout=15m .
//
// without -race, because the whole server would run under the race detector.
package ferrettest
