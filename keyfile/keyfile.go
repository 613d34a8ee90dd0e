// Package keyfile keeps a hardtack.KeySet in a file that several processes read and change.
//
//	keys, err := keyfile.Open(ctx, "/var/lib/shop/keys.json", hardtack.KeyringConfig{})
//
// The file holds secrets: its mode must be 0600 or stricter. It is only ever replaced as a whole, so that a reader sees the old document or the new
// one, whenever the machine stops. Beside it lies an empty file, its name with .lock appended, by which
// writers take turns; it must not be deleted while one of them runs.
//
// On Windows modes are not checked: access control lists say there who may read. On a network file system all this is as good as its locks and
// its fsync are.
package keyfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/hardtack-go/hardtack"
)

// Reasons for which a file is refused. They work with errors.Is.
var (
	// ErrFileMode: its mode gives group or others a right to it.
	ErrFileMode = errors.New("group or others have rights to the key file")
	// ErrNotRegular: it is a folder, a pipe or a device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrFileSize: it is, or would become, longer than hardtack.MaxKeySetSize.
	ErrFileSize = fmt.Errorf("longer than %d bytes", hardtack.MaxKeySetSize)
	// ErrNoFolder: the folder that it is in, or is to be in, does not exist. The error matches fs.ErrNotExist too.
	ErrNoFolder = errors.New("its folder does not exist")
	// ErrLocked: another writer has held the lock for 10 seconds, or until ctx ended. In the latter case the error matches ctx's cause too.
	ErrLocked = errors.New("another writer holds the lock")
	// ErrFileOwner: the file belongs to somebody else, and what replaces it could not be given to them, who could then no longer read it.
	ErrFileOwner = errors.New("the file's owner cannot be kept")
)

// Options are what is special about a file. The zero value is for a file of the program's own.
type Options struct {
	// InsecureFileMode accepts a file that group or others can read or write. Kubernetes mounts secrets that way.
	InsecureFileMode bool
}

// File is a key file: a hardtack.ConfidentialKeyStore. It is safe for concurrent use, by several
// processes too. The zero File has no path, and its methods fail.
type File struct {
	path     string
	insecure bool
	disk     disk
}

var _ hardtack.ConfidentialKeyStore = (*File)(nil)

// New returns the key file at path. It does not look whether there is one.
func New(path string, o Options) *File {
	return &File{path: path, insecure: o.InsecureFileMode, disk: machine{}}
}

// Open returns a ring with the keys in the file at path, which it follows until Close. If there is no file, it makes one
// with a new key, unless c.MustExist is set; of several processes that start at once, one does. The folder must exist.
//
// The errors are those of hardtack.OpenKeyring; those of the file match ErrKeySource and one of this package's.
func Open(ctx context.Context, path string, c hardtack.KeyringConfig) (*hardtack.Keyring, error) {
	return hardtack.OpenKeyring(ctx, New(path, Options{}), c)
}

// String returns "key file" and the path.
func (f *File) String() string { return "key file " + f.path }

// Path returns the path given to New.
func (f *File) Path() string { return f.path }

// ConfidentialKeys does nothing. It says that only those can read the file who may have the keys.
func (f *File) ConfidentialKeys() {}

// LoadKeys returns what the file holds, nil if there is no file; an empty file is not nil. Symbolic links are followed. It looks at ctx before it
// begins. The errors are this package's and those of the operating system.
func (f *File) LoadKeys(ctx context.Context) ([]byte, error) {
	data, err := f.load(ctx)
	if err != nil {
		return nil, f.fault(err)
	}
	return data, nil
}

func (f *File) load(ctx context.Context) ([]byte, error) {
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	for range 2 { // a symbolic link may be changed while the system follows it
		data, _, err := f.read(f.path)
		if !errors.Is(err, fs.ErrNotExist) {
			return data, err
		}
	}
	_, err := f.resolve()
	return nil, err
}

// ready reports what speaks against beginning.
func (f *File) ready(ctx context.Context) error {
	if f.path == "" {
		return fs.ErrInvalid
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// resolve returns the path of the file itself, which need not exist.
func (f *File) resolve() (string, error) {
	path, err := f.disk.resolve(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrNoFolder, err)
	}
	return path, err
}

// read returns what is in the file at path, not nil, and what else is known of the file.
func (f *File) read(path string) (data []byte, info fs.FileInfo, err error) {
	in, err := f.disk.open(path)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	info, err = in.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, ErrNotRegular
	case modesMatter && info.Mode().Perm()&0o077 != 0 && !f.insecure:
		return nil, nil, fmt.Errorf("%w: its mode is %04o; run chmod 600 on it, or set InsecureFileMode for a mount where that cannot be", ErrFileMode, info.Mode().Perm())
	}
	data, err = io.ReadAll(io.LimitReader(in, hardtack.MaxKeySetSize+1))
	if err == nil && len(data) > hardtack.MaxKeySetSize {
		err = ErrFileSize
	}
	if err != nil {
		return nil, nil, err
	}
	return data, info, nil
}

// fault adds which file it is that err is about.
func (f *File) fault(err error) error {
	if f.path == "" {
		return errors.New("key file: its path is empty")
	}
	if at, ok := err.(*fs.PathError); ok && at.Path == f.path {
		err = fmt.Errorf("%s: %w", at.Op, at.Err) // the path once is enough
	}
	return fmt.Errorf("%v: %w", f, err)
}
