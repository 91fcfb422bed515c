// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestTrial(t *testing.T) {
	dir := t.TempDir()
	kernel, initrd := filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd")
	write(t, kernel, "kernel")
	write(t, initrd, "initrd")
	host, empty := t.TempDir(), t.TempDir()
	write(t, filepath.Join(host, "proc/sys/kernel/osrelease"), "6.1.0-test\n")
	own := filepath.Join(host, "usr/lib/modules/6.1.0-test/vmlinuz")
	write(t, own, "kernel")
	for name, tc := range map[string]struct {
		chooser Chooser
		root    string
		want    string
		marker  string
	}{
		"an image's":           {Chooser{Kernel: kernel, Initrd: initrd}, host, kernel, liveMarker},
		"one that was removed": {Chooser{Kernel: kernel + "-gone", Initrd: initrd}, host, own, rootMarker},
		"the host's":           {Chooser{}, host, own, rootMarker},
		"the firmware":         {Chooser{}, empty, "isa-debugcon,iobase=0x402,chardev=console0", firmwareMarker},
	} {
		got := tc.chooser.trial(tc.root)
		if !slices.Contains(got.args, tc.want) || got.marker != tc.marker || got.weak != (tc.marker == firmwareMarker) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	write(t, filepath.Join(host, "boot/vmlinuz-6.1.0-test"), "kernel")
	if got := hostKernel(host); got != filepath.Join(host, "boot/vmlinuz-6.1.0-test") {
		t.Errorf("got %s", got)
	}
}

// TestTheFirmwareEndsByItsMarker boots it without KVM, which may not be there.
func TestTheFirmwareEndsByItsMarker(t *testing.T) {
	program, err := Find("")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	c := Chooser{Program: program, Log: slog.New(slog.DiscardHandler), timeout: time.Hour}
	got, err := c.tryBoot(t.Context(), c.trial(t.TempDir()), tcg)
	if err != nil || !got.works {
		t.Errorf("got %+v, %v", got, err)
	}
}

// withoutKernel is a chooser for a host whose kernel cannot be tried; the i-th probe has the i-th
// result.
func withoutKernel(t *testing.T, results ...probeResult) (c Chooser, tried *[]Accelerator) {
	t.Helper()
	if err := kvmUsable(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	if hostKernel("/") != "" {
		t.Skip("SKIPPED: this host's kernel can be tried")
	}
	tried = &[]Accelerator{}
	return Chooser{
		Program: fakeQEMU(t, ""), CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		probe: func(_ context.Context, a Accelerator) (probeResult, error) {
			*tried = append(*tried, a)
			return results[len(*tried)-1], nil
		},
	}, tried
}

func choose(t *testing.T, c Chooser) Accelerator {
	t.Helper()
	got, err := c.Choose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestChooseWithoutKernel: where QEMU's firmware does not run under KVM with the host's CPU, guests
// are emulated, until there is a kernel to try it with.
func TestChooseWithoutKernel(t *testing.T) {
	c, tried := withoutKernel(t, probeResult{reason: "failed to set MSR"}, probeResult{works: true})
	for range 2 {
		if got := choose(t, c); got != tcg || len(*tried) != 1 {
			t.Fatalf("got %v after %v", got, *tried)
		}
	}
	c.Kernel, c.Initrd = os.Args[0], os.Args[0]
	for range 2 {
		if got := choose(t, c); got != kvmModels[0] || len(*tried) != 2 {
			t.Fatalf("with a kernel: got %v after %v", got, *tried)
		}
	}
	c.Kernel = ""
	if got := choose(t, c); got != kvmModels[0] || len(*tried) != 2 {
		t.Errorf("what a kernel has shown is tried again without one: got %v after %v", got, *tried)
	}
}

// TestDistrust: firmware has run under KVM, and then a guest has not.
func TestDistrust(t *testing.T) {
	c, tried := withoutKernel(t, probeResult{works: true}, probeResult{works: true}, probeResult{hung: true})
	if got := choose(t, c); got != kvmModels[0] {
		t.Fatalf("got %v", got)
	}
	c.Override = KVM
	if done, err := c.Distrust(t.Context(), "no login"); done || err != nil {
		t.Errorf("whoever asks for KVM has asked for it: %t, %v", done, err)
	}
	c.Override = ""
	if done, err := c.Distrust(t.Context(), "no login"); !done || err != nil {
		t.Fatalf("got %t, %v", done, err)
	}
	if got := choose(t, c); got != tcg || len(*tried) != 1 {
		t.Errorf("got %v after %v", got, *tried)
	}
	c.Kernel, c.Initrd = os.Args[0], os.Args[0]
	if got := choose(t, c); got != kvmModels[0] || len(*tried) != 2 {
		t.Errorf("with a kernel: got %v after %v", got, *tried)
	}
	if done, err := c.Distrust(t.Context(), "no login"); done || err != nil {
		t.Errorf("a kernel has booted: %t, %v", done, err)
	}
	c.Again = true
	if got := choose(t, c); got != tcg || len(*tried) != 3 {
		t.Errorf("again: got %v after %v", got, *tried)
	}
}
