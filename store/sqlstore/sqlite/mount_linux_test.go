package sqlite_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tmpfs returns a file system of its own, of the size given.
func tmpfs(t *testing.T, size string) string {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("may not mount a file system: " + err.Error())
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	return folder
}

func remount(t *testing.T, folder string, readOnly bool, options ...string) {
	flags := uintptr(syscall.MS_REMOUNT)
	if readOnly {
		flags |= syscall.MS_RDONLY
	}
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", flags, strings.Join(options, ",")))
}
