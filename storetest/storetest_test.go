package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack"
	"github.com/hardtack-go/hardtack/storetest"
)

func TestMemoryStore(t *testing.T) {
	store := memory()
	storetest.Run(t, store, storetest.Options{Again: store})
}

// plain is a Store and nothing more.
type plain struct{ hardtack.Store }

func TestPlainStore(t *testing.T) {
	storetest.Run(t, plain{memory()}, storetest.Options{
		Away:        plain{absent()},
		NotProvable: map[string]string{"Expiry/Later": "to see that a clause can be left out"},
	})
}

// TestBoundedStore: what takes no more than it says passes.
func TestBoundedStore(t *testing.T) {
	const most = 100_000
	b := whole()
	m := b.MemoryStore
	size := func(data []byte) error {
		if over := len(data) - most; over > 0 {
			return &hardtack.SizeError{RecordBytes: len(data), Limit: most, Over: over}
		}
		return nil
	}
	b.commit = func(ctx context.Context, id string, data []byte, expires time.Time) error {
		if err := size(data); err != nil {
			return err
		}
		return m.Commit(ctx, id, data, expires)
	}
	b.swap = func(ctx context.Context, id string, old, new int64, data []byte, expires time.Time) (bool, error) {
		if err := size(data); err != nil {
			return false, err
		}
		return m.CompareAndSwap(ctx, id, old, new, data, expires)
	}
	storetest.Run(t, b, storetest.Options{MaxData: most, Logs: func() string { return "" }})
}

// breakEnv names the fault that TestBrokenStore is to run with.
const breakEnv = "STORETEST_FAULT"

// TestBrokenStore fails when TestFaults runs it in a process of its own.
func TestBrokenStore(t *testing.T) {
	name := os.Getenv(breakEnv)
	for _, f := range faults() {
		if f.name == name {
			var o storetest.Options
			if f.options != nil {
				o = f.options()
			}
			storetest.Run(t, f.store(), o)
			return
		}
	}
	t.Skip("is run by TestFaults")
}

// TestFaults shows that each clause can fail, and does when it should.
func TestFaults(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	type result struct {
		out []byte
		err error
	}
	run := func(f fault) (r result) {
		group, clause, _ := strings.Cut(f.clause, "/")
		tests := "^TestBrokenStore$/^" + group + "$/^" + clause + "$"
		if group == "Secrets" {
			tests = "^TestBrokenStore$/^(Records|Secrets)$"
		}
		c := exec.CommandContext(t.Context(), binary, "-test.run="+tests, "-test.v", "-test.timeout=2m")
		c.Env = append(os.Environ(), breakEnv+"="+f.name)
		r.out, r.err = c.CombinedOutput()
		return r
	}
	// Most of them wait for something: eight at a time are not too many.
	results, slots := make(map[string]chan result), make(chan struct{}, 8)
	for _, f := range faults() {
		done := make(chan result, 1)
		results[f.name] = done
		go func() {
			slots <- struct{}{}
			done <- run(f)
			<-slots
		}()
	}
	caught := make(map[string]bool)
	for _, f := range faults() {
		caught[f.clause] = true
		t.Run(f.name, func(t *testing.T) {
			r := <-results[f.name]
			assert.Error(t, r.err, "the suite passes")
			assert.Contains(t, string(r.out), "--- FAIL: TestBrokenStore/"+f.clause+" ", "another clause noticed")
		})
	}
	for _, name := range storetest.ClauseNames() {
		assert.True(t, caught[name], "no fault shows that %s can fail", name)
	}
}

// TestDocumentation: NotProvable goes by the names that the package comment lists.
func TestDocumentation(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, name := range storetest.ClauseNames() {
		assert.Contains(t, string(doc), "//   - "+name+":", "the package comment lists every clause")
	}
}
