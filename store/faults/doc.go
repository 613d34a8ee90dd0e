// Package faults breaks the stores of hardtack and shows that no session is lost or mixed up: servers are killed, paused
// and cut off in the middle of saves, disks fill up, backups are restored. It has tests only, and is a module of its own
// because they need every store's driver.
//
// The tests start real servers; on Debian these are in the packages redis-server, postgresql and mariadb-server. They are
// for Unix. How many sessions each fault met, and what became of them, goes into the table of docs/stores.md:
//
//	make fault-table
package faults
