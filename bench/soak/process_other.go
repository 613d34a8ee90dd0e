//go:build unix && !linux

package main

import (
	"os/exec"
	"strconv"
	"strings"
)

// dieWithParent does nothing: only Linux can tell a process that its parent has died.
func dieWithParent(*exec.Cmd) {}

// resident returns the bytes of memory that a process occupies.
func resident(pid int) (uint64, error) {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64)
	return kib << 10, err
}
