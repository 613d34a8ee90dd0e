package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel send sig to the command when this process ends,
// however it ends, so that nothing is left running.
func dieWithParent(cmd *exec.Cmd, sig syscall.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: sig, Setpgid: true}
}

// kill ends the command and what it has started by force.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
