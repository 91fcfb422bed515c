// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestForeignMachine makes a machine of an architecture that no host of rdd has.
func TestForeignMachine(t *testing.T) {
	h := newCloudHost(t, nil)
	bin := filepath.Join(filepath.Dir(h.home), "bin")
	script := "#!/bin/sh\necho 'pseries  pSeries (alias of pseries-7.2)'\n"
	must(t, os.WriteFile(filepath.Join(bin, "qemu-system-ppc64"), []byte(script), 0o700))
	of := func(arch string) vm.Spec {
		location := h.server.URL + "/disk.img"
		return spec(fmt.Sprintf("arch: %s\nimages: [{location: %q}]\ncpus: 1\nmemory: 1GiB\ndisk: 3GiB\n", arch, location))
	}
	e := h.engine(t)
	must(t, e.Apply(t.Context(), of(template.ArchPPC64LE)))
	await(t, e, "created", in(vm.PhaseStopped))
	record, err := h.dir().ReadRecord()
	must(t, err)
	m := record.Machine
	if m.Arch != template.ArchPPC64LE || m.Type != "pseries-7.2" || m.Accelerator != machine.TCG || m.CPU != "power9" || m.UEFI || m.Loader {
		t.Errorf("the record says %+v", m)
	}
	if entries, err := h.images().List(); err != nil || len(entries) != 1 || entries[0].Architecture != "ppc64le" {
		t.Errorf("the image is %+v, %v", entries, err)
	}
	if got := e.AcceleratorReason("x", machine.TCG); !strings.Contains(got, "ppc64le") {
		t.Errorf("it is emulated as %q", got)
	}

	// The hardware stays.
	err = e.Apply(t.Context(), of(template.HostArch()))
	var invalid *vm.InvalidSpecError
	if !errors.As(err, &invalid) || invalid.Field != "arch" || !strings.Contains(invalid.Reason, "cannot be changed") {
		t.Errorf("another architecture: %v", err)
	}

	// Without its QEMU the machine does not start, whatever other QEMU there is.
	t.Setenv("PATH", bin)
	must(t, os.Remove(filepath.Join(bin, "qemu-system-ppc64")))
	var host *vm.HostError
	if err := e.Start(t.Context(), owner, "x"); !errors.As(err, &host) || host.Missing != "qemu-system-ppc64" {
		t.Errorf("started without its QEMU: %v", err)
	}
}

// TestForeignMachineWithoutQEMU is refused before anything is made, with the package that it needs.
func TestForeignMachineWithoutQEMU(t *testing.T) {
	h := newCloudHost(t, nil)
	t.Setenv("PATH", filepath.Join(filepath.Dir(h.home), "bin"))
	err := h.engine(t).Apply(t.Context(), spec("arch: ppc64le\nimages: [{location: /x}]\n"))
	var host *vm.HostError
	if !errors.As(err, &host) || !strings.Contains(host.Missing, "qemu-system-ppc64") || !strings.Contains(host.Hint, "qemu-system-ppc") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(string(h.dir())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}
