// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCopyTruncate(t *testing.T) {
	for name, tc := range map[string]struct {
		size    int
		rotated bool
		old     int
	}{
		"small":                  {limit, false, 0},
		"large":                  {limit + 100, true, limit + 100},
		"twice the limit":        {2 * limit, true, 2 * limit},
		"beyond twice the limit": {5 * limit, true, limit},
	} {
		path := filepath.Join(t.TempDir(), "log")
		text := strings.Repeat("x", tc.size-4) + "end\n"
		writer := openLog(t, path)
		if _, err := writer.WriteString(text); err != nil {
			t.Fatal(err)
		}
		rotated, err := CopyTruncate(path, limit)
		if rotated != tc.rotated || err != nil {
			t.Errorf("%s: rotated %t, %v", name, rotated, err)
			continue
		}
		if _, err := writer.WriteString("more\n"); err != nil {
			t.Fatal(err)
		}
		now, _ := os.ReadFile(path)
		old, _ := os.ReadFile(Old(path))
		if want := text[len(text)-tc.old:]; string(old) != want && rotated {
			t.Errorf("%s: %d old bytes, want %d", name, len(old), len(want))
		}
		if !rotated && string(now) != text+"more\n" || rotated && string(now) != "more\n" {
			t.Errorf("%s: the log has %d bytes", name, len(now))
		}
	}
	if rotated, err := CopyTruncate(filepath.Join(t.TempDir(), "none"), limit); rotated || err != nil {
		t.Errorf("without a log: %t, %v", rotated, err)
	}
}

// TestCopyTruncateThatCannotCopy truncates nevertheless, and says what is lost.
func TestCopyTruncateThatCannotCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.MkdirAll(filepath.Join(Old(path), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 2*limit), 0o600); err != nil {
		t.Fatal(err)
	}
	rotated, err := CopyTruncate(path, limit)
	if !rotated || err == nil || size(t, path) != 0 {
		t.Errorf("rotated %t, %v, %d bytes", rotated, err, size(t, path))
	}
	if _, err := os.Stat(Old(path) + ".new"); err == nil {
		t.Error("the copy was left behind")
	}
}

// TestCopyTruncateOfAWriterThatDoesNotAppend: such a writer, a QEMU of an earlier rdd, leaves a
// hole in the file. What counts is the room that the file takes.
func TestCopyTruncateOfAWriterThatDoesNotAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	writer, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	const large = 1 << 20
	for i, want := range []bool{true, false} {
		if _, err := writer.Write(bytes.Repeat([]byte{'x'}, []int{large, 100}[i])); err != nil {
			t.Fatal(err)
		}
		if rotated, err := CopyTruncate(path, large/2); rotated != want || err != nil {
			t.Errorf("%d: rotated %t, %v; the size is %d", i, rotated, err, size(t, path))
		}
	}
}
