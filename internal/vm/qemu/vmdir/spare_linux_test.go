// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

// smallFileSystem makes an instance directory on a file system of its own, with the hostagent's
// lock taken. filler is the path of a file to fill it with.
func smallFileSystem(t *testing.T, size string) (dir Dir, lock *flock.Lock, filler string) {
	t.Helper()
	mount := t.TempDir()
	if err := unix.Mount("none", mount, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("SKIPPED: no file system of one's own: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	})
	dir = In(mount, "x")
	if err := os.Mkdir(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := TryLock(dir.HostagentLock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Unlock() })
	return dir, lock, filepath.Join(mount, "filler")
}

// TestRunWithoutRoomAndSpares: the error says that the file system is full, not that a spare file
// is missing.
func TestRunWithoutRoomAndSpares(t *testing.T) {
	dir, lock, filler := smallFileSystem(t, "64k")
	if err := os.WriteFile(filler, bytes.Repeat([]byte("x"), 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the file system is not full: %v", err)
	}
	if err := dir.WriteRun(lock, Run{BootID: "first"}); vm.FaultOf(err).Kind != vm.FaultDiskFull {
		t.Errorf("the failure is %s: %v", vm.FaultOf(err).Kind, err)
	}
}

// TestRunOnAFullDisk: the state that says that the disk is full is written all the same, as often
// as it changes.
func TestRunOnAFullDisk(t *testing.T) {
	dir, lock, filler := smallFileSystem(t, "1m")
	write := func(run Run) {
		t.Helper()
		if err := dir.WriteRun(lock, run); err != nil {
			t.Fatal(err)
		}
		if got, err := dir.ReadRun(); err != nil || got.BootID != run.BootID || !dir.HasRun(run) {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	write(Run{BootID: "before"})
	if err := dir.KeepSpares(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filler, bytes.Repeat([]byte("x"), 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the file system is not full: %v", err)
	}
	for _, boot := range []string{"first", "second", "third", "fourth"} {
		write(Run{BootID: boot, Pause: &vm.Pause{Reason: vm.PauseDiskFull, Text: string(bytes.Repeat([]byte("y"), 9000))}})
	}
	if err := dir.KeepSpares(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("spares without room: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	write(Run{BootID: "after"})
	if err := dir.KeepSpares(); err != nil {
		t.Error(err)
	}
	for _, path := range dir.spares() {
		if info, err := os.Stat(path); err != nil || info.Size() != spareSize {
			t.Errorf("%s: %v", path, err)
		}
	}
}
