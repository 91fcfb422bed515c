// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// Reason returns a sentence for people that explains the accelerator that a machine uses, by the
// result that Choose keeps in cacheDir; empty when there is nothing to explain.
func Reason(cacheDir, used string) string {
	if used != TCG {
		return ""
	}
	known, err := Chooser{CacheDir: cacheDir}.read()
	return emulated(kvmUsable(), known, err)
}

// ForeignReason returns the same for the guest of another architecture than the host's.
func ForeignReason(arch string) string {
	return fmt.Sprintf("the guest is emulated, as it is for %s and this host for %s", arch, template.HostArch())
}

// emulated returns on one line why a guest is emulated. unusable is why KVM cannot be used, known
// the cached result of a trial, unknown why there is none.
func emulated(unusable error, known cached, unknown error) string {
	switch {
	case unusable != nil:
		return fmt.Sprintf("the guest is emulated, as KVM is not usable: %v", unusable)
	case unknown != nil:
		return "the guest is emulated"
	case known.Accelerator.Name == KVM:
		return "the guest is emulated although KVM works here: RDD_VM_ACCEL says so, or it was started before KVM worked"
	}
	reason := strings.Join(strings.Fields(known.Reason), " ")
	if known.Weak {
		return fmt.Sprintf(
			"KVM is there but does not seem to work, so the guest is emulated (%s); with RDD_VM_ACCEL=kvm it is used all the same", reason,
		)
	}
	return fmt.Sprintf("KVM is there but Linux does not boot under it, so the guest is emulated (%s)", reason)
}

// Advice returns the remedy for a guest that does not boot when the accelerator may be the cause;
// empty when it is not. used is the accelerator's name, override the value of RDD_VM_ACCEL.
func Advice(used, override string) string {
	switch {
	case used != KVM:
		return ""
	case override == KVM:
		return "if KVM is the cause, start the daemon without RDD_VM_ACCEL=kvm, or emulate the guest: " + emulate
	default:
		return "if KVM is the cause, emulate the guest: " + emulate
	}
}

// emulate restarts the daemon, which hands the variable on to the machines that it starts.
const emulate = "rdd service stop, then RDD_VM_ACCEL=tcg rdd service start"

// Known returns the accelerator that Choose would return without a trial, by an override or by the
// result in cacheDir; empty when a trial is needed.
func Known(cacheDir, override string) string {
	switch override {
	case KVM, TCG:
		return override
	}
	if kvmUsable() != nil {
		return TCG
	}
	known, err := Chooser{CacheDir: cacheDir}.read()
	if err != nil {
		return ""
	}
	return known.Accelerator.Name
}
