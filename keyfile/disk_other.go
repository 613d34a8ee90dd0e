//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package keyfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

const (
	modesMatter = true
	doNotWait   = 0
)

func isReadOnly(error) bool { return false }

func (machine) rename(from, to string) error { return os.Rename(from, to) }

func (machine) syncDir(string) error { return nil }

func (f machineFile) adopt(like fs.FileInfo) error { return f.Chmod(like.Mode().Perm()) }

// lock refuses, and with it every change: the system has none that the standard library could take.
func (machine) lock(path, _ string) (io.Closer, error) {
	return nil, &fs.PathError{Op: "lock", Path: path, Err: errors.ErrUnsupported}
}
