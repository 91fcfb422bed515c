// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestExchange swaps a directory and a link, and changes nothing where one of them is missing.
func TestExchange(t *testing.T) {
	dir := t.TempDir()
	public, hidden := filepath.Join(dir, "public"), filepath.Join(dir, "parent", "hidden")
	for _, sub := range []string{public, filepath.Dir(hidden)} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := Exchange(hidden, public); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with something that is missing: %v", err)
	}
	if err := os.WriteFile(filepath.Join(public, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("parent/hidden", hidden); err != nil {
		t.Fatal(err)
	}
	if err := Exchange(hidden, public); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(public); err != nil || target != "parent/hidden" {
		t.Errorf("the link leads to %q: %v", target, err)
	}
	if _, err := os.Stat(filepath.Join(public, "file")); err != nil {
		t.Errorf("the directory was lost: %v", err)
	}
}
