// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/vmtest"
)

// provoke makes a fault happen where it does in reality: the cache of images fails to return an
// image, or the guest fails and the hostagent, which is a process of its own, finds that.
func (h *fakeHost) provoke(t *testing.T, name string, p vmtest.Provoked) []byte {
	t.Helper()
	if p.Operation == vm.OperationCreate {
		err := imageError(p.Kind)
		h.images.onEnsure(func(context.Context) error { return err })
		return []byte(guestTemplate)
	}
	template, want := guestTemplate, vmtest.Example(p.Kind)
	var guest fakeGuest
	switch p.Kind {
	case vm.FaultSpec:
		template += "mounts: [{location: /nowhere/at/all}]\n"
	case vm.FaultBoot:
		guest = fakeGuest{NoSSH: true, Console: "rdd-initrd: the root disk did not appear"}
	case vm.FaultScript:
		guest = fakeGuest{ProvisionStatus: want.ExitCode}
	case vm.FaultProbe:
		guest = fakeGuest{ProbeTimeout: time.Second}
		template += fmt.Sprintf("probes: [{script: \"#!/bin/sh\\necho %s; exit %d\", hint: %s}]\n", want.Output, want.ExitCode, want.Hint)
	case vm.FaultPort:
		guest = fakeGuest{PortTaken: true}
	default:
		t.Fatalf("nobody knows how to provoke %s", p.Kind)
	}
	writeFakeGuest(t, vmdir.In(h.home, name), guest)
	return []byte(template)
}

// imageError is an error of a kind as the cache of images returns it.
func imageError(kind vm.FaultKind) error {
	want := vmtest.Example(kind)
	switch kind {
	case vm.FaultHost:
		return fmt.Errorf("building image docker: %w", &vm.HostError{Missing: want.Missing, Hint: want.Hint})
	case vm.FaultDiskFull:
		return fmt.Errorf("writing the image: %w", &os.PathError{Op: "write", Path: "/cache/disk", Err: syscall.ENOSPC})
	case vm.FaultImage:
		return &image.UnavailableError{Location: "https://example.com/x", Reason: "the server answers 503", Temporary: true}
	case vm.FaultImageMissing:
		return &image.UnavailableError{Location: "https://example.com/x", Reason: "the server answers 404"}
	case vm.FaultImageInvalid:
		return &image.DigestError{Location: "https://example.com/x", Want: "sha256:1", Got: "sha256:2"}
	default:
		return errors.New("boom")
	}
}
