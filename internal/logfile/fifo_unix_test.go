// SPDX-License-Identifier: Apache-2.0

//go:build unix

package logfile

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestFIFO: in the place of a log it is an error, and nothing waits for it.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, limit); err == nil {
		t.Error("it was opened")
	}
	if _, err := Renew(path); err == nil {
		t.Error("it was emptied")
	}
	if rotated, err := CopyTruncate(path, limit); rotated || err != nil {
		t.Errorf("it was rotated: %t, %v", rotated, err)
	}
}
