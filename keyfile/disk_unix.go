//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package keyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

const (
	modesMatter = true
	doNotWait   = syscall.O_NONBLOCK
)

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

func (machine) rename(from, to string) error { return os.Rename(from, to) }

func (machine) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // what file systems say that know no such thing
		return err
	}
	return nil
}

func (f machineFile) adopt(like fs.FileInfo) error {
	own, err := f.Stat()
	if err != nil {
		return err
	}
	have, want := own.Sys().(*syscall.Stat_t), like.Sys().(*syscall.Stat_t)
	if have.Uid != want.Uid || have.Gid != want.Gid {
		err := f.Chown(int(want.Uid), int(want.Gid))
		// A group without rights does not matter.
		if err != nil && (have.Uid != want.Uid || like.Mode().Perm()&0o070 != 0) {
			return fmt.Errorf("%w: it belongs to user %d and group %d: %w", ErrFileOwner, want.Uid, want.Gid, err)
		}
	}
	return f.Chmod(like.Mode().Perm())
}

// lock never follows a link, and changes nothing of a lock that it finds: a root's process may run
// in a folder that belongs to somebody else.
func (machine) lock(path, like string) (io.Closer, error) {
	const flags = os.O_RDWR | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(path, flags|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case errors.Is(err, fs.ErrExist):
			return nil, errBusy // made meanwhile
		case err == nil:
			if info, err := os.Stat(like); err == nil {
				of := info.Sys().(*syscall.Stat_t)
				_ = f.Chown(int(of.Uid), int(of.Gid)) // who may not do this will not be able to replace the file either
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func flock(f *os.File) error {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return errBusy
	}
	return &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
}
