// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestEnd: a long log lacks its beginning, and one that was just rotated begins in the old log.
func TestEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if _, err := End(path, 4); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a log: %v", err)
	}
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(wants map[int64]string) {
		t.Helper()
		for length, want := range wants {
			if got, err := End(path, length); err != nil || got != want {
				t.Errorf("%d bytes: %q, %v", length, got, err)
			}
		}
	}
	check(map[int64]string{4: "6789", 10: "0123456789", 11: "0123456789"})
	if err := os.WriteFile(Old(path), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(map[int64]string{4: "6789", 10: "0123456789", 11: "c0123456789", 99: "abc0123456789"})
	if err := errors.Join(os.WriteFile(path, []byte("56789\n"), 0o600), os.WriteFile(Old(path), []byte("1\n234"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for length, want := range map[int64]string{5: "", 6: "56789\n", 9: "23456789\n", 10: "23456789\n", 99: "1\n23456789\n"} {
		if got, err := EndLines(path, length); err != nil || got != want {
			t.Errorf("the lines of %d bytes: %q, %v", length, got, err)
		}
	}
}
