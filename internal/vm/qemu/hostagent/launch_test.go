// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"os"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestLaunchFailure: QEMU's last messages decide what kind of failure its end is.
func TestLaunchFailure(t *testing.T) {
	dir := vmdir.Dir(t.TempDir())
	a := &agent{Config: Config{Dir: dir}}
	for log, want := range map[string]vm.FaultKind{
		"": vm.FaultBoot,
		"qemu: -netdev user,id=net0: Could not set up host forwarding rule": vm.FaultPort,
		"qemu: unsupported machine type":                                    vm.FaultBoot,
		"qemu: disk: No space left on device":                               vm.FaultDiskFull,
	} {
		if err := os.WriteFile(dir.QEMULog(), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		if fault := vm.FaultOf(a.launchFailure(sshPorts{shared: 22, own: 23})); fault.Kind != want {
			t.Errorf("%q: got %+v, want %s", log, fault, want)
		}
	}
}

func TestHardware(t *testing.T) {
	for _, tc := range []struct {
		legacy     bool
		arch       string
		uefi, want bool
	}{
		{true, template.ArchX8664, true, false}, {false, template.ArchX8664, true, true}, {true, template.ArchAArch64, true, true},
		{true, template.ArchX8664, false, false},
	} {
		tmpl := &template.Template{Arch: tc.arch, Firmware: template.Firmware{LegacyBIOS: tc.legacy}}
		if got := hardware(vmdir.Machine{UEFI: tc.uefi, UUID: "x"}, tmpl); got.UEFI != tc.want || got.UUID != "x" {
			t.Errorf("%+v: got %+v", tc, got)
		}
	}
}
