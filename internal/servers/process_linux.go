package servers

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// dieWithParent has the kernel send the signal to a process started with attr when this process dies, however it dies.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// processes returns the parent of every process that runs, by process ID. Zombies do not run.
func processes() (map[int]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int, len(paths))
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		// "pid (program) state parent ...", where the name of the program may have anything in it, so look from its end
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 || bytes.ContainsAny(fields[0], "ZX") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		if parents[pid], err = strconv.Atoi(string(fields[1])); err != nil {
			return nil, err
		}
	}
	return parents, nil
}
