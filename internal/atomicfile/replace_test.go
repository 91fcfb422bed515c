// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Replace(path, nil); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrInPlace) {
		t.Errorf("of a file that does not exist: %v", err)
	}
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"first", "second, longer", ""} {
		if err := Replace(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q, %v; want %q", got, err, content)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestReplaceOfAHardLink(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Link(path, other)); err != nil {
		t.Fatal(err)
	}
	wantInPlace(t, path, "old")
	if got, err := os.ReadFile(other); err != nil || string(got) != "" {
		t.Errorf("its other name has %q, %v", got, err)
	}
}

// wantInPlace wants that a file with the content old is not replaced, and can be overwritten, last
// with nothing.
func wantInPlace(t *testing.T, path, old string) {
	t.Helper()
	if err := Replace(path, []byte("new")); !errors.Is(err, ErrInPlace) {
		t.Errorf("it was replaced: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != old {
		t.Errorf("it has %q, %v", got, err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"a longer content", "short", ""} {
		if err := Overwrite(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q, %v; want %q", got, err, content)
		}
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file: %v", err)
	}
	if entries, err := filepath.Glob(filepath.Join(filepath.Dir(path), tempPrefix+"*")); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v: something was left behind", entries, err)
	}
}
