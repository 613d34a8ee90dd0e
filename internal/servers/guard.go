//go:build unix

package servers

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
)

// guard is a process that outlives this one for a moment, to clean up what a process that is killed cannot: it removes
// the folder of a server, and ends its processes, also those that are stopped and so do not notice anything.
type guard struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// The shell reads what to do, the last line counts, until the other end of the pipe is closed, by this process or by
// the kernel. A PostgreSQL that was killed leaves a segment of shared memory, and its ID in the seventh line of a file.
// The server may write until it has ended, hence the second attempt to remove the folder.
const guardScript = `
todo=
while read -r line; do todo=$line; done
[ -z "$todo" ] || kill -s $todo 2>/dev/null
if [ -e "$1/data/postmaster.pid" ]; then
  segment=$(sed -n '7s/.* //p' "$1/data/postmaster.pid" 2>/dev/null)
  [ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
fi
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`

func newGuard(folder string) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "hardtack-servers-guard", folder)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what ends this process must not end its guard too
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &guard{cmd: cmd, stdin: stdin}, cmd.Start()
}

// watch has the guard send these processes the signal, and forget those it was told before.
func (g *guard) watch(sig syscall.Signal, pids ...int) {
	_, _ = fmt.Fprintln(g.stdin, int(sig), strings.Trim(fmt.Sprint(pids), "[]"))
}

// forget has the guard end nothing.
func (g *guard) forget() { _, _ = fmt.Fprintln(g.stdin) }

// dismiss has the guard do its work, and returns when it is done.
func (g *guard) dismiss() error {
	return errors.Join(g.stdin.Close(), g.cmd.Wait())
}
