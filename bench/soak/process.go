package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startWait  = time.Minute      // until a shop must listen
	stopWait   = 15 * time.Second // until it must have ended
	maxComment = 2000             // bytes kept of what it writes to standard error
)

var errEnded = errors.New("the shop has ended before it was told to")

// process is a running shop. stop ends it.
type process struct {
	url  string
	cmd  *exec.Cmd
	said comment
	gone chan struct{} // closed when it has ended, by itself or not
	err  error         // how, from then on
}

// comment is the beginning of what a process writes to standard error.
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

// start runs a shop with more variables in its environment, and waits until it says where it listens.
func start(ctx context.Context, program string, env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.said
	dieWithParent(p.cmd)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startWait, fmt.Errorf("does not listen after %v", startWait))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() }) // ends the reading
	line, err := bufio.NewReader(out).ReadString('\n')
	if !stop() {
		err = errors.Join(err, context.Cause(ctx))
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		return nil, fmt.Errorf("%s did not start: %w; it said %q", program, err, p.said.String())
	}
	p.url = url
	go func() {
		defer close(p.gone)
		_, _ = io.Copy(io.Discard, out)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// stop ends the process as an operator does, by force if it takes too long, and returns what was not well at its end.
func (p *process) stop() error {
	var err error
	select {
	case <-p.gone:
		err = errEnded
	default:
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.gone:
		case <-time.After(stopWait):
			err = fmt.Errorf("it does not end within %v of SIGTERM", stopWait)
			_ = p.cmd.Process.Kill()
			<-p.gone
		}
	}
	return errors.Join(err, p.err)
}

// kill ends the process by force, if it still runs, when there is no time for stop.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// cpu returns the processor time that the process has taken, once it has ended.
func (p *process) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}
