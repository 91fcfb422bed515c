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
	// redirectTimeout bounds the change of the guest's rules: on a busy host an emulated guest takes
	// seconds to start programs.
	redirectTimeout = 30 * time.Second
	// chronyPort is where chronyd listens for chronyc: there is no use for it on the host.
	chronyPort = 323
)

// redirectCommand is a shell line that makes the guest redirect UDP to these ports of its loopback,
// and to no others.
func redirectCommand(ports []string) string {
	// sudo takes the variables of a template from the guest's settings again.
	clean := `exec env -i PATH="$0" sh -c "$@"`
	script := append([]string{"sh", "-c", clean, sshx.CleanPath, loopbackScript, "rdd-loopback"}, ports...)
	command := "exec sudo -n " + sshx.Quote(script...)
	if len(ports) == 0 {
		return "[ ! -e /run/rdd/loopback ] || " + command
	}
	return command
}

// redirect makes the guest redirect what QEMU sends to exactly those ports of its loopback that
// routes need: QEMU reaches the guest's own address only. What an earlier hostagent has set up is
// not known, so the first call always runs the command.
func (m *Manager) redirect(ctx context.Context, routes []route) {
	ports := []string{}
	for _, r := range routes {
		if r.loopback && r.err == "" {
			ports = append(ports, strconv.Itoa(int(r.guestPort)))
		}
	}
	if !m.reported || m.redirected != nil && slices.Equal(m.redirected, ports) {
		return
	}
	before := m.redirectErr
	if m.redirected, m.redirectErr = ports, m.runRedirect(ctx, ports); m.redirectErr == nil {
		return
	}
	m.redirected = nil
	if before == nil || before.Error() != m.redirectErr.Error() {
		m.config.Log.Warn("UDP", "ports", ports, "error", m.redirectErr)
	}
}

// runRedirect runs the command in the guest.
func (m *Manager) runRedirect(ctx context.Context, ports []string) error {
	ctx, cancel := context.WithTimeout(ctx, redirectTimeout)
	defer cancel()
	if err := m.config.Run(ctx, redirectCommand(ports)); err != nil {
		return fmt.Errorf(
			"leading UDP to the guest's 127.0.0.1: %w; the program may listen on all of the guest's addresses instead (docker run -p without "+
				"127.0.0.1)",
			err,
		)
	}
	return nil
}
