// SPDX-License-Identifier: Apache-2.0

//go:build unix

package textfile

import (
	"io"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFIFO: what is no file is not waited for.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := End(path, 10); err == nil {
		t.Error("its end was read")
	}
	if err := Tail(t.Context(), io.Discard, path, TailOptions{Lines: -1}); err == nil {
		t.Error("it was printed")
	}
	if err := Tail(t.Context(), io.Discard, filepath.Join(t.TempDir(), "none"), TailOptions{Old: path}); err == nil {
		t.Error("it was printed as an old log")
	}
}
