// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
)

// MakingVM returns the command that makes a LimaVM and starts it, for a hint. The App makes its
// own.
func MakingVM(name string) string {
	if name == appv1.LimaVMName {
		return "rdd start"
	}
	return fmt.Sprintf("rdd limavm create %s TEMPLATE --start", name)
}
