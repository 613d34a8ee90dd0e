//go:build unix

package servers

import (
	"fmt"
	"os"
	"sync"
)

// T is what the package needs of a test. [*testing.T], [*testing.B], [*testing.F] and [*Main] have it.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Main is a [T] for TestMain, so that servers can be there for Example functions, which have no T of their own:
//
//	func TestMain(m *testing.M) {
//		main := servers.NewMain()
//		redis = servers.Redis(main)
//		os.Exit(main.Run(m.Run))
//	}
//
// Its methods may be called from several goroutines at once.
type Main struct {
	mu       sync.Mutex
	cleanups []func()
}

// NewMain returns a Main with nothing to clean up yet.
func NewMain() *Main { return &Main{} }

// Run calls run, then the functions given to Cleanup, last first, and returns what run has returned. They are called
// also when run panics.
func (m *Main) Run(run func() int) int {
	defer m.clean()
	return run()
}

// Helper does nothing.
func (m *Main) Helper() {}

// Cleanup has f called at the end of Run, or by Fatalf.
func (m *Main) Cleanup(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cleanups = append(m.cleanups, f)
}

// Fatalf prints the message to standard error, cleans up and ends the process with status 1.
func (m *Main) Fatalf(format string, args ...any) {
	m.Logf(format, args...)
	m.clean()
	os.Exit(1)
}

// Logf prints the message to standard error.
func (m *Main) Logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (m *Main) clean() {
	for {
		m.mu.Lock()
		last := len(m.cleanups) - 1
		if last < 0 {
			m.mu.Unlock()
			return
		}
		f := m.cleanups[last]
		m.cleanups = m.cleanups[:last]
		m.mu.Unlock()
		f()
	}
}
