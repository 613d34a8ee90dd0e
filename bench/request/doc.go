// Package request measures what a session adds to a request, in hardtack and beside it in gorilla/sessions and scs. It has nothing but
// benchmarks, and the tests that they measure what they say.
//
// Each contender is an http.Handler made as its documentation recommends: hardtack with Get and Save in the handler, and where by=
// ends with "-handler" with Jar.Handler and From; gorilla/sessions with Get, Values and Save, a key of 32 bytes for HMAC-SHA256 and
// one for AES-256; scs with LoadAndSave, Get and Put. The session is the Account of ../session, and in
// BenchmarkShapes each of the shapes there: for the peers, one value of a type that gob knows, which is their fastest usual form. A read
// looks at the session; a write changes one field and saves. All bodies are the same.
//
// A hardtack Jar with the store's name in by= is hybrid with a Budget so small that the session is stored. The stores are as durable for
// each contender: SQLite with a write-ahead log and synchronous=FULL; Redis with appendfsync=everysec, its default; PostgreSQL with its
// defaults. Redis and PostgreSQL are started when a benchmark that was selected needs them.
package request
