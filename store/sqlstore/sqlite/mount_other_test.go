//go:build !linux

package sqlite_test

import "testing"

func tmpfs(t *testing.T, _ string) string {
	t.Skip("mounts a file system only on Linux")
	return ""
}

func remount(*testing.T, string, bool, ...string) {}
