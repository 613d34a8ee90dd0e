//go:build darwin || freebsd || linux

package keyfile_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hardtack-go/hardtack/keyfile"
)

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode()
}

func TestModeIsChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	for bits := os.FileMode(0); bits <= 0o777; bits++ {
		if bits&0o400 == 0 {
			continue // its owner cannot read it
		}
		require.NoError(t, os.Chmod(path, bits))
		data, err := keyfile.New(path, keyfile.Options{}).LoadKeys(t.Context())
		if bits&0o077 == 0 {
			require.NoError(t, err, bits)
			require.Equal(t, "one", string(data))
		} else {
			require.ErrorIs(t, err, keyfile.ErrFileMode, bits)
		}
		data, err = keyfile.New(path, keyfile.Options{InsecureFileMode: true}).LoadKeys(t.Context())
		require.NoError(t, err, bits)
		require.Equal(t, "one", string(data))
	}
	require.NoError(t, os.Chmod(path, 0o644))
	_, err := keyfile.New(path, keyfile.Options{}).SwapKeys(t.Context(), []byte("one"), []byte("two"))
	require.ErrorIs(t, err, keyfile.ErrFileMode)
	assert.Equal(t, "key file "+path+": group or others have rights to the key file: its mode is 0644; run chmod 600 on it, or set InsecureFileMode for a mount where that cannot be", err.Error())
}

func TestModeIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	f := keyfile.New(path, keyfile.Options{InsecureFileMode: true})
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	require.NoError(t, swapOnce(t.Context(), f, nil, []byte("new")))
	assert.Equal(t, os.FileMode(0o600), mode(t, path))
	assert.Equal(t, os.FileMode(0o600), mode(t, path+".lock"))
	syscall.Umask(0o077)
	for _, bits := range []os.FileMode{0o400, 0o640, 0o644, 0o600} {
		require.NoError(t, os.Chmod(path, bits))
		require.NoError(t, swapOnce(t.Context(), f, []byte("new"), []byte("newer")))
		assert.Equal(t, bits, mode(t, path))
		require.NoError(t, swapOnce(t.Context(), f, []byte("newer"), []byte("new")))
	}
}

// within fails if do hangs.
func within(t *testing.T, limit time.Duration, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		require.FailNow(t, "it hangs")
	}
}

// A pipe without a writer would be waited for without end.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	pipe, path := filepath.Join(dir, "pipe"), filepath.Join(dir, "keys.json")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, syscall.Mkfifo(path+".lock", 0o600))
	within(t, 10*time.Second, func() {
		f := keyfile.New(pipe, keyfile.Options{})
		_, err := f.LoadKeys(t.Context())
		assert.ErrorIs(t, err, keyfile.ErrNotRegular)
		_, err = f.SwapKeys(t.Context(), nil, []byte("new"))
		assert.ErrorIs(t, err, keyfile.ErrNotRegular)
		_, err = keyfile.New(path, keyfile.Options{}).SwapKeys(t.Context(), nil, []byte("new"))
		assert.ErrorIs(t, err, keyfile.ErrNotRegular)
	})
	assert.NoFileExists(t, path)
}

func TestDevice(t *testing.T) {
	_, err := keyfile.New(os.DevNull, keyfile.Options{InsecureFileMode: true}).LoadKeys(t.Context())
	assert.ErrorIs(t, err, keyfile.ErrNotRegular)
}

// What a link points to is replaced, and those who come by the link and by the file take turns.
func TestSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "folder")))
	require.NoError(t, os.Symlink("../folder/keys.json", filepath.Join(dir, "real", "second")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "real", "second"), filepath.Join(dir, "first")))
	link, path := filepath.Join(dir, "first"), filepath.Join(dir, "real", "keys.json")
	f := keyfile.New(link, keyfile.Options{})

	data, err := f.LoadKeys(t.Context())
	require.NoError(t, err)
	require.Nil(t, data, "it points to nothing yet")
	require.NoError(t, swapOnce(t.Context(), f, nil, []byte("one")))
	require.NoError(t, swapOnce(t.Context(), keyfile.New(path, keyfile.Options{}), []byte("one"), []byte("two")))
	require.NoError(t, swapOnce(t.Context(), f, []byte("two"), []byte("three")))
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "three", string(data))
	for name, want := range map[string]os.FileMode{"first": os.ModeSymlink, "folder": os.ModeSymlink, "real/second": os.ModeSymlink, "real/keys.json": 0, "real/keys.json.lock": 0} {
		info, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Type(), name)
	}
	assert.NoFileExists(t, link+".lock")

	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	loop := keyfile.New(filepath.Join(dir, "loop"), keyfile.Options{})
	_, err = loop.LoadKeys(t.Context())
	assert.ErrorContains(t, err, "too many")
	_, err = loop.SwapKeys(t.Context(), nil, []byte("one"))
	assert.ErrorContains(t, err, "too many")
}

// A lock that is a link would have root's process make or change files elsewhere.
func TestLockIsNoLink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	require.NoError(t, os.Symlink(filepath.Join(dir, "elsewhere"), path+".lock"))
	_, err := keyfile.New(path, keyfile.Options{}).SwapKeys(t.Context(), nil, []byte("new"))
	assert.ErrorIs(t, err, syscall.ELOOP)
	assert.NoFileExists(t, filepath.Join(dir, "elsewhere"))
	assert.NoFileExists(t, path)
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	defer lock.Close()
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	f := keyfile.New(path, keyfile.Options{})

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = f.SwapKeys(ctx, nil, []byte("new"))
	assert.ErrorIs(t, err, keyfile.ErrLocked)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, path)
	assert.NoFileExists(t, path)

	waiting := make(chan error, 1)
	go func() { waiting <- swapOnce(t.Context(), f, nil, []byte("new")) }()
	time.Sleep(30 * time.Millisecond)
	select {
	case err := <-waiting:
		t.Fatal("did not wait", err)
	default:
	}
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_UN))
	select {
	case err := <-waiting:
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("waits on")
	}
}

const nobody = 65534

// asNobody has the process run as another user, and the program where that user can read it.
func asNobody(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can start a process as another user")
	}
	dir, err := os.MkdirTemp("", "keyfile")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	program, err := os.Open(cmd.Path)
	require.NoError(t, err)
	defer program.Close()
	copied, err := os.OpenFile(filepath.Join(dir, "program"), os.O_WRONLY|os.O_CREATE, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(copied, program)
	require.NoError(t, err)
	require.NoError(t, copied.Close())
	cmd.Path = copied.Name()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// shared returns a folder that every user can reach.
func shared(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keyfile")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, mode))
	return dir
}

func owner(t *testing.T, path string) (uid, gid uint32) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	return stat.Uid, stat.Gid
}

// Root changes the file of a service, and the service can go on.
func TestRootKeepsTheOwner(t *testing.T) {
	cmd := asNobody(t, process(t, "swap", ""))
	dir := shared(t, 0o755)
	require.NoError(t, os.Chown(dir, nobody, nobody))
	path := filepath.Join(dir, "keys.json")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	require.NoError(t, os.Chown(path, nobody, nobody))
	require.NoError(t, swapOnce(t.Context(), keyfile.New(path, keyfile.Options{}), []byte("one"), []byte("two")))
	for _, name := range []string{path, path + ".lock"} {
		uid, gid := owner(t, name)
		assert.EqualValues(t, nobody, uid, name)
		assert.EqualValues(t, nobody, gid, name)
		assert.Equal(t, os.FileMode(0o600), mode(t, name))
	}
	cmd.Args[1] = path
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, " two", string(data))
}

// A file that would lose its owner is left alone.
func TestOwnerCannotBeKept(t *testing.T) {
	cmd := asNobody(t, process(t, "swap", ""))
	dir := shared(t, 0o777)
	path := filepath.Join(dir, "keys.json")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	cmd.Args[1] = path
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "["+keyfile.ErrFileOwner.Error()+"]")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
	uid, _ := owner(t, path)
	assert.Zero(t, uid)
	assert.Empty(t, temporaries(t, path))
}

// A group that has no rights to the file is not worth a refusal; one that has is.
func TestGroup(t *testing.T) {
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{{0o600, ""}, {0o640, "[" + keyfile.ErrFileOwner.Error() + "]"}} {
		cmd := asNobody(t, process(t, "swap", ""))
		path := filepath.Join(shared(t, 0o777), "keys.json")
		require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
		require.NoError(t, os.Chmod(path, c.mode))
		require.NoError(t, os.Chown(path, nobody, 0))
		cmd.Args[1] = path
		out, _ := cmd.Output()
		if c.want == "" {
			assert.Empty(t, string(out))
		} else {
			assert.Contains(t, string(out), c.want)
		}
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	cmd := asNobody(t, process(t, "swap", ""))
	path := filepath.Join(shared(t, 0o755), "keys.json")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	cmd.Args[1] = path
	out, err := cmd.Output()
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(string(out), "[hardtack: the source of keys is read-only]"), "%s", out)
	assert.Contains(t, string(out), path)
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	const mount = "mount -t tmpfs -o ro none "
	if out, err := exec.Command("unshare", "--mount", "sh", "-c", mount+dir).CombinedOutput(); err != nil {
		t.Skipf("mounting is not possible here: %v: %s", err, out)
	}
	cmd := process(t, "swap", "")
	private := exec.Command("unshare", "--mount", "sh", "-c", mount+dir+" && exec "+cmd.Path+" "+filepath.Join(dir, "keys.json"))
	private.Env = cmd.Env
	out, err := private.Output()
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(string(out), "[hardtack: the source of keys is read-only]"), "%s", out)
	assert.Contains(t, string(out), "read-only file system")
}
