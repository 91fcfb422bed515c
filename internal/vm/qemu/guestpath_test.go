// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/template"
)

func TestMountedAt(t *testing.T) {
	mounts := []template.Mount{
		{Location: "/home/jo", MountPoint: "/home/jo"},
		{Location: "/home/jo/src", MountPoint: "/src"},
		{Location: "/tmp/lima", MountPoint: "/tmp/lima"},
	}
	for dir, want := range map[string]string{
		"/home/jo": "/home/jo", "/home/jo/a/b": "/home/jo/a/b", "/home/jo/src": "/src", "/home/jo/src/x": "/src/x",
		"/home/jom": "", "/": "", "/tmp/lima/..x": "/tmp/lima/..x",
	} {
		if got := mountedAt(dir, mounts); got != want {
			t.Errorf("%s is mounted at %q, want %q", dir, got, want)
		}
	}
}

// TestMountedAtByBothPaths: a directory is found by its path with a symbolic link and without.
func TestMountedAtByBothPaths(t *testing.T) {
	root := resolved(t.TempDir())
	link, real := filepath.Join(root, "home"), filepath.Join(root, "data", "jo")
	if err := os.MkdirAll(filepath.Join(real, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{link, real} {
		for _, dir := range []string{link, real} {
			got := mountedAt(resolved(filepath.Join(dir, "src")), resolvedMounts([]template.Mount{{Location: location, MountPoint: "/w"}}))
			if got != "/w/src" {
				t.Errorf("%s in %s: got %q", dir, location, got)
			}
		}
	}
}
