// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"regexp"
	"strconv"
	"strings"
)

// forwardedPort finds the port that is forwarded to the guest's sshd.
var forwardedPort = regexp.MustCompile(`hostfwd=tcp:127\.0\.0\.1:(\d+)-`)

// Launched returns the port for ssh and the accelerator of a QEMU, from its command line; 0 and
// empty when they are not there.
func Launched(args []string) (sshPort int, accelerator string) {
	for n, arg := range args {
		if found := forwardedPort.FindStringSubmatch(arg); found != nil {
			sshPort, _ = strconv.Atoi(found[1]) // digits only
		}
		if arg == "-accel" && n+1 < len(args) {
			accelerator, _, _ = strings.Cut(args[n+1], ",")
		}
	}
	return sshPort, accelerator
}
