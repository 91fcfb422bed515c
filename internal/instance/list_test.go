// SPDX-License-Identifier: Apache-2.0

//go:build linux

package instance

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAllDirsAreThoseOfEveryInstance(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	checkAllDirs(t, filepath.Join(home, ".cache", "rancher-desktop"))

	want := []string{filepath.Join(home, ".cache", "rancher-desktop")}
	for _, name := range []string{"2", "dev"} {
		inst, err := Resolve(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := inst.MakeDirs(); err != nil {
			t.Fatal(err)
		}
		want = append(want, inst.Dir, inst.LogDir, inst.ShortDir)
	}
	for _, other := range []string{".rd", ".rdesktop", ".rd_x/lima", "data/rancher-desktop", "data/other"} {
		if err := os.MkdirAll(filepath.Join(home, other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(home, ".rdfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	checkAllDirs(t, want...)
}

func checkAllDirs(t *testing.T, want ...string) {
	t.Helper()
	got, err := AllDirs()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
