// Package mysql opens a session store in MySQL or MariaDB, with the driver github.com/go-sql-driver/mysql.
//
// It may be shared by any number of servers. What the tables hold and what is guaranteed is in package sqlstore. The tables use InnoDB.
//
// In production: innodb_flush_log_at_trx_commit=1, which is the default, or a crash of the server loses writes that were
// acknowledged, tombstones of ended sessions among them; sync_binlog=1 where there are replicas. max_allowed_packet bounds the size of a
// record, which is therefore refused with a *hardtack.SizeError: keep it above Budget.Record. Connect to the primary; in a
// Galera cluster to one node, or with wsrep_sync_wait=1. Use tls=true outside of a trusted network.
//
// A connection that the server has closed is replaced before it is used, so a restart of the server fails
// only the calls that were in flight. One that a firewall has dropped in silence is noticed within about 3 minutes, or by the call that uses it.
package mysql
