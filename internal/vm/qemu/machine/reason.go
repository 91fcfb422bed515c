// SPDX-License-Identifier: Apache-2.0

package machine

import "fmt"

// Reason says in plain words why a machine runs with the accelerator that it runs with, by what Choose found
// out on this host and keeps in cacheDir; empty when there is nothing to say.
func Reason(cacheDir, used string) string {
	if used != TCG {
		return ""
	}
	if err := kvmUsable(); err != nil {
		return fmt.Sprintf("the guest is emulated, as KVM is not usable: %v", err)
	}
	known, err := Chooser{CacheDir: cacheDir}.read()
	switch {
	case err != nil:
		return "the guest is emulated"
	case known.Accelerator.Name == KVM:
		return "the guest is emulated although KVM works here: RDD_VM_ACCEL says so, or the guest is older than KVM"
	default:
		return "KVM is there but Linux does not boot under it, so the guest is emulated (" + known.Reason + ")"
	}
}
