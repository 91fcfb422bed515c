// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"net"
	"os"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// Descriptors that the engine hands down to a hostagent, so that the lock is held and the socket
// answers from before the hostagent begins.
const (
	LockDescriptor   = 3
	SocketDescriptor = 4
)

// Listen opens the hostagent's socket. Whoever holds ha.lock may: a socket that is there is stale.
func (d Dir) Listen() (*net.UnixListener, error) { return listen(d.HostagentSocket()) }

// ListenShells opens the socket for shells, likewise.
func (d Dir) ListenShells() (*net.UnixListener, error) { return listen(d.ShellSocket()) }

func listen(path string) (*net.UnixListener, error) {
	if err := atomicfile.Remove(path); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	// The path outlives this listener: it is handed down, or removed by whoever comes next.
	listener.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), listener.Close())
	}
	return listener, nil
}
