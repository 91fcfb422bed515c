// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestReason(t *testing.T) {
	boom := errors.New("open /dev/kvm: permission denied")
	hangs := cached{Accelerator: tcg, Reason: "host: a guest hangs: no sign of life in 8s"}
	works := cached{Accelerator: kvmModels[0], Reason: "host: a guest boots"}
	for _, tt := range []struct {
		name              string
		unusable, unknown error
		known             cached
		want              string
	}{
		{name: "no rights", unusable: boom, known: works, want: "as KVM is not usable: open /dev/kvm: permission denied"},
		{name: "never tried", unknown: boom, want: "the guest is emulated"},
		{
			name: "hangs", known: hangs,
			want: "KVM is there but Linux does not boot under it, so the guest is emulated (host: a guest hangs: no sign of life in 8s)",
		},
		{name: "QEMU's own words", known: cached{Accelerator: tcg, Reason: "host: QEMU ended: failed to set MSR\nkvm.c:3183: failed.\n"},
			want: "(host: QEMU ended: failed to set MSR kvm.c:3183: failed.)"},
		{
			name: "tried without a kernel", known: cached{Accelerator: tcg, Weak: true, Reason: "host: refused"},
			want: "KVM is there but does not seem to work, so the guest is emulated (host: refused); with RDD_VM_ACCEL=kvm it is used all the same",
		},
		{name: "works", known: works, want: "although KVM works here: RDD_VM_ACCEL"},
	} {
		if got := emulated(tt.unusable, tt.known, tt.unknown); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := Reason(t.TempDir(), KVM); got != "" {
		t.Errorf("with KVM there is nothing to say; got %q", got)
	}
}

func TestAdvice(t *testing.T) {
	for _, tt := range []struct{ used, override, want string }{
		{TCG, "", ""},
		{TCG, TCG, ""},
		{"", "", ""},
		{KVM, "", "if KVM is the cause, emulate the guest: rdd service stop, then RDD_VM_ACCEL=tcg rdd service start"},
		{KVM, "auto", "if KVM is the cause, emulate the guest: rdd service stop, then RDD_VM_ACCEL=tcg rdd service start"},
		{
			KVM, KVM, "if KVM is the cause, start the daemon without RDD_VM_ACCEL=kvm, or emulate the guest: " +
				"rdd service stop, then RDD_VM_ACCEL=tcg rdd service start",
		},
	} {
		if got := Advice(tt.used, tt.override); got != tt.want {
			t.Errorf("%s by %q: %q", tt.used, tt.override, got)
		}
	}
}

// TestReasonReadsWhatChooseKept goes through the file.
func TestReasonReadsWhatChooseKept(t *testing.T) {
	c := Chooser{CacheDir: t.TempDir()}
	if err := c.store(cached{Key: "k", Accelerator: tcg, Reason: "host: a guest hangs", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if known, err := c.read(); err != nil || known.Reason != "host: a guest hangs" {
		t.Errorf("got %+v, %v", known, err)
	}
	if got := Reason(c.CacheDir, TCG); !strings.HasPrefix(got, "the guest is emulated") && !strings.HasPrefix(got, "KVM is there") {
		t.Errorf("got %q", got)
	}
}
