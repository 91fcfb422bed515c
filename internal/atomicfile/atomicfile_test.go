// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "second, longer", ""} {
		if err := Write(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q, %v; want %q", got, err, content)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v: something was left behind", len(entries), err)
	}
}

func TestLink(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := errors.Join(os.WriteFile(from, []byte("x"), 0o400), os.WriteFile(to, []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is there already
		if err := errors.Join(Link(from, to), Sync(to)); err != nil {
			t.Fatal(err)
		}
		one, err := os.Stat(from)
		two, err2 := os.Stat(to)
		if err != nil || err2 != nil || !os.SameFile(one, two) {
			t.Errorf("not the same file: %v, %v", err, err2)
		}
	}
	if err := Link(filepath.Join(dir, "none"), to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := Link(from, filepath.Join(dir, "none", "to")); err == nil {
		t.Error("a link was made in a directory that does not exist")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%d entries, %v: something was left behind", len(entries), err)
	}
}

func TestWriteThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "dir")
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(taken, []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if err := Write(filepath.Join(dir, "none", "file"), nil, 0o600); err == nil {
		t.Error("a file was written in a directory that does not exist")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v: something was left behind", len(entries), err)
	}
}

func TestClaimHasOneWinner(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	var winners atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		from := filepath.Join(dir, string(rune('a'+i)))
		if err := os.Mkdir(from, 0o700); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			err := Claim(from, target)
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if winners.Load() != 1 {
		t.Errorf("%d winners", winners.Load())
	}
}

func TestRemoveStale(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{tempPrefix + "x-1", "kept"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveStale(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "kept" {
		t.Errorf("got %v, %v", entries, err)
	}
	if err := RemoveStale(filepath.Join(dir, "none")); err != nil {
		t.Errorf("a directory that does not exist: %v", err)
	}
}

func TestRemoveWhatIsNotThere(t *testing.T) {
	if err := Remove(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}
