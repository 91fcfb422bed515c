// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
)

//go:embed loopback.sh
var loopbackScript string

const (
	// leadTimeout for the guest to take rules: starting programs takes a busy emulated one seconds.
	leadTimeout = 30 * time.Second
	// chronyPort is where chronyd answers chronyc: of no use to the host.
	chronyPort = 323
)

// leadCommand is a shell line that makes the guest lead UDP to these ports of its loopback, and to
// no others.
func leadCommand(ports []string) string {
	command := "exec sudo -n " + sshx.Quote(append([]string{"sh", "-c", loopbackScript, "rdd-loopback"}, ports...)...)
	if len(ports) == 0 {
		return "[ ! -e /run/rdd/loopback ] || " + command
	}
	return command
}

// lead has the guest lead what QEMU sends to exactly those ports of its loopback that routes want:
// QEMU reaches the guest's own address only. What a hostagent that is gone has asked for is not
// known: then the guest is told in any case.
func (m *Manager) lead(ctx context.Context, routes []route) {
	ports := []string{}
	for _, r := range routes {
		if r.loopback && r.err == "" {
			ports = append(ports, strconv.Itoa(int(r.guestPort)))
		}
	}
	if !m.reported || m.led != nil && slices.Equal(m.led, ports) {
		return
	}
	before := m.leading
	if m.led, m.leading = ports, m.runLead(ctx, ports); m.leading == nil {
		return
	}
	m.led = nil
	if before == nil || before.Error() != m.leading.Error() {
		m.config.Log.Warn("UDP", "ports", ports, "error", m.leading)
	}
}

func (m *Manager) runLead(ctx context.Context, ports []string) error {
	ctx, cancel := context.WithTimeout(ctx, leadTimeout)
	defer cancel()
	if err := m.config.Run(ctx, leadCommand(ports)); err != nil {
		return fmt.Errorf(
			"leading UDP to the guest's 127.0.0.1: %w; the program may listen on all of the guest's addresses instead (docker run -p without "+
				"127.0.0.1)",
			err,
		)
	}
	return nil
}
