// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// Descriptors that the engine hands down to a hostagent. So the lock is held, and the socket
// accepts connections, before the hostagent runs.
const (
	LockDescriptor   = 3
	SocketDescriptor = 4
)

// Listen opens the hostagent's socket. The caller holds ha.lock, so a socket that exists is stale.
func (d Dir) Listen() (*net.UnixListener, error) { return listen(d.HostagentSocket()) }

// ListenShells opens the socket of the relay. The caller holds ha.lock.
func (d Dir) ListenShells() (*net.UnixListener, error) { return listen(d.ShellSocket()) }

// listen replaces a stale socket by one that only the user can connect to.
func listen(path string) (*net.UnixListener, error) {
	if err := clearUnless(path, func(mode fs.FileMode) bool { return !mode.IsDir() }); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if err := atomicfile.Remove(path); err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	// The path must outlive this listener, whose descriptor is handed down. It is removed later by
	// the hostagent, or by the next call of Listen.
	listener.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), listener.Close())
	}
	return listener, nil
}
