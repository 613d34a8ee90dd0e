//go:build unix

package servers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test binary runs itself again, with this in the environment, where a test binary has to die.
const childVariable = "HARDTACK_SERVERS_CHILD"

func TestMain(m *testing.M) {
	if role, ok := os.LookupEnv(childVariable); ok {
		child(role)
	}
	os.Exit(NewMain().Run(m.Run))
}

// running is what a child tells of a server that it has started.
type running struct {
	Name   string
	Folder string
	Pids   []int
	Guard  int
}

func child(role string) {
	main := NewMain()
	var all []running
	for _, s := range []*Server{Redis(main), MariaDB(main), Postgres(main)} {
		all = append(all, running{s.Version(), s.folder, pidsOf(main, s), s.guard.cmd.Process.Pid})
		if role == "paused" {
			s.Pause()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		main.Fatalf("%v", err)
	}
	if role == "fatal" {
		main.Fatalf("the end of the %s", "child")
	}
	time.Sleep(10 * time.Minute)
	os.Exit(1)
}

func pidsOf(t T, s *Server) []int {
	pids, err := descendants(s.root.Process.Pid)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return append(pids, s.root.Process.Pid)
}

func startChild(t *testing.T, role string) (*exec.Cmd, []running) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var all []running
	require.NoError(t, json.Unmarshal(line, &all))
	require.Len(t, all, 3)
	return cmd, all
}

func TestNothingOutlivesTheTestBinary(t *testing.T) {
	for _, role := range []string{"running", "paused", "without guard", "fatal"} {
		t.Run(role, func(t *testing.T) {
			cmd, all := startChild(t, role)
			if role != "fatal" {
				for _, s := range all {
					for _, pid := range s.Pids {
						assert.NoError(t, syscall.Kill(pid, 0), "%s does not run", s.Name)
					}
				}
				if role == "without guard" {
					for _, s := range all {
						require.NoError(t, syscall.Kill(s.Guard, syscall.SIGKILL))
					}
				}
				require.NoError(t, cmd.Process.Kill())
			}
			_ = cmd.Wait()
			if role == "fatal" {
				assert.Equal(t, 1, cmd.ProcessState.ExitCode())
			}
			for _, s := range all {
				assert.True(t, poll(endLimit, func() bool {
					alive, err := anyAlive(append(s.Pids, s.Guard))
					return err == nil && !alive
				}), "%s still runs", s.Name)
				if role == "without guard" {
					assert.NoError(t, os.RemoveAll(s.Folder))
					continue
				}
				assert.True(t, poll(endLimit, func() bool {
					_, err := os.Stat(s.Folder)
					return os.IsNotExist(err)
				}), "the folder of %s is still there", s.Name)
			}
		})
	}
}

func TestMainCleansUpLastFirst(t *testing.T) {
	m := NewMain()
	var order []string
	for i := range 3 {
		m.Cleanup(func() { order = append(order, fmt.Sprint(i)) })
	}
	status := m.Run(func() int {
		order = append(order, "run")
		m.Cleanup(func() { order = append(order, "last") })
		return 7
	})
	assert.Equal(t, 7, status)
	assert.Equal(t, []string{"run", "last", "2", "1", "0"}, order)

	m.Cleanup(func() { order = nil })
	assert.Panics(t, func() { m.Run(func() int { panic("for the test") }) })
	assert.Nil(t, order, "cleans up after a panic too")
}

func TestNothingOutlivesTheTest(t *testing.T) {
	var pids []int
	var folders []string
	t.Run("a test", func(t *testing.T) {
		for _, s := range []*Server{Redis(t), Postgres(t), MariaDB(t)} {
			pids = append(append(pids, pidsOf(t, s)...), s.guard.cmd.Process.Pid)
			folders = append(folders, s.folder)
			require.DirExists(t, filepath.Join(s.folder, "data"))
		}
		killed := Redis(t)
		killed.Kill()
		folders = append(folders, killed.folder)
	})
	alive, err := anyAlive(pids)
	require.NoError(t, err)
	assert.False(t, alive)
	for _, folder := range folders {
		assert.NoDirExists(t, folder)
	}
}
