// SPDX-License-Identifier: Apache-2.0

package regular_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/regular"
)

// A FIFO without a writer would block for ever where it is opened as a file is.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	fifo, socket, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Symlink(fifo, link)); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	for path, want := range map[string]string{
		fifo: "a FIFO", link: "a FIFO", socket: "a socket", dir: "a directory", "/dev/null": "a device", "/dev/zero": "a device",
	} {
		var wrong *regular.NotRegularError
		if _, err := regular.ReadFile(path); !errors.As(err, &wrong) || wrong.What() != want || !strings.Contains(err.Error(), path) {
			t.Errorf("reading %s: %v", path, err)
		}
		if _, err := regular.Stat(path); !errors.As(err, &wrong) || wrong.What() != want {
			t.Errorf("asking for %s: %v", path, err)
		}
	}
}

func TestRegularFilesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if _, err := regular.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := regular.ReadFile(path); err != nil || string(data) != "text" {
		t.Errorf("got %q, %v", data, err)
	}
}
