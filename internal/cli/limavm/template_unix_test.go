// SPDX-License-Identifier: Apache-2.0

//go:build unix

package limavm

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func makeFIFO(t *testing.T, path string) string {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestATemplateMayComeThroughAFIFO, as that of a process substitution does, and from any file that
// is no regular one.
func TestATemplateMayComeThroughAFIFO(t *testing.T) {
	fifo := makeFIFO(t, filepath.Join(t.TempDir(), "fifo"))
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(fifo, []byte("cpus: 1\n"), 0) }()
	data, err := readTemplate(t.Context(), &session.Session{}, fifo, nil)
	if err := errors.Join(err, <-written); err != nil || string(data) != "cpus: 1\n" {
		t.Errorf("got %q, %v", data, err)
	}
	for device, want := range map[string]string{"/dev/null": "it is empty", "/dev/zero": "it is larger"} {
		_, err := readTemplate(t.Context(), &session.Session{}, device, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", device, err)
		}
	}
}

// TestATemplateOfAFolderIsARegularFile: anything else is named for what it is.
func TestATemplateOfAFolderIsARegularFile(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("LIMA_TEMPLATES_PATH", folder)
	makeFIFO(t, filepath.Join(folder, "fx.yaml"))
	if err := errors.Join(
		os.Symlink("nowhere", filepath.Join(folder, "lost.yaml")), os.Mkdir(filepath.Join(folder, "dir"), 0o700),
	); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"template:fx": "it is a FIFO, and must be a regular file", "template:lost": "no such file",
		"template:dir": "not part of rdd", "template:none": "not part of rdd",
	} {
		if _, err := readTemplate(t.Context(), &session.Session{}, name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadingATemplateIsInterrupted: nobody writes it.
func TestReadingATemplateIsInterrupted(t *testing.T) {
	fifo := makeFIFO(t, filepath.Join(t.TempDir(), "fifo"))
	silent, end := io.Pipe()
	t.Cleanup(func() {
		_ = end.Close()
		if f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil { // for the reader that is left
			_ = f.Close()
		}
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := &session.SignalError{Signal: syscall.SIGTERM}
	cancel(interrupted)
	for _, name := range []string{fifo, "-"} {
		_, err := readTemplate(ctx, &session.Session{Streams: session.Streams{In: silent}}, name, nil)
		if !errors.Is(err, interrupted) || !strings.Contains(err.Error(), "reading the template ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatATemplateNamesIsARegularFile: all of these would block, or have no end.
func TestWhatATemplateNamesIsARegularFile(t *testing.T) {
	home := writeHome(t, map[string]string{
		"base.yaml": "base: fifo\n", "home.yaml": "base: ~/fifo\n",
		"script.yaml": "provision: [{file: fifo}]\n", "probe.yaml": "probes: [{file: fifo}]\n",
		"device.yaml": "base: /dev/zero\n", "socket.yaml": "base: [socket]\n", "dir.yaml": "base: [.]\n", "link.yaml": "base: link\n",
	})
	makeFIFO(t, filepath.Join(home, "fifo"))
	listener, err := net.Listen("unix", filepath.Join(home, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	if err := os.Symlink("fifo", filepath.Join(home, "link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"base.yaml": "a FIFO", "home.yaml": "a FIFO", "script.yaml": "a FIFO", "probe.yaml": "a FIFO",
		"device.yaml": "a device", "socket.yaml": "a socket", "dir.yaml": "a directory", "link.yaml": "a FIFO",
	} {
		_, err := resolveFile(t, filepath.Join(home, name), nil)
		if err == nil || !strings.Contains(err.Error(), "it is "+want+", and must be a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
