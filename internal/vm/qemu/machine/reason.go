// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"
	"strings"
)

// Reason says in plain words why a machine runs with the accelerator that it runs with, by what
// Choose found out on this host and keeps in cacheDir; empty when there is nothing to say.
func Reason(cacheDir, used string) string {
	if used != TCG {
		return ""
	}
	known, err := Chooser{CacheDir: cacheDir}.read()
	return emulated(kvmUsable(), known, err)
}

// emulated says on one line why a guest is, given whether KVM is usable and what was found out
// about it before.
func emulated(unusable error, known cached, unknown error) string {
	switch {
	case unusable != nil:
		return fmt.Sprintf("the guest is emulated, as KVM is not usable: %v", unusable)
	case unknown != nil:
		return "the guest is emulated"
	case known.Accelerator.Name == KVM:
		return "the guest is emulated although KVM works here: RDD_VM_ACCEL says so, or it was started before KVM worked"
	default:
		return fmt.Sprintf(
			"KVM is there but Linux does not boot under it, so the guest is emulated (%s)", strings.Join(strings.Fields(known.Reason), " "),
		)
	}
}

// Known says which accelerator a guest would be run with, by an override or by what Choose has
// found out on this host and keeps in cacheDir; empty when nobody has tried yet.
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
