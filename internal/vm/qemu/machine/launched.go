// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"regexp"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// forwardedPort finds the ports that are forwarded to the guest's ssh servers.
var forwardedPort = regexp.MustCompile(`hostfwd=tcp:127\.0\.0\.1:(\d+)-`)

// Launched fills in what a QEMU was started with, from its command line: the ports for ssh and the
// accelerator; 0 and empty when they are not there.
func Launched(args []string, run *vmdir.Run) {
	run.SSHPort, run.OwnSSHPort, run.Accelerator = 0, 0, ""
	for n, arg := range args {
		for i, found := range forwardedPort.FindAllStringSubmatch(arg, 2) {
			port, _ := strconv.Atoi(found[1]) // digits only
			if i == 0 {
				run.SSHPort = port
			} else {
				run.OwnSSHPort = port
			}
		}
		if arg == "-accel" && n+1 < len(args) {
			run.Accelerator, _, _ = strings.Cut(args[n+1], ",")
		}
	}
}
