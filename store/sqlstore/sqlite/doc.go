// Package sqlite opens a session store in an SQLite file, for one machine. It needs no cgo.
//
// Several processes of the machine may share the file; the folder must not be on a network file system. One of them writes at a
// time. A write is on disk when it is acknowledged, and survives a power cut: the log is written ahead (WAL) and synced at each
// commit. Options.Relaxed trades that for speed. What the tables hold and what else is guaranteed is in package sqlstore.
//
// The file, and its companions with the endings -wal and -shm, are created for the owner alone (mode 0600). They
// belong together: to copy the file while it is in use, use VACUUM INTO or SQLite's backup, never cp. A copy that is put back
// is an old state; a Jar notices where a cookie was written since (docs/stores.md). Room that expired records leave is used again, but the file does not shrink.
//
// In production: a disk that does not lie about syncing, room for the log beside the file, and Store.Ping in the health check.
package sqlite
