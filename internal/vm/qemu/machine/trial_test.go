// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
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
		"none":                 {Chooser{}, empty, "", ""},
	} {
		got, ok := tc.chooser.trial(tc.root)
		if ok != (tc.want != "") || ok && (!slices.Contains(got.args, tc.want) || got.marker != tc.marker) {
			t.Errorf("%s: got %+v, %t", name, got, ok)
		}
	}
	write(t, filepath.Join(host, "boot/vmlinuz-6.1.0-test"), "kernel")
	if got := hostKernel(host); got != filepath.Join(host, "boot/vmlinuz-6.1.0-test") {
		t.Errorf("got %s", got)
	}
}

// Without a kernel for a trial, KVM is used where it can be opened, and that is not cached.
func TestChooseWithoutKernel(t *testing.T) {
	if err := kvmUsable(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	if hostKernel("/") != "" {
		t.Skip("SKIPPED: this host's kernel can be tried")
	}
	c := Chooser{Program: fakeQEMU(t, ""), CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	got, err := c.Choose(t.Context())
	if err != nil || got.Name != KVM {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := os.Stat(c.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the belief was written down: %v", err)
	}
}
