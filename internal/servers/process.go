//go:build unix

package servers

import (
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// startCommand starts cmd from a thread that lives as long as this process, as the kernel takes the end of the thread
// that has started a child for the death of the parent (see dieWithParent).
func startCommand(cmd *exec.Cmd) error {
	err := make(chan error)
	starter() <- func() { err <- cmd.Start() }
	return <-err
}

var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// credential returns the user to run a program as: nobody else, unless this process is root.
func credential(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// freeze stops the process and all its descendants and returns them. The descendants of a server may be in process
// groups of their own, as those of PostgreSQL are, so that a signal to the group of the server would miss them.
func freeze(root int) ([]int, error) {
	pids := []int{root}
	signalAll(pids, syscall.SIGSTOP)
	for {
		children, err := descendants(root)
		if err != nil {
			return nil, err
		}
		known := len(pids)
		for _, pid := range children {
			if !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
		if len(pids) == known {
			return pids, nil
		}
		// One of these may have had a child of its own before it stopped.
		signalAll(pids[known:], syscall.SIGSTOP)
	}
}

// descendants returns the children of root and theirs, the parents before their children.
func descendants(root int) ([]int, error) {
	parents, err := processes()
	if err != nil {
		return nil, err
	}
	found := []int{root}
	for i := 0; i < len(found); i++ {
		for pid, parent := range parents {
			if parent == found[i] {
				found = append(found, pid)
			}
		}
	}
	return found[1:], nil
}

// signalAll sends the signal to each process; those that are gone are none of its business.
func signalAll(pids []int, sig syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig)
	}
}

// anyAlive tells whether one of the processes is still there, and not just waiting for its parent to read its status.
func anyAlive(pids []int) (bool, error) {
	alive, err := processes()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(pids, func(pid int) bool {
		_, ok := alive[pid]
		return ok
	}), nil
}

// poll calls done until it returns true, and tells whether it did within the time given.
func poll(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
