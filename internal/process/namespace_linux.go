// SPDX-License-Identifier: Apache-2.0

package process

import "os"

// Namespace names the PID namespace of this process (pid_namespaces(7)). A PID and an Identity mean
// nothing in another one. It is empty when that cannot be found out.
func Namespace() string {
	name, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return name
}
