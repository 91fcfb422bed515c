// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/portalloc"
	"rancherdesktop.io/rdd/internal/process"
)

// CheckPort returns an error when a port that was asked for cannot be the API's: there is no
// substitute, because others rely on it. 0 is the instance's default port, which has one.
func CheckPort(port int) error {
	if port == 0 {
		return nil
	}
	free, err := portalloc.IsFree(port)
	switch {
	case err != nil:
		return fmt.Errorf("--secure-port %d: %w", port, err)
	case !free:
		return PortBusy(port)
	}
	return nil
}

// PortBusy returns the error for a port that was asked for and is in use. It says by whom.
func PortBusy(port int) error {
	return fmt.Errorf("--secure-port %d: the port is in use by %s; end that, or choose another port "+
		"(for one run: rdd service start --secure-port PORT; 0 is the instance's default port)", port, process.PortHolder(port))
}
