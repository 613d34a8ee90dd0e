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

// MariaDB starts a MariaDB server with a database, and an account with a random password that may do everything. The
// arguments are those of mariadbd, such as "--max-connections=200"; MariaDB's defaults hold for all others but
// the sizes of InnoDB's buffers, which are small.
func MariaDB(t T, args ...string) *Server {
	t.Helper()
	password := newPassword()
	k := kind{
		name: "MariaDB", debian: "mariadb-server", program: "mariadbd", user: "mysql", quit: syscall.SIGKILL,
		url: url.URL{Scheme: "mysql", User: url.UserPassword(sqlUser, password), Path: "/" + sqlDatabase},
	}
	k.prepare = func(s *Server) error { return installMariaDB(s, password) }
	k.args = func(s *Server) []string {
		return append([]string{
			// first of all: no option file
			"--no-defaults", "--datadir=" + s.Dir(), "--bind-address=" + loopback, fmt.Sprintf("--port=%d", s.ports[0]),
			// relative to the data folder, as the path of a socket must be short
			"--socket=mariadb.sock", "--pid-file=mariadb.pid", "--skip-name-resolve", "--init-file=" + accountFile(s),
			"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=32M", innodbLogSize,
		}, args...)
	}
	k.ready = func(ctx context.Context, s *Server) error {
		_, err := mariadb(ctx, s, password, "SELECT 1")
		return err
	}
	return must(t, k)
}

// The files have to have this size from the start on.
const innodbLogSize = "--innodb-log-file-size=16M"

func accountFile(s *Server) string { return filepath.Join(s.folder, "account.sql") }

func installMariaDB(s *Server, password string) error {
	sql := fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %[1]s;\n"+
		"CREATE USER IF NOT EXISTS %[2]s@'%[3]s' IDENTIFIED BY '%[4]s';\n"+
		"GRANT ALL ON *.* TO %[2]s@'%[3]s';\n", sqlDatabase, sqlUser, loopback, password)
	if err := os.WriteFile(accountFile(s), []byte(sql), 0o600); err != nil {
		return err
	}
	who, err := s.credential()
	if err != nil {
		return err
	}
	if who != nil {
		if err := os.Chown(accountFile(s), int(who.Uid), int(who.Gid)); err != nil {
			return err
		}
	}
	return s.run("mariadb-install-db", "--no-defaults", "--datadir="+s.Dir(), "--skip-test-db", "--skip-name-resolve",
		"--auth-root-authentication-method=socket", "--auth-root-socket-user=root", innodbLogSize)
}

// mariadb returns the result of a statement, without column names.
func mariadb(ctx context.Context, s *Server, password, sql string) (string, error) {
	return client(ctx, "mariadb", []string{"MYSQL_PWD=" + password}, "--no-defaults", "--protocol=tcp",
		"--host="+loopback, fmt.Sprintf("--port=%d", s.ports[0]), "--user="+sqlUser, "--batch", "--skip-column-names",
		"--execute="+sql, sqlDatabase)
}
