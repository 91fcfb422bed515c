// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"fmt"
	"net"

	"rancherdesktop.io/rdd/internal/sshx"
)

// removeSocket makes room for a socket of which an earlier connection has left the file behind, and
// makes its directory.
const removeSocket = `if [ -S "$1" ]; then rm -f -- "$1"; fi; mkdir -p -- "${1%/*}/"`

// listenInGuest opens a socket in the guest, as the guest's user. It is closed when the connection
// to the guest breaks.
func (a *agent) listenInGuest(ctx context.Context, m *machineProcess, path string) (net.Listener, error) {
	if _, err := a.askOnce(ctx, m, sshx.Quote("sh", "-c", removeSocket, "sh", path)); err != nil {
		return nil, fmt.Errorf("making room for the guest's socket %s: %w", path, err)
	}
	client, err := m.link.Client(ctx)
	if err != nil {
		return nil, err
	}
	listener, err := client.ListenUnix(path)
	if err != nil {
		return nil, fmt.Errorf("opening the guest's socket %s: %w", path, err)
	}
	return listener, nil
}
