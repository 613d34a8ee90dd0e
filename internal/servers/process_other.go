//go:build unix && !linux

package servers

import (
	"bytes"
	"os/exec"
	"strconv"
	"syscall"
)

// dieWithParent does nothing where the kernel offers nothing of the kind; the guard of the server ends it instead.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// processes returns the parent of every process that runs, by process ID. Zombies do not run.
func processes() (map[int]int, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "stat=").Output()
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int)
	for line := range bytes.Lines(out) {
		fields := bytes.Fields(line)
		if len(fields) < 3 || fields[2][0] == 'Z' {
			continue
		}
		pid, err := strconv.Atoi(string(fields[0]))
		if err != nil {
			return nil, err
		}
		if parents[pid], err = strconv.Atoi(string(fields[1])); err != nil {
			return nil, err
		}
	}
	return parents, nil
}
