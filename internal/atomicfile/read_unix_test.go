// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRead: only a regular file is read, and nothing that is in its place blocks.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	place := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(place("file"), []byte("content"), 0o600))
	must(os.Mkdir(place("directory"), 0o700))
	must(syscall.Mkfifo(place("fifo"), 0o600))
	must(os.Symlink(place("fifo"), place("link")))
	if data, err := Read(place("file")); err != nil || string(data) != "content" {
		t.Errorf("a file: %q, %v", data, err)
	}
	if _, err := Read(place("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for name, want := range map[string]string{"directory": "is a directory", "fifo": "is a FIFO", "link": "is a FIFO"} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_CREATE | os.O_APPEND} {
			var other *NotRegularError
			f, err := Open(place(name), flag, 0o600)
			if !errors.As(err, &other) || !strings.Contains(err.Error(), want) || f != nil {
				t.Errorf("%s, flags %#x: %v", name, flag, err)
			}
		}
	}
}
