// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// openLog opens a log as a standard stream of a process is.
func openLog(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestWriter writes a hundred times the limit from several goroutines: no line is torn, the newest
// ones are kept, and the disk has at most twice the limit.
func TestWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w := NewWriter(openLog(t, path), path, limit)
	var writing sync.WaitGroup
	for range 4 {
		writing.Go(func() {
			for i := range 1000 {
				if _, err := fmt.Fprintf(w, "%s %04d\n", strings.Repeat("x", 94), i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	for _, file := range []string{path, Old(path)} {
		data, err := os.ReadFile(file)
		if err != nil || len(data) > limit || len(data) == 0 {
			t.Errorf("%s has %d bytes, %v", file, len(data), err)
		}
		for line := range strings.Lines(string(data)) {
			if len(line) != 100 {
				t.Errorf("torn: %q", line)
			}
		}
	}
	if data, _ := os.ReadFile(path); !strings.HasSuffix(string(data), "0999\n") {
		t.Errorf("the newest line is not there: %.120q", data)
	}
}

// TestWriterOfAnotherProcessBefore: what the log held when it was opened counts.
func TestWriterOfAnotherProcessBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, make([]byte, 100*limit), 0o600); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(openLog(t, path), path, limit)
	if _, err := w.Write([]byte("new\n")); err != nil || size(t, path) != 4 || size(t, Old(path)) != 100*limit {
		t.Errorf("%d bytes, %d old ones, %v", size(t, path), size(t, Old(path)), err)
	}
}

// TestWriterWhoseOldLogIsInTheWay empties the log: it is bounded in any case.
func TestWriterWhoseOldLogIsInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.MkdirAll(filepath.Join(Old(path), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(openLog(t, path), path, limit)
	for range 1000 {
		if _, err := w.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if got := size(t, path); got > limit {
		t.Errorf("%d bytes", got)
	}
}

// TestWriterElsewhere: a stream that was redirected, by a person who looks for a fault, is not
// rotated.
func TestWriterElsewhere(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "log"), filepath.Join(dir, "other")
	w := NewWriter(openLog(t, other), path, limit)
	for range 100 {
		if _, err := w.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if got := size(t, other); got != 100*100 {
		t.Errorf("%d bytes", got)
	}
}
