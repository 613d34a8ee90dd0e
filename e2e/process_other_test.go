//go:build !linux

package e2e

import (
	"os/exec"
	"syscall"
)

func dieWithParent(*exec.Cmd, syscall.Signal) {}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
