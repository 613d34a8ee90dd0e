package keyfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is the file system as a File uses it. Each method that changes something does so in one step as far as a crash goes. Tests
// put one in its place that fails.
type disk interface {
	// resolve returns the path of the file itself, which need not exist, where path may be a symbolic link. Its folder exists.
	resolve(path string) (string, error)
	// open opens for reading, and does not wait for the other end of a pipe.
	open(path string) (file, error)
	// create makes a file with mode 0600 that must not exist, and opens it for writing.
	create(path string) (file, error)
	rename(from, to string) error
	remove(path string) error
	list(dir string) (names []string, err error)
	// syncDir waits until the names in dir are as safe from a crash as a file after its Sync.
	syncDir(dir string) error
	// lock takes the lock at path, or returns errBusy if somebody has it. If it must be made, it is given to the owner of the file at like.
	lock(path, like string) (io.Closer, error)
}

// file is an open file.
type file interface {
	io.ReadWriteCloser
	Stat() (fs.FileInfo, error)
	Sync() error
	// adopt gives the file the owner and mode of another. Its error matches ErrFileOwner if the owner could not be set.
	adopt(like fs.FileInfo) error
}

// errBusy: another process, or goroutine, holds the lock.
var errBusy = errors.New("locked")

// machine is the disk of the machine.
type machine struct{}

// machineFile is a file there.
type machineFile struct{ *os.File }

const maxLinks = 40 // as many as Linux follows

func (machine) resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range maxLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", err
		}
		path = filepath.Join(dir, filepath.Base(path))
		target, err := os.Readlink(path)
		switch {
		case err != nil:
			return path, nil // not a link; whatever else is wrong, opening it will tell
		case filepath.IsAbs(target):
			path = target
		default:
			path = filepath.Join(dir, target)
		}
	}
	return "", &fs.PathError{Op: "readlink", Path: path, Err: errors.New("too many symbolic links")}
}

func (machine) open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|doNotWait, 0)
	if err != nil {
		return nil, err
	}
	return machineFile{f}, nil
}

func (machine) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return machineFile{f}, nil
}

func (machine) remove(path string) error { return os.Remove(path) }

func (machine) list(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
