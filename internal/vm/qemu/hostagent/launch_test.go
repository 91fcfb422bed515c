// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
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

// TestGuestPorts: sshd has left port 22 in images of rdd's that this rdd has started.
func TestGuestPorts(t *testing.T) {
	for _, tc := range []struct {
		built bool
		own   int
		want  int
	}{{true, 40001, 65022}, {true, 0, 22}, {false, 40001, 22}, {false, 0, 22}} {
		if got := guest.Ports(sshPorts{shared: 40000, own: tc.own}.moved(tc.built)); got[0] != tc.want || got[1] != 65023 {
			t.Errorf("%+v: got %v", tc, got)
		}
	}
}

// TestPortsOfMessages: QEMU names the port that it cannot have.
func TestPortsOfMessages(t *testing.T) {
	ports := sshPorts{shared: 40000, own: 40001}
	for message, want := range map[string]int{
		"Could not set up host forwarding rule 'tcp:127.0.0.1:40001-:65023'": 40001,
		"Could not set up host forwarding rule 'tcp:127.0.0.1:40000-:65022'": 40000,
		"Could not set up host forwarding rule":                              40000,
	} {
		if got := ports.named(message); got != want {
			t.Errorf("%s: %d", message, got)
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

// TestReleased: a machine that runs is supervised, whatever becomes of the locks of its disks.
func TestReleased(t *testing.T) {
	a := &agent{Config: Config{Log: slog.New(slog.DiscardHandler)}}
	failed, boot := errors.New("closing"), errors.New("no QEMU")
	if err := a.released(failed, &machineProcess{}, nil); err != nil {
		t.Errorf("it runs: %v", err)
	}
	if err := a.released(failed, nil, boot); !errors.Is(err, failed) || !errors.Is(err, boot) {
		t.Errorf("it does not run: %v", err)
	}
	if err := a.released(nil, nil, boot); !errors.Is(err, boot) {
		t.Errorf("it does not run: %v", err)
	}
}
