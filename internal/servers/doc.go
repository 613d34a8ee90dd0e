//go:build unix

// Package servers starts real servers for tests: Redis, a Redis Cluster, PostgreSQL and MariaDB, and a TCP proxy that
// injects faults between a client and a server.
//
// A server listens on a free port of the loopback interface, keeps its data in a temporary folder of its own and
// writes it to disk as durably as in production, so that a test may [Server.Kill] it, [Server.Start] it again and look
// at what has survived. Nothing outlives the test: neither a process nor a folder, even when the test binary is
// killed.
//
// A program that is not installed fails the test and names the Debian package that has it; no test is skipped.
// PostgreSQL refuses to run as root, so a test that runs as root starts PostgreSQL as the user postgres, and MariaDB as
// the user mysql.
//
// The package uses nothing but the standard library, so that the modules that test with it depend on nothing more.
package servers
