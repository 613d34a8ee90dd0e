//go:build unix

package servers

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// How long a server may take to start, to answer one question and to end. Far more than it does, for machines with much
// else to do.
const (
	startLimit = 2 * time.Minute
	askLimit   = 20 * time.Second
	endLimit   = 30 * time.Second
)

// Server is a server that runs for a test, and ends with it. Its methods may be called from several goroutines at once;
// one that fails the test, by T's Fatalf, ends the test only when it is called from the goroutine of the test.
type Server struct {
	t    T
	kind kind

	folder  string // what belongs to the server: its data, its log
	version string
	ports   [2]int // where it answers clients, and other nodes of a cluster
	guard   *guard

	mu      sync.Mutex
	root    *exec.Cmd       // nil when it does not run
	running context.Context // done when root has ended
	frozen  []int           // the processes that Pause has stopped
}

// kind is what sets one sort of server apart.
type kind struct {
	name    string // "PostgreSQL"
	debian  string // the package that has it
	program string
	user    string         // to run it as when the test runs as root, "" for root
	quit    syscall.Signal // ends it at once, and leaves nothing behind in the kernel

	// prepare creates the data folder's content.
	prepare func(s *Server) error
	// args returns the arguments of the program.
	args func(s *Server) []string
	// ready asks the server something, as a client would.
	ready func(ctx context.Context, s *Server) error
	// started, if not nil, is called when the server has started for the first time.
	started func(ctx context.Context, s *Server) error
	// url has everything but the address.
	url url.URL
}

// errPortTaken is that of a server that ended because something else listens on its port.
var errPortTaken = errors.New("the port is taken")

// start returns a server that answers.
func start(t T, k kind) (*Server, error) {
	var err error
	if k.program, err = lookPath(k.program); err != nil {
		return nil, fmt.Errorf("%s is not installed (%w): on Debian, apt-get install %s", k.name, err, k.debian)
	}
	s := &Server{t: t, kind: k}
	if s.version, err = version(k); err != nil {
		return nil, err
	}
	if s.folder, err = os.MkdirTemp("", "hardtack-servers-"); err != nil {
		return nil, err
	}
	if s.guard, err = newGuard(s.folder); err != nil {
		return nil, errors.Join(err, os.Remove(s.folder))
	}
	t.Cleanup(s.remove)
	if err := s.makeFolders(); err != nil {
		return nil, err
	}
	if k.prepare != nil {
		if err := k.prepare(s); err != nil {
			return nil, err
		}
	}
	for range 10 {
		for i := range s.ports {
			if s.ports[i], err = freePort(); err != nil {
				return nil, err
			}
		}
		if err = s.launch(); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if k.started != nil {
		err = k.started(context.Background(), s)
	}
	return s, err
}

// lookPath is [exec.LookPath] that looks also where Debian has programs that are not for everybody.
func lookPath(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	if path, e := exec.LookPath(filepath.Join("/usr/sbin", program)); e == nil {
		return path, nil
	}
	return "", err
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+`)

func version(k kind) (string, error) {
	out, err := exec.Command(k.program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", k.program, err)
	}
	number := versionNumber.Find(out)
	if number == nil {
		return "", fmt.Errorf("no version in what %s --version says: %s", k.program, out)
	}
	return k.name + " " + string(number), nil
}

// makeFolders makes the folder passable and the data folder inside it one of the user that the server runs as.
func (s *Server) makeFolders() error {
	if err := os.Chmod(s.folder, 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(s.Dir(), 0o700); err != nil {
		return err
	}
	who, err := s.credential()
	if err != nil || who == nil {
		return err
	}
	return os.Chown(s.Dir(), int(who.Uid), int(who.Gid))
}

func (s *Server) credential() (*syscall.Credential, error) {
	if s.kind.user == "" {
		return nil, nil
	}
	return credential(s.kind.user)
}

// command returns a command that runs as the user of the server, in its folder, and writes to its log. The environment
// of the test has no say: a client or a server would take defaults from it.
func (s *Server) command(program string, args ...string) (*exec.Cmd, error) {
	who, err := s.credential()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.logFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = s.Dir()
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		"HOME=" + s.Dir(), "TMPDIR=" + s.Dir(),
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	dieWithParent(cmd.SysProcAttr, s.kind.quit)
	return cmd, nil
}

// run runs a command that ends by itself.
func (s *Server) run(program string, args ...string) error {
	cmd, err := s.command(program, args...)
	if err != nil {
		return err
	}
	defer closeLog(cmd)
	if err = startCommand(cmd); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, s.Log())
	}
	return nil
}

func closeLog(cmd *exec.Cmd) { _ = cmd.Stdout.(*os.File).Close() }

// launch starts the server on its ports and waits until it answers.
func (s *Server) launch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs() {
		return errors.New("it runs already")
	}
	if err := s.kill(); err != nil { // what is left of it when it has ended by itself
		return err
	}
	before := len(s.Log())
	cmd, err := s.command(s.kind.program, s.kind.args(s)...)
	if err != nil {
		return err
	}
	err = startCommand(cmd)
	closeLog(cmd)
	if err != nil {
		return err
	}
	running, end := context.WithCancel(context.Background())
	go func() {
		_ = cmd.Wait()
		end()
	}()
	s.root, s.running = cmd, running
	s.guard.watch(s.kind.quit, cmd.Process.Pid)

	ready := errors.New("not asked yet")
	poll(startLimit, func() bool {
		ready = s.kind.ready(running, s)
		return ready == nil || running.Err() != nil
	})
	if ready == nil {
		return nil
	}
	if err := s.kill(); err != nil {
		return err
	}
	log := s.Log()[before:]
	if addressInUse.MatchString(log) {
		return errPortTaken
	}
	return fmt.Errorf("it does not answer: %w\n%s", ready, log)
}

var addressInUse = regexp.MustCompile(`(?i)address already in use`)

// runs tells whether the server has been started and has not ended since. The caller holds mu.
func (s *Server) runs() bool {
	return s.root != nil && s.running.Err() == nil
}

// kill ends all processes of the server, and returns when they are gone. The caller holds mu.
func (s *Server) kill() error {
	if s.root == nil {
		return nil
	}
	var pids []int
	if s.runs() {
		var err error
		if pids, err = freeze(s.root.Process.Pid); err != nil {
			return err
		}
	}
	signalAll(pids, syscall.SIGKILL)
	return s.gone(pids)
}

// quit ends the server so that it leaves nothing behind in the kernel, by force if it does not.
func (s *Server) quit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.runs() {
		return s.kill()
	}
	signalAll(s.frozen, syscall.SIGCONT)
	_ = s.root.Process.Signal(s.kind.quit)
	select {
	case <-s.running.Done():
	case <-time.After(endLimit):
	}
	return s.kill()
}

// gone waits until the processes are gone and forgets them. The caller holds mu.
func (s *Server) gone(pids []int) error {
	<-s.running.Done()
	var alive bool
	var err error
	if !poll(endLimit, func() bool {
		alive, err = anyAlive(pids)
		return err != nil || !alive
	}) {
		return errors.New("some of its processes do not end")
	}
	s.root, s.frozen = nil, nil
	s.guard.forget()
	return err
}

// remove ends the server and leaves nothing of it.
func (s *Server) remove() {
	if err := errors.Join(s.quit(), s.guard.dismiss()); err != nil {
		s.t.Fatalf("%s: cannot clean up: %v", s.kind.name, err)
	}
}

// Addr returns where the server listens, as 127.0.0.1:port. It stays the same as long as the test lasts.
func (s *Server) Addr() string { return address(s.ports[0]) }

// URL returns the address as a URL, with user, password and database where the server has them.
func (s *Server) URL() string { return s.URLAt(s.Addr()) }

// URLAt is URL for a client that reaches the server at another address, such as that of a [Proxy].
func (s *Server) URLAt(addr string) string {
	u := s.kind.url
	u.Host = addr
	return u.String()
}

// Dir returns the data folder of the server.
func (s *Server) Dir() string { return filepath.Join(s.folder, "data") }

// Version returns the name and the version of the server, such as "PostgreSQL 15.18".
func (s *Server) Version() string { return s.version }

// Log returns what the server has written to its log, standard output and standard error so far, also before it was
// killed, and what the programs that created its data folder have written.
func (s *Server) Log() string {
	log, err := os.ReadFile(s.logFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatalf("%s: %v", s.kind.name, err)
	}
	return string(bytes.ToValidUTF8(log, []byte("\uFFFD")))
}

func (s *Server) logFile() string { return filepath.Join(s.folder, "log") }

// Kill ends all processes of the server at once, as a crash does, and returns when they are gone. It does nothing to a
// server that does not run.
func (s *Server) Kill() {
	s.t.Helper()
	s.mu.Lock()
	err := s.kill()
	s.mu.Unlock()
	s.check("Kill", err)
}

// Start starts a server that Kill has ended, on the same port and with the data it has left, and returns when it
// answers.
func (s *Server) Start() {
	s.t.Helper()
	var err error
	poll(endLimit, func() bool {
		err = s.launch()
		return !errors.Is(err, errPortTaken)
	})
	s.check("Start", err)
}

// Pause stops all processes of the server, which then neither answers nor ends a connection: it hangs. New connections
// are still taken by the kernel, as many as fit into its queue.
func (s *Server) Pause() {
	s.t.Helper()
	s.mu.Lock()
	err := s.pause()
	s.mu.Unlock()
	s.check("Pause", err)
}

func (s *Server) pause() error {
	if !s.runs() {
		return errors.New("it does not run")
	}
	pids, err := freeze(s.root.Process.Pid)
	s.frozen = pids
	s.guard.watch(syscall.SIGKILL, pids...)
	return err
}

// Resume lets a server go on that Pause has stopped.
func (s *Server) Resume() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen == nil {
		return
	}
	signalAll(s.frozen, syscall.SIGCONT)
	s.frozen = nil
	s.guard.watch(s.kind.quit, s.root.Process.Pid)
}

func (s *Server) check(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %s: %v", s.kind.name, what, err)
	}
}

// must returns the server, or fails the test.
func must(t T, k kind) *Server {
	t.Helper()
	s, err := start(t, k)
	if err != nil {
		t.Fatalf("cannot start %s: %v", k.name, err)
	}
	return s
}

// newPassword returns a password that appears nowhere else by chance.
func newPassword() string { return rand.Text() }
