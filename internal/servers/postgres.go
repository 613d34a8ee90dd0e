//go:build unix

package servers

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
)

// The account and the database of every SQL server. The account owns the database.
const (
	sqlUser     = "hardtack"
	sqlDatabase = "hardtack"
)

// Postgres starts a PostgreSQL server with a database, and an account with a random password that may do everything.
// The settings are those of postgresql.conf, such as "max_connections=200"; PostgreSQL's defaults hold for all others
// but shared_buffers, which is small.
func Postgres(t T, settings ...string) *Server {
	t.Helper()
	k := kind{
		name: "PostgreSQL", debian: "postgresql", program: postgresProgram("postgres"), user: "postgres",
		quit: syscall.SIGQUIT, // "immediate shutdown": as a crash, but it returns its shared memory
	}
	password := newPassword()
	k.url = url.URL{
		Scheme: "postgres", User: url.UserPassword(sqlUser, password), Path: "/" + sqlDatabase, RawQuery: "sslmode=disable",
	}
	k.prepare = func(s *Server) error { return initdb(s, password) }
	k.args = func(s *Server) []string {
		args := []string{"-D", s.Dir()}
		for _, setting := range append([]string{
			"listen_addresses=" + loopback, fmt.Sprintf("port=%d", s.ports[0]), "unix_socket_directories=",
			"shared_buffers=16MB", "dynamic_shared_memory_type=mmap",
		}, settings...) {
			args = append(args, "-c", setting)
		}
		return args
	}
	// Until its database is there, any database will do.
	database := "template1"
	k.ready = func(ctx context.Context, s *Server) error {
		_, err := psql(ctx, s, password, database, "SELECT 1")
		return err
	}
	k.started = func(ctx context.Context, s *Server) error {
		if _, err := psql(ctx, s, password, database, "CREATE DATABASE "+sqlDatabase); err != nil {
			return err
		}
		database = sqlDatabase
		return nil
	}
	return must(t, k)
}

// postgresProgram returns where a program of PostgreSQL is. Debian has those of the server outside PATH, by version;
// the highest one counts. Its name alone, where there is none, is for PATH.
func postgresProgram(name string) string {
	for version := 99; version > 0; version-- {
		path := filepath.Join("/usr/lib/postgresql", fmt.Sprint(version), "bin", name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return name
}

func initdb(s *Server, password string) error {
	file := filepath.Join(s.folder, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	who, err := s.credential()
	if err != nil {
		return err
	}
	if who != nil {
		if err := os.Chown(file, int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	return s.run(filepath.Join(filepath.Dir(s.kind.program), "initdb"), "--no-sync", "--pgdata", s.Dir(),
		"--username", sqlUser, "--pwfile", file, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C")
}

// psql returns the result of a statement, without column names.
func psql(ctx context.Context, s *Server, password, database, sql string) (string, error) {
	return client(ctx, filepath.Join(filepath.Dir(s.kind.program), "psql"), []string{"PGPASSWORD=" + password},
		"--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
		"--host", loopback, "--port", fmt.Sprint(s.ports[0]), "--username", sqlUser, "--dbname", database, "--command", sql)
}
