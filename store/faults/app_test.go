//go:build unix

package faults

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/internal/faulttest"
	"github.com/hardtack-go/hardtack/store/sqlstore/sqlite"
)

// childEnv has this binary be an application on SQLite instead of a test. Its value is where it listens, its key and its file.
const childEnv = "HARDTACK_FAULTS_APP"

// app is such an application.
type app struct {
	t    *testing.T
	addr string
	env  string
	cmd  *exec.Cmd
	end  io.Closer
}

func newApp(t *testing.T, file string) *app {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close()) // the application listens there, again and again
	a := &app{t: t, addr: l.Addr().String()}
	secret := hardtack.GenerateKey(time.Time{}, time.Time{}).ExposeSecret()
	a.env = fmt.Sprintf("%s=%s %s %s", childEnv, a.addr, hex.EncodeToString(secret), file)
	a.start()
	t.Cleanup(a.kill)
	return a
}

func (a *app) url() string { return "https://" + a.addr }

func (a *app) start() {
	a.t.Helper()
	program, err := os.Executable()
	require.NoError(a.t, err)
	a.cmd = exec.Command(program)
	a.cmd.Env = append(os.Environ(), a.env)
	a.cmd.Stderr = os.Stderr
	a.end, err = a.cmd.StdinPipe() // at its end, also by the death of this process, the application ends
	require.NoError(a.t, err)
	out, err := a.cmd.StdoutPipe()
	require.NoError(a.t, err)
	require.NoError(a.t, a.cmd.Start())
	ready, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(a.t, err, "the application has not started")
	require.Equal(a.t, "ready\n", ready)
}

// kill ends the application at once, by SIGKILL.
func (a *app) kill() {
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	_ = a.end.Close()
}

// limit bounds the files of the application; below 0 not any more.
func (a *app) limit(bytes int64) {
	a.t.Helper()
	client := http.Client{Transport: faulttest.Transport(1), Timeout: time.Minute}
	defer client.CloseIdleConnections()
	answer, err := client.Post(a.url()+"/limit?bytes="+strconv.FormatInt(bytes, 10), "", nil)
	require.NoError(a.t, err)
	require.NoError(a.t, answer.Body.Close())
	require.Equal(a.t, http.StatusOK, answer.StatusCode)
}

// child is the application.
func child() int {
	signal.Ignore(syscall.SIGXFSZ) // so that a write beyond the limit fails as on a full disk
	if err := serve(strings.SplitN(os.Getenv(childEnv), " ", 3)); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		return 1
	}
	return 0
}

func serve(args []string) error {
	secret, err := hex.DecodeString(args[1])
	if err != nil {
		return err
	}
	key, err := hardtack.NewKey(secret, time.Time{}, time.Time{})
	if err != nil {
		return err
	}
	keys, err := hardtack.NewKeyring(key)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(context.Background(), args[2], sqlite.Options{})
	if err != nil {
		return err
	}
	jar, err := hardtack.NewHybrid[faulttest.Data](hardtack.Config{Keys: keys}, store)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", faulttest.Handler(jar))
	mux.HandleFunc("POST /limit", setLimit)
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	faulttest.Serve(l, mux)
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func setLimit(w http.ResponseWriter, r *http.Request) {
	bytes, err := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
	if bytes < 0 {
		bytes = math.MaxInt64
	}
	var limit syscall.Rlimit
	if err == nil {
		err = syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	limit.Cur = min(uint64(bytes), limit.Max)
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func newAppLoad(t *testing.T, a *app) *faulttest.Load {
	return faulttest.NewLoad(t, a.url(), faulttest.Options{Sessions: 24, Tabbed: 4, ServerDies: true})
}

// The application dies in the middle of writes to its file.
func TestSQLiteApplicationKilled(t *testing.T) {
	a := newApp(t, filepath.Join(t.TempDir(), "sessions.db"))
	load := newAppLoad(t, a)
	load.Start()
	for range max(few(10), 3) {
		load.Proceed(t, few(100))
		a.kill()
		a.start()
	}
	load.Proceed(t, few(100))
	counts := load.Finish()
	counts.Report(t, sqliteVersion(t), "application killed (-9)")
	counts.Check(t)
}

// The disk is full, and has room again.
func TestSQLiteDiskFull(t *testing.T) {
	a := newApp(t, filepath.Join(t.TempDir(), "sessions.db"))
	fills(t, a, "no room: file size limit", func() { a.limit(4096) }, func() { a.limit(-1) })
}

func TestSQLiteSmallDisk(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	a := newApp(t, filepath.Join(dir, "sessions.db"))
	ballast := filepath.Join(dir, "ballast")
	fills(t, a, "no room: disk full", func() { fill(t, ballast) }, func() { require.NoError(t, os.Remove(ballast)) })
}

func fills(t *testing.T, a *app, fault string, full, room func()) {
	load := faulttest.NewLoad(t, a.url(), faulttest.Options{Sessions: 24, Tabbed: 4})
	stored := load.Client(t, "stored", faulttest.Large)
	inline := load.Client(t, "inline", faulttest.Small)
	load.Start()
	for range 3 {
		load.Proceed(t, few(200))
		before := load.Counts().Unavailable
		full()
		require.Eventually(t, func() bool { return load.Counts().Unavailable >= before+few(100) }, time.Minute, time.Millisecond,
			"saves do not fail")
		r := stored.Save(faulttest.Large)
		answers(t, r, http.StatusServiceUnavailable)
		require.False(t, r.Sets, "a cookie with a 503")
		answers(t, stored.Read(), http.StatusOK)
		answers(t, inline.Save(faulttest.Small), http.StatusOK)
		room()
		require.Eventually(t, func() bool { return stored.Save(faulttest.Large).Status == http.StatusOK }, hangLimit, time.Millisecond,
			"saves do not work again when there is room")
	}
	counts := load.Finish()
	counts.Report(t, sqliteVersion(t), fault)
	counts.Check(t)
}

// fill writes a file until nothing more can be written to the disk.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	block := make([]byte, 64<<10)
	for len(block) > 0 {
		if _, err := f.Write(block); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			block = block[:len(block)/2]
		}
	}
}
