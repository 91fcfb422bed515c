// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestKindOf(t *testing.T) {
	for output, want := range map[string]vm.FaultKind{
		"":            vm.FaultBoot,
		"bad machine": vm.FaultBoot,
		"qemu-img: d: Could not write qcow2 header: No space left on device": vm.FaultDiskFull,
		"qemu: could not set up the disk: Disk quota exceeded":               vm.FaultDiskFull,
	} {
		if got := KindOf(output, vm.FaultBoot); got != want {
			t.Errorf("%q: got %s, want %s", output, got, want)
		}
	}
}

// TestFullDiskIsAFault: what qemu-img says of a full disk keeps its kind.
func TestFullDiskIsAFault(t *testing.T) {
	dir := t.TempDir()
	img := filepath.Join(dir, "qemu-img")
	script := "#!/bin/sh\necho 'qemu-img: disk: Could not resize: No space left on device' >&2\nexit 1\n"
	if err := os.WriteFile(img, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	err := Program{Image: img}.runImage(t.Context(), "resize")
	if fault := vm.FaultOf(err); fault == nil || fault.Kind != vm.FaultDiskFull {
		t.Errorf("got %+v", fault)
	}
}
