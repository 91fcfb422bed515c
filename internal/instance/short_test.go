// SPDX-License-Identifier: Apache-2.0

//go:build linux

package instance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// longHome sets a home in which no socket of a VM can be.
func longHome(t *testing.T) string {
	t.Helper()
	homeDir(t)
	home := filepath.Join(t.TempDir(), strings.Repeat("first.last@example.com/", 4))
	t.Setenv("HOME", home)
	return home
}

func TestShortDirOfAnInstance(t *testing.T) {
	home := longHome(t)
	short := t.TempDir()
	for value, want := range map[string]string{
		"":                      home + "/.rd2",
		"relative":              home + "/.rd2",
		short:                   short + "/.rd2",
		short + "/":             short + "/.rd2",
		short + "/.rd2":         short + "/.rd2",
		short + "/.rdother":     short + "/.rd2",
		short + "/.rd.d":        short + "/.rd.d/.rd2",
		short + "/below/.rd":    short + "/below/.rd/.rd2",
		short + "/rd":           short + "/rd/.rd2",
		home + "/.rd2/../.rd2/": home + "/.rd2",
	} {
		t.Setenv(shortVariable, value)
		if inst, err := Resolve("2"); err != nil || inst.ShortDir != want {
			t.Errorf("%q: %s, %v; want %s", value, inst.ShortDir, err, want)
		}
	}
}

// TestShortDirIsRemembered: once made, an instance needs no variable, and another value changes
// nothing.
func TestShortDirIsRemembered(t *testing.T) {
	home := longHome(t)
	short := t.TempDir()
	t.Setenv(shortVariable, short)
	w := newWorldWith(t)
	w.make()
	w.write(w.inst.ArgsFile(), "{}")
	for _, value := range []string{"", t.TempDir(), short} {
		t.Setenv(shortVariable, value)
		again := newWorldWith(t)
		if again.inst.ShortDir != filepath.Join(short, ".rd2") {
			t.Errorf("with %q it is %s", value, again.inst.ShortDir)
		}
		again.make()
		hidden, err := Hidden()
		w.must(err)
		for _, want := range []string{filepath.Join(short, ".rd.d"), filepath.Join(home, ".rd.d"), w.inst.ShortDir} {
			if !slices.Contains(hidden, want) {
				t.Errorf("with %q guests see %s: %v", value, want, hidden)
			}
		}
	}
	w.must(os.Remove(w.inst.Dir)) // the link; the directory is found behind it
	if again := newWorldWith(t); again.inst.ShortDir != filepath.Join(short, ".rd2") {
		t.Errorf("without the link to the service directory it is %s", again.inst.ShortDir)
	}
	for _, dir := range []string{w.inst.ShortDir, w.inst.LogDir, w.inst.Dir} {
		w.must(w.inst.RemoveDir(dir))
	}
	t.Setenv(shortVariable, "")
	if again := newWorldWith(t); again.inst.ShortDir != filepath.Join(home, ".rd2") {
		t.Errorf("after its removal it is %s", again.inst.ShortDir)
	}
}

// TestShortDirOfAnExistingInstance: one in a home that is short enough stays there.
func TestShortDirOfAnExistingInstance(t *testing.T) {
	for _, long := range []bool{false, true} {
		home := filepath.Join("/h", strings.Repeat("x", 10))
		if long {
			home = "/h/" + strings.Repeat("x", 90)
		}
		data := t.TempDir()
		homeDir(t)
		t.Setenv("HOME", home)
		t.Setenv("XDG_DATA_HOME", data)
		dir := filepath.Join(data, "rancher-desktop-2")
		w := world{t: t}
		w.write(filepath.Join(dir, "args.json"), "{}")
		t.Setenv(shortVariable, "/s")
		want := home + "/.rd2"
		if long {
			want = "/s/.rd2"
		}
		if inst, err := Resolve("2"); err != nil || inst.ShortDir != want {
			t.Errorf("long: %v: %s, %v; want %s", long, inst.ShortDir, err, want)
		}
	}
}

func TestCheckSocketPaths(t *testing.T) {
	for length, fits := range map[int]bool{10: true, 72: true, 73: false, 90: false} {
		i := Instance{ShortDir: "/" + strings.Repeat("x", length-1) + "/.rd2"}
		err := i.CheckSocketPaths()
		if (err == nil) != fits {
			t.Errorf("%d bytes: %v", length, err)
		}
		for _, want := range []string{"at most 72 are left for it", "export RDD_SHORT_DIR="} {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%d bytes: %v", length, err)
			}
		}
	}
}
