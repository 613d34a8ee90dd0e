package keyfile

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const target = "/d/keys.json"

var (
	documentA = []byte(strings.Repeat("alpha ", 50))
	documentB = []byte(strings.Repeat("bravo ", 80))
)

// disturbance is what happens during one SwapKeys.
type disturbance struct {
	at, partial int
	fails       error
	effective   bool
}

func (d disturbance) String() string {
	return fmt.Sprintf("call %d, %d bytes, error %v, effective %v", d.at, d.partial, d.fails, d.effective)
}

// explorer tries every disturbance from every state that it comes to.
type explorer struct {
	t     *testing.T
	worse func(*model) // makes a worse disk of one

	faults []string
	states map[string]bool // that were explored
	checks map[string]bool // that were made
	runs   int
	calls  map[string]bool // which calls were disturbed
}

func (e *explorer) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Sprintf(format, args...))
}

func (e *explorer) disk(files map[string][]byte) *model {
	m := newModel(files)
	if e.worse != nil {
		e.worse(m)
	}
	return m
}

func on(m *model) *File { return &File{path: target, disk: m} }

// explore makes one SwapKeys from this state with every disturbance, and returns the states that are left.
func (e *explorer) explore(files map[string][]byte) (next []map[string][]byte) {
	undisturbed := e.disk(files)
	old, ok := files[target]
	if !ok {
		old = nil
	}
	new := documentA
	if bytes.Equal(old, documentA) {
		new = documentB
	}
	swapped, err := on(undisturbed).SwapKeys(e.t.Context(), old, new)
	if err != nil || !swapped {
		e.fault("undisturbed: %v %v", swapped, err)
		return nil
	}
	for at := 1; at <= len(undisturbed.calls)+1; at++ {
		partials := []int{0}
		if at <= len(undisturbed.calls) && undisturbed.calls[at-1] == "write" {
			partials = []int{0, 1, len(new) / 2, len(new) - 1}
		}
		for _, partial := range partials {
			for _, d := range []disturbance{{at, partial, nil, false}, {at, partial, errIO, false}, {at, partial, errIO, true}} {
				next = append(next, e.disturbed(files, old, new, d)...)
			}
		}
	}
	return next
}

// disturbed makes one SwapKeys and returns the states in which the disk may be afterwards.
func (e *explorer) disturbed(files map[string][]byte, old, new []byte, d disturbance) (states []map[string][]byte) {
	e.runs++
	m := e.disk(files)
	m.at, m.partial, m.fails, m.effective = d.at, d.partial, d.fails, d.effective
	swapped, err := on(m).SwapKeys(e.t.Context(), old, new)
	if d.at <= len(m.calls) {
		e.calls[m.calls[d.at-1]] = true
	}
	if swapped == (err != nil) {
		e.fault("%v: swapped %v and error %v", d, swapped, err)
	}
	if d.fails != nil {
		states = append(states, m.files()) // no crash
	}
	states = append(states, m.afterCrash()...)
	for _, files := range states {
		if check := fmt.Sprintf("%s\n%s\n%v", key(files), old, swapped); !e.checks[check] {
			e.checks[check] = true
			e.check(files, old, new, swapped, d)
		}
	}
	return states
}

// check is what a server sees afterwards, and that the next writer can do its work.
func (e *explorer) check(files map[string][]byte, old, new []byte, swapped bool, d disturbance) {
	m := e.disk(files)
	got, err := on(m).LoadKeys(e.t.Context())
	isOld := bytes.Equal(got, old) && (got == nil) == (old == nil)
	isNew := bytes.Equal(got, new)
	switch {
	case err != nil:
		e.fault("%v: reading: %v", d, err)
	case swapped && !isNew:
		e.fault("%v: reported as done and lost: %.20q", d, got)
	case !isOld && !isNew:
		e.fault("%v: neither old nor new: %.20q", d, got)
	}
	done, err := on(m).SwapKeys(e.t.Context(), got, []byte("charlie"))
	if err != nil || !done {
		e.fault("%v: the next writer: %v %v", d, done, err)
	}
	if left := m.files(); len(left) != 1 || string(left[target]) != "charlie" {
		e.fault("%v: after the next writer: %d files, %.20q", d, len(left), left[target])
	}
}

// explore goes on from every state that is left, so that depth writers in a row are disturbed.
func explore(t *testing.T, depth int, worse func(*model)) *explorer {
	e := &explorer{t: t, worse: worse, states: map[string]bool{}, checks: map[string]bool{}, calls: map[string]bool{}}
	frontier := []map[string][]byte{{}, {target: documentA}}
	for range depth {
		var next []map[string][]byte
		for _, files := range frontier {
			if !e.states[key(files)] {
				e.states[key(files)] = true
				next = append(next, e.explore(files)...)
			}
		}
		frontier = next
	}
	return e
}

// At every system call the power goes, or the call fails, with or without having done its work; then again in the next
// writer, which finds what the first has left.
func TestCrashAtEveryCall(t *testing.T) {
	depth := 3
	if testing.Short() {
		depth = 2
	}
	e := explore(t, depth, nil)
	for _, fault := range e.faults[:min(len(e.faults), 20)] {
		t.Error(fault)
	}
	for _, call := range []string{"resolve", "lock", "open", "stat", "read", "close", "list", "remove", "create", "adopt", "write", "sync", "rename", "syncDir", "unlock"} {
		assert.True(t, e.calls[call], "%s was never disturbed", call)
	}
	t.Logf("%d states, %d disturbed writers", len(e.states), e.runs)
}

// The check can fail: a disk, or a program, that leaves out what makes it safe is found out.
func TestCrashCheckFindsFaults(t *testing.T) {
	for _, c := range []struct {
		name, want string
		worse      func(*model)
	}{
		{"no fsync before rename", "neither old nor new", func(m *model) { m.ignoreSync = true }},
		{"no fsync of the folder", "reported as done and lost", func(m *model) { m.ignoreSyncDir = true }},
		{"in place", "neither old nor new", func(m *model) { m.inPlace = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := explore(t, 1, c.worse)
			assert.True(t, slices.ContainsFunc(e.faults, func(f string) bool { return strings.Contains(f, c.want) }), "%d faults", len(e.faults))
		})
	}
}

// An undisturbed writer's calls, in the order that makes it safe.
func TestCallsOfAWriter(t *testing.T) {
	m := newModel(map[string][]byte{target: documentA, "/d/.keys.json.0123456789abcdef.tmp": nil})
	swapped, err := on(m).SwapKeys(t.Context(), documentA, documentB)
	require.NoError(t, err)
	require.True(t, swapped)
	assert.Equal(t, "resolve lock open stat read read close list remove create adopt write sync close rename syncDir unlock", strings.Join(m.calls, " "))
	assert.True(t, m.names[target].adopted, "owner and mode")
}

// A link that is changed while the system follows it leads nowhere for a moment. That is not the absence of a file.
func TestReadingLooksTwice(t *testing.T) {
	m := newModel(map[string][]byte{target: documentA})
	m.at, m.fails = 1, &fs.PathError{Op: "open", Path: target, Err: fs.ErrNotExist}
	data, err := on(m).LoadKeys(t.Context())
	require.NoError(t, err)
	assert.Equal(t, documentA, data)

	m = newModel(nil)
	data, err = on(m).LoadKeys(t.Context())
	require.NoError(t, err)
	assert.Nil(t, data)
	assert.Equal(t, []string{"open", "open", "resolve"}, m.calls)
}
