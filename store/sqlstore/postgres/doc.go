// Package postgres opens a session store in PostgreSQL, with the driver pgx.
//
// It may be shared by any number of servers. What the tables hold and what is guaranteed is in package sqlstore.
//
// In production: synchronous_commit must not be off for the role or the database, or a crash of the server loses writes that were
// acknowledged, tombstones of ended sessions among them. Connect to the primary; where the URL names several hosts, add
// target_session_attrs=read-write. Give the role idle_in_transaction_session_timeout and statement_timeout as you
// like: no statement here lasts long. Autovacuum must be on, as everywhere. Use sslmode=verify-full outside of
// a trusted network: pgx's default falls back to plain text.
//
// A connection that the server or a firewall has closed is replaced before it is used, so a restart of the
// server fails only the calls that were in flight.
package postgres
