package keyfile

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack"
)

const (
	lockWait  = 10 * time.Second
	lockPause = 10 * time.Millisecond
)

// SwapKeys puts new in place of what the file holds if that is exactly old, and reports whether it did. A nil old means that there is no file: it is
// made, with mode 0600. Otherwise the new file has the mode and the owner of the old one. What a symbolic link points to is replaced,
// not the link.
//
// It waits for other writers until ctx ends, 10 seconds at most. What it has done when it returns true
// outlasts a crash of the machine. After an error the file holds old or new. The errors are this package's and those of the operating system; if
// they say that the folder cannot be written, they match hardtack.ErrReadOnlyKeys.
func (f *File) SwapKeys(ctx context.Context, old, new []byte) (swapped bool, err error) {
	swapped, err = f.swap(ctx, old, new)
	if err != nil {
		return false, f.fault(err)
	}
	return swapped, nil
}

func (f *File) swap(ctx context.Context, old, new []byte) (swapped bool, err error) {
	if len(new) > hardtack.MaxKeySetSize {
		return false, ErrFileSize
	}
	if err := f.ready(ctx); err != nil {
		return false, err
	}
	path, err := f.resolve()
	if err != nil {
		return false, err
	}
	lock, err := f.lock(ctx, path)
	if err != nil {
		return false, readOnly(err)
	}
	defer lock.Close()

	current, info, err := f.read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if (current == nil) != (old == nil) || !bytes.Equal(current, old) {
		return false, nil
	}
	if err := f.replace(path, info, new); err != nil {
		return false, readOnly(err)
	}
	return true, nil
}

// lock waits until it is this writer's turn.
func (f *File) lock(ctx context.Context, path string) (io.Closer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, ErrLocked)
	defer cancel()
	for {
		if ctx.Err() != nil {
			if cause := context.Cause(ctx); cause != ErrLocked {
				return nil, fmt.Errorf("%w: %s.lock: %w", ErrLocked, path, cause)
			}
			return nil, fmt.Errorf("%w: %s.lock, for %v", ErrLocked, path, lockWait)
		}
		lock, err := f.disk.lock(path+".lock", path)
		if err != errBusy {
			return lock, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockPause):
		}
	}
}

// replace puts a file with this content at path, in one step; like is the one that is there now, nil if there is none.
func (f *File) replace(path string, like fs.FileInfo, content []byte) error {
	dir, name := filepath.Split(path)
	f.sweep(dir, name)
	temp := dir + temporary(name)
	out, err := f.disk.create(temp)
	if err != nil {
		return err
	}
	err = f.fill(out, like, content)
	if err == nil {
		err = f.disk.rename(temp, path)
	}
	if err != nil {
		_ = f.disk.remove(temp) // else the next writer does
		return err
	}
	return f.disk.syncDir(dir)
}

// fill writes a file so that it is on the disk: a name that gets there before the content would name nothing after a crash. The owner and
// mode come first, before anything is there to read.
func (f *File) fill(out file, like fs.FileInfo, content []byte) error {
	var err error
	if like != nil {
		err = out.adopt(like)
	}
	if err == nil {
		_, err = out.Write(content)
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// Temporary files are named .NAME.RANDOM.tmp, the random part being 16 hexadecimal digits.
const (
	randomSize = 8 // bytes
	tempSuffix = ".tmp"
)

func temporary(name string) string {
	random := make([]byte, randomSize)
	rand.Read(random)
	return "." + name + "." + hex.EncodeToString(random) + tempSuffix
}

// sweep removes what writers that crashed have left; the lock says that none of them still runs. What cannot be removed
// must not keep a key from being replaced.
func (f *File) sweep(dir, name string) {
	names, _ := f.disk.list(dir)
	for _, n := range names {
		random, isPrefixed := strings.CutPrefix(n, "."+name+".")
		random, isSuffixed := strings.CutSuffix(random, tempSuffix)
		if _, err := hex.DecodeString(random); isPrefixed && isSuffixed && err == nil && len(random) == hex.EncodedLen(randomSize) {
			_ = f.disk.remove(dir + n)
		}
	}
}

// readOnly makes err match hardtack.ErrReadOnlyKeys if it says that this program must not write.
func readOnly(err error) error {
	if errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrFileOwner) || isReadOnly(err) {
		return fmt.Errorf("%w: %w", hardtack.ErrReadOnlyKeys, err)
	}
	return err
}
