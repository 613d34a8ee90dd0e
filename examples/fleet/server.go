package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hardtack-go/hardtack"
)

const (
	startWait  = time.Minute // until a shop must listen
	maxComment = 2000        // bytes kept of what a server writes to stderr
)

// span is a time in which a server ran, real time.
type span struct{ from, to time.Time }

// server is a place in the fleet, in which one process after another runs.
type server struct {
	number int // from 1
	offset time.Duration
	args   []string

	mu      sync.Mutex
	running bool
	cmd     *exec.Cmd     // the present process, or the last
	url     string        // of the same
	gone    chan struct{} // closed when it has ended
	ups     []span
	crashes int
	said    comment
	looks   looks
}

// looks is what a server has told of its looks at the key file.
type looks struct {
	last  time.Time     // real time, zero after a start
	worst time.Duration // the longest known pause between two, real time
	// knows is since when it is known to know of a key, and of a revocation.
	knows, revoked map[hardtack.KeyID]time.Time
	faults         []string
}

// comment is the beginning of what a server writes to stderr.
type comment struct {
	mu   sync.Mutex
	text []byte
}

func (c *comment) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p[:min(len(p), maxComment-len(c.text))]...)
	return len(p), nil
}

func (c *comment) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(string(c.text))
}

// start runs a shop and waits until it listens.
func (s *server) start(ctx context.Context, binary string) error {
	cmd := exec.Command(binary, s.args...)
	dieWithParent(cmd)
	cmd.Stderr = &s.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	end := func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	ctx, cancel := context.WithTimeoutCause(ctx, startWait, fmt.Errorf("does not listen after %v", startWait))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // ends the reading
	line, err := bufio.NewReader(out).ReadString('\n')
	if !stop() {
		err = errors.Join(err, context.Cause(ctx))
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		end()
		return fmt.Errorf("server %d did not start: %w; it said %q", s.number, err, s.said.String())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.cmd, s.url, s.gone = true, cmd, url, make(chan struct{})
	s.ups = append(s.ups, span{from: time.Now()})
	s.looks.last = time.Time{}
	go s.wait(cmd, out, s.gone)
	return nil
}

// wait notices when a process ends by itself.
func (s *server) wait(cmd *exec.Cmd, out io.Reader, gone chan struct{}) {
	defer close(gone)
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running && s.cmd == cmd {
		s.down()
		s.crashes++
	}
}

func (s *server) down() {
	now := time.Now()
	s.running = false
	s.ups[len(s.ups)-1].to = now
	if l := &s.looks; !l.last.IsZero() {
		l.worst = max(l.worst, now.Round(0).Sub(l.last))
	}
}

// kill ends the server with SIGKILL, if it runs, and waits until it is gone.
func (s *server) kill() {
	s.mu.Lock()
	running, cmd, gone := s.running, s.cmd, s.gone
	if running {
		s.down()
	}
	s.mu.Unlock()
	if running {
		_ = cmd.Process.Kill()
		<-gone
	}
}

// address is where the server was last heard to listen.
func (s *server) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

func (s *server) up() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// report is what /debug/keys of the shop says.
type report struct {
	Clock   time.Time      `json:"clock"`
	Loaded  time.Time      `json:"loaded"`
	Sealing hardtack.KeyID `json:"sealing"`
	Faults  []string       `json:"faults"`
	Keys    []struct {
		ID    hardtack.KeyID `json:"id"`
		State string         `json:"state"`
	} `json:"keys"`
}

// heard takes over a report that was asked for at a real time from the process at url.
func (s *server) heard(r *report, c clock, url string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running || s.url != url {
		return // of a process that is gone
	}
	l := &s.looks
	looked := c.real(r.Loaded.Add(-s.offset))
	if !l.last.IsZero() {
		l.worst = max(l.worst, looked.Sub(l.last))
	}
	l.last = looked
	for _, k := range r.Keys {
		if k.State == "" {
			continue // a cookie brought the ID, the server does not know it
		}
		if l.knows[k.ID].IsZero() {
			l.knows[k.ID] = now
		}
		if k.State == "revoked" && l.revoked[k.ID].IsZero() {
			l.revoked[k.ID] = now
		}
	}
	for _, f := range r.Faults {
		if len(l.faults) < 5 {
			l.faults = append(l.faults, f)
		}
	}
}

// knowsRevoked returns since when the server is known to know that the key is revoked, the zero time if it is not.
func (s *server) knowsRevoked(id hardtack.KeyID) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks.revoked[id]
}
