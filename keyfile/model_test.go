package keyfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
)

// model is a disk of one folder, /d/, that the power can leave at any call. What was not synced then may be there afterwards, or not, or in part.
type model struct {
	names   map[string]*inode // as programs see them
	synced  map[string]*inode // as they are on the disk for certain
	pending []change          // from synced to names
	inodes  []*inode
	held    bool // the lock

	calls []string
	// at the call with this number, from 1, the power goes, or the call fails; 0 means never.
	at int
	// partial is how many bytes a Write writes nevertheless.
	partial int
	// fails is what the call fails with; nil means that the power goes. If effective, the call has done its work all the same.
	fails     error
	effective bool
	off       bool

	// What a worse disk, or program, would do.
	ignoreSync, ignoreSyncDir, inPlace bool
}

type inode struct {
	data, synced []byte
	adopted      bool
}

// change is one that is made to the names, in one step.
type change struct {
	remove, set string // either may be empty
	inode       *inode
}

func (c change) apply(names map[string]*inode) {
	delete(names, c.remove)
	if c.set != "" {
		names[c.set] = c.inode
	}
}

var (
	errPower = errors.New("the power is off")
	errIO    = errors.New("input/output error")
)

func newModel(files map[string][]byte) *model {
	m := &model{names: map[string]*inode{}, synced: map[string]*inode{}}
	for name, data := range files {
		i := &inode{data: data, synced: data}
		m.inodes = append(m.inodes, i)
		m.names[name], m.synced[name] = i, i
	}
	return m
}

// call makes one system call; do is its work.
func (m *model) call(name string, do func()) error {
	m.calls = append(m.calls, name)
	switch {
	case m.off:
		return errPower
	case len(m.calls) != m.at:
		do()
		return nil
	case m.fails == nil:
		m.off = true
		return errPower
	}
	if m.effective {
		do()
	}
	return m.fails
}

func (m *model) change(c change) {
	c.apply(m.names)
	m.pending = append(m.pending, c)
}

// files are what programs see.
func (m *model) files() map[string][]byte {
	files := make(map[string][]byte)
	for name, i := range m.names {
		files[name] = i.data
	}
	return files
}

// afterCrash returns every state in which the disk may be found: each change of a name that was not synced is there or not,
// and a file that was not synced has what it had before, or what was written, or only the first or the last half of that.
func (m *model) afterCrash() (states []map[string][]byte) {
	contents := []map[*inode][]byte{{}}
	for _, i := range m.inodes {
		variants := [][]byte{i.data}
		if !bytes.Equal(i.data, i.synced) {
			half := len(i.data) / 2
			blank := make([]byte, len(i.data))
			variants = append(variants, i.synced, i.data[:half], blank, append(blank[:half:half], i.data[half:]...))
		}
		var next []map[*inode][]byte
		for _, c := range contents {
			for _, v := range variants {
				c := maps.Clone(c)
				c[i] = v
				next = append(next, c)
			}
		}
		contents = next
	}
	for subset := range 1 << len(m.pending) {
		names := maps.Clone(m.synced)
		for i, c := range m.pending {
			if subset>>i&1 == 1 {
				c.apply(names)
			}
		}
		for _, c := range contents {
			files := make(map[string][]byte)
			for name, i := range names {
				files[name] = c[i]
			}
			states = append(states, files)
		}
	}
	return states
}

func (m *model) resolve(path string) (string, error) {
	return path, m.call("resolve", func() {})
}

func (m *model) open(path string) (f file, err error) {
	called := m.call("open", func() {
		i, ok := m.names[path]
		if !ok {
			err = &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			return
		}
		f = &modelFile{m: m, i: i, rest: i.data}
	})
	if called != nil {
		return nil, called
	}
	return f, err
}

func (m *model) create(path string) (f file, err error) {
	called := m.call("create", func() {
		if m.inPlace {
			path = target
			if i, ok := m.names[path]; ok {
				i.data = nil
				f = &modelFile{m: m, i: i}
				return
			}
		}
		if _, ok := m.names[path]; ok {
			err = &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
			return
		}
		i := new(inode)
		m.inodes = append(m.inodes, i)
		m.change(change{set: path, inode: i})
		f = &modelFile{m: m, i: i}
	})
	if called != nil {
		return nil, called
	}
	return f, err
}

func (m *model) rename(from, to string) error {
	return m.call("rename", func() {
		if i, ok := m.names[from]; ok {
			m.change(change{remove: from, set: to, inode: i})
		}
	})
}

func (m *model) remove(path string) error {
	return m.call("remove", func() { m.change(change{remove: path}) })
}

func (m *model) list(dir string) (names []string, err error) {
	err = m.call("list", func() {
		for path := range m.names {
			names = append(names, filepath.Base(path))
		}
	})
	slices.Sort(names)
	return names, err
}

func (m *model) syncDir(string) error {
	return m.call("syncDir", func() {
		if !m.ignoreSyncDir {
			m.synced, m.pending = maps.Clone(m.names), nil
		}
	})
}

func (m *model) lock(string, string) (io.Closer, error) {
	busy := m.held
	if err := m.call("lock", func() { m.held = true }); err != nil {
		m.held = busy
		return nil, err
	}
	if busy {
		return nil, errBusy
	}
	return modelLock{m}, nil
}

type modelLock struct{ m *model }

func (l modelLock) Close() error {
	l.m.held = false // also if it fails: the system closes what a process had open
	return l.m.call("unlock", func() {})
}

type modelFile struct {
	m    *model
	i    *inode
	rest []byte // to be read
}

func (f *modelFile) Read(p []byte) (n int, err error) {
	err = f.m.call("read", func() {
		n = copy(p, f.rest)
		f.rest = f.rest[n:]
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	return n, err
}

func (f *modelFile) Write(p []byte) (n int, err error) {
	before := f.i.data
	write := func(n int) { f.i.data = append(bytes.Clone(before), p[:n]...) }
	if err := f.m.call("write", func() { write(len(p)) }); err != nil {
		n = min(f.m.partial, len(p)-1)
		if len(f.m.calls) == f.m.at {
			write(n)
		}
		return n, err
	}
	return len(p), nil
}

func (f *modelFile) Stat() (info fs.FileInfo, err error) {
	err = f.m.call("stat", func() {
		info, err = fstest.MapFS{"f": &fstest.MapFile{Data: f.i.data, Mode: 0o600}}.Stat("f")
	})
	return info, err
}

func (f *modelFile) Sync() error {
	return f.m.call("sync", func() {
		if !f.m.ignoreSync {
			f.i.synced = f.i.data
		}
	})
}

func (f *modelFile) adopt(fs.FileInfo) error {
	return f.m.call("adopt", func() { f.i.adopted = true })
}

func (f *modelFile) Close() error { return f.m.call("close", func() {}) }

// key makes states equal that differ only in the random part of names.
func key(files map[string][]byte) string {
	var b []string
	for name, data := range files {
		if name != target {
			name = "temporary"
		}
		b = append(b, name+"="+string(data))
	}
	slices.Sort(b)
	return strings.Join(b, "\n")
}
