// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// run does something below a layer, and skips the test where that is impossible.
func run(t *testing.T, l *Layer, do func()) {
	t.Helper()
	if err := l.Run(do); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
}

func newLayer(t *testing.T) (*Layer, string) {
	t.Helper()
	root := t.TempDir()
	l, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	return l, root
}

// TestRecord: every call that changes something is recorded, those of other programs included, and
// nothing else.
func TestRecord(t *testing.T) {
	l, root := newLayer(t)
	elsewhere := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	var errs []error
	run(t, l, func() {
		errs = append(errs,
			os.WriteFile(filepath.Join(elsewhere, "x"), []byte("x"), 0o600),
			os.MkdirAll(in("a/b"), 0o700), os.MkdirAll(in("a/b"), 0o700),
			os.WriteFile(in("a/f"), []byte("text"), 0o600),
			os.Rename(in("a/f"), in("a/b/g")), os.Link(in("a/b/g"), in("h")), os.Symlink("h", in("s")),
			exec.Command("/bin/sh", "-c", "cp "+in("h")+" "+in("copy")+" && echo more >> "+in("copy")).Run(),
			os.Remove(in("h")), os.Remove(in("s")), os.RemoveAll(in("a")), os.Truncate(in("copy"), 4096),
		)
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range l.Calls(l.Len()) {
		got = append(got, strings.ReplaceAll(c.String(), root+"/", ""))
	}
	want := []string{
		"mkdir a", "mkdir a/b", "create a/f", "write a/f", "rename a/f to a/b/g", "link a/b/g to h", "link h to s",
		"create copy", "write copy", "write copy", "remove h", "remove s", "remove a/b/g", "remove a/b", "remove a", "truncate copy",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	compare(t, l, root, Survivor{Lives: func(int, bool) float64 { return 1 }})
}

// compare expects that what survives after all calls is what is there.
func compare(t *testing.T, l *Layer, root string, survivor Survivor) {
	t.Helper()
	dir := t.TempDir()
	if err := l.Cut(l.Len(), dir, survivor); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("diff", "-r", root, dir).CombinedOutput(); err != nil {
		t.Errorf("what is there and what survives: %v\n%s", err, out)
	}
}

// TestFaults: each kind of fault reaches the caller, in each kind of call.
func TestFaults(t *testing.T) {
	want := map[string]error{
		"no space": syscall.ENOSPC, "quota": syscall.EDQUOT, "I/O error": syscall.EIO, "torn": syscall.EIO, "nothing done": nil,
	}
	for name, fault := range Faults() {
		for op, do := range map[Op]func(f *os.File, root string) error{
			Write:    func(f *os.File, _ string) error { _, err := f.Write([]byte("abcd")); return err },
			Truncate: func(f *os.File, _ string) error { return f.Truncate(100) },
			Sync:     func(f *os.File, _ string) error { return f.Sync() },
			Rename:   func(f *os.File, root string) error { return os.Rename(f.Name(), root+"/other") },
			Mkdir:    func(_ *os.File, root string) error { return os.Mkdir(root+"/dir", 0o700) },
			Link:     func(f *os.File, root string) error { return os.Link(f.Name(), root+"/other") },
			Remove:   func(f *os.File, _ string) error { return os.Remove(f.Name()) },
		} {
			l, root := newLayer(t)
			f, err := os.Create(root + "/file")
			if err != nil {
				t.Fatal(err)
			}
			l.Fail(func(int, Call) Fault { return fault })
			run(t, l, func() { err = do(f, root) })
			if !errors.Is(err, want[name]) {
				t.Errorf("%s, %s: got %v, want %v", op, name, err, want[name])
			}
			data, _ := os.ReadFile(f.Name())
			entries, _ := os.ReadDir(root)
			if half := op == Write && fault == Torn; half != (string(data) == "ab") || !half && len(data) > 0 || len(entries) != 1 {
				t.Errorf("%s, %s: there is %q, %v", op, name, data, entries)
			}
			_ = f.Close()
		}
	}
}

// TestCuts: after a power cut a file that is written as it should be is the old or the new one, and
// the new one once that was acknowledged. Each way to write that leaves something out is found.
func TestCuts(t *testing.T) {
	data := []byte(strings.Repeat("x", 2000))
	temp := func(path string) error { return os.WriteFile(path+"~", data, 0o600) }
	for name, tc := range map[string]struct {
		write func(path string) error
		sound bool
	}{
		"atomically": {func(path string) error { return atomicfile.Write(path, data, 0o600) }, true},
		"content not synced": {func(path string) error {
			return errors.Join(temp(path), atomicfile.Rename(path+"~", path))
		}, false},
		"name not synced": {func(path string) error {
			return errors.Join(temp(path), atomicfile.Sync(path+"~"), os.Rename(path+"~", path))
		}, false},
		"in place": {func(path string) error {
			return errors.Join(os.WriteFile(path, data, 0o600), atomicfile.Sync(path))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, "file")
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := New(root)
			if err != nil {
				t.Fatal(err)
			}
			run(t, l, func() { err = tc.write(path); l.Note("done") })
			if err != nil {
				t.Fatal(err)
			}
			if sound := cuts(t, l, string(data)); sound != tc.sound {
				t.Errorf("sound: %v, want %v", sound, tc.sound)
			}
		})
	}
}

// cuts reports whether the file is old or new after each power cut, and new after the note.
func cuts(t *testing.T, l *Layer, now string) bool {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	for k := range l.Len() + 1 {
		for _, survivor := range Survivors(k, random) {
			dir := t.TempDir()
			if err := l.Cut(k, dir, survivor); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, "file"))
			if err != nil || string(got) != now && (string(got) != "old" || len(l.Notes(k)) > 0) {
				t.Logf("after %d calls, of what was not synced survives %s: %d bytes, %v", k, survivor.Name, len(got), err)
				return false
			}
		}
	}
	return true
}
