// Package sqlstore keeps session records in SQLite, PostgreSQL, MySQL or MariaDB through database/sql.
//
// Most programs use Open of one of the subpackages sqlite, postgres and mysql, which bring a driver and a pool that
// is set up for this. New takes a pool that the application has already, with any driver; this package has none.
//
// # Guarantees
//
// A write is one statement, committed by itself: it has happened as a whole or not at all, whatever fails. Once it has been
// acknowledged it is in the database's log on disk, as far as the database is set to write it there (below). A Store
// never repeats a write of which it does not know whether it happened, so a true from CompareAndSwap is never a second one. It
// does repeat, while the context lasts, what the database has refused because others were in the way and has therefore not done.
//
// CompareAndSwap is decided by the database, between all servers that use it. Of several calls with one old version one swaps.
//
// Expiry is a number of milliseconds in the row and compared with the clock of the server that asks, passed
// as a parameter: the database's own clock and time zone do not matter. What has expired counts as missing at once and is
// removed by a sweep, which each Store makes once a minute by itself.
//
// IDs are compared byte by byte, whatever the database's collation.
//
// An error names neither an ID nor data, and never a password: the server's own text, which can quote all three,
// is replaced by its code.
//
// # In production
//
// Reads must see earlier writes: connect to the primary, never to a replica.
//
// PostgreSQL: synchronous_commit must not be off. MySQL and MariaDB: innodb_flush_log_at_trx_commit=1, and max_allowed_packet
// above Budget.Record. SQLite in a pool of one's own: journal_mode WAL, synchronous FULL, and a busy timeout of at most some
// milliseconds, as the Store repeats by itself and SQLite's own waiting does not end with the context.
//
// A role needs SELECT, INSERT, UPDATE and DELETE on the tables records and subjects and SELECT on the table schema, and to make them CREATE; see
// Options.SkipMigration.
//
// The statements are prepared once and then on each connection that runs them. PgBouncer in transaction mode needs version 1.21 or
// later with max_prepared_statements above 0.
//
// The clocks of servers that share a database should be synchronised; a difference of a second ends a session a second
// sooner on one of them.
//
// # Keys for a fleet
//
// NewKeys, or the method Keys of a Store, makes a hardtack.KeyStore of a table: a source from which all servers have the keys of
// their ring, in which whoever sees first that one is due puts it, and by which a revocation reaches them all.
//
//	keys, err := store.Keys(ctx, sqlstore.KeysOptions{})
//	ring, err := hardtack.OpenKeyring(ctx, keys, hardtack.KeyringConfig{Rotation: &hardtack.RotationPolicy{}, Wrapper: kms})
//
// Who can read the table, or a backup of it, has what is in it, so that the secrets are to be wrapped. Who can write it can end sessions, but
// not forge any as long as he cannot wrap. A database that went back in time, or a table that was emptied, loses no key that
// a running server still has: one with a Rotation policy writes them back. A role needs SELECT, INSERT and UPDATE on the table.
//
// # Tables
//
// With the default prefix: hardtack_records (id, data, version, expires), hardtack_subjects (id, subject, expires) and
// hardtack_schema (version). New makes and changes them under a lock, so that any number of servers may start at once.
// NewKeys makes hardtack_keys (name, document) likewise.
package sqlstore
