//go:build unix && !linux

package faults

import "testing"

func smallDisk(t *testing.T, _ int) string {
	t.Skip("a small disk is made on Linux only; TestSQLiteDiskFull runs everywhere")
	return ""
}
