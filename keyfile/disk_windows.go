package keyfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	modesMatter = false
	doNotWait   = 0

	errWriteProtect     = syscall.Errno(19)
	errSharingViolation = syscall.Errno(32)
	renameTries         = 100
	renamePause         = 10 * time.Millisecond
)

func isReadOnly(err error) bool { return errors.Is(err, errWriteProtect) }

// rename waits a second for those who are reading the old file.
func (machine) rename(from, to string) error {
	var err error
	for range renameTries {
		err = os.Rename(from, to)
		if !errors.Is(err, syscall.ERROR_ACCESS_DENIED) && !errors.Is(err, errSharingViolation) {
			return err
		}
		time.Sleep(renamePause)
	}
	return err
}

// syncDir does nothing: NTFS keeps names in order by its journal, and folders cannot be synced.
func (machine) syncDir(string) error { return nil }

// adopt does nothing: the folder's access control list goes for the new file too.
func (f machineFile) adopt(fs.FileInfo) error { return nil }

// lock opens the file so that nobody else can.
func (machine) lock(path, _ string) (io.Closer, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, errSharingViolation):
		return nil, errBusy
	case err != nil:
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}
