// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestLinkTools(t *testing.T) {
	inst := Instance{ShortDir: t.TempDir()}
	first, second := filepath.Join(t.TempDir(), "rdd-1"), filepath.Join(t.TempDir(), "rdd-2")
	for _, program := range []string{first, second} {
		if err := os.WriteFile(program, []byte(program), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	rdd, kubectl := filepath.Join(inst.BinDir(), "rdd"), filepath.Join(inst.BinDir(), "kubectl")
	expect := func(what, want string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("%s: %s has %q: %v", what, path, got, err)
			}
		}
	}
	link := func(program string) {
		t.Helper()
		if err := inst.LinkTools(program); err != nil {
			t.Fatal(err)
		}
	}
	if err := inst.LinkTools(first); err == nil {
		t.Error("links were made in no directory")
	}
	if err := os.Mkdir(inst.BinDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	link(first)
	expect("the first time", first, rdd, kubectl)
	before, err := os.Lstat(rdd)
	if err != nil {
		t.Fatal(err)
	}
	link(first)
	if after, err := os.Lstat(rdd); err != nil || !os.SameFile(before, after) {
		t.Errorf("a good link was made again: %v", err)
	}
	link(second)
	expect("another program", second, rdd, kubectl)
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	link(first)
	expect("after one that is gone", first, rdd, kubectl)

	if err := os.Remove(kubectl); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kubectl, []byte("own"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(rdd); err != nil {
		t.Fatal(err)
	}
	if err := inst.LinkTools(first); err == nil || !strings.Contains(err.Error(), kubectl) {
		t.Errorf("with a tool of the user's own: %v", err)
	}
	expect("the user's own", "own", kubectl)
	expect("beside the user's own", first, rdd)
	if err := os.Remove(rdd); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(first, rdd); err != nil {
		t.Fatal(err)
	}
	_ = inst.LinkTools(first) // kubectl's error
	expect("a hard link", first, rdd)
}

// TestLinkToolsFromALink: the program may be known by the path by which it was called, which may be
// one of the links.
func TestLinkToolsFromALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("only some users may make symbolic links")
	}
	short := t.TempDir()
	inst := Instance{ShortDir: filepath.Join(short, "link")}
	program := filepath.Join(t.TempDir(), "rdd-1")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(program, []byte("program"), 0o700))
	must(os.MkdirAll(filepath.Join(short, "real", "bin"), 0o700))
	must(os.Symlink("real", inst.ShortDir))
	must(inst.LinkTools(program))
	rdd, kubectl := filepath.Join(inst.BinDir(), "rdd"), filepath.Join(inst.BinDir(), "kubectl")
	for _, called := range []string{rdd, kubectl, filepath.Join(short, "real", "bin", "rdd")} {
		must(os.Remove(kubectl))
		must(os.Symlink("elsewhere", kubectl))
		if called == kubectl {
			must(os.Remove(kubectl))
			must(os.Symlink(program, kubectl))
		}
		must(inst.LinkTools(called))
		for _, path := range []string{rdd, kubectl} {
			if data, err := os.ReadFile(path); err != nil || string(data) != "program" {
				t.Errorf("called as %s: %s has %q: %v", called, path, data, err)
			}
		}
	}
	must(os.Remove(rdd)) // and with it the way to the program
	must(inst.LinkTools(filepath.Join(short, "real", "bin", "rdd")))
	if target, err := os.Readlink(rdd); err == nil {
		t.Errorf("a link of no program leads to %s", target)
	}
}
