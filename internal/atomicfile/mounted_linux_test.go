// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRemoveAllOfMountPoints: what is mounted below stays as it is, a path that is a mount point is
// emptied, and everything else is removed.
func TestRemoveAllOfMountPoints(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"all/a/mount/x", "all/b/x", "all/file", "all/z/deep/mount/y", "all/mounted not/x", "top/x", "source/file"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path(name)), 0o700), os.WriteFile(path(name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, mount := range []string{"all/a/mount", "all/z/deep/mount", "top"} {
		if err := unix.Mount("tmpfs", path(mount), "tmpfs", 0, ""); err != nil {
			t.Skip("this user may not mount")
		}
		t.Cleanup(func() { _ = unix.Unmount(path(mount), 0) })
		if err := errors.Join(os.Mkdir(path(mount+"/below"), 0o700), os.WriteFile(path(mount+"/below/file"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount(path("source/file"), path("all/file"), "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(path("all/file"), 0) })
	if err := unix.Mount("", path("all/z/deep/mount"), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]MountedError{
		"all": {Kept: []string{path("all/a/mount"), path("all/file"), path("all/z/deep/mount")}},
		"top": {Emptied: path("top")},
	} {
		for range 2 { // again, with nothing left to remove
			var left *MountedError
			if err := RemoveAll(path(name)); !errors.As(err, &left) || !reflect.DeepEqual(*left, want) {
				t.Errorf("%s: %v; want %v", name, err, want.Error())
			}
		}
	}
	for _, name := range []string{"all/b", "all/mounted not", "top/below"} {
		if _, err := os.Lstat(path(name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{"all/a/mount/below/file", "all/z/deep/mount/below/file", "source/file"} {
		if _, err := os.Lstat(path(name)); err != nil {
			t.Errorf("what is not rdd's was removed: %v", err)
		}
	}
}
