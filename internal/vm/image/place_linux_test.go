// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// placements are those of a machine's base.
func placements(image Image, machine string) []Placement {
	return []Placement{
		{image.Disk, filepath.Join(machine, "basedisk")}, {image.Kernel, filepath.Join(machine, "kernel")},
		{image.Initrd, filepath.Join(machine, "initrd")},
	}
}

// checkPlaced makes sure that a machine has the files of an image, and no others.
func checkPlaced(t *testing.T, machine, content string, linked bool) {
	t.Helper()
	entries, err := os.ReadDir(machine)
	if err != nil || len(entries) != 3 {
		t.Errorf("the machine has %v, %v", entries, err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if _, other := stored(info); other != linked {
			t.Errorf("%s has another name: %t", entry.Name(), other)
		}
		if data, err := os.ReadFile(filepath.Join(machine, entry.Name())); err != nil || string(data) != content {
			t.Errorf("%s holds %q, %v", entry.Name(), data, err)
		}
	}
}

// A machine shares the image's data. Until it is gone, removing the image would free nothing.
func TestPlaceLinks(t *testing.T) {
	s := testStore(t, fakeBuild("a", epoch))
	image, machine := mustEnsure(t, s), mkdir(t, t.TempDir(), "rd")
	for range 2 { // again, as after a crash
		if shared, err := s.Place(t.Context(), machine, placements(image, machine), true); err != nil || !shared {
			t.Fatalf("shared: %t, %v", shared, err)
		}
		checkPlaced(t, machine, "a", true)
	}
	if entries := mustList(t, s); !slices.Equal(entries[0].Users, []string{machine}) {
		t.Errorf("got %+v", entries)
	}
	if _, err := s.Remove("docker"); !errors.As(err, new(*InUseError)) || strings.Contains(err.Error(), "delete") {
		t.Errorf("removing it: %v", err)
	}
	if err := s.Forget(machine); err != nil {
		t.Fatal(err)
	}
	// Without the record, as when the machine was moved: the truth is in the links.
	if pruned, err := s.Prune(true); err != nil || len(pruned.Images) != 1 || pruned.Freed >= 3*4096 {
		t.Errorf("got %+v, %v; want almost nothing freed", pruned, err)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, machine, "a", false)
}

// An image knows its user under the path that the machine's directory has by now.
func TestMove(t *testing.T) {
	s := testStore(t, fakeBuild("a", epoch))
	image, from := mustEnsure(t, s), mkdir(t, t.TempDir(), "rd")
	if _, err := s.Place(t.Context(), from, placements(image, from), true); err != nil {
		t.Fatal(err)
	}
	to := from + "-new"
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again, as after a crash
		if err := s.Move(from, to); err != nil {
			t.Fatal(err)
		}
		if entries := mustList(t, s); !slices.Equal(entries[0].Users, []string{to}) {
			t.Errorf("got %+v", entries)
		}
	}
	if records, err := userRecords(filepath.Dir(image.Disk)); err != nil || len(records) != 1 {
		t.Errorf("there are the records %q, %v", records, err)
	}
}

// What the machine has in its place is replaced, whatever it is.
func TestPlaceReplaces(t *testing.T) {
	for name, how := range damages() {
		s := testStore(t, fakeBuild("a", epoch))
		image, machine := mustEnsure(t, s), mkdir(t, t.TempDir(), "rd")
		damage(t, how, filepath.Join(machine, "basedisk"))
		if _, err := s.Place(t.Context(), machine, placements(image, machine), true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.RemoveAll(filepath.Join(machine, "basedisk"+damagedSuffix)); err != nil {
			t.Fatal(err)
		}
		checkPlaced(t, machine, "a", true)
	}
}

// otherFileSystem returns a directory that a link from temporary directories cannot lead to.
func otherFileSystem(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "rdd-test-")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	probe := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(probe, filepath.Join(dir, "probe")); !errors.Is(err, syscall.EXDEV) {
		t.Skipf("SKIPPED: temporary directories are on the same file system: %v", err)
	}
	return dir
}

func TestPlaceCopies(t *testing.T) {
	s, machine := testStore(t, fakeBuild("a", epoch)), mkdir(t, otherFileSystem(t), "rd")
	image := mustEnsure(t, s)
	if _, err := s.Place(t.Context(), machine, placements(image, machine), true); !errors.Is(err, ErrCopyNeeded) {
		t.Errorf("links only: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Place(ended, machine, placements(image, machine), false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, err := os.ReadDir(machine); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	// A record of the time when the disk referred to the image stays until the caller forgets it.
	if err := s.use(filepath.Dir(image.Disk), machine); err != nil {
		t.Fatal(err)
	}
	if shared, err := s.Place(t.Context(), machine, placements(image, machine), false); err != nil || shared {
		t.Fatalf("shared: %t, %v", shared, err)
	}
	checkPlaced(t, machine, "a", false)
	if _, err := s.Remove("docker"); !errors.As(err, new(*InUseError)) {
		t.Errorf("removing it: %v", err)
	}
	if err := s.Forget(machine); err != nil {
		t.Fatal(err)
	}
	// A copy does not need the image, and removing that frees what it took.
	if pruned, err := s.Prune(true); err != nil || len(pruned.Images) != 1 || pruned.Freed < 3*4096 {
		t.Errorf("got %+v, %v", pruned, err)
	}
	checkPlaced(t, machine, "a", false)
}

// Downloads that broke off count as freed.
func TestPruneSaysWhatItFreed(t *testing.T) {
	s := testStore(t, nil)
	dir := mkdir(t, s.dir, fetchPrefix+"0123456789abcdef")
	if err := os.WriteFile(filepath.Join(dir, "image.unpacked"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if pruned, err := s.Prune(false); err != nil || pruned.Freed < 1<<20 || len(pruned.Images) > 0 {
		t.Errorf("got %+v, %v", pruned, err)
	}
	checkNoPartial(t, s)
}
